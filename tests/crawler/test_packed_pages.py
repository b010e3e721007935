"""Site maps that are gzip files, and answers for machines: what of them reaches the reader of pages."""

import gzip
import io
import tarfile
from pathlib import Path

import pytest

from core.model import State
from crawler.fetch import FetchLimits, Kind, Wanted
from tests.crawler.local_site import Answer, page, picture, serve
from tests.crawler.planted import Crawl
from tests.crawler.test_fetch import found, refused
from tests.crawler.wire import fetched, response, saying

SITE_MAP = b"<?xml version='1.0'?><urlset>" + b"<url><loc>https://site.example/1</loc></url>" * 500 + b"</urlset>"


def tar() -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        archive.addfile(tarfile.TarInfo("a"), io.BytesIO(b""))
    return packed.getvalue()


@pytest.mark.parametrize("again", [False, True], ids=["as it is", "packed once more on the way"])
def test_a_packed_site_map_is_unpacked(again: bool) -> None:
    packed = gzip.compress(SITE_MAP)
    answer = response(gzip.compress(packed), content_encoding="gzip") if again else response(packed)

    outcome = found(fetched(saying(answer), wanted=Wanted.PAGE))

    assert (outcome.body, outcome.kind) == (SITE_MAP, Kind.TEXT)


@pytest.mark.parametrize("body", [gzip.compress(b"only words " * 500), tar()], ids=["words", "tar"])
def test_any_other_archive_stays_one(body: bytes) -> None:
    outcome = refused(fetched(saying(response(body)), wanted=Wanted.PAGE))

    assert outcome.state is State.UNSUPPORTED
    assert "an archive" in outcome.reason


def test_in_the_place_of_a_picture_nothing_is_unpacked() -> None:
    assert refused(fetched(saying(response(gzip.compress(SITE_MAP))), wanted=Wanted.IMAGE)).state is State.NOT_IMAGE


def test_a_packed_site_map_that_ends_early_is_truncated() -> None:
    outcome = fetched(saying(response(gzip.compress(SITE_MAP)[:-12])), wanted=Wanted.PAGE)

    assert refused(outcome).state is State.TRUNCATED


def test_a_bomb_in_a_site_map_is_left_at_the_limit() -> None:
    bomb = gzip.compress(b"<urlset>" + b" " * 50_000_000)

    outcome = fetched(saying(response(bomb)), wanted=Wanted.PAGE, limits=FetchLimits(max_bytes=100_000))

    assert refused(outcome).state is State.TOO_LARGE


@pytest.mark.parametrize(
    "body",
    [
        b'[{"content": {"rendered": "<p>words<svg></svg>"}}]',
        b' {\n"posts": []}',
        b"[]",
        b"<?xml version='1.0'?>\n<!-- made by hand -->\n<rss version='2.0'><channel><title>A</title><description>&lt;<![CDATA[<svg>]]>",
        b"<feed xmlns='http://www.w3.org/2005/Atom'><content type='xhtml'><div><svg/></div></content></feed>",
        b"\xef\xbb\xbf<?xml version='1.0'?><sitemapindex>",
    ],
)
def test_an_answer_for_machines_is_read_whatever_drawings_its_texts_hold(body: bytes) -> None:
    assert found(fetched(saying(response(body)), wanted=Wanted.PAGE)).kind is Kind.TEXT


def test_a_crawl_goes_by_a_packed_site_map(tmp_path: Path) -> None:
    def answers(path: str) -> Answer | None:
        match path:
            case "/sitemap.xml":
                maps = f"<sitemapindex><sitemap><loc>{site.url}/1.xml.gz</loc></sitemap></sitemapindex>"
                return Answer(maps, content_type="application/xml")
            case "/1.xml.gz":
                urls = f"<urlset><url><loc>{site.url}/album</loc><image><loc>{site.url}/listed</loc></image></url></urlset>"
                return Answer(gzip.compress(urls.encode()), content_type="application/gzip")
            case "/album":
                return page("/not-listed", images=("/shown.png",))
            case _:
                return picture(path)

    with serve(answers) as site:
        summary = Crawl(tmp_path).run(site.watched("/sitemap.xml", kind="feed"))

    assert sorted(site.asked) == ["/1.xml.gz", "/album", "/listed", "/shown.png", "/sitemap.xml"]
    assert (summary["pages"], summary["images"]) == ({"read": 3}, {"clear": 2})


def test_a_crawl_turns_the_pages_of_an_api(tmp_path: Path) -> None:
    def answers(path: str) -> Answer | None:
        if path.startswith("/posts.json"):
            number = int(path.rpartition("=")[2])
            posts = f'[{{"id": {90 - number}, "file_url": "{site.url}/{number}"}}]' if number < 40 else "[]"
            return Answer(posts, content_type="application/json")
        return picture(path)

    with serve(answers) as site:
        summary = Crawl(tmp_path).run(site.watched("/posts.json?page=1", kind="booru"))

    assert (summary["pages"], summary["images"]) == ({"read": 40}, {"clear": 39})
