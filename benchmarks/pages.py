"""Pages as the web has them, with what is on them: `page(seed, number)` is always the same page.

Each stands on a site made in the manner of a kind of program (a blog, a shop, a board, a page of 1998): with its frame, its addresses and
its favoured ways of holding pictures. On top come ways drawn from all there are, as plugins, advertisers and editors bring them, and things
that look like pictures and are none. Sizes are log-normal, 2 to 200 KB, the median about 10.
"""

# ruff: noqa: E501 – rows of a table, and markup, read better whole

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Final

from benchmarks import addresses
from benchmarks.addresses import Place
from benchmarks.embeddings import IN_BODY, IN_HEAD
from benchmarks.lookalikes import TRAPS
from benchmarks.sheet import Make, Sheet

MEDIAN: Final = 8_500  # bytes drawn; the piece that fills a page makes it longer
SPREAD: Final = 1.0  # of the logarithm
LEAST: Final = 2_000
MOST: Final = 200_000


@dataclass(frozen=True, slots=True)
class Page:
    """
    pictures   address → how it is held, of all that must be found
    either     address → how it is held, of what may be found as a picture or as a page
    tolerated  pictures that nobody is shown
    pages      where its links lead
    traps      address → what made it look like a picture's
    """

    url: str
    content_type: str
    body: bytes = field(repr=False)
    pictures: Mapping[str, str]
    either: Mapping[str, str]
    tolerated: frozenset[str]
    pages: frozenset[str]
    traps: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Program:
    """
    favoured   ways of holding pictures that each page repeats
    head       ways in its head
    languages  in which it is spoken to
    loud       tags in capitals, at times
    loose      written by hand
    """

    favoured: Sequence[str]
    head: Sequence[str]
    languages: Sequence[str] = ("en", "en", "de", "fr", "ru", "ja", "zh", "ko")
    loud: bool = False
    loose: bool = False


PROGRAMS: Final[Mapping[str, Program]] = {
    "blog": Program(("figure", "lazy with noscript", "srcset widths", "link"), ("og:image", "JSON-LD @graph", "link icon", "style url()")),
    "shop": Program(("shop JSON", "lazy srcset", "higher resolution", "JSON in an attribute"), ("og:image", "JSON-LD list", "link preload imagesrcset")),
    "board": Program(("attachment", "img", "lightbox", "link"), ("link icon", "og:image")),
    "imageboard": Program(("imageboard", "imageboard", "img loading=lazy"), ("link icon",)),
    "application": Program(("__NEXT_DATA__", "srcset densities", "React flight"), ("og:image", "twitter:image", "link preload")),
    "network": Program(("script state", "script state, without an ending", "JSON.parse of a string"), ("og:image", "og:video", "link icon")),
    "gallery": Program(("PhotoSwipe", "lightbox", "lazy, with an ending", "style attribute"), ("link image_src", "JSON-LD ImageObject")),
    "films": Program(("video source", "video poster", "player script", "link to a film", "lazy, with an ending"), ("og:video", "JSON-LD VideoObject")),
    "wiki": Program(("wiki thumbnail", "img protocol-relative"), ("og:image", "link icon")),
    "news": Program(("picture", "lazy source", "style attribute", "amp-img"), ("og:image", "JSON-LD string", "JSON-LD VideoObject", "itemprop")),
    "by hand": Program(
        ("img in capitals", "img unquoted", "background attribute", "link", "script array", "area", "img letters and spaces"),
        ("meta refresh",), ("en", "en", "de", "ru", "ja"), loud=True, loose=True,
    ),
    "builder": Program(("lazy background", "style attribute, two", "escaped JSON in an attribute", "web component"), ("style variable", "og:image")),
}  # fmt: skip

# By language: how pages in it are encoded, and by what name they say so.
ENCODINGS: Final[Mapping[str, Sequence[tuple[str, str]]]] = {
    "en": (("utf-8", "utf-8"), ("utf-16", "utf-16")),
    "de": (("windows-1252", "iso-8859-1"), ("utf-8", "UTF-8"), ("windows-1252", "windows-1252")),
    "fr": (("windows-1252", "iso-8859-1"), ("utf-8", "utf8"), ("utf-16", "utf-16")),
    "ru": (("windows-1251", "windows-1251"), ("koi8-r", "koi8-r"), ("utf-8", "utf-8")),
    "ja": (("shift_jis", "Shift_JIS"), ("euc-jp", "EUC-JP"), ("utf-8", "utf-8")),
    "zh": (("gbk", "gb2312"), ("utf-8", "utf-8"), ("utf-16", "utf-16")),
    "ko": (("euc-kr", "euc-kr"), ("utf-8", "utf-8")),
}


def page(seed: int, number: int) -> Page:
    chance = Random(f"{seed}/{number // 5}")  # noqa: S311 – it draws pages, and keeps no secret
    program = PROGRAMS[chance.choice(sorted(PROGRAMS))]  # five pages of a site
    language = chance.choice(program.languages)
    host = f"{chance.choice(('www', 'm', 'forum', 'shop'))}.{addresses.slug(chance)}.example"
    place = Place(chance, host, language)
    encoding, declared = chance.choice(ENCODINGS[language]) if chance.random() < 0.4 else ("utf-8", "utf-8")
    chance.seed(f"{seed}/{number}")
    return _written(chance, place, program, encoding, declared)


