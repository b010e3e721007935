import json
import re
import subprocess
import sys
from pathlib import Path

from scrapy.settings import Settings

from core.model import Politeness
from crawler.fetch import Fetched, Kind
from crawler.settings import scrapy_settings
from crawler.spiders import KINDS
from crawler.spiders.gallery import GallerySpider
from tests.crawler.local_site import Answer, page, picture, serve
from tests.crawler.planted import Crawl

SITE = Path(__file__).parents[1] / "sites" / "gallery"
EXPECTED = json.loads((SITE / "expected.json").read_text())


def test_a_gallery_page_gives_every_picture_and_page_that_it_names() -> None:
    body = (SITE / "page.html").read_bytes()
    fetched = Fetched(
        url=EXPECTED["url"],
        final_url=EXPECTED["url"],
        status=200,
        headers={"content-type": "text/html; charset=utf-8"},
        body=body,
        kind=Kind.HTML,
    )

    found = GallerySpider.read_page(fetched)

    assert sorted(found.images) == EXPECTED["images"]
    assert sorted(found.pages) == EXPECTED["pages"]


def test_every_picture_of_that_page_is_asked_for_within_the_agreement_and_nothing_beyond(tmp_path: Path) -> None:
    """The page as it is, its hosts on this machine: the same paths are asked for, and the foreign host never is."""
    start = EXPECTED["url"].removeprefix("https://gallery.example")

    def answers(path: str) -> Answer | None:
        if path == start:
            html = (SITE / "page.html").read_text()
            return Answer(
                re.sub(
                    r"(?:https:)?(\\?/\\?/)cdn\.gallery\.example",
                    lambda _: site.url.replace("/", "\\/") if "\\" in _[1] else site.url,
                    html,
                )
            )
        return (
            picture(path)
            if "https://gallery.example" + path in EXPECTED["images"]
            or path.startswith(("/og", "/ld", "/js", "/i/", "/rel"))
            else page()
        )

    with serve(answers) as site:
        summary = Crawl(tmp_path).run(site.watched(start))

    wanted = {url.split(".example", 1)[1] for url in EXPECTED["images"] if "elsewhere" not in url}
    assert wanted <= set(site.asked)
    assert summary["images"] == {"clear": len(EXPECTED["images"]) - 1, "out_of_scope": 1}
    assert summary["pages"] == {"read": len(EXPECTED["pages"]), "out_of_scope": 1}


def test_each_kind_is_named_as_the_site_files_name_it() -> None:
    assert all(name == spider().name for name, spider in KINDS.items())


def test_asking_which_kinds_there_are_loads_no_crawler() -> None:
    ask = "import sys; from crawler.spiders import KINDS; print(*KINDS, 'scrapy' in sys.modules)"

    asked = subprocess.run([sys.executable, "-c", ask], cwd=SITE.parents[2], capture_output=True, text=True, check=True)

    assert asked.stdout.split() == [*KINDS, "False"]


def test_nothing_of_scrapys_own_stands_between_a_request_and_the_guarded_fetch() -> None:
    settings = Settings(scrapy_settings(Politeness()))

    for component in ("DOWNLOADER_MIDDLEWARES", "SPIDER_MIDDLEWARES", "EXTENSIONS"):
        assert not settings.get_component_priority_dict_with_base(component)
    handlers = {scheme: path for scheme, path in settings.getwithbase("DOWNLOAD_HANDLERS").items() if path}
    assert handlers == {"http": "crawler.handler.GuardedHandler", "https": "crawler.handler.GuardedHandler"}
    assert not settings.getbool("TELNETCONSOLE_ENABLED")
    assert not settings.getbool("REMOTE_CONTROL_ENABLED")
