import dataclasses
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.settings import Settings, describe, read
from config.values import masked
from core.errors import ConfigError


def refusal(environ: Mapping[str, str], root: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        read(environ, root)
    return str(caught.value)


def settings_file(root: Path, text: str) -> Path:
    path = root / "config" / "settings.toml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_with_nothing_given_everything_lies_below_the_root(tmp_path: Path) -> None:
    settings = read({}, tmp_path)

    assert settings.home == tmp_path / "var"
    assert settings.config == tmp_path / "config"
    assert settings.database_url == f"sqlite:///{tmp_path}/var/stillwatch.sqlite3"
    assert (settings.redis_url, settings.elasticsearch_url, settings.mail_url, settings.channels) == (
        None,
        None,
        None,
        (),
    )


def test_the_default_user_agent_names_the_program_and_its_contact(tmp_path: Path) -> None:
    bare = read({}, tmp_path).user_agent
    signed = read({"STILLWATCH_CONTACT_URL": "https://watch.example/bot"}, tmp_path).user_agent

    assert bare.startswith("Stillwatch/")
    assert signed == f"{bare} (+https://watch.example/bot)"


def test_a_user_agent_that_hides_who_asks_is_refused(tmp_path: Path) -> None:
    assert "keep the word Stillwatch" in refusal({"STILLWATCH_USER_AGENT": "Mozilla/5.0"}, tmp_path)


def test_the_environment_wins_over_the_file_and_the_file_over_the_default(tmp_path: Path) -> None:
    settings_file(tmp_path, "web_port = 8001\nrecheck_every_s = 60\n")

    settings = read({"STILLWATCH_WEB_PORT": "8002"}, tmp_path)

    assert (settings.web_port, settings.recheck_every_s, settings.decoder_children) == (8002, 60.0, 1)


def test_a_database_follows_a_home_that_the_file_moved(tmp_path: Path) -> None:
    settings_file(tmp_path, f'home = "{tmp_path}/elsewhere"\n')

    assert read({}, tmp_path).database_url == f"sqlite:///{tmp_path}/elsewhere/stillwatch.sqlite3"


def test_a_home_with_odd_characters_is_still_one_file(tmp_path: Path) -> None:
    settings = read({"STILLWATCH_HOME": str(tmp_path / "a b?c#d%25")}, tmp_path)

    assert unquote(urlsplit(settings.database_url).path) == f"/{tmp_path}/a b?c#d%25/stillwatch.sqlite3"


def test_another_config_folder_brings_its_own_settings_file(tmp_path: Path) -> None:
    settings_file(tmp_path, "web_port = 8001\n")
    other = tmp_path / "other"
    other.mkdir()
    (other / "settings.toml").write_text("web_port = 8009\n")

    assert read({"STILLWATCH_CONFIG": str(other)}, tmp_path).web_port == 8009


@pytest.mark.parametrize(
    ("name", "right"),
    [
        ("STILLWATCH_HOEM", "STILLWATCH_HOME"),
        ("STILLWATCH_DATABASE_URL", "DATABASE_URL"),
        ("STILLWATCH_REDIS_URL_FILE", "REDIS_URL_FILE"),
        ("STILLWATCH_RECHECK_EVERY", "STILLWATCH_RECHECK_EVERY_S"),
        ("STILLWATCH_CHANNEL", "STILLWATCH_CHANNELS"),
    ],
)
def test_an_unknown_variable_is_refused_with_the_nearest_right_name(name: str, right: str, tmp_path: Path) -> None:
    assert f"there is no setting {name}; did you mean {right}?" in refusal({name: "x"}, tmp_path)


def test_a_name_like_no_other_is_refused_with_where_to_look(tmp_path: Path) -> None:
    assert "`stillwatch settings` lists" in refusal({"STILLWATCH_ZZZZZZZZZZZZZZZZZZZZ": "x"}, tmp_path)


def test_variables_of_others_and_of_the_test_suite_are_left_alone(tmp_path: Path) -> None:
    assert read({"HOME": "/root", "STILLWATCH_TEST_POSTGRES": "x", "STILLWATCH_CACHE": "y"}, tmp_path) == read(
        {}, tmp_path
    )


def test_an_unknown_key_in_the_file_is_refused_with_the_file_and_the_right_key(tmp_path: Path) -> None:
    path = settings_file(tmp_path, "web_prot = 1\n")

    assert refusal({}, tmp_path) == f"{path}: unknown key 'web_prot'; did you mean 'web_port'?"


def test_the_file_cannot_say_where_it_lies_itself(tmp_path: Path) -> None:
    settings_file(tmp_path, 'config = "/tmp"\n')

    assert "STILLWATCH_CONFIG" in refusal({}, tmp_path)


def test_a_file_that_is_not_toml_is_refused_by_name(tmp_path: Path) -> None:
    path = settings_file(tmp_path, "web_port == 1\n")

    assert refusal({}, tmp_path).startswith(f"{path}: not TOML")


def test_a_secret_may_come_by_file(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("postgres://watch:pw@db/still\n")

    assert read({"DATABASE_URL_FILE": str(secret)}, tmp_path).database_url == "postgres://watch:pw@db/still"


def test_a_secret_given_twice_is_refused(tmp_path: Path) -> None:
    said = refusal({"DATABASE_URL": "sqlite:///x", "DATABASE_URL_FILE": "/dev/null"}, tmp_path)

    assert said == "environment: DATABASE_URL and DATABASE_URL_FILE are both set; keep one of them"


@pytest.mark.parametrize("text", [None, ""])
def test_a_secret_file_that_says_nothing_stops_the_start(text: str | None, tmp_path: Path) -> None:
    path = tmp_path / "secret"
    if text is not None:
        path.write_text(text)

    assert str(path) in refusal({"REDIS_URL_FILE": str(path)}, tmp_path)


def test_an_empty_value_is_the_same_as_none(tmp_path: Path) -> None:
    assert read({"REDIS_URL": "", "STILLWATCH_HOME": "", "STILLWATCH_MAIL_URL_FILE": ""}, tmp_path) == read(
        {}, tmp_path
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "mysql://db/x"),
        ("ELASTICSEARCH_URL", "http:///no-host"),
        ("REDIS_URL", "http://redis"),
        ("REDIS_URL", "redis://redis:notaport"),
        ("ELASTICSEARCH_URL", "elastic:9200"),
        ("STILLWATCH_CONTACT_URL", "javascript:alert(1)"),
        ("STILLWATCH_CONTACT_URL", "https://a.example/\r\nX-Injected: 1"),
        ("STILLWATCH_USER_AGENT", "Stillwatch\r\nX-Injected: 1"),
        ("STILLWATCH_MAIL_URL", "imap://mail.example"),
        ("STILLWATCH_MAIL_URL", "smtp://mail.example?from=a@b.example"),
        ("STILLWATCH_MAIL_URL", "smtps://mail.example?from=nobody"),
        ("STILLWATCH_MAIL_FROM", "Desk <desk@watch.example>"),
        ("STILLWATCH_RECHECK_EVERY_S", "0"),
        ("STILLWATCH_RECHECK_EVERY_S", "soon"),
        ("STILLWATCH_RECHECK_EVERY_S", "nan"),
        ("STILLWATCH_WEB_PORT", "65536"),
        ("STILLWATCH_WEB_PORT", "80.5"),
        ("STILLWATCH_DECODER_CHILDREN", "0"),
        ("STILLWATCH_DECODER_CHILDREN", "-1"),
    ],
)
def test_a_value_out_of_its_range_is_refused_by_name(name: str, value: str, tmp_path: Path) -> None:
    assert f"environment {name}: " in refusal({name: value}, tmp_path)