def _written(chance: Random, place: Place, program: Program, encoding: str, declared: str) -> Page:
    scheme = "http" if program.loose and chance.random() < 0.3 else "https"
    url = addresses.page(chance, place.host).replace("https", scheme, 1)
    base = (
        f"{scheme}://{chance.choice((place.host, place.cdn))}/{chance.choice(('', 'a/b/', 'site/index.html'))}"
        if chance.random() < 0.1
        else url
    )
    sheet = Sheet(
        chance,
        place,
        base,
        encoding="utf-8" if encoding == "utf-16" else encoding,
        loud=program.loud and chance.random() < 0.5,
        loose=program.loose,
    )
    size = min(MOST, max(LEAST, round(chance.lognormvariate(0, SPREAD) * MEDIAN)))
    head = _head(sheet, program, encoding, declared)
    if base != url:
        head.insert(1, sheet.tag("base", {"href": base}))
    body = _body(sheet, program, size - sum(map(len, head)))
    doctype = chance.choice(
        ("<!DOCTYPE html>", "<!doctype html>", '<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 4.01 Transitional//EN">', "")
    )
    ends = chance.choice(("</body></html>", "</BODY></HTML>", ""))
    text = (
        f'{doctype}\n<html lang="{place.language}">\n<head>\n'
        + "\n".join(head)
        + "\n</head>\n<body>\n"
        + "\n".join(body)
        + f"\n{ends}"
    )
    in_header = encoding not in ("utf-8", "utf-16") and chance.random() < 0.3
    return Page(
        url=url,
        content_type=f"text/html; charset={declared}" if in_header else "text/html",
        body=_encoded(chance, text, encoding),
        pictures=sheet.pictures,
        either={address: kind for address, kind in sheet.either.items() if address not in sheet.pictures},
        tolerated=frozenset(sheet.tolerated),
        pages=frozenset(sheet.pages),
        traps=sheet.traps,
    )


def _encoded(chance: Random, text: str, encoding: str) -> bytes:
    if encoding == "utf-16":
        little = chance.random() < 0.7
        return b"\xff\xfe" + text.encode("utf-16-le") if little else b"\xfe\xff" + text.encode("utf-16-be")
    mark = b"\xef\xbb\xbf" if encoding == "utf-8" and chance.random() < 0.05 else b""
    return mark + text.encode(encoding)


def _made(sheet: Sheet, kind: str, ways: Mapping[str, Make]) -> str:
    sheet.kind = kind
    return ways[kind](sheet)


def _head(sheet: Sheet, program: Program, encoding: str, declared: str) -> list[str]:
    chance = sheet.chance
    named = sheet.tag("meta", {"charset": declared})
    if chance.random() < 0.4:
        named = sheet.tag("meta", {"http-equiv": "Content-Type", "content": f"text/html; charset={declared}"})
    pieces = [
        *([] if encoding == "utf-16" else [named]),
        sheet.tag("title", {}, sheet.words(2, 6)),
        sheet.tag("link", {"rel": "stylesheet", "href": "/css/main.css?v=3"}),
        sheet.tag("link", {"rel": "canonical", "href": sheet.page()}),
        sheet.tag("script", {"src": "/js/app.js", "async": None}, ""),
    ]
    kinds = [*program.head, *chance.sample(sorted(IN_HEAD), chance.randint(0, 3))]
    return [*pieces, *(_made(sheet, kind, IN_HEAD) for kind in kinds)]


def _body(sheet: Sheet, program: Program, size: int) -> list[str]:
    """Menus and foot around what the page shows; in between text until it is long enough."""
    chance = sheet.chance
    pieces = [_menu(sheet)]
    length = len(pieces[0])
    every = sorted(IN_BODY)
    dense = chance.uniform(0.1, 0.5)  # how much of it shows something
    while length < size:
        chosen = chance.random()
        if chosen < dense * 0.5:
            piece = _made(sheet, chance.choice(program.favoured), IN_BODY)
        elif chosen < dense:
            piece = _made(sheet, chance.choice(every), IN_BODY)
        elif chosen < dense + 0.08:
            piece = _made(sheet, chance.choice(sorted(TRAPS)), TRAPS)
        else:
            piece = _filling(sheet)
        if chance.random() < 0.3:
            piece = sheet.tag("div", {"class": f"c{sheet.number(2)} item", "id": f"i{sheet.number(5)}"}, piece)
        pieces.append(piece)
        length += len(piece)
    return pieces


def _menu(sheet: Sheet) -> str:
    links = (sheet.tag("li", {}, _link(sheet)) for _ in range(sheet.chance.randint(3, 8)))
    return sheet.tag("ul", {"class": "menu nav"}, "".join(links))


def _link(sheet: Sheet) -> str:
    return sheet.tag("a", {"href": sheet.at(sheet.page()), "class": "link", "title": sheet.words()}, sheet.words())


def _filling(sheet: Sheet) -> str:
    chance = sheet.chance
    chosen = chance.random()
    if chosen < 0.6:
        return sheet.tag("p", {}, f"{sheet.words(10, 60)}. {_link(sheet)} {sheet.words(5, 30)}")
    if chosen < 0.75:
        return sheet.tag(
            "div",
            {"class": "row", "data-id": sheet.number(6), "aria-hidden": "true"},
            sheet.tag("span", {}, sheet.words(1, 5)) * chance.randint(1, 4),
        )
    if chosen < 0.85:
        rules = "".join(
            f".x{sheet.number(4)}{{margin:{sheet.number(2)}px;color:#{addresses.hexa(chance, 6)}}}"
            for _ in range(chance.randint(3, 30))
        )
        return sheet.tag("style", {}, rules)
    if chosen < 0.95:
        calls = "".join(
            f"f{sheet.number(4)}(function(e,t){{return e.{sheet.one_of('a', 'b')}[t]+{sheet.number()}}});"
            for _ in range(chance.randint(2, 20))
        )
        return sheet.script(calls)
    return f'<svg viewBox="0 0 24 24"><path d="M{"".join(f"{sheet.number(2)}.{sheet.number(1)}L" for _ in range(30))}0z"/></svg>'
