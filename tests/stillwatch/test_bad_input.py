"""Every wrong call ends with status 2 and a message that names the thing and the cure."""

import json
from pathlib import Path

import pytest

from tests.installation import Installation, site_toml
from tests.stillwatch.pictures import drawn, folder_of, jpeg


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("hosts =", "hots ="), "hosts"),
        (("[agreement]", "[agreemnt]"), "agreement"),
        (("expires_on = 2099-01-01", "expires_on = 2026-01-02"), "2026-01-02"),
        (("allow_private = true\n", ""), "allow_private"),
        (("reference = ", "referense = "), "reference"),
        (('kind = "gallery"', 'kind = "galery"'), "gallery"),
    ],
    ids=["site key", "table", "expired", "private host", "agreement key", "kind"],
)
def test_a_wrong_site_file_is_named_with_the_cure_and_nothing_is_asked(
    installation: Installation, change: tuple[str, str], says: str
) -> None:
    text = site_toml("wrong", "http://127.0.0.1:9/", "127.0.0.1:9").replace(*change)
    installation.watch("wrong", text)

    checked = installation.run("site", "check", "wrong")
    crawled = installation.run("crawl", "wrong", "--once")

    assert checked.returncode == 2, checked.stderr
    assert says in checked.stdout + checked.stderr
    assert crawled.returncode == 2, crawled.stderr
    assert says in crawled.stderr


LOGIN = '\n[login]\nagreed = true\nsecret = "wrong-login"\nhosts = ["127.0.0.1:9"]\n'


@pytest.mark.parametrize(
    ("start", "mode", "says"),
    [
        ("https://127.0.0.1:9/", None, "is not there; write the value of the header Cookie into it"),
        ("https://127.0.0.1:9/", 0o644, "chmod 600"),
        ("http://127.0.0.1:9/", 0o600, "write https:// into start"),
    ],
    ids=["no file", "others may read it", "http alone"],
)
def test_a_login_that_cannot_work_is_said_by_whoever_asks_whether_all_is_well(
    installation: Installation, start: str, mode: int | None, says: str
) -> None:
    installation.watch("wrong", site_toml("wrong", start, "127.0.0.1:9") + LOGIN)
    if mode is not None:
        secrets = installation.home / "secrets"
        secrets.mkdir(parents=True)
        (secrets / "wrong-login").write_text("k=v")
        (secrets / "wrong-login").chmod(mode)

    checked = installation.run("site", "check", "wrong")
    (listed,) = installation.lines("site", "list", "--json")
    looked_at = [json.loads(text) for text in installation.run("doctor", "--json").stdout.splitlines()]

    assert checked.returncode == 2
    assert "wrong: login: " in checked.stdout
    assert says in checked.stdout
    assert (listed["health"], listed["watched"]) == ("bad", True)
    assert says in str(listed["why"])
    assert [each["health"] for each in looked_at if "wrong: login" in str(each)] == ["bad"]


def test_a_wrong_file_has_a_line_with_the_keys_of_any_other(installation: Installation) -> None:
    right = site_toml("right", "http://127.0.0.1:9/", "127.0.0.1:9")
    installation.watch("right", right)
    installation.watch("wrong", right.replace("delay_s = 0.0", 'robots = "no"').replace('"gallery"', '"galery"'))

    good, bad = installation.lines("site", "list", "--json")

    assert list(bad) == list(good)
    assert (bad["site"], bad["watched"], bad["standing"]) == ("wrong", False, None)
    assert (good["health"], good["why"]) == ("warn", ["No pass has finished yet."])
    assert "did you mean 'gallery'" in str(bad["reason"])
    assert '"obey", the default' in str(bad["reason"])


def test_an_unknown_setting_is_refused_with_the_nearest_right_name(installation: Installation) -> None:
    done = installation.run("settings", STILLWATCH_MAIL_ULR="smtp://127.0.0.1")

    assert done.returncode == 2
    assert "STILLWATCH_MAIL_URL" in done.stderr


@pytest.mark.parametrize(
    "call",
    [
        ("hit", "show", "nosuch"),
        ("hit", "confirm", "nosuch"),
        ("case", "show", "nosuch"),
        ("case", "approve", "nosuch", "--as", "Somebody"),
        ("alert", "ack", "nosuch"),
        ("withdraw", "nosuch"),
        ("site", "pause", "nosuch"),
        ("crawl", "nosuch", "--once"),
        ("enrol", "/nosuch.json", "--attested"),
        ("nosuchcommand",),
        ("scan",),
    ],
    ids=lambda call: " ".join(call[:2]),
)
def test_a_call_that_names_what_is_not_there_ends_with_2(installation: Installation, call: tuple[str, ...]) -> None:
    done = installation.run(*call)

    assert done.returncode == 2, done.stdout + done.stderr
    assert done.stdout == ""
    assert done.stderr.strip()
    assert "Traceback" not in done.stderr