@pytest.mark.parametrize(
    "line",
    ["web_port = true", "web_port = '80'x", "home = 3", "mail_from = ['a']", "channels = [1]"],
)
def test_the_file_must_hold_the_right_types(line: str, tmp_path: Path) -> None:
    path = settings_file(tmp_path, line)

    assert refusal({}, tmp_path).startswith(str(path))


def test_a_refusal_never_repeats_a_secret(tmp_path: Path) -> None:
    for name in ("DATABASE_URL", "REDIS_URL", "ELASTICSEARCH_URL", "STILLWATCH_MAIL_URL"):
        assert "hunter2" not in refusal({name: "wrong://user:hunter2@host:notaport/"}, tmp_path)


def test_letters_may_go_unencrypted_only_to_this_machine(tmp_path: Path) -> None:
    said = refusal({"STILLWATCH_MAIL_URL": "smtp://relay.example:25?from=desk@watch.example"}, tmp_path)
    local = read({"STILLWATCH_MAIL_URL": "smtp://127.0.0.1:2525?from=desk@watch.example"}, tmp_path)

    assert "unencrypted" in said
    assert "smtp+starttls://" in said
    assert local.mail_from == "desk@watch.example"


def test_a_mail_server_without_a_sender_is_refused(tmp_path: Path) -> None:
    assert "STILLWATCH_MAIL_FROM" in refusal({"STILLWATCH_MAIL_URL": "smtps://mail.example"}, tmp_path)


