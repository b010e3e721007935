"""What `crawl` and `site` say, and how they end: with real sites on this machine, through the command line."""

import json
from collections.abc import Iterator

import pytest

from stillwatch.output import counted
from stillwatch.passes import Ended, exit_status, together
from tests.crawler.local_site import Answer, LocalSite, page, serve
from tests.installation import Installation, site_toml
from tests.stillwatch.pictures import drawn, jpeg

pytestmark = pytest.mark.timeout(120)

REVOKED = "site 'local': its agreement was revoked; write the new agreement into a file with a new name"
CLOUDFLARE = Answer("<title>Just a moment...</title>", status=403, headers={"cf-mitigated": "challenge"})
LOGIN = '[login]\nagreed = true\nheader = "Cookie"\nsecret = "log"\nhosts = ["127.0.0.1"]\n'


def gallery(path: str) -> Answer | None:
    if path == "/":
        return page("/2", images=("/1.jpg",))
    return page() if path == "/2" else Answer(jpeg(drawn(1)), content_type="image/jpeg")


@pytest.fixture
def site() -> Iterator[LocalSite]:
    with serve(gallery) as local:
        yield local


def watch(installation: Installation, site: LocalSite, name: str = "local", *, more: str = "") -> None:
    installation.watch(name, site_toml(name, site.url + "/", site.url.removeprefix("http://")) + more)


# ------------------------------------------------------------------------------------------------------------- revoked


def test_a_revoked_agreement_is_neither_paused_nor_resumed_nor_crawled(
    installation: Installation, site: LocalSite
) -> None:
    watch(installation, site)

    (revoked,) = installation.lines("site", "revoke", "local", "--json")

    assert revoked == {"site": "local", "standing": "revoked", "fingerprints": 0, "urls": 0}
    for what in ("pause", "resume"):
        done = installation.run("site", what, "local")
        assert (done.returncode, done.stdout, done.stderr) == (2, "", f"stillwatch: {REVOKED}\n")
    assert installation.run("crawl", "local", "--once").returncode == 2
    assert site.asked == []
    assert site.robots_asked == 0


def test_pausing_and_resuming_say_the_standing_as_json(installation: Installation, site: LocalSite) -> None:
    watch(installation, site)

    said = [
        *installation.lines("site", "pause", "local", "--json"),
        *installation.lines("site", "resume", "local", "--json"),
    ]

    assert said == [{"site": "local", "standing": "paused"}, {"site": "local", "standing": "watched"}]


@pytest.mark.parametrize("json_lines", [True, False], ids=["json", "text"])
def test_a_crawl_whose_agreement_is_revoked_under_way_ends_with_2_and_says_so(
    installation: Installation, site: LocalSite, json_lines: bool
) -> None:
    def revoke(path: str) -> Answer | None:
        if path == "/2":
            installation.run("site", "revoke", "local")
        return gallery(path)

    site.answers = revoke
    watch(installation, site)

    done = installation.run("crawl", "local", "--once", *(["--json"] if json_lines else []))

    assert done.returncode == 2, done.stdout + done.stderr
    assert done.stderr.endswith("stillwatch: site 'local': the agreement was revoked\n")
    if json_lines:
        summary = json.loads(done.stdout.splitlines()[-1])["summary"]
        assert (summary["finished"], summary["stopped"]) == (False, "the agreement was revoked")
    else:
        assert "the pass is not finished: the agreement was revoked\n" in done.stdout


# -------------------------------------------------------------------------------------------------------------- walls


def test_a_pass_that_met_a_wall_says_so_in_its_last_words_and_in_the_log(
    installation: Installation, site: LocalSite
) -> None:
    site.answers = lambda _: CLOUDFLARE
    watch(installation, site)

    done = installation.run("crawl", "local", "--once")

    assert done.returncode == 0, done.stderr
    wall = "Cloudflare asks for a proof of being human; the host is left alone for 6 hours"
    assert done.stdout.startswith(f"local: 1 URL met, 0 new hits; the pass is not finished: {wall}\n")
    assert "WARNING crawler.asking asking.walled site=local host=127.0.0.1" in done.stderr


# ------------------------------------------------------------------------------------------------------- several sites


def test_beside_others_a_site_that_may_not_be_crawled_is_named_with_its_reason(
    installation: Installation, site: LocalSite
) -> None:
    watch(installation, site, "good")
    watch(installation, site, "log", more=LOGIN.replace("127.0.0.1", site.url.removeprefix("http://")))
    secret = installation.home / "secrets" / "log"

    alone = installation.run("crawl", "log", "--once")
    beside = installation.run("crawl", "--once", "--json")

    said = f"site 'log': {secret}: is not there; write the value of the header Cookie into it"
    assert (alone.returncode, beside.returncode) == (2, 2)
    assert f"stillwatch: {said}\n" in alone.stderr
    assert f"stillwatch: {said}\n" in beside.stderr
    assert "site 'log': not crawled, see above\n" in beside.stderr
    summary = json.loads(beside.stdout.splitlines()[-1])["summary"]
    assert (summary["failed"], summary["reasons"]) == (["log"], {"log": said})
    assert [each["site"] for each in summary["sites"]] == ["good"]
    assert (summary["finished"], summary["urls"], summary["pages"]) == (False, 3, {"read": 2})


def test_the_summary_of_several_sites_has_the_sums_of_theirs(installation: Installation, site: LocalSite) -> None:
    for name in ("one", "two"):
        watch(installation, site, name)

    *images, last = installation.lines("crawl", "--once", "--json")

    summary = json.loads(json.dumps(last))["summary"]
    one, two = summary["sites"]
    assert len(images) == 2
    assert summary["finished"] is True
    assert (summary["failed"], summary["reasons"]) == ([], {})
    assert summary["pages"] == {"read": 4}
    assert summary["images"] == {"not_compared": 2}
    assert summary["unchanged"] == {"pages": 0, "images": 0}
    for what in ("urls", "hits", "bytes", "cut_pages"):
        assert summary[what] == one[what] + two[what]


@pytest.mark.parametrize(("statuses", "status"), [((0, 0), 0), ((0, 2), 2), ((2, 1), 1), ((0, -9), 1)], ids=str)
def test_that_a_pass_broke_off_weighs_more_than_that_a_site_may_not_be_crawled(
    statuses: tuple[int, ...], status: int
) -> None:
    ends = [Ended(site=str(number), status=each, summary=None, reason=None) for number, each in enumerate(statuses)]

    assert exit_status(ends) == status
    assert together(ends)["finished"] is (status == 0)


@pytest.mark.parametrize(
    ("number", "said"), [(0, "0 URLs wait"), (1, "1 URL waits"), (2, "2 URLs wait")], ids=["none", "one", "two"]
)
def test_one_is_not_said_like_many(number: int, said: str) -> None:
    assert counted(number, "URL waits", "URLs wait") == said
