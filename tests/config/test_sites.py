from datetime import date, time
from pathlib import Path

import pytest

from config.sites import agreement_fault, login_unheard, parse_site, read_sites
from core.errors import ConfigError, NotAgreed
from core.model import Hours, Limits, Login, Politeness, TakedownContact, WatchedSite
from matcher.decode.limits import MAX_BYTES

SAMPLE = Path(__file__).parents[2] / "config" / "sites" / "example.toml.sample"
FILE = Path("config/sites/example-gallery.toml")

CONTRACT_EXAMPLE = """
name = "example-gallery"
kind = "gallery"
start = ["https://gallery.example/new"]
hosts = ["gallery.example"]
image_hosts = ["cdn.gallery.example"]

[agreement]
agreed_by = "Site owner, role"
agreed_on = 2026-11-01
expires_on = 2027-11-01
reference = "AGR-2026-17"

[politeness]
delay_s = 0.5
concurrency = 4
robots = "obey"
hours = "00:00-24:00 UTC"
"""


def changed(old: str, new: str) -> str:
    assert old in CONTRACT_EXAMPLE
    return CONTRACT_EXAMPLE.replace(old, new)


def parsed(text: str) -> WatchedSite:
    return parse_site(text, FILE, kinds=("gallery", "feed"), laws=("us_tida",))


def refusal(text: str) -> str:
    with pytest.raises((ConfigError, NotAgreed)) as caught:
        parsed(text)
    assert str(caught.value).startswith(str(FILE))
    return str(caught.value)


def test_the_example_of_the_contract_is_read_as_it_says() -> None:
    site = parsed(CONTRACT_EXAMPLE)

    assert site.name == "example-gallery"
    assert site.start == ("https://gallery.example/new",)
    assert (site.hosts, site.image_hosts) == (("gallery.example",), ("cdn.gallery.example",))
    assert (site.agreement.agreed_on, site.agreement.reference) == (date(2026, 11, 1), "AGR-2026-17")
    assert site.politeness == Politeness(delay_s=0.5, concurrency=4, robots="obey", hours=Hours(), every_s=3600)
    assert (site.limits, site.takedown, site.allow_private) == (Limits(), TakedownContact(), False)


def test_the_sample_says_every_key_there_is_and_can_be_used() -> None:
    site = parsed(SAMPLE.read_text(encoding="utf-8"))

    assert site.takedown == TakedownContact(
        email="abuse@gallery.example", form="https://gallery.example/report", law="us_tida"
    )
    assert site.limits == Limits()


def test_a_site_may_allow_smaller_videos_or_none_and_no_larger_ones_than_are_read() -> None:
    def limits(number: int) -> str:
        return f"{CONTRACT_EXAMPLE}\n[limits]\nmax_video_bytes = {number}\n"

    assert parsed(limits(0)).limits.max_video_bytes == 0
    assert parsed(limits(MAX_BYTES)).limits.max_video_bytes == Limits().max_video_bytes == MAX_BYTES
    assert "[limits]: max_video_bytes" in refusal(limits(MAX_BYTES + 1))