def test_crawling_without_any_site_says_where_sites_go(installation: Installation) -> None:
    done = installation.run("crawl", "--once")

    assert done.returncode == 2
    assert "sites" in done.stderr


def test_enrolling_without_an_attestation_is_refused_in_a_script(installation: Installation, tmp_path: Path) -> None:
    made = installation.run("hash", folder_of(tmp_path / "pictures", range(1)), "--output", "set.json")

    done = installation.run("enrol", "set.json")

    assert made.returncode == 0, made.stderr
    assert done.returncode == 2
    assert "--attested" in done.stderr


def test_malformed_featureless_and_double_hashes_are_refused_by_name_and_the_rest_enrolled(
    installation: Installation, tmp_path: Path
) -> None:
    made = installation.run("hash", folder_of(tmp_path / "pictures", range(3)), "--output", "set.json")
    assert made.returncode == 0, made.stderr
    hash_set = json.loads((tmp_path / "set.json").read_text())
    good, malformed, double = hash_set["images"]
    malformed["ref"] = "malformed-one"
    malformed["fingerprints"][0]["bits"] = "not hex"
    plain = {
        "ref": "plain-one",
        "quality": 100,
        "fingerprints": [{"hasher": "pdq", "view": "full", "bits": "0" * 64, "quality": 100}],
    }
    hash_set["images"] = [good, malformed, plain, double, double | {"ref": "double-one"}]
    (tmp_path / "set.json").write_text(json.dumps(hash_set))

    done = installation.run("enrol", "set.json", "--attested", "--json")

    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["enrolled"] == 2
    assert {each["ref"] for each in answer["refused"]} == {"malformed-one", "plain-one", "double-one"}
    assert all(each["reason"] for each in answer["refused"])


def test_a_set_of_which_nothing_can_be_taken_ends_with_1(installation: Installation, tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("0" * 64 + "\n" + "zz\n")

    done = installation.run("enrol", "list.txt", "--attested", "--json")

    assert done.returncode == 1
    assert json.loads(done.stdout)["enrolled"] == 0


def test_every_file_given_to_scan_is_one_line_with_one_state(installation: Installation, tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "pictures", range(3))
    made = installation.run("hash", folder / "private-name-0.jpg", "--output", "set.json")
    enrolled = installation.run("enrol", "set.json", "--attested")
    assert (made.returncode, enrolled.returncode) == (0, 0), made.stderr + enrolled.stderr
    mixed = tmp_path / "mixed"
    mixed.mkdir()
    whole = jpeg(drawn(0), quality=60)
    (mixed / "copy.jpg").write_bytes(whole)
    (mixed / "stranger.jpg").write_bytes(jpeg(drawn(77)))
    (mixed / "half.jpg").write_bytes(whole[: len(whole) // 2])
    (mixed / "page.html").write_text("<html><title>not a picture</title></html>")
    (mixed / "empty.jpg").write_bytes(b"")
    (mixed / "drawing.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg"/>')
    drawn(5, (40, 40)).save(mixed / "tiny.png")

    lines = installation.lines("scan", mixed, tmp_path / "nosuch.jpg", "--json")

    states = {Path(str(each["path"])).name: each["state"] for each in lines}
    assert states["copy.jpg"] == "hit"
    assert states["stranger.jpg"] == "clear"
    assert states["half.jpg"] == "truncated"
    assert states["page.html"] == "not_image"
    assert states["drawing.svg"] == "unsupported"
    assert states["tiny.png"] == "too_small"
    assert states["nosuch.jpg"] == "unreadable"
    assert states["empty.jpg"] not in {"clear", "hit"}
    assert len(lines) == 8


def test_with_nobody_enrolled_nothing_is_called_clear(installation: Installation, tmp_path: Path) -> None:
    done = installation.run("scan", folder_of(tmp_path / "pictures", range(2)), "--json")

    assert done.returncode == 0
    assert {json.loads(text)["state"] for text in done.stdout.splitlines()} == {"not_compared"}
    assert "Nobody is enrolled" in done.stderr
