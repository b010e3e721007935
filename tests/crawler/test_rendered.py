"""Pages that are put together by scripts, in a real browser. Where it may not go: tests/hostile/test_where_browsers_go.py."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import date
from pathlib import Path

import pytest

from core.errors import ConfigError
from core.model import DayUse, Limits, State
from crawler.chromium import Chromium
from crawler.fetch import Fetched, Kind, NotFetched
from crawler.frontier_sqlite import SqliteFrontier
from crawler.rendering import Rendered, Rendering
from crawler.scope import Wanted
from tests.conftest import Chromium as Installed
from tests.crawler.local_site import Answer, LocalSite, number, page, picture, serve
from tests.crawler.planted import Crawl
from tests.crawler.wire import USER_AGENT, run

SITE = Path(__file__).parents[1] / "sites" / "rendered"
SHOWN = json.loads((SITE / "shown.json").read_text())
ROOT = Path(__file__).parents[2]
OURS = Chromium(sandboxed=False)  # its sandbox refuses root, and the only pages it sees are ours
HERE = "http://site.example"
GREEDY = "const held = []; for (;;) held.push(new Array(1e6).fill(1.5))"  # more than one page may have, in seconds


def gallery(path: str) -> Answer | None:
    """The saved site, whose list has no end."""
    match path.partition("?")[0]:
        case "/":
            return Answer((SITE / "page.html").read_text())
        case "/app.js":
            return Answer((SITE / "app.js").read_text(), content_type="text/javascript")
        case "/app.css":
            return Answer((SITE / "app.css").read_text(), content_type="text/css")
        case "/api/list":
            n = number(path)
            said = {"pictures": [f"/list/{n}-a.png", f"/list/{n}-b.png"], "album": f"/album/{n}"}
            return Answer(json.dumps(said), content_type="application/json")
        case _:
            return page() if path.startswith(("/album/", "/about")) else picture(path)


def small(path: str) -> Answer | None:
    """Two pages with one script, which shows a picture for each."""
    script = "document.body.append(Object.assign(new Image(), {src: `/of${location.pathname}.png`}))"
    pages = {"/": '<a href="/two">', "/two": ""}
    if path == "/app.js":
        return Answer(script, content_type="text/javascript")
    return Answer(f"<!doctype html>{pages[path]}<body><script src=app.js></script>") if path in pages else picture(path)


def crawled(site: LocalSite, crawl: Crawl, **changes: object) -> dict[str, object]:
    return crawl.run(site.watched(kind="rendered", **changes))


def shown_by(body: str, parts: Mapping[str, str] | None = None, *more: str, own_s: float = 20.0) -> list[Rendered]:
    """What comes of rendering this page, and `more` after it. Parts: path → script."""

    async def ask(url: str, _: Wanted) -> Fetched | NotFetched:
        script = (parts or {}).get(url.removeprefix(HERE))
        if script is None:
            return NotFetched(url=url, state=State.GONE, reason="not there", status=404)
        return fetched(script, url, "text/javascript")

    found = rendered([body, *more], ask, own_s=own_s)
    return [each for each in found if isinstance(each, Rendered)]


def rendered(
    bodies: list[str],
    ask: Callable[[str, Wanted], Awaitable[Fetched | NotFetched]],
    stopped: Callable[[], str | None] = lambda: None,
    chromium: Chromium = OURS,
    own_s: float = 20.0,
) -> list[Rendered | NotFetched]:
    async def look() -> list[Rendered | NotFetched]:
        async with Rendering(chromium, ask, stopped, USER_AGENT, own_s=own_s) as browser:
            return [await browser.render(fetched(f"<!doctype html><body>{body}")) for body in bodies]

    return run(look())


def fetched(body: str, url: str = f"{HERE}/", content_type: str = "text/html") -> Fetched:
    headers = {"content-type": content_type}
    return Fetched(url=url, final_url=url, status=200, headers=headers, body=body.encode(), kind=Kind.HTML)


# -------------------------------------------------------------------------------------------------------- what is found


def test_every_picture_that_the_scripts_of_a_page_show_is_fetched_by_the_crawl(
    chromium: Installed, tmp_path: Path
) -> None:
    with serve(gallery) as site:
        crawl = Crawl(tmp_path, chromium=OURS)
        summary = crawled(site, crawl)

    looked_at = {line.image_url.removeprefix(site.url) for line in crawl.lines}
    assert set(SHOWN["images"]) <= looked_at
    assert all(path.startswith("/list/") for path in looked_at - set(SHOWN["images"]))
    assert set(SHOWN["pages"]) <= set(site.asked)
    assert summary["finished"] is True
    assert summary["cut_pages"] == 1  # its list goes on
    assert 2 <= len([path for path in site.asked if path.startswith("/api/list")]) <= 20
    assert {path for path in site.asked if site.asked.count(path) > 1} == {"/api/file?id=7"}  # a script asked for it


def test_what_many_pages_have_is_asked_for_once_and_everything_is_counted(chromium: Installed, tmp_path: Path) -> None:
    with serve(small) as site:
        crawl = Crawl(tmp_path, chromium=OURS)
        summary = crawled(site, crawl, limits=Limits(requests_per_day=1000))
        used = crawl.store.daily_use.count("local", date.today(), requests=0, byte_count=0)  # noqa: DTZ011  # near enough

    assert sorted(site.asked) == ["/", "/app.js", "/of/.png", "/of/two.png", "/two"]
    assert used.requests == 5 + site.robots_asked
    assert summary["bytes"] == sum(
        len(found.body_bytes()) for path in [*site.asked, "/app.js"] if (found := small(path))
    )
    assert isinstance(used, DayUse)


def test_a_page_that_did_not_change_is_shown_again_for_its_scripts_may_show_more(
    chromium: Installed, tmp_path: Path
) -> None:
    names = ["/one.png"]

    def answers(path: str) -> Answer | None:
        if path == "/":
            script = "fetch('/names').then(a => a.json()).then(names => names.forEach(src => new Image().src = src))"
            return Answer(f"<!doctype html><script>{script}</script>", headers={"ETag": '"1"'})
        return Answer(json.dumps(names), content_type="application/json") if path == "/names" else picture(path)

    with serve(answers) as site:
        crawl = Crawl(tmp_path, chromium=OURS, remembers=True)
        crawled(site, crawl)
        names.append("/two.png")
        crawled(site, crawl)

    assert site.asked == ["/", "/names", "/one.png", "/", "/names", "/two.png"]


def test_what_robots_forbids_is_not_asked_for_whoever_wants_it(chromium: Installed, tmp_path: Path) -> None:
    with serve(small) as site:
        site.robots = Answer("User-agent: *\nDisallow: /app.js", content_type="text/plain")
        summary = crawled(site, Crawl(tmp_path, chromium=OURS))

    assert sorted(site.asked) == ["/", "/two"]
    assert summary["pages"] == {"read": 2}


def test_a_gallery_that_waits_for_each_picture_is_shown_to_its_end(chromium: Installed) -> None:
    script = "let n = 0; (function next() { const i = new Image(); i.onload = next; i.src = `/${++n}.png`; if (n > 4) i.onload = 0; })()"

    (found,) = shown_by(f"<script>{script}</script>")

    assert found.links.images == tuple(f"{HERE}/{n}.png" for n in range(1, 6))


def test_a_page_that_leads_on_by_script_is_read_and_where_it_leads_is_met(chromium: Installed) -> None:
    script = "new Image().src = '/a.png'; location.href = '/further'; setTimeout(() => location.reload(), 50)"

    (found,) = shown_by(f"<script>{script}</script>")

    assert found.links.images == (f"{HERE}/a.png",)
    assert f"{HERE}/further" in found.links.pages


# ------------------------------------------------------------------------------------------------------- how a pass ends


def test_a_page_that_could_not_be_shown_is_a_failure_and_asked_for_whole_in_the_next_pass(
    chromium: Installed, tmp_path: Path
) -> None:
    def answers(path: str) -> Answer | None:
        if path != "/":
            return picture(path)
        return Answer(f"<!doctype html><img src=/a.png><script>{GREEDY}</script>", headers={"ETag": '"1"'})

    with serve(answers) as site:
        crawl = Crawl(tmp_path, chromium=OURS, remembers=True)
        first = crawled(site, crawl)
        second = crawled(site, crawl)

    assert first["pages"] == second["pages"] == {"exhausted": 1}
    assert first["images"] == {"clear": 1}
    assert [line.page_url for line in crawl.lines] == [f"{site.url}/"] * 2
    assert (first["cut_pages"], second["cut_pages"]) == (0, 0)
    assert site.asked == ["/", "/a.png", "/"]
    assert site.unchanged == []
    assert [each.failed for each in crawl.store.site_book.passes("local")] == [1, 1]


def test_of_the_pages_beyond_those_that_are_opened_the_html_is_read_and_they_are_said_to_be_cut(
    chromium: Installed, tmp_path: Path
) -> None:
    with serve(small) as site:
        summary = crawled(site, Crawl(tmp_path, chromium=OURS), limits=Limits(max_rendered=1))

    assert sorted(site.asked) == ["/", "/app.js", "/of/.png", "/two"]
    assert summary["pages"] == {"read": 2}
    assert summary["cut_pages"] == 1


def test_a_part_on_a_host_that_wants_a_pause_is_not_asked_for_and_its_page_waits(
    chromium: Installed, tmp_path: Path
) -> None:
    crawl = Crawl(tmp_path, chromium=OURS)

    def answers(path: str) -> Answer | None:
        parts = site.url.replace("127.0.0.1", "localhost")
        return Answer(f"<!doctype html><script src={parts}/app.js></script>") if path == "/" else small(path)

    with serve(answers) as site, SqliteFrontier(crawl.services().frontier_path) as frontier:
        hosts = (site.url.removeprefix("http://"), site.url.removeprefix("http://").replace("127.0.0.1", "localhost"))
        until = time.time() + 1000
        frontier.pause("local", "localhost", until)
        summary = crawled(site, crawl, hosts=hosts)
        paused = [frontier.paused_until("local", host) for host in ("127.0.0.1", "localhost")]

    assert site.asked == ["/"]
    assert summary["stopped"] == "the site asked for a pause"
    assert summary["pages"] == {"pending": 1}
    assert paused == [0.0, until]  # and not a little longer with each page that waits for it


# --------------------------------------------------------------------------------------------------------- what is bounded


def test_a_page_without_an_end_was_not_read_and_what_it_named_counts(chromium: Installed) -> None:
    endless = "<img src=/a.png><script>new Image().src = '/b.png'; setTimeout(() => { for (;;); }, 200)</script>"

    first, second = shown_by(endless, None, "<script>new Image().src = '/c.png'</script>", own_s=4.0)

    assert set(first.links.images) == {f"{HERE}/a.png", f"{HERE}/b.png"}
    assert first.unread is not None
    assert first.unread.state is State.TIMEOUT
    assert second.links.images == (f"{HERE}/c.png",)
    assert second.unread is None
    assert not second.links.truncated


def test_a_page_that_ends_its_window_was_not_read_and_what_it_named_counts(chromium: Installed) -> None:
    first, second = shown_by(
        f"<img src=/a.png><script>new Image().src = '/b.png'; setTimeout(() => {{ {GREEDY} }}, 200)</script>",
        None,
        "<script>new Image().src = '/c.png'</script>",
    )

    assert first.unread is not None
    assert first.unread.state is State.EXHAUSTED
    assert set(first.links.images) == {f"{HERE}/a.png", f"{HERE}/b.png"}
    assert second.links.images == (f"{HERE}/c.png",)


def test_a_page_that_had_shown_something_when_its_time_was_up_was_read_in_part(chromium: Installed) -> None:
    endless = (
        "<p style='height: 9000px'><img src=/a.png><script>onscroll = () => { if (scrollY > 4000) for (;;); }</script>"
    )

    (found,) = shown_by(endless, own_s=4.0)

    assert found.unread is None
    assert found.links.truncated


def test_windows_dialogs_and_downloads_hold_nothing_up(chromium: Installed) -> None:
    script = """
      alert(1); confirm(2); prompt(3); print();
      onbeforeunload = () => "stay";
      for (let n = 0; n < 20; n++) open("/window");
      const save = Object.assign(document.createElement("a"), {href: URL.createObjectURL(new Blob(["x"])), download: "x"});
      document.body.append(save);
      save.click();
      setInterval(() => alert(4), 10);
      new Image().src = "/a.png";
    """

    first, second = shown_by(
        f"<script>{script}</script>", None, "<script>new Image().src = '/b.png'</script>", own_s=6.0
    )

    assert f"{HERE}/a.png" in first.links.images
    assert second.links.images == (f"{HERE}/b.png",)


def test_a_page_that_takes_all_memory_ends_alone_whatever_is_beside_it(chromium: Installed) -> None:
    greedy = (
        "const held = []; setInterval(() => held.push(new Uint8Array(32 << 20).fill(1)), 20); "
        "setInterval(() => fetch('/x'), 100); new Image().src = '/a.png'"
    )
    patient = "new Image().src = '/b.png'; const asking = setInterval(() => fetch('/x'), 100); "
    patient += "setTimeout(() => clearInterval(asking), 3000)"

    async def ask(url: str, _: Wanted) -> Fetched | NotFetched:
        return NotFetched(url=url, state=State.GONE, reason="not there", status=404)

    async def look() -> list[Rendered | NotFetched]:
        small_one = Chromium(sandboxed=False, most_memory=800 * 2**20)
        async with Rendering(small_one, ask, lambda: None, USER_AGENT) as browser:
            pages = [fetched(f"<!doctype html><body><script>{script}</script>") for script in (greedy, patient)]
            return await asyncio.gather(*map(browser.render, pages))

    first, second = run(look())

    assert isinstance(first, Rendered)
    assert isinstance(second, Rendered)
    assert first.unread is not None
    assert first.unread.state is State.EXHAUSTED
    assert first.links.images == (f"{HERE}/a.png",)
    assert second.unread is None
    assert second.links.images == (f"{HERE}/b.png",)


def test_a_page_that_was_interrupted_is_looked_at_later(chromium: Installed) -> None:
    reasons: list[str] = []

    async def ask(url: str, _: Wanted) -> Fetched | NotFetched:
        reasons.append("asked to stop")
        return NotFetched(url=url, state=State.PENDING, reason="asked to stop")

    (found,) = rendered(["<script src=/a.js></script>"], ask, stopped=lambda: next(iter(reasons), None))

    assert isinstance(found, NotFetched)
    assert (found.state, found.reason) == (State.PENDING, "asked to stop")


KILLED = """
import asyncio
from crawler.browser import running
from crawler.chromium import Chromium