def test_a_site_may_have_fewer_or_more_pages_opened_in_a_browser_and_one_at_least() -> None:
    def limits(number: int) -> str:
        return f"{CONTRACT_EXAMPLE}\n[limits]\nmax_rendered = {number}\n"

    assert parsed(limits(20_000)).limits.max_rendered == 20_000
    assert parsed(CONTRACT_EXAMPLE).limits.max_rendered == 5_000
    assert "[limits]: max_rendered" in refusal(limits(0))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("image_hosts =", "image_host =", "unknown key 'image_host'; did you mean 'image_hosts'?"),
        ("delay_s =", "delay =", "[politeness]: unknown key 'delay'; did you mean 'delay_s'?"),
        ("reference =", "referenz =", "[agreement]: unknown key 'referenz'; did you mean 'reference'?"),
        ("[politeness]", "[polite]", "unknown key 'polite'; did you mean 'politeness'?"),
        ('kind = "gallery"', 'kind = "galery"', "did you mean 'gallery'?"),
        ('kind = "gallery"', 'kind = "zzz"', "known: feed, gallery"),
        ('name = "example-gallery"', 'name = "Example Gallery"', "name must be lower-case"),
        ('name = "example-gallery"', "name = 3", "name must be text"),
        ('start = ["https://gallery.example/new"]', 'start = "https://gallery.example/new"', "start must be an array"),
        ('start = ["https://gallery.example/new"]', "start = []", "names no URL to begin with"),
        (
            '"https://gallery.example/new"',
            '"https://other.example/new"',
            "add 'other.example' there if the agreement covers it",
        ),
        ('"https://gallery.example/new"', '"https://cdn.gallery.example/new"', "is not one of hosts"),
        ('"https://gallery.example/new"', '"https://gallery.example:8443/new"', "is not one of hosts"),
        ('"https://gallery.example/new"', '"ftp://gallery.example/new"', "http:// or https://"),
        ('"https://gallery.example/new"', '"https://kim:pw@gallery.example/"', "user name or password"),
        ('hosts = ["gallery.example"]', "hosts = []", "names no host"),
        ('hosts = ["gallery.example"]', 'hosts = ["*.gallery.example"]', "name each host exactly"),
        ('hosts = ["gallery.example"]', 'hosts = ["https://gallery.example"]', "bare host"),
        ('hosts = ["gallery.example"]', 'hosts = ["gallery.example/new"]', "bare host"),
        ('hosts = ["gallery.example"]', 'hosts = ["gallery..example"]', "host name"),
        ('hosts = ["gallery.example"]', 'hosts = ["gallery.example:0"]', "port"),
        ('hosts = ["gallery.example"]', 'hosts = ["gallery.example:99999"]', "port"),
        ('hosts = ["gallery.example"]', 'hosts = ["gallery.example:"]', "colon"),
        ('hosts = ["gallery.example"]', 'hosts = ["2001:db8::1"]', "brackets"),
        ('hosts = ["gallery.example"]', 'hosts = ["straße.example"]', "xn--"),
        ("agreed_on = 2026-11-01", 'agreed_on = "2026-11-01"', "agreed_on must be a date without quotes"),
        ("agreed_on = 2026-11-01", "agreed_on = 2026-11-01T10:00:00Z", "agreed_on must be a date"),
        ("expires_on = 2027-11-01", "expires_on = 2026-10-31", "is before agreed_on"),
        ('agreed_by = "Site owner, role"', 'agreed_by = " "', "agreed_by must be text"),
        ("delay_s = 0.5", "delay_s = -0.1", "delay_s must be a number from 0"),
        ("delay_s = 0.5", "delay_s = nan", "delay_s must be a number"),
        ("delay_s = 0.5", "delay_s = true", "delay_s must be a number"),
        ("concurrency = 4", "concurrency = 0", "concurrency must be a whole number from 1"),
        ("concurrency = 4", "concurrency = 2.5", "concurrency must be a whole number"),
        ('robots = "obey"', 'robots = "ignore"', '"obey", the default'),
        ('robots = "obey"', 'robots = "agree"', 'or "agreed"'),
        ("00:00-24:00 UTC", "0-24 UTC", "must be like"),
        ("00:00-24:00 UTC", "09:00-09:00", "whole day"),
        ("00:00-24:00 UTC", "24:00-09:00 UTC", "must be like"),
        ("00:00-24:00 UTC", "09:00-25:00 UTC", "must be like"),
        ("00:00-24:00 UTC", "09:00-17:00 Europe/Berlim", "did you mean Europe/Berlin?"),
        ("00:00-24:00 UTC", "09:00-17:00 ../../etc/passwd", "no time zone"),
        ("[politeness]", "[politeness", "not TOML"),
    ],
)
def test_what_is_wrong_is_refused_with_the_key_and_the_cure(old: str, new: str, said: str) -> None:
    assert said in refusal(changed(old, new))


def test_all_that_is_wrong_is_said_at_once_each_fault_in_a_line_of_its_own() -> None:
    text = changed('kind = "gallery"', 'kind = "galery"\nhost = 3\nhostes = 4')
    for right, wrong in (
        ("agreed_on = 2026-11-01", 'agreed_on = "2026-11-01"'),
        ("expires_on = 2027-11-01", 'expires_on = "2027-11-01"'),
        ("https://gallery.example/new", "https://other.example/new"),
        ("concurrency = 4", "concurrency = 0"),
        ('"obey"', '"ignore"'),
    ):
        text = text.replace(right, wrong)

    said = refusal(f"{text}[login]\n[canary]\n").splitlines()

    keys = (
        "host'",
        "hostes'",
        "agreed_on",
        "expires_on",
        "kind",
        "start",
        "concurrency",
        "robots",
        "agreed = true",
        "page",
    )
    assert len(said) == len(keys)
    assert all(key in line for key, line in zip(keys, said, strict=True))


