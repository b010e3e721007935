"""The demo site's pages: a small photo club's, in every way of embedding a picture that a crawler meets.

Plain functions from the club as it is now to HTML. A picture that was taken down is named nowhere any more.
"""

# ruff: noqa: ARG001, ARG005  # rows of one table share a signature; not every row needs all of it

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from html import escape
from urllib.parse import parse_qs, urlsplit

from stillwatch.demo.catalogue import GALLERIES, MEDIUM_PX, MEMBERS, SMALL_PX, TAGS, Picture

A_GALLERY_PAGE, A_LATEST_PAGE = 9, 7  # pictures shown on one page
NEWS = 6
ELSEWHERE = "http://pictures.elsewhere.invalid/banner.jpg"  # not part of the agreement
STYLE = """body{margin:0;font:17px/1.55 Georgia,serif;color:#22303a;background:#f7f5f0}
header,footer{background:#20414f;color:#f3efe6;padding:1.1rem 6vw}header a,footer a{color:#f3dfb6;margin-right:1.1rem}
header b{display:block;font-size:1.5rem;margin-bottom:.3rem}main{max-width:66rem;margin:2rem auto;padding:0 1.2rem}
.cards{display:grid;grid-template-columns:repeat(auto-fill,minmax(13rem,1fr));gap:1.2rem;list-style:none;padding:0}
.cards li{background:#fff;border-radius:8px;padding:.7rem;box-shadow:0 1px 4px #0002}.cards img,.big{width:100%;height:auto}
.tile{height:11rem;background-size:cover;background-position:center}.big{min-height:20rem;background-size:contain;background-repeat:no-repeat}
.note{color:#6b7780;font-size:.9rem}img{border-radius:5px}"""

# What shows lazy pictures to people; a crawler runs no script.
SCRIPT = """for(const i of document.images)if(!i.currentSrc||i.src.startsWith("data:"))i.src=i.dataset.src||i.dataset.original||i.src
for(const c of window.cards||[])document.getElementById(c.at).style.backgroundImage="url("+c.thumb+")"
"""


@dataclass(frozen=True, slots=True)
class Club:
    """What the site shows right now."""

    origin: str  # http://127.0.0.1:port
    pictures: Sequence[Picture]  # oldest first
    uploads: Sequence[Picture] = ()  # since the start, oldest first
    gone: frozenset[int] = field(default=frozenset())  # numbers of uploads that were taken down

    def shown(self, picture: Picture) -> bool:
        return picture.number not in self.gone


@dataclass(frozen=True, slots=True)
class Page:
    status: int
    body: str
    content_type: str = "text/html; charset=utf-8"


def render(club: Club, path: str) -> Page | None:
    """None: there is no such page. `path` is a path with its query."""
    parts = urlsplit(path)
    first, _, rest = parts.path.strip("/").partition("/")
    make = PAGES.get(first)
    return None if make is None else make(club, rest, _one_each(parts.query))


# ------------------------------------------------------------------------------------------------------------- embedding


def embed(club: Club, picture: Picture, kind: str) -> str:
    """The full picture, as `kind` embeds it; nothing where it was taken down."""
    return EMBED[kind](club, picture) if club.shown(picture) else GONE_NOTE


def gone_status(picture: Picture) -> int:
    """What its addresses answer once it was taken down: sites differ."""
    return 410 if picture.number % 4 == 0 else 404


GONE_NOTE = '<p class="note">This picture was taken down.</p>'


def _src(club: Club, picture: Picture) -> str:
    return f'<img class="big" src="{escape(picture.full)}" alt="{escape(picture.title)}">'


def _srcset(club: Club, picture: Picture) -> str:
    return (
        f'<img class="big" src="{escape(picture.small)}" alt="{escape(picture.title)}" sizes="90vw" '
        f'srcset="{escape(picture.small)} {SMALL_PX}w, {escape(picture.medium)} {MEDIUM_PX}w,\n {escape(picture.full)} 1200w">'
    )


