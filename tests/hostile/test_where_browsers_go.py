"""Nothing that a page's scripts do makes the browser, or the fetch on its behalf, connect to where no crawler may go.

Runs alone on its network, with the canaries of test_where_fetches_go.py: each truly reachable, and none may be reached.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass

import pytest
from playwright.async_api import Error as BrowserError
from playwright.async_api import Page, async_playwright

from core.model import State
from crawler.browser import running
from crawler.chromium import Chromium
from crawler.fetch import Fetched, GuardedFetch, Kind, NotFetched, Wanted
from crawler.rendering import Rendered, Rendering
from crawler.scope import Scope
from tests.conftest import Chromium as Installed
from tests.crawler.wire import QUICK, USER_AGENT, Wire, response, run, saying, watched, wire
from tests.hostile.addresses import take
from tests.namespace import require_own_network

pytestmark = pytest.mark.own_network

PUBLIC = "93.184.216.34"
CANARIES = ("127.0.0.1", "127.8.8.8", "10.0.0.1", "169.254.169.254", "198.18.0.1", "::1", "fd00::1")
TARGETS = (
    *("http://127.0.0.1/", "http://127.1:80/", "http://[::1]/", "http://10.0.0.1/", "http://169.254.169.254/latest/"),
    *(
        "http://localhost/",
        "http://2130706433/",
        "https://127.0.0.1/",
        "http://198.18.0.1/",
        "http://elsewhere.example/",
    ),
    *("http://rebind.example/", "http://site.example:8080/", "http://site.example/to/http://169.254.169.254/"),
    *("http://site.example/to/http://127.0.0.1/", "http://site.example/to/http://rebind.example/"),
)
# Every way out of a page that we know of.
SCRIPT = """
const targets = TARGETS;
const quiet = promise => Promise.resolve(promise).catch(() => 0);
const tried = action => { try { return action(); } catch { return 0; } };
const add = (name, properties, parent) => {
  const element = Object.assign(document.createElement(name), properties);
  (parent || document.body || document.documentElement).append(element);
  return element;
};
window.onload = () => {
  for (const url of targets) {
    const socket = url.replace(/^http/, "ws");
    quiet(fetch(url, {mode: "no-cors"}));
    quiet(fetch(url, {method: "POST", body: "x", mode: "no-cors"}));
    tried(() => { const r = new XMLHttpRequest(); r.open("GET", url); r.send(); });
    tried(() => new WebSocket(socket));
    tried(() => new EventSource(url));
    tried(() => navigator.sendBeacon(url, "x"));
    tried(() => new WebTransport(url.replace(/^http:/, "https:")));
    tried(() => new Worker(url));
    tried(() => new SharedWorker(url));
    tried(() => navigator.serviceWorker.register(url));
    const inside = `fetch("${url}", {mode: "no-cors"}).catch(() => 0); new WebSocket("${socket}");`;
    tried(() => new Worker(URL.createObjectURL(new Blob([inside + `importScripts("${url}")`]))));
    quiet(import(url));
    add("img", {src: url});
    add("iframe", {src: url});
    add("iframe", {srcdoc: `<script>${inside}<` + `/script><img src="${url}">`});
    add("script", {src: url});
    add("object", {data: url});
    add("embed", {src: url});
    add("video", {src: url, poster: url});
    add("audio", {src: url});
    for (const rel of ["stylesheet", "prefetch", "preconnect", "dns-prefetch", "modulepreload", "manifest", "icon", "prerender"])
      add("link", {rel, href: url});
    add("link", {rel: "preload", as: "font", href: url, crossOrigin: "anonymous"});
    add("style", {textContent: `@import "${url}"; @font-face {font-family: f${targets.indexOf(url)}; src: url(${url})}
      body {font-family: f${targets.indexOf(url)}; background: url(${url})}`});
    add("script", {type: "speculationrules", textContent: JSON.stringify({prerender: [{urls: [url]}], prefetch: [{urls: [url]}]})});
    tried(() => window.open(url));
    tried(() => add("a", {href: url, ping: url, target: "_blank"}).click());
    tried(() => add("a", {href: url, download: "x"}).click());
    tried(() => add("form", {action: url, method: "POST", target: "_blank"}).submit());
  }
  tried(() => navigator.geolocation.getCurrentPosition(() => 0));
  setTimeout(() => { for (const url of targets) location.href = url; }, 300);
  add("img", {src: "/shown.png"});
  setTimeout(() => alert("?"), 100);
};
""".replace("TARGETS", json.dumps(TARGETS))
PAGE = f'<!doctype html><title>Hostile</title><meta http-equiv="refresh" content="1;url=http://127.0.0.1/"><script>{SCRIPT}</script><p>'
WALLS = pytest.mark.parametrize("in_own_network", [True, False], ids=["no network", "the proxy alone"])


@dataclass
class World:
    site: Wire
    came: list[Wire]

    def visitors(self) -> list[str]:
        return [head.split("\r\n")[0] for canary in self.came for head in canary.heads]


@pytest.fixture(scope="module", autouse=True)
def addresses() -> None:
    require_own_network()
    for number, address in enumerate((PUBLIC, *CANARIES), start=1):
        if address not in ("127.0.0.1", "::1"):
            take(address, number)


async def says(head: str, writer: asyncio.StreamWriter) -> None:
    """/to/… redirects there; anything else is a script that does nothing."""
    path = head.split()[1]
    if path.startswith("/to/"):
        writer.write(response(status="302 Found", location=path.removeprefix("/to/")))
    elif path == "/robots.txt":
        writer.write(response(status="404 Not Found"))
    else:
        writer.write(response(b"1", content_type="text/javascript"))


@asynccontextmanager
async def world() -> AsyncIterator[World]:
    require_own_network()
    async with AsyncExitStack() as stack:
        site = await stack.enter_async_context(wire(says, address=PUBLIC, port=80))
        canaries = [
            await stack.enter_async_context(wire(saying(response(b"secret")), address=address, port=port))
            for address in CANARIES
            for port in (80, 443)
        ]
        yield World(site, canaries)


async def resolve(name: str) -> Sequence[str]:
    """rebind.example is agreed, too, and leads here."""
    if name == "site.example":
        return [PUBLIC]
    return ["127.0.0.1"] if name == "rebind.example" else [PUBLIC, "127.0.0.1"]


def page(body: str, url: str = "http://site.example/") -> Fetched:
    headers = {"content-type": "text/html"}
    return Fetched(url=url, final_url=url, status=200, headers=headers, body=body.encode(), kind=Kind.HTML)


@asynccontextmanager
async def rendering(*, in_own_network: bool) -> AsyncIterator[Rendering]:
    site = watched("site.example", "rebind.example", allow_private=False)
    browser = Chromium(sandboxed=False, in_own_network=in_own_network)
    async with GuardedFetch(Scope(site), USER_AGENT, QUICK, lambda: None, resolve=resolve) as fetch:

        async def ask(url: str, wanted: Wanted) -> Fetched | NotFetched:
            return await fetch.fetch(url, wanted=wanted)

        async with Rendering(browser, ask, lambda: None, USER_AGENT) as rendered:
            yield rendered


async def shown(window: Page) -> None:
    """The page stays where it is, to try everything else."""
    with suppress(BrowserError):
        await window.set_content(PAGE.replace("location.href = url", "0").replace("http-equiv", "name"))
    await asyncio.sleep(3)


@WALLS
def test_no_script_reaches_what_it_must_not(chromium: Installed, in_own_network: bool) -> None:
    async def look() -> tuple[Rendered | NotFetched, World]:
        async with world() as around, rendering(in_own_network=in_own_network) as rendered:
            return await rendered.render(page(PAGE)), around

    found, around = run(look())

    assert around.visitors() == []
    assert isinstance(found, Rendered)
    assert "http://site.example/shown.png" in found.links.images
    assert {head.split()[0] for head in around.site.heads} == {"GET"}
    assert any("/to/http://127.0.0.1/" in head for head in around.site.heads), "redirects were followed, and refused"


@WALLS
def test_without_any_interception_the_walls_hold(chromium: Installed, in_own_network: bool) -> None:
    async def look() -> World:
        async with world() as around, running(Chromium(sandboxed=False, in_own_network=in_own_network)) as browser:
            window = await browser.driver.new_page()
            for target in TARGETS:
                with pytest.raises(BrowserError):
                    await window.goto(target, timeout=5000, wait_until="commit")
            await shown(window)
        assert around.site.heads == []
        return around

    around = run(look())

    assert around.visitors() == []


def test_a_browser_without_walls_would_have_reached_them(chromium: Installed) -> None:
    async def look() -> World:
        async with world() as around, async_playwright() as playwright:
            browser = await playwright.chromium.launch(
                executable_path=chromium.path, args=[*chromium.arguments, "--no-proxy-server"]
            )
            window = await browser.new_page()
            await window.goto("http://127.0.0.1/")
            await shown(window)
            await browser.close()
            return around

    around = run(look())

    assert len(around.visitors()) > 10


def test_a_page_turned_away_half_way_is_looked_at_later(chromium: Installed) -> None:
    busy = NotFetched(
        url="http://site.example/a.js", state=State.HTTP_ERROR, reason="busy", status=429, retry_after_s=60.0
    )

    async def ask(url: str, wanted: Wanted) -> Fetched | NotFetched:
        return busy

    async def look() -> Rendered | NotFetched:
        async with Rendering(Chromium(sandboxed=False), ask, lambda: None, USER_AGENT) as rendered:
            return await rendered.render(page("<!doctype html><script src=/a.js></script>"))

    found = run(look())

    assert isinstance(found, NotFetched)
    assert found == busy  # with the URL of the part: the pause is for its host
