"""Sites that get new pictures, for the benchmark of looking again: what each of their pages shows at an hour, and a server of them.

A site has a start page that names every thread, an imprint, threads, and mostly a page of new uploads from which older ones scroll off.
The menu is on every page. Uploads come as Poisson processes: few threads are busy, most sleep, and sites differ as well. Half of the sites
send validators, so that an unchanged page is answered 304; the others send the whole page each time.

The server renders what there is at the hour that its clock shows, and whoever asks sets the clock: weeks pass in minutes.
"""

import math
from bisect import bisect_right
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np
from aiohttp import web

from crawler.revisit import UNCHANGED_COST

WITH_NEW_PAGE: Final = 0.8  # of the sites
WITH_VALIDATORS: Final = 0.5
NEW_PAGE_ITEMS: Final = 60
BEFORE_H: Final = 168.0  # uploads of the week before are there already, and are not counted
UPLOADS_PER_H: Final = 1.5  # of the median site
SITES_DIFFER: Final = 0.8  # sigma of the lognormal
RISKS_DIFFER: Final = 0.7  # the same, of how likely an upload is to be one that is looked for
THREADS_DIFFER: Final = 2.0  # the same, of a site's threads
SECTION_PER_H: Final = 12.0  # politeness: visits an hour that a page which is no thread may get
THREAD_PER_H: Final = 2.0


class Size(NamedTuple):
    sites: int
    pages: int  # of each


class Upload(NamedTuple):
    hour: float
    thread: int
    url: str


@dataclass(frozen=True, slots=True)
class Answer:
    """A page, read; or nothing but that it is unchanged."""

    etag: str | None
    unchanged: bool = False
    images: Sequence[str] = ()
    pages: Sequence[str] = ()

    @property
    def cost(self) -> float:
        return UNCHANGED_COST if self.unchanged else 1.0


@dataclass(slots=True)
class Site:
    base: str  # http://127.0.0.11:8080
    new_page: bool
    validators: bool
    risk: float
    rates: Sequence[float]  # uploads an hour, of each thread
    uploads: Sequence[Upload]  # in their order
    _hours: list[float] = field(init=False)
    _of_thread: list[list[Upload]] = field(init=False)

    def __post_init__(self) -> None:
        self._hours = [upload.hour for upload in self.uploads]
        self._of_thread = [[] for _ in self.rates]
        for upload in self.uploads:
            self._of_thread[upload.thread].append(upload)

    @property
    def menu(self) -> list[str]:
        return ["/", "/new", "/about"] if self.new_page else ["/", "/about"]

    def shown(self, path: str, hour: float) -> tuple[Sequence[Upload], Sequence[str]]:
        """Pictures in the order of the page, and the paths it names beside the menu."""
        if path == "/new":
            end = bisect_right(self._hours, hour)
            latest = self.uploads[max(0, end - NEW_PAGE_ITEMS) : end][::-1]
            return latest, [f"/thread/{upload.thread}" for upload in latest]
        if path == "/":
            return (), [f"/thread/{thread}" for thread in range(len(self.rates))]
        if path == "/about":
            return (), ()
        uploads = self._of_thread[int(path.rpartition("/")[2])]
        return uploads[: bisect_right(uploads, hour, key=lambda upload: upload.hour)], ()

    def etag(self, uploads: Sequence[Upload]) -> str | None:
        """All pages only ever gain pictures, so how many there are and the latest one say whether a page has changed."""
        if not self.validators:
            return None
        latest = max((upload.hour for upload in (*uploads[:1], *uploads[-1:])), default=0.0)
        return f'"{len(uploads)}-{latest:.6f}"'


