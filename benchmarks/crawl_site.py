"""The site that `benchmarks.crawl` crawls: pages and JPEGs in a folder, served by nginx on loopback.

Every picture is a file of its own bytes: one of a few photographs, with a comment of its own in it. Decoding and hashing them takes what
it takes for photographs, and no two are the same to whoever compares files.
"""

import getpass
import io
import random
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from PIL import Image, ImageOps

FULL: Final = (1280, 960)
THUMB: Final = (240, 180)
ICON: Final = (48, 48)
FULLS: Final = 10  # of each page
THUMBS: Final = 3
ICONS: Final = 1
EACH_PAGE: Final = FULLS + THUMBS + ICONS
PAGE_BYTES: Final = 9_400

_CONFIG: Final = """
daemon off;
user {user};
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
    types {{ text/html html; image/jpeg jpg; text/plain txt; }}
    log_format line '$msec $status $body_bytes_sent $request_method $uri';
    access_log {folder}/access.log line;
    client_body_temp_path {folder}/tmp; proxy_temp_path {folder}/tmp; fastcgi_temp_path {folder}/tmp;
    uwsgi_temp_path {folder}/tmp; scgi_temp_path {folder}/tmp;
    sendfile on; tcp_nopush on; keepalive_requests 1000000; etag on;
    limit_req_zone $server_name zone=pace:1m rate=60r/s;
    server {{
        listen 127.0.0.1:{port};
        root {folder}/site;
        index index.html;
        {rate}
    }}
}}
"""


@dataclass(frozen=True, slots=True)
class Site:
    folder: Path
    pages: int

    @property
    def root(self) -> Path:
        return self.folder / "site"

    @property
    def images(self) -> int:
        return self.pages * EACH_PAGE

    @property
    def byte_count(self) -> int:
        return sum(path.stat().st_size for path in self.root.rglob("*.jpg"))


def make(folder: Path, photographs: Sequence[Path], pages: int, seed: int) -> Site:
    """Writes the site. The pages name each other in a list of links; the first one leads to all."""
    draw = random.Random(seed)  # noqa: S311  # no secret
    (folder / "tmp").mkdir(parents=True, exist_ok=True)
    kinds = {
        size: [_jpeg(path, size, 82) for path in photographs[:count]]
        for size, count in ((FULL, 24), (THUMB, 12), (ICON, 4))
    }
    site = Site(folder, pages)
    (site.root / "i").mkdir(parents=True)
    (site.root / "p").mkdir()
    number = 0
    for page in range(pages):
        names = []
        for size, count in ((FULL, FULLS), (THUMB, THUMBS), (ICON, ICONS)):
            for _ in range(count):
                name = f"{number:06d}.jpg"
                (site.root / "i" / name).write_bytes(_own(draw.choice(kinds[size]), draw))
                names.append(name)
                number += 1
        (site.root / "p" / f"{page}.html").write_text(_page(page, pages, names), encoding="utf-8")
    links = "\n".join(f'<li><a href="/p/{page}.html">Album {page}</a></li>' for page in range(pages))
    (site.root / "index.html").write_text(f"<!doctype html><title>Albums</title><ul>{links}</ul>", encoding="utf-8")
    (site.root / "robots.txt").write_text("User-agent: *\nDisallow: /private/\n", encoding="utf-8")
    return site


def change(site: Site, photographs: Sequence[Path], share: float, seed: int) -> int:
    """A new picture on so many of the pages. Returns how many."""
    draw = random.Random(seed)  # noqa: S311  # no secret
    chosen = draw.sample(range(site.pages), round(site.pages * share))
    for page in chosen:
        path = site.root / "p" / f"{page}.html"
        name = f"new-{page}.jpg"
        (site.root / "i" / name).write_bytes(_own(_jpeg(draw.choice(photographs[:24]), FULL, 82), draw))
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace("<main>", f'<main><img src="/i/{name}" alt="">', 1), encoding="utf-8")
    return len(chosen)


@contextmanager
def served(site: Site, *, slowly: bool = False) -> Iterator[str]:
    """The site's URL while nginx serves it. `slowly`: 60 answers a second, so that much is under way at any moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    binary = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
    if binary is None:
        raise SystemExit("benchmarks.crawl needs nginx; the cure: apt install nginx-light")
    config = site.folder / "nginx.conf"
    pace = "limit_req zone=pace burst=10000;" if slowly else ""
    config.write_text(
        _CONFIG.format(folder=site.folder, port=port, user=getpass.getuser(), rate=pace), encoding="ascii"
    )
    site.folder.chmod(0o755)
    with subprocess.Popen([binary, "-p", str(site.folder), "-c", str(config)], stderr=subprocess.DEVNULL) as server:
        try:
            _answers(port)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()


def asked(site: Site) -> list[tuple[int, str]]:
    """Status and path of each request so far."""
    lines = (site.folder / "access.log").read_text(encoding="utf-8").splitlines()
    return [(int(line.split()[1]), line.split()[4]) for line in lines]


def _answers(port: int) -> None:
    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise SystemExit("nginx does not answer")


def _jpeg(path: Path, size: tuple[int, int], quality: int) -> bytes:
    file = io.BytesIO()
    ImageOps.fit(Image.open(path).convert("RGB"), size, Image.Resampling.BICUBIC).save(file, "JPEG", quality=quality)
    return file.getvalue()


def _own(jpeg: bytes, draw: random.Random) -> bytes:
    """The same picture as a file of its own: with a comment behind its first marker."""
    return jpeg[:2] + b"\xff\xfe\x00\x12" + draw.randbytes(16) + jpeg[2:]


def _page(number: int, pages: int, names: Sequence[str]) -> str:
    pictures = "\n".join(f'<figure><img src="/i/{name}" alt="" loading="lazy"></figure>' for name in names)
    near = " ".join(
        f'<a href="/p/{(number + step) % pages}.html">Album {(number + step) % pages}</a>' for step in (1, 2, 3)
    )
    words = " ".join(random.Random(number).choices(("light", "water", "stone", "field", "tree", "road"), k=4_000))  # noqa: S311
    text = f"<!doctype html><title>Album {number}</title><main>{pictures}</main><nav>{near}</nav><p>"
    return text + words[: max(0, PAGE_BYTES - len(text) - 4)] + "</p>"