async def main():
    async with running(Chromium(sandboxed=False)) as browser:
        window = await browser.driver.new_page()
        await window.set_content("<script>setTimeout(() => { for (;;); }, 100)</script>")
        print(browser.pid, flush=True)
        await asyncio.sleep(600)

asyncio.run(main())
"""


def test_a_crawl_that_is_killed_leaves_no_browser(chromium: Installed) -> None:
    def left(crawler: int) -> list[str]:
        """Command lines with the browser's folder in them, which names the crawler."""
        lines = []
        for each in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                lines.append(each.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
            except OSError:
                continue  # it ended meanwhile
        return [text for text in lines if f"stillwatch-browser-{crawler}-" in text]

    with subprocess.Popen([sys.executable, "-c", KILLED], cwd=ROOT, stdout=subprocess.PIPE, text=True) as crawler:
        assert crawler.stdout is not None
        browser = int(crawler.stdout.readline())
        ran = left(crawler.pid)
        os.kill(crawler.pid, signal.SIGKILL)
    while left(crawler.pid) or Path(f"/proc/{browser}").exists():
        time.sleep(0.05)  # without an end of its own: pytest's is the one

    assert len(ran) > 1


# ------------------------------------------------------------------------------------------------------- without a browser


@pytest.mark.parametrize(
    ("lacks", "cure"), [("driver", r"stillwatch\[rendered\]"), ("browser", "apt install chromium")]
)
def test_without_a_browser_nothing_is_asked_and_the_cure_is_said(
    lacks: str, cure: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if lacks == "driver":
        monkeypatch.setitem(sys.modules, "playwright", None)
    else:
        monkeypatch.setenv("PATH", str(tmp_path))
    with serve(small) as site:
        with pytest.raises(ConfigError, match=cure):
            crawled(site, Crawl(tmp_path, chromium=OURS))
        assert site.asked == []

        other_kind = Crawl(tmp_path, chromium=OURS).run(site.watched())

    assert other_kind["finished"] is True


@pytest.mark.skipif(os.geteuid() != 0, reason="only root is refused by the sandbox; the cure: run the tests as root")
def test_root_is_told_that_the_sandbox_refuses_it(chromium: Installed) -> None:
    assert "STILLWATCH_BROWSER_SANDBOX=off" in (Chromium().why_not() or "")
    assert OURS.why_not() is None
