"""What is read from pages: how much is found, how much of it is right, and how long it takes: `python -m benchmarks.extraction`.

The pages are those of benchmarks/pages.py, which was written without a look at the reader. Seeds 1 to 3 served to mend it; the figures are
for seeds that did not. Beside it, on the same pages in the same run: Scrapy's LinkExtractor told to take every tag and attribute, the CSS
selector `img::attr(src)`, one regular expression over the text, and BeautifulSoup over every attribute. None of them tells pictures from
pages: what they find counts as found, whatever it is. The times are CPU time, the best of interleaved runs over the pages of a size.

    --seeds S …     101 102 103
    --pages N       of each seed (500)
    --rounds N      that the times are taken in (5)
    --missed N      examples of what was not found, and of what is wrong (0)
"""

import argparse
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final
from urllib.parse import urljoin

from bs4 import BeautifulSoup, UnicodeDammit
from scrapy.http import HtmlResponse
from scrapy.linkextractors import LinkExtractor

from benchmarks.addresses import same
from benchmarks.clock import Taken, taken
from benchmarks.contest import number, table
from benchmarks.pages import Page, page
from crawler.links import read_page

SEEDS: Final = (101, 102, 103)
EDGES: Final = (5_000, 20_000, 60_000)  # bytes, between the sizes that are timed apart
_ENDED: Final = re.compile(
    r"""[^\s"'<>()\\,;]+\.(?:jpe?g|png|gif|webp|avif|bmp|svg|ico|jfif|mp4|webm|mov|m4v|ogv)(?:\?[^\s"'<>()\\]*)?""",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Found:
    pictures: frozenset[str]
    pages: frozenset[str]


@dataclass(frozen=True, slots=True)
class Reader:
    """
    read          what is timed
    distinguishes whether it tells pictures from pages
    """

    name: str
    read: Callable[[Page], tuple[Iterable[str], Iterable[str]]]
    distinguishes: bool = False


def _stillwatch(page: Page) -> tuple[Iterable[str], Iterable[str]]:
    found = read_page(page.body, page.url, page.content_type)
    return found.images, found.pages


def _response(page: Page) -> HtmlResponse:
    return HtmlResponse(page.url, body=page.body, headers={"Content-Type": page.content_type})


_EVERY: Final = LinkExtractor(tags=(), deny_extensions=(), canonicalize=False, unique=True)
_EVERY.link_extractor.scan_tag = lambda _: True
_EVERY.link_extractor.scan_attr = lambda _: True


def _scrapy(page: Page) -> tuple[Iterable[str], Iterable[str]]:
    return [link.url for link in _EVERY.extract_links(_response(page))], ()


def _selector(page: Page) -> tuple[Iterable[str], Iterable[str]]:
    response = _response(page)
    return [response.urljoin(src) for src in response.css("img::attr(src)").getall()], ()


def _expression(page: Page) -> tuple[Iterable[str], Iterable[str]]:
    text = UnicodeDammit(page.body, is_html=True).unicode_markup or ""
    return [_joined(page.url, found) for found in _ENDED.findall(text)], ()


def _soup(page: Page) -> tuple[Iterable[str], Iterable[str]]:
    found = []
    for tag in BeautifulSoup(page.body, "html.parser").find_all(True):
        for value in tag.attrs.values():
            for one in value if isinstance(value, list) else [value]:
                if "/" in one or "." in one:
                    found.append(_joined(page.url, one))  # noqa: PERF401 – three levels deep
    return found, ()


def _joined(base: str, reference: str) -> str:
    try:
        return urljoin(base, reference.strip())
    except ValueError:  # what looks like an IPv6 address and is none
        return ""


READERS: Final = (
    Reader("Stillwatch", _stillwatch, distinguishes=True),
    Reader("Scrapy LinkExtractor, every tag and attribute", _scrapy),
    Reader("CSS img::attr(src)", _selector),
    Reader("regular expression", _expression),
    Reader("BeautifulSoup, every attribute", _soup),
)


@dataclass(slots=True)
class Tally:
    """Of one reader over many pages."""

    wanted: Counter[str] = field(default_factory=Counter)  # by kind
    found: Counter[str] = field(default_factory=Counter)
    called_pictures: int = 0
    pictures: int = 0  # of those, that are pictures
    pages: int = 0  # of those, that are pages
    wrong: Counter[str] = field(default_factory=Counter)  # the rest, by what misled
    other_pages: int = 0  # called pages, and nothing that the page links to
    called_pages: int = 0
    missed: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def add(self, page: Page, found: Found) -> None:
        pictures, either = _same(page.pictures), _same(page.either)
        for address, kind in (*pictures.items(), *either.items()):
            self.wanted[kind] += 1
            if address in found.pictures or (address in either and address in found.pages):
                self.found[kind] += 1
            else:
                self.missed[kind].append(f"{page.url}  {address}" + ("  (as a page)" if address in found.pages else ""))
        real = pictures.keys() | either.keys() | {same(one) for one in page.tolerated}
        links = {same(one) for one in page.pages} | {same(page.url)}
        traps = _same(page.traps)
        self.called_pictures += len(found.pictures)
        self.pictures += len(found.pictures & real)
        self.pages += len(found.pictures & links - real)
        for address in found.pictures - real - links:
            kind = traps.get(address, "nothing noted")
            self.wrong[kind] += 1
            self.missed[f"wrong: {kind}"].append(f"{page.url}  {address}")
        self.called_pages += len(found.pages)
        for address in found.pages - real - links:
            self.other_pages += 1
            self.missed["wrong page: " + traps.get(address, "nothing noted")].append(f"{page.url}  {address}")

    def recall(self) -> float:
        return self.found.total() / self.wanted.total()


def _same(addresses: Mapping[str, str]) -> dict[str, str]:
    return {same(address): kind for address, kind in addresses.items()}


def read(reader: Reader, page: Page) -> Found:
    pictures, pages = reader.read(page)
    return Found(frozenset(map(same, pictures)), frozenset(map(same, pages)))


def measure(arguments: Sequence[str] = ()) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.extraction",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS)
    parser.add_argument("--pages", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--missed", type=int, default=0)
    chosen = parser.parse_args(arguments)
    pages = [page(seed, at) for seed in chosen.seeds for at in range(chosen.pages)]
    sizes = sorted(len(one.body) for one in pages)
    tallies = {reader.name: Tally() for reader in READERS}
    for one in pages:
        for reader in READERS:
            tallies[reader.name].add(one, read(reader, one))
    ours = tallies[READERS[0].name]
    print(
        f"{len(pages):,} pages of seeds {', '.join(map(str, chosen.seeds))}: {sizes[0]:,} to {sizes[-1]:,} bytes, the median "
        f"{sizes[len(sizes) // 2]:,}; {ours.wanted.total():,} pictures and films, held in {len(ours.wanted)} ways.\n"
    )
    _overall(tallies)
    _by_kind(tallies)
    _wrong(ours)
    if chosen.rounds:
        _times(pages, chosen.rounds)
    if chosen.missed:
        _examples(ours, chosen.missed)


def _overall(tallies: Mapping[str, Tally]) -> None:
    rows = []
    for reader in READERS:
        tally = tallies[reader.name]
        right = tally.pictures + (0 if reader.distinguishes else tally.pages)
        rows.append(
            [
                reader.name,
                f"{tally.recall():.4f}",
                f"{right / max(1, tally.called_pictures):.4f}",
                f"{tally.wrong.total():,}",
            ]
        )
    table(["", "found", "right, of what is found", "neither picture nor page"], rows)


def _by_kind(tallies: Mapping[str, Tally]) -> None:
    wanted = tallies[READERS[0].name].wanted
    rows = [
        [kind, f"{wanted[kind]:,}", *(f"{tallies[reader.name].found[kind] / wanted[kind]:.3f}" for reader in READERS)]
        for kind in sorted(wanted)
    ]
    table(["held as", "pictures", *(reader.name for reader in READERS)], rows)


def _wrong(tally: Tally) -> None:
    print(
        f"Of {tally.called_pictures:,} that Stillwatch calls pictures, {tally.pictures:,} are; {tally.pages:,} are pages, "
        f"{tally.wrong.total():,} nothing. Of {tally.called_pages:,} that it calls pages, {tally.other_pages:,} are nothing.\n"
    )
    table(["wrongly called a picture", "times"], [[kind, str(count)] for kind, count in tally.wrong.most_common()])


def _times(pages: Sequence[Page], rounds: int) -> None:
    edges = (0, *EDGES, 1 << 30)
    rows = []
    for low, high in pairwise(edges):
        some = [one for one in pages if low <= len(one.body) < high]
        if not some:
            continue
        measured: dict[str, list[Taken]] = {reader.name: [] for reader in READERS}
        for _ in range(rounds):
            for reader in READERS:
                measured[reader.name].append(taken(_all, reader, some).per(len(some)))
        size = sum(len(one.body) for one in some) / len(some)
        times = {name: min(one.cpu for one in each) * 1000 for name, each in measured.items()}
        rows.append([f"{size / 1000:.1f} KB", str(len(some)), *(number(times[reader.name]) for reader in READERS)])
    table(["mean size", "pages", *(f"{reader.name}, ms a page" for reader in READERS)], rows)


def _all(reader: Reader, pages: Sequence[Page]) -> None:
    for one in pages:
        reader.read(one)


def _examples(tally: Tally, most: int) -> None:
    for kind, addresses in sorted(tally.missed.items()):
        print(f"{kind}: {len(addresses)}")
        for address in addresses[:most]:
            print(f"    {address}")


if __name__ == "__main__":
    measure(sys.argv[1:])
