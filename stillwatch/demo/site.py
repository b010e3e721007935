"""The demo site: a photo club on 127.0.0.1 that agreed to be watched, and on which somebody uploads what is not theirs.

    with DemoSite() as site:
        site.url, site.planted              # where it is; which image URLs show a protected photograph
        site.delete(path)                   # that upload is taken down, in every size
        site.restore(path)                  # and is back at the same address
        site.upload_again("coffee")         # a copy at a new address, on a page that the front page leads to
        site.requests()                     # what was asked for, and when

Alone: python -m stillwatch.demo.site --port 8765
"""

import argparse
import sys
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self
from urllib.parse import parse_qsl, urlencode, urlsplit

from stillwatch.demo.catalogue import Picture, Planted, Rendition, edit_named, ledger, plan, renditions, upload
from stillwatch.demo.copies import Encoded
from stillwatch.demo.odds import odds
from stillwatch.demo.pages import Club, gone_status, render
from stillwatch.demo.watched import site_toml as site_toml  # noqa: PLC0414  # offered here, too
from stillwatch.output import say
from stillwatch.workers import Stop

PICTURES = 200
LAST_MODIFIED = "Sun, 01 Nov 2026 09:00:00 GMT"


@dataclass(frozen=True, slots=True)
class Asked:
    """One request, as the site saw it."""

    path: str  # with its query, in one spelling
    at: float  # seconds since the epoch
    status: int
    user_agent: str


class DemoSite:
    """Served from `start` (or `with`) to `stop`. The same seed makes the same site, byte for byte."""

    def __init__(self, *, port: int = 0, seed: int = 3, pictures: int = PICTURES) -> None:
        self._port = port
        self._pictures = plan(seed, pictures)
        self._uploads: list[Picture] = []
        self._gone: frozenset[int] = frozenset()
        self._files: dict[str, Rendition] = {}
        self._encoded: dict[str, Encoded] = {**odds()}
        self._asked: list[Asked] = []
        self._lock = threading.Lock()
        self._server: _Server | None = None
        for picture in self._pictures:
            self._put_up(picture)

    # ---------------------------------------------------------------------------------------------------------- serving

    def start(self) -> Self:
        self._server = _Server(self, self._port)
        threading.Thread(target=self._server.serve_forever, args=(0.1,), name="demo site", daemon=True).start()
        return self

    def stop(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    @property
    def port(self) -> int:
        assert self._server is not None, "the site is not being served: call start()"
        port: int = self._server.server_address[1]
        return port

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    # ------------------------------------------------------------------------------------------------- what is on the site

    @property
    def planted(self) -> Sequence[Planted]:
        """The ledger: every image URL that shows a protected photograph, later uploads included."""
        return ledger([*self._pictures, *self._uploads])

    @property
    def paths(self) -> Sequence[str]:
        """Every image address there is and was, the odd ones included."""
        return list(dict.fromkeys([*self._files, *odds()]))

    def delete(self, path: str) -> Sequence[str]:
        """Takes the upload behind this image down; returns the addresses that answer 404 or 410 from now on."""
        picture = self._behind(path)
        self._gone |= {picture.number}
        return [each.path for each in renditions(picture)]

    def restore(self, path: str) -> None:
        """The upload is back where it was."""
        self._gone -= {self._behind(path).number}

    def upload_again(self, photograph: str, edit: str = "resized") -> str:
        """Puts a copy up at a new address; returns that of the full picture."""
        with self._lock:
            number = 9001 + len(self._uploads)
            picture = upload(number, number, photograph, edit_named(edit))
            self._put_up(picture)
            self._uploads.append(picture)
        return picture.full

    def _behind(self, path: str) -> Picture:
        return self._files[one_spelling(path)].picture

    def _put_up(self, picture: Picture) -> None:
        self._files.update({each.path: each for each in renditions(picture)})

    # -------------------------------------------------------------------------------------------------- what was asked for

    def requests(self) -> Sequence[Asked]:
        """In order."""
        return tuple(self._asked)

    def counts(self) -> Mapping[str, int]:
        """How often each path was asked for."""
        return Counter(asked.path for asked in self._asked)

    # ----------------------------------------------------------------------------------------------------------- answering

    def answer(self, target: str, user_agent: str) -> tuple[int, Encoded]:
        path = one_spelling(target)
        status, encoded = self._answer(path)
        self._asked.append(Asked(path, time.time(), status, user_agent))
        return status, encoded

    def _answer(self, path: str) -> tuple[int, Encoded]:
        rendition = self._files.get(path)
        if rendition is not None and rendition.picture.number in self._gone:
            return gone_status(rendition.picture), _text("This picture was taken down.")
        if rendition is not None and path not in self._encoded:
            # Drawn when first asked for, so that the site is up at once.
            self._encoded[path] = rendition.encode()
        if path in self._encoded:
            return 200, self._encoded[path]
        club = Club(self.url, self._pictures, tuple(self._uploads), self._gone)
        page = render(club, path)
        if page is None:
            return 404, _text("There is no such page.")
        return page.status, Encoded(page.body.encode(), page.content_type)


def one_spelling(target: str) -> str:
    """A path with its query sorted, so that `?size=small&id=3` is the same picture."""
    parts = urlsplit(target)
    return parts.path + (f"?{urlencode(sorted(parse_qsl(parts.query)))}" if parts.query else "")


# ------------------------------------------------------------------------------------------------------------------ HTTP


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False  # idle connections of a crawler must not hold up the end
    request_queue_size = 64

    def __init__(self, site: DemoSite, port: int) -> None:
        self.site = site
        super().__init__(("127.0.0.1", port), _Answer)

    def handle_error(self, request: object, client_address: object) -> None:
        """A crawler that was killed left the line: nothing to tell anybody."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]  # typeshed wants the socket's type


class _Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # keeps connections open
    disable_nagle_algorithm = True
    server: _Server

    def do_GET(self) -> None:
        status, encoded = self.server.site.answer(self.path, self.headers.get("User-Agent", ""))
        tag = f'"{sha256(encoded.body).hexdigest()[:24]}"'
        if status == 200 and self.headers.get("If-None-Match") == tag:
            self.send_response(HTTPStatus.NOT_MODIFIED)
            self.send_header("ETag", tag)
            self.end_headers()
            return
        self.send_response(status)
        self.send_header("Content-Type", encoded.content_type)
        self.send_header("Content-Length", str(len(encoded.body)))
        if status == 200:
            self.send_header("ETag", tag)
            self.send_header("Last-Modified", LAST_MODIFIED)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(encoded.body)

    do_HEAD = do_GET  # noqa: N815  # the name http.server looks for

    def log_message(self, *_: object) -> None:
        """The site keeps its own list; nothing of it belongs on a terminal."""


def _text(sentence: str) -> Encoded:
    return Encoded(f"<!doctype html><title>Harbour Light</title><p>{sentence}</p>".encode(), "text/html; charset=utf-8")


def main(arguments: Sequence[str] | None = None) -> None:
    """Serves the site until it is asked to end."""
    parser = argparse.ArgumentParser(
        prog="python -m stillwatch.demo.site", description="Serves the demo site on 127.0.0.1."
    )
    parser.add_argument("--port", type=int, default=0)
    port: int = parser.parse_args(arguments).port
    stop = Stop().listen()
    with DemoSite(port=port) as site:
        say(f"The demo site: {site.url}/")
        while not stop():
            stop.wait(3600.0)


if __name__ == "__main__":
    main()