@dataclass(frozen=True, slots=True)
class World:
    sites: Sequence[Site]
    end_h: float
    _answers: dict[str, tuple[Sequence[Upload], Answer | None]] = field(default_factory=dict, compare=False, repr=False)

    @property
    def starts(self) -> list[str]:
        return [f"{site.base}/" for site in self.sites]

    def site_of(self, url: str) -> tuple[Site, str]:
        host, _, path = url.removeprefix("http://").partition("/")
        return self.sites[_number_of(host)], f"/{path}"

    def answer(self, url: str, etag: str | None, hour: float) -> Answer:
        """As the server answers, without one."""
        site, path = self.site_of(url)
        uploads, named = site.shown(path, hour)
        shown, answer = self._answers.get(url, ((), None))
        if answer is None or shown != uploads:
            pages = dict.fromkeys(f"{site.base}{each}" for each in (*site.menu, *named))
            answer = Answer(site.etag(uploads), images=[upload.url for upload in uploads], pages=list(pages))
            self._answers[url] = uploads, answer
        if etag is not None and etag == answer.etag:
            return Answer(etag, unchanged=True)
        return answer


def drawn(seed: int, size: Size, days: float, port: int, *, threads_differ: float = THREADS_DIFFER) -> World:
    """The same seed draws the same sites; a change of their risks alone changes no upload."""
    end_h = days * 24
    chance = np.random.default_rng([seed, size.sites, size.pages])
    new_pages = _share(chance, size.sites, WITH_NEW_PAGE)
    validators = _share(chance, size.sites, WITH_VALIDATORS)
    risks = chance.lognormal(0, RISKS_DIFFER, size.sites)
    sites = []
    for number in range(size.sites):
        base = f"http://127.0.0.{11 + number}:{port}"
        own = np.random.default_rng([seed, size.sites, size.pages, number])
        threads = size.pages - 3 if new_pages[number] else size.pages - 2
        of_site = own.lognormal(math.log(UPLOADS_PER_H), SITES_DIFFER)
        shares = own.lognormal(0, threads_differ, threads)
        rates = of_site * shares / shares.sum()
        counts = own.poisson(rates * (BEFORE_H + end_h))
        uploads = [
            Upload(float(hour), thread, f"{base}/pictures/{thread}-{count}.jpg")
            for thread in range(threads)
            for count, hour in enumerate(sorted(own.uniform(-BEFORE_H, end_h, counts[thread])))
        ]
        sites.append(
            Site(
                base,
                bool(new_pages[number]),
                bool(validators[number]),
                float(risks[number]),
                rates.tolist(),
                sorted(uploads),
            )
        )
    return World(sites, end_h)


def _share(chance: np.random.Generator, count: int, share: float) -> Sequence[bool]:
    flags = np.arange(count) < round(share * count)
    return [bool(flag) for flag in chance.permutation(flags)]


def _number_of(host: str) -> int:
    return int(host.partition(":")[0].rpartition(".")[2]) - 11


# ------------------------------------------------------------------------------------------------------------ the server


@dataclass(slots=True)
class Clock:
    hour: float = 0.0


@asynccontextmanager
async def serving(world: World, clock: Clock, port: int) -> AsyncIterator[None]:
    """Each site on a loopback address of its own."""

    async def answer(request: web.Request) -> web.Response:
        site = world.sites[_number_of(request.host)]
        uploads, named = site.shown(request.path, clock.hour)
        etag = site.etag(uploads)
        headers = {} if etag is None else {"ETag": etag}
        if etag is not None and request.headers.get("If-None-Match") == etag:
            return web.Response(status=304, headers=headers)
        return web.Response(text=_page(site, uploads, named), content_type="text/html", headers=headers)

    application = web.Application()
    application.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    try:
        for number in range(len(world.sites)):
            await web.TCPSite(runner, f"127.0.0.{11 + number}", port).start()
        yield
    finally:
        await runner.cleanup()


def _page(site: Site, uploads: Sequence[Upload], named: Sequence[str]) -> str:
    menu = "".join(f'<a href="{path}">{path}</a>' for path in site.menu)
    if uploads and named:  # new uploads, each beside a link to its thread
        shown = "".join(
            f'<li><a href="{path}"><img src="{upload.url}"></a>' for upload, path in zip(uploads, named, strict=True)
        )
    else:
        shown = "".join(f'<li><img src="{upload.url}">' for upload in uploads)
        shown += "".join(f'<li><a href="{path}">a thread</a>' for path in named)
    return f"<!doctype html><title>Pictures</title><nav>{menu}</nav><ul>{shown}</ul>"