def test_a_host_that_is_wrong_is_said_once_whatever_rests_on_it() -> None:
    text = changed('hosts = ["gallery.example"]', 'hosts = ["*.gallery.example"]')

    assert len(refusal(f"{text}[canary]\npage = 'https://gallery.example/'").splitlines()) == 1


@pytest.mark.parametrize(
    ("start", "hosts", "unheard"),
    [
        ('"https://gallery.example/"', '"gallery.example"', False),
        ('"http://gallery.example/"', '"gallery.example"', True),
        ('"http://gallery.example/", "https://gallery.example/"', '"gallery.example"', False),
        ('"http://gallery.example/"', '"cdn.gallery.example"', False),
    ],
)
def test_a_login_at_a_host_that_start_reaches_over_http_alone_is_never_said(
    start: str, hosts: str, unheard: bool
) -> None:
    text = changed('"https://gallery.example/new"', start)

    site = parsed(f"{text}[login]\nagreed = true\nsecret = 'k'\nhosts = [{hosts}]")

    assert (login_unheard(site) is not None) is unheard


@pytest.mark.parametrize(
    ("added", "said"),
    [
        ("[limits]\nmax_page = 3", "did you mean 'max_pages'?"),
        ("[limits]\nmax_pages = 0", "max_pages must be a whole number from 1"),
        ("[takedown]\nmail = 'a@b.example'", "did you mean 'email'?"),
        ("[takedown]\nemail = 'Abuse <a@b.example>'", "[takedown]: email"),
        ("[takedown]\nemail = 'a@b.example\\r\\nBcc: c@d.example'", "[takedown]: email"),
        ("[takedown]\nemail = 'abuse@gällery.example'", "xn--"),
        ("[takedown]\nform = 'javascript:alert(1)'", "[takedown]: form"),
        ("[takedown]\nlaw = 'us_tidal'", "did you mean 'us_tida'?"),
        ("[limits]\nrequests_per_day = 9", "requests_per_day must be a whole number from 10"),
        ("[limits]\nbytes_a_day = 9", "bytes_a_day"),
        ("[login]\nsecret = 'k'\nhosts = ['gallery.example']", "write agreed = true here"),
        ("[login]\nagreed = true\nhosts = ['gallery.example']", "[login]: secret is missing"),
        ("[login]\nagreed = true\nsecret = 'k'", "[login]: hosts is missing"),
        ("[login]\nagreed = true\nsecret = 'k'\nhosts = []", "names no host to log in at"),
        ("[login]\nagreed = true\nsecret = 'k'\nhosts = ['www.gallery.example']", "is not one of the site's hosts"),
        ("[login]\nagreed = true\nsecret = 'k'\nhosts = ['gallery.example']\nheader = 'Host'", "[login]: header"),
        ("[login]\nagreed = true\nsecret = 'k'\nhosts = ['gallery.example']\nheader = 'A: b'", "[login]: header"),
        ("[network]\nsocks_proxy = 'socks5h://127.0.0.1:9050'", "is for .onion hosts alone"),
        ("[network]\nproxy = 'socks5h://127.0.0.1:9050'", "did you mean 'socks_proxy'?"),
        ("[canary]", "[canary]: page is missing"),
        ("[canary]\npage = 'gallery.example/c'", "must be an http:// or https:// URL"),
        ("[canary]\npage = 'https://elsewhere.example/c'", "its host is not one of hosts"),
        ("[canary]\npages = ['https://gallery.example/c']", "did you mean 'page'?"),
    ],
)
def test_optional_tables_are_read_as_strictly(added: str, said: str) -> None:
    assert said in refusal(CONTRACT_EXAMPLE + added)


def test_a_login_is_a_header_for_exact_hosts_and_the_name_of_a_secret() -> None:
    login = "[login]\nagreed = true\nsecret = 'gallery-login'\nhosts = ['gallery.example', 'cdn.gallery.example']\n"

    assert parsed(CONTRACT_EXAMPLE + login).login == Login(
        header="Cookie", secret="gallery-login", hosts=("gallery.example", "cdn.gallery.example")
    )
    assert parsed(CONTRACT_EXAMPLE).login is None