def _picture(club: Club, picture: Picture) -> str:
    return (
        f'<picture><source media="(min-width: 40em)" srcset="{escape(picture.full)}, {escape(picture.medium)} 2x">'
        f'<img class="big" src="{escape(picture.small)}" alt=""></picture>'
    )


def _lazy(attribute: str) -> Callable[[Club, Picture], str]:
    blank = "data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAA="
    return lambda club, picture: f'<img class="big lazy" src="{blank}" {attribute}="{escape(picture.full)}" alt="">'


def _noscript(club: Club, picture: Picture) -> str:
    return f'<div class="big later"></div><noscript><img src="{escape(picture.full)}" alt=""></noscript>'


def _link(club: Club, picture: Picture) -> str:
    return f'<a href="{escape(picture.full)}"><img src="{escape(picture.small)}" alt="full size"></a>'


def _css_attribute(club: Club, picture: Picture) -> str:
    return f"""<div class="big" style="background-image: url('{escape(picture.full)}')"></div>"""


def _css_element(club: Club, picture: Picture) -> str:
    return f'<style>#hero {{ background-image: url("{picture.full}"); }}</style><div id="hero" class="big"></div>'


def _meta(name: str, attribute: str) -> Callable[[Club, Picture], str]:
    return lambda club, picture: f'<meta {attribute}="{name}" content="{escape(club.origin + picture.full)}">'


def _json_ld(club: Club, picture: Picture) -> str:
    about = {
        "@context": "https://schema.org",
        "@type": "ImageObject",
        "name": picture.title,
        "contentUrl": club.origin + picture.full,
    }
    return f'<script type="application/ld+json">{json.dumps(about)}</script>'


def _script(club: Club, picture: Picture) -> str:
    state = json.dumps({"viewer": {"open": True, "image": club.origin + picture.full}}).replace("/", "\\/")
    return f'<div id="viewer" class="big"></div><script>window.__club = {state};</script>'


def _poster(club: Club, picture: Picture) -> str:
    return f'<video class="big" controls poster="{escape(picture.full)}"></video>'


def _base(club: Club, picture: Picture) -> str:
    """The page's <base> is /media/; addresses outside it climb out."""
    relative = picture.full.removeprefix("/media/") if picture.full.startswith("/media/") else ".." + picture.full
    return f'<img class="big" src="{escape(relative)}" alt="">'


EMBED: Mapping[str, Callable[[Club, Picture], str]] = {
    "src": _src,
    "srcset": _srcset,
    "picture": _picture,
    "data-src": _lazy("data-src"),
    "data-original": _lazy("data-original"),
    "noscript": _noscript,
    "link": _link,
    "css-attribute": _css_attribute,
    "css-element": _css_element,
    "open-graph": _meta("og:image", "property"),
    "twitter": _meta("twitter:image", "name"),
    "json-ld": _json_ld,
    "script": _script,
    "poster": _poster,
    "base": _base,
}
IN_HEAD = ("css-element", "open-graph", "twitter", "json-ld")


# ----------------------------------------------------------------------------------------------------------------- pages


def _front(club: Club, rest: str, query: Mapping[str, str]) -> Page | None:
    if rest:
        return None
    new = '<p><a href="/new">New since yesterday</a></p>' if club.uploads else ""
    return _page(
        "Harbour Light Photo Club",
        f"<p>Twelve friends, eight galleries, one rule: only pictures that may be here.</p>{new}"
        f"<h2>Latest</h2>{_cards(club, club.pictures[-6:], lambda p: p.strip)}<p><a href='/latest'>All the latest</a></p>",
    )


def _gallery(club: Club, rest: str, query: Mapping[str, str]) -> Page | None:
    if rest not in GALLERIES:
        return None
    of_it = [picture for picture in reversed(club.pictures) if picture.gallery == rest]
    return _listing(club, f"/gallery/{rest}", query, pictures=of_it, each=A_GALLERY_PAGE, size=lambda p: p.small)


