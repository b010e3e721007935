"""A site made of a function, served for real on 127.0.0.1, that keeps a ledger of what it was asked for."""

import asyncio
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date

from aiohttp import web

from core.model import Agreement, Limits, Politeness, WatchedSite

PNG = b"\x89PNG\r\n\x1a\n"  # what the bytes of a picture begin with; the examiner of these tests asks for no more


@dataclass(frozen=True)
class Answer:
    body: bytes | str = b""
    status: int = 200
    content_type: str = "text/html"
    headers: Mapping[str, str] = field(default_factory=dict)

    def body_bytes(self) -> bytes:
        return self.body.encode() if isinstance(self.body, str) else self.body


def number(path: str) -> int:
    """All its digits together; 0 without any."""
    return int("0" + "".join(filter(str.isdigit, path)))


NOT_THERE = Answer("not here", status=404)
Answers = Callable[[str], Answer | None]


def picture(name: str) -> Answer:
    return Answer(PNG + name.encode() * 20, content_type="image/png")


def page(*links: str, images: tuple[str, ...] = ()) -> Answer:
    """Links and images are paths."""
    body = "".join(f'<a href="{link}">further</a>' for link in links) + "".join(
        f'<img src="{image}">' for image in images
    )
    return Answer(f"<!doctype html><title>A page</title><body>{body}")


class LocalSite:
    def __init__(self, answers: Answers, url: str) -> None:
        self.answers = answers
        self.robots: Answer | None = None
        self.url = url
        self.asked: list[str] = []  # paths with queries, without robots.txt, in order
        self.unchanged: list[str] = []  # of these, what was answered 304, or by a part
        self.robots_asked = 0

    def pages_asked(self) -> list[str]:
        return [path for path in self.asked if ".png" not in path]

    def watched(self, *starts: str, **changes: object) -> WatchedSite:
        site = WatchedSite(
            name="local",
            kind="gallery",
            start=tuple(self.url + start for start in starts or ("/",)),
            hosts=(self.url.removeprefix("http://"),),
            allow_private=True,
            agreement=Agreement(
                agreed_by="test", agreed_on=date(2026, 1, 1), expires_on=date(2099, 1, 1), reference="T-1"
            ),
            politeness=Politeness(delay_s=0.0, concurrency=4),
            limits=Limits(),
        )
        return replace(site, **changes)  # type: ignore[arg-type]  # the caller names fields of WatchedSite


@contextmanager
def serve(answers: Answers) -> Iterator[LocalSite]:
    loop = asyncio.new_event_loop()
    started: asyncio.Future[LocalSite] = loop.create_future()

    async def answer(request: web.Request) -> web.Response:
        path = request.raw_path
        site = started.result()
        if path == "/robots.txt":
            site.robots_asked += 1
            found = site.robots
        else:
            site.asked.append(path)
            found = site.answers(path)
        found = found or NOT_THERE
        etag = found.headers.get("ETag")
        if etag is not None and request.headers.get("If-None-Match") == etag:
            site.unchanged.append(path)
            return web.Response(status=304, headers={"ETag": etag})
        begins, _, ends = request.headers.get("Range", "").removeprefix("bytes=").partition("-")
        if ends and found.status == 200 and "Accept-Ranges" in found.headers:
            site.unchanged.append(path)
            body = found.body_bytes()
            part = body[int(begins) : int(ends) + 1]
            what = f"bytes {begins}-{int(begins) + len(part) - 1}/{len(body)}"
            headers = {**found.headers, "Content-Range": what}
            return web.Response(body=part, status=206, headers=headers, content_type=found.content_type)
        return web.Response(
            body=found.body_bytes(), status=found.status, headers=found.headers, content_type=found.content_type
        )

    async def start() -> web.AppRunner:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", answer)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        started.set_result(LocalSite(answers, f"http://{host}:{port}"))
        return runner

    runner = loop.run_until_complete(start())
    thread = threading.Thread(target=loop.run_forever, name="local site")
    thread.start()
    try:
        yield started.result()
    finally:
        asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