@pytest.mark.parametrize("value", ["sessionid=8f2c1a77", "Bearer 8F2C", "../../etc/passwd", "a b"])
def test_a_value_that_was_written_where_its_name_belongs_is_not_repeated(value: str) -> None:
    text = f"{CONTRACT_EXAMPLE}[login]\nagreed = true\nsecret = '{value}'\nhosts = ['gallery.example']\n"

    assert value not in refusal(text)


ONION = "a" * 56 + ".onion"


def onion_site(proxy: str = "") -> str:
    text = CONTRACT_EXAMPLE.replace("gallery.example", ONION)
    return f"{text}\n[network]\nsocks_proxy = '{proxy}'\n" if proxy else text


def test_an_onion_is_asked_through_its_proxy_alone() -> None:
    assert parsed(onion_site("socks5h://127.0.0.1:9050")).socks_proxy == "127.0.0.1:9050"
    assert parsed(onion_site("socks5h://[::1]:9050")).socks_proxy == "[::1]:9050"
    assert "needs [network] socks_proxy" in refusal(onion_site())


@pytest.mark.parametrize(
    "proxy",
    [
        "socks5://127.0.0.1:9050",
        "socks5h://127.0.0.1",
        "http://127.0.0.1:8118",
        "socks5h://me:pw@127.0.0.1:9050",
        "socks5h://127.0.0.1:9050/x",
        "socks5h://127.0.0.1:port",
        "127.0.0.1:9050",
    ],
)
def test_a_proxy_that_would_let_names_out_is_refused(proxy: str) -> None:
    assert "socks5h://127.0.0.1:9050" in refusal(onion_site(proxy))


def test_a_canary_has_a_page_on_the_site() -> None:
    site = parsed(f"{CONTRACT_EXAMPLE}[canary]\npage = 'https://gallery.example/about'")

    assert site.canary_page == "https://gallery.example/about"
    assert parsed(CONTRACT_EXAMPLE).canary_page is None


@pytest.mark.parametrize("key", ["agreed_by", "agreed_on", "expires_on", "reference"])
def test_an_agreement_without_one_of_its_parts_is_no_agreement(key: str) -> None:
    lines = [line for line in CONTRACT_EXAMPLE.splitlines() if not line.startswith(key)]

    with pytest.raises(NotAgreed, match=f"{key} missing"):
        parsed("\n".join(lines))


def test_a_site_without_an_agreement_is_not_watched() -> None:
    text = CONTRACT_EXAMPLE.split("[agreement]", maxsplit=1)[0]

    with pytest.raises(NotAgreed, match=r"there is no \[agreement\]"):
        parsed(text)


PRIVATE = [
    "localhost",
    "gallery.localhost:8000",
    "127.0.0.1",
    "127.0.0.1:8000",
    "10.1.2.3",
    "192.168.0.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",
    "224.0.0.1",
    "[::1]",
    "[::1]:8000",
    "[fe80::1]",
    "[fd00::1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:a00:1]",
    "[64:ff9b::a00:1]",
    "[2002:a00:1::]",
    "[2001:0:a00:1::f5ff:fffe]",
]


@pytest.mark.parametrize("host", PRIVATE)
def test_private_hosts_are_refused_unless_they_are_meant(host: str) -> None:
    text = changed('hosts = ["gallery.example"]', f'hosts = ["{host}"]').replace(
        "https://gallery.example/new", f"http://{host}/"
    )

    assert "allow_private = true" in refusal(text)
    site = parsed(text.replace("[agreement]", "allow_private = true\n[agreement]"))
    assert len(site.hosts) == 1


def test_private_image_hosts_are_refused_too() -> None:
    assert "image_hosts" in refusal(changed('"cdn.gallery.example"', '"127.0.0.1"'))


@pytest.mark.parametrize("host", ["127.1", "2130706433", "0x7f.0.0.1", "127.0.0.01"])
def test_an_address_in_an_odd_spelling_is_no_host(host: str) -> None:
    assert "odd spelling" in refusal(changed('"cdn.gallery.example"', f'"{host}"'))


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("Gallery.EXAMPLE", "gallery.example"),
        ("gällery.example", "xn--gllery-bua.example"),
        ("gallery.example:08443", "gallery.example:8443"),
        ("8.8.8.8:80", "8.8.8.8:80"),
        ("[2606:4700:4700:0:0:0:0:1111]", "[2606:4700:4700::1111]"),
        ("under_score.example", "under_score.example"),
    ],
)
def test_hosts_are_kept_in_one_spelling(written: str, read: str) -> None:
    assert parsed(changed('"cdn.gallery.example"', f'"{written}"')).image_hosts == (read,)