def _latest(club: Club, rest: str, query: Mapping[str, str]) -> Page | None:
    return _listing(
        club, "/latest", query, pictures=list(reversed(club.pictures)), each=A_LATEST_PAGE, size=lambda p: p.strip
    )


def _new(club: Club, rest: str, query: Mapping[str, str]) -> Page | None:
    return _page("New since yesterday", _cards(club, list(reversed(club.uploads)), lambda p: p.small))


def _tag(club: Club, rest: str, query: Mapping[str, str]) -> Page | None:
    if rest not in TAGS:
        return None
    of_it = [picture for picture in club.pictures if rest in picture.tags]
    return _page(f"Tagged {rest}", _cards(club, of_it[:24], lambda p: p.small))


def _member(club: Club, rest: str, query: Mapping[str, str]) -> Page | None:
    if rest not in MEMBERS:
        return None
    own = [picture for picture in club.pictures if picture.member == rest]
    links = "".join(f'<li><a href="{picture.page}">{escape(picture.title)}</a></li>' for picture in own)
    return _page(rest, f'<img src="/avatar/{rest}.png" alt="" width="48"><ul>{links}</ul>')


def _one_picture(club: Club, rest: str, query: Mapping[str, str]) -> Page | None:
    """An unknown number gets what many sites answer: a friendly page that claims to be fine."""
    found = [picture for picture in (*club.pictures, *club.uploads) if str(picture.number) == rest]
    if not found:
        return _page("Hm", "<p>We looked everywhere, but this picture is not here (any more).</p>")
    picture = found[0]
    if not club.shown(picture) and picture.number % 2 == 0:
        return replace(_page("Gone", GONE_NOTE), status=gone_status(picture))
    shown = embed(club, picture, picture.embedding)
    head = shown if picture.embedding in IN_HEAD and club.shown(picture) else ""
    base = '<base href="/media/">' if picture.embedding == "base" else ""
    small = f'<img src="{escape(picture.small)}" alt="">' if head else ""
    tags = " ".join(f'<a href="/tag/{tag}">{tag}</a>' for tag in picture.tags)
    body = (
        f"{small if head else shown}<p>By <a href='/member/{picture.member}'>{picture.member}</a> in "
        f"<a href='/gallery/{picture.gallery}'>{picture.gallery}</a>. {tags}</p>"
    )
    return _page(picture.title, body, head=base + head)


def _news(club: Club, rest: str, query: Mapping[str, str]) -> Page | None:
    if not rest.isdigit() or not 1 <= int(rest) <= NEWS:
        return None
    onward = (
        f'<a href="/news/{int(rest) + 1}">Earlier</a>' if int(rest) < NEWS else '<a href="/picture/99999">A find</a>'
    )
    return _page(f"News, letter {rest}", f'<img src="/icon/{rest}.png" alt=""><p>We met at the pier.</p>{onward}')


def _about(club: Club, rest: str, query: Mapping[str, str]) -> Page | None:
    return _page(
        "About us",
        f"""<p>We began with two cameras and a boat.</p><img src="/odd/plain.png" alt=""><img src="/odd/half.jpg" alt="">
        <img src="/odd/letter.jpg" alt=""><img src="/odd/lost.jpg" alt=""><img src="{ELSEWHERE}" alt="">
        <img src="/office/map.jpg" alt="the way to us"><p><a href="/office/keys">Office</a></p>""",
    )


def _calendar(club: Club, rest: str, query: Mapping[str, str]) -> Page | None:
    """Without an end in either direction, as calendars are."""
    year, _, month = rest.partition("-")
    if not (year.isdigit() and month.isdigit()):
        return None
    at = int(year) * 12 + int(month) - 1
    before, after = (f"/calendar/{each // 12}-{each % 12 + 1:02}" for each in (at - 1, at + 1))
    days = " ".join(str(day) for day in range(1, 29))
    return _page(f"Calendar {rest}", f'<p>{days}</p><a href="{before}">Before</a> <a href="{after}">After</a>')