def test_a_sender_of_its_own_wins_over_the_one_in_the_url(tmp_path: Path) -> None:
    environ = {
        "STILLWATCH_MAIL_URL": "smtps://mail.example?from=a@watch.example",
        "STILLWATCH_MAIL_FROM": "b@watch.example",
    }

    assert read(environ, tmp_path).mail_from == "b@watch.example"


def test_channels_are_separated_by_white_space_or_are_an_array(tmp_path: Path) -> None:
    from_environment = read(
        {"STILLWATCH_CHANNELS": "json://a.example ops=ntfy://b.example\nmailto://c"}, tmp_path
    ).channels
    settings_file(tmp_path, 'channels = ["json://a.example", "ops=ntfy://b.example", "mailto://c"]')

    assert read({}, tmp_path).channels == from_environment == ("json://a.example", "ops=ntfy://b.example", "mailto://c")


SECRETS = {
    "DATABASE_URL": "postgres://watch:hunter2@db.example/still?sslpassword=hunter2&sslmode=require",
    "REDIS_URL": "redis://:hunter2@redis.example:6379/0",
    "ELASTICSEARCH_URL": "https://elastic:hunter2@search.example:9200",
    "STILLWATCH_MAIL_URL": "smtps://desk:hunter2@mail.example?from=desk@watch.example",
    "STILLWATCH_CHANNELS": "mailto://someone:hunter2@mail.example slack://hunter2/hunter2/hunter2",
}


def test_a_description_masks_every_secret_and_says_where_each_value_came_from(tmp_path: Path) -> None:
    path = settings_file(tmp_path, "web_port = 8001\n")

    rows = {row.name: row for row in describe(SECRETS, tmp_path)}

    assert not any("hunter2" in row.value for row in rows.values())
    assert rows["DATABASE_URL"].value == "postgres://watch:***@db.example/still?sslpassword=***&sslmode=require"
    assert rows["STILLWATCH_CHANNELS"].value == "mailto://*** slack://***"
    assert rows["DATABASE_URL"].origin == "environment DATABASE_URL"
    assert rows["STILLWATCH_WEB_PORT"].origin == f"file {path}"
    assert rows["STILLWATCH_HOME"].origin == "default"


def test_settings_do_not_print_their_secrets(tmp_path: Path) -> None:
    assert "hunter2" not in repr(read(SECRETS, tmp_path))


def test_every_setting_says_what_it_means(tmp_path: Path) -> None:
    rows = describe({}, tmp_path)

    assert len(rows) == len(dataclasses.fields(Settings))
    assert all(len(row.meaning) > 10 for row in rows)
    assert len({row.name for row in rows}) == len(rows)


@given(
    user=st.text(alphabet="abcdef:@/?#[]%=&", max_size=12),
    secret=st.text(alphabet="0123456789", min_size=12, max_size=20),
    tail=st.text(alphabet="abc/?#&=:", max_size=6),
)
def test_masking_never_shows_a_password_however_oddly_it_is_written(user: str, secret: str, tail: str) -> None:
    for text in (
        f"scheme://{user}:{secret}@host/{tail}",
        f"scheme://host/?password={secret}&{tail}",
        f"scheme://{secret}@host",
    ):
        assert secret not in masked(text)


@pytest.mark.parametrize(
    ("given", "becomes"),
    [
        ("file:///data/seen", "file:///data/seen"),
        ("/data/what was seen", "file:///data/what%20was%20seen"),
        ("s3://bucket/seen", "s3://bucket/seen"),
        ("memory://seen", "memory://seen"),
    ],
)
def test_what_was_seen_lies_in_a_folder_or_at_a_url(given: str, becomes: str, tmp_path: Path) -> None:
    assert read({"STILLWATCH_SEEN_URL": given}, tmp_path).seen_url == becomes


def test_what_was_seen_lies_in_the_data_folder_by_default(tmp_path: Path) -> None:
    assert read({}, tmp_path).seen_url == (tmp_path / "var" / "seen").as_uri()


@pytest.mark.parametrize("given", ["file://host/seen", "s3://", "://x", "s3://bucket/x?key=secret", "s3://bucket/x#y"])
def test_a_place_for_what_was_seen_that_cannot_be_one_is_refused_without_repeating_it(
    given: str, tmp_path: Path
) -> None:
    said = refusal({"STILLWATCH_SEEN_URL": given}, tmp_path)

    assert "STILLWATCH_SEEN_URL" in said
    assert "secret" not in said


def test_a_password_in_the_place_for_what_was_seen_is_not_shown(tmp_path: Path) -> None:
    (row,) = [
        row
        for row in describe({"STILLWATCH_SEEN_URL": "sftp://me:hidden@host/seen"}, tmp_path)
        if row.name.endswith("SEEN_URL")
    ]

    assert row.value == "sftp://me:***@host/seen"