@pytest.mark.parametrize(
    ("hosts", "start"),
    [
        ('["gallery.example"]', "http://gallery.example/"),
        ('["gallery.example"]', "https://GALLERY.example:443/new"),
        ('["gallery.example"]', "http://gallery.example:443/"),
        ('["gallery.example:8443"]', "https://gallery.example:8443/"),
        ('["gallery.example:443"]', "https://gallery.example/"),
        ('["gällery.example"]', "https://gällery.example/"),
        ('["gällery.example"]', "https://xn--gllery-bua.example/"),
    ],
)
def test_a_start_lies_on_its_hosts_whatever_the_spelling(hosts: str, start: str) -> None:
    text = changed('hosts = ["gallery.example"]', f"hosts = {hosts}").replace("https://gallery.example/new", start)

    assert parsed(text).start == (start,)


@pytest.mark.parametrize(
    ("written", "hours"),
    [
        ("22:00-06:00 Europe/Berlin", Hours(opens=time(22), closes=time(6), zone="Europe/Berlin")),
        ("09:30-24:00 UTC", Hours(opens=time(9, 30), closes=time(0))),
        ("09:00-17:00", Hours(opens=time(9), closes=time(17))),
    ],
)
def test_hours_are_read_with_their_zone(written: str, hours: Hours) -> None:
    assert parsed(changed("00:00-24:00 UTC", written)).politeness.hours == hours


@pytest.mark.parametrize(
    ("today", "said"),
    [
        (date(2026, 10, 31), "begins on 2026-11-01"),
        (date(2026, 11, 1), None),
        (date(2027, 11, 1), None),
        (date(2027, 11, 2), "expired on 2027-11-01"),
    ],
)
def test_an_agreement_holds_from_its_first_day_to_its_last(today: date, said: str | None) -> None:
    fault = agreement_fault(parsed(CONTRACT_EXAMPLE), today)

    assert (fault is None) == (said is None)
    assert said is None or said in str(fault)


def test_a_folder_that_is_not_there_holds_no_site(tmp_path: Path) -> None:
    assert read_sites(tmp_path / "nothing") == ([], [])


def test_the_shipped_folder_watches_nobody() -> None:
    assert read_sites(SAMPLE.parent) == ([], [])


def named(name: str) -> str:
    return changed("example-gallery", name)


def test_one_bad_file_never_hides_the_good_ones(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text("name = ", encoding="utf-8")
    (tmp_path / "b.toml").write_bytes(b"\xff\xfe")
    (tmp_path / "c.toml").mkdir()
    (tmp_path / "d.toml").write_text(CONTRACT_EXAMPLE.split("[agreement]", maxsplit=1)[0], encoding="utf-8")
    (tmp_path / "good.toml").write_text(named("good"), encoding="utf-8")
    (tmp_path / "good.toml.bak").write_text("nonsense", encoding="utf-8")

    sites, faults = read_sites(tmp_path)

    assert [site.name for site in sites] == ["good"]
    assert [fault.path.name for fault in faults] == ["a.toml", "b.toml", "c.toml", "d.toml"]
    assert all(str(fault.path) in fault.reason for fault in faults)


def test_a_copy_with_the_same_name_is_refused_and_both_are_named(tmp_path: Path) -> None:
    (tmp_path / "good.toml").write_text(named("good"), encoding="utf-8")
    (tmp_path / "copy.toml").write_text(named("good"), encoding="utf-8")

    sites, (fault,) = read_sites(tmp_path)

    assert [site.name for site in sites] == ["good"]
    assert "copy.toml" in fault.reason
    assert "good.toml" in fault.reason


def test_a_site_in_a_file_of_another_name_is_refused_with_the_cure(tmp_path: Path) -> None:
    (tmp_path / "file.toml").write_text(named("site"), encoding="utf-8")

    sites, (fault,) = read_sites(tmp_path)

    assert not sites
    assert "rename the file to site.toml or write name = 'file'" in fault.reason


def test_kinds_and_laws_are_checked_only_where_they_are_known(tmp_path: Path) -> None:
    (tmp_path / "good.toml").write_text(named("good"), encoding="utf-8")

    assert [site.name for site in read_sites(tmp_path, kinds=("gallery",), laws=())[0]] == ["good"]
    assert [fault.path.name for fault in read_sites(tmp_path, kinds=("feed",))[1]] == ["good.toml"]