PAGES: Mapping[str, Callable[[Club, str, Mapping[str, str]], Page | None]] = {
    "": _front,
    "gallery": _gallery,
    "latest": _latest,
    "new": _new,
    "tag": _tag,
    "member": _member,
    "picture": _one_picture,
    "news": _news,
    "about": _about,
    "calendar": _calendar,
    "robots.txt": lambda club, rest, query: Page(
        200, "User-agent: *\nDisallow: /office/\n", "text/plain; charset=utf-8"
    ),
    "club.js": lambda club, rest, query: Page(200, SCRIPT, "text/javascript; charset=utf-8"),
    "style.css": lambda club, rest, query: Page(200, STYLE, "text/css; charset=utf-8"),
}


# ----------------------------------------------------------------------------------------------------------------- parts


def _listing(
    club: Club,
    path: str,
    query: Mapping[str, str],
    *,
    pictures: Sequence[Picture],
    each: int,
    size: Callable[[Picture], str],
) -> Page | None:
    number = query.get("page", "1")
    if not number.isdigit() or not 0 < int(number) <= max(1, -(-len(pictures) // each)):
        return None
    begin = (int(number) - 1) * each
    onward = (
        f'<p><a rel="next" href="{path}?page={int(number) + 1}">older</a></p>' if begin + each < len(pictures) else ""
    )
    cards = _cards(club, pictures[begin : begin + each], size)
    return _page(path.rpartition("/")[2].capitalize(), cards + onward)


def _cards(club: Club, pictures: Sequence[Picture], size: Callable[[Picture], str]) -> str:
    return f'<ul class="cards">{"".join(_card(club, picture, size(picture)) for picture in pictures)}</ul>'


def _card(club: Club, picture: Picture, path: str) -> str:
    """Each gallery has its own way with thumbnails."""
    shown = _thumbnail(picture, path) if club.shown(picture) else ""
    return f'<li>{shown}<a href="{picture.page}">{escape(picture.title)}</a><br><span class="note">{picture.member}</span></li>'


def _thumbnail(picture: Picture, path: str) -> str:
    url = escape(path)
    match picture.gallery:
        case "coast":
            return f'<img class="lazy" data-src="{url}" alt=""><noscript><img src="{url}" alt=""></noscript>'
        case "city":
            return f'<div class="tile" style="background-image:url({url})"></div>'
        case "night":
            return f'<img srcset="{url} 1x" alt="">'
        case "garden":
            return f'<img data-original="{url}" alt="">'
        case "animals":
            return f'<picture><source type="image/jpeg" srcset="{url}"><img alt=""></picture>'
        case "portraits":
            card = json.dumps({"at": f"c{picture.number}", "thumb": path}).replace("/", "\\/")
            return f'<div class="tile" id="c{picture.number}"></div><script>window.cards=(window.cards||[]).concat({card})</script>'
        case _:
            return f'<img src="{url}" alt="" loading="lazy">'


def _page(title: str, body: str, *, head: str = "") -> Page:
    galleries = " ".join(f'<a href="/gallery/{gallery}">{gallery}</a>' for gallery in GALLERIES)
    members = " ".join(f'<a href="/member/{member}">{member}</a>' for member in MEMBERS)
    return Page(
        200,
        f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>{head}
<link rel="stylesheet" href="/style.css"><link rel="icon" href="/icon/0.png"></head><body>
<header><b>Harbour Light</b><a href="/">Home</a><a href="/latest">Latest</a><a href="/news/1">News</a>
<a href="/calendar/2026-11">Calendar</a><a href="/about">About</a></header>
<main><h1>{escape(title)}</h1>{body}</main>
<footer>{galleries}<br>{members}</footer><script src="/club.js"></script></body></html>""",
    )


def _one_each(query: str) -> Mapping[str, str]:
    return {name: values[0] for name, values in parse_qs(query).items()}
