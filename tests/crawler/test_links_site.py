"""A site made up from a seed, of which it is known what every page names: nothing is missed, and nothing is made up."""

import html
import json
import random
from collections.abc import Callable

import pytest

from crawler.links import read_page
from crawler.urls import parse, resolve

PAGES = 60
SEEDS = range(5)


def quoted(url: str) -> str:
    return html.escape(url, quote=True)


def escaped(url: str) -> str:
    """As PHP writes JSON."""
    return json.dumps(url).replace("/", "\\/")


def unicode_escaped(url: str) -> str:
    return json.dumps(url).replace("/", "\\u002F").replace("&", "\\u0026")


# How one picture is embedded. Those in the second table are told by a file ending; the others need none.
WITHOUT_ENDING: dict[str, Callable[[str], str]] = {
    "src": lambda url: f'<img src="{quoted(url)}" alt="a picture">',
    "bare src": lambda url: f"<IMG SRC={quoted(url)} >",
    "srcset": lambda url: f'<img srcset="{quoted(url)} 640w" sizes="100vw">',
    "source": lambda url: f'<picture><source srcset="{quoted(url)}"><img alt=""></picture>',
    "data-src": lambda url: f"<img class=lazy data-src='{quoted(url)}'>",
    "data-original": lambda url: f'<img src="data:image/gif;base64,R0lGOD" data-original="{quoted(url)}">',
    "data-srcset": lambda url: f'<img data-srcset="{quoted(url)} 1x">',
    "data-bg": lambda url: f'<div data-bg="{quoted(url)}"></div>',
    "style": lambda url: f"""<div style="color:red;background-image:url('{quoted(url)}')"></div>""",
    "style element": lambda url: f'<style>.x{{background:#fff url("{url}") no-repeat}}</style>',
    "noscript": lambda url: f'<noscript><img src="{quoted(url)}"></noscript>',
    "og": lambda url: f'<meta property="og:image" content="{quoted(url)}">',
    "twitter": lambda url: f'<meta name="twitter:image" content="{quoted(url)}">',
    "JSON-LD": lambda url: (
        f'<script type="application/ld+json">{{"@type":"ImageObject","contentUrl":{escaped(url)}}}</script>'
    ),
    "JSON": lambda url: f'<script type="application/json">{{"a":[{{"thumbnail":{json.dumps(url)}}}]}}</script>',
    "script": lambda url: f"<script>show({{image: {escaped(url)}, n: 3}})</script>",
    "poster": lambda url: f'<video poster="{quoted(url)}"><source src="/film.m3u8"></video>',
    "video": lambda url: f'<video controls src="{quoted(url)}"></video>',
    "video source": lambda url: f'<video><source src="{quoted(url)}" type="video/webm"></video>',
    "twitter stream": lambda url: f'<meta name="twitter:player:stream" content="{quoted(url)}">',
    "image button": lambda url: f'<input type="image" src="{quoted(url)}">',
    "object": lambda url: f'<object data="{quoted(url)}" type="image/jpeg"></object>',
    "svg": lambda url: f'<svg viewBox="0 0 9 9"><image xlink:href="{quoted(url)}"/></svg>',
    "background": lambda url: f'<table background="{quoted(url)}"><tr><td>x</table>',
    "srcdoc": lambda url: f'<iframe srcdoc="{quoted(f"<img src={chr(39)}{quoted(url)}{chr(39)}>")}"></iframe>',
    "image_src": lambda url: f'<link rel="image_src" href="{quoted(url)}">',
    "preload": lambda url: f'<link rel="preload" as="image" href="{quoted(url)}">',
}
BY_ENDING: dict[str, Callable[[str], str]] = {
    "link": lambda url: f'<a href="{quoted(url)}">large</a>',
    "odd attribute": lambda url: f'<div data-xyz="{quoted(url)}"></div>',
    "list in a script": lambda url: f"<script>var l = [{escaped(url)}, 1];</script>",
    "unicode escapes": lambda url: f"<script>l.push({unicode_escaped(url)})</script>",
    "event": lambda url: f"""<b onclick="open('{quoted(url)}')">open</b>""",
    "JSON attribute": lambda url: f'<div data-all="{quoted(json.dumps({"x": [url]}))}"></div>',
}
DECOYS = (
    *('<a href="/about">about</a>', '<link rel="stylesheet" href="/style.css">', '<script src="/app.js"></script>'),
    *(
        '<a href="#top">top</a>',
        '<img src="data:image/png;base64,AAAA">',
        '<div data-count="3/12" data-src="none" title="a.jpg">',
    ),
    *(
        "<script>var n = a.gif; f('/x/' + n + '.png')</script>",
        '<video src="/film.m3u8"></video>',
        "<p>words.jpg in a text, and /b.png</p>",
    ),
    *(
        '<meta property="og:image:height" content="300">',
        '<meta name="description" content="words">',
        "<style>@import 'x.css';</style>",
    ),
    *(
        '<audio src="/sound.mp3"></audio>',
        '<form action="/search"><input name="q" value="x"></form>',
        "<!-- words -->",
        "</div></p>",
    ),
)


def some_url(rng: random.Random, number: int, ending: str) -> str:
    """In some spelling; each is another picture."""
    folder = rng.choice(
        (
            "/",
            "/photos/",
            "/w_300,h_200/",
            "/a%20b/",
            "/päge/",
            "../up/",
            "./",
            "//cdn.example/",
            "https://cdn.example:8443/x/",
        )
    )
    name = rng.choice(("photo", "IMG_", "ü", "a-b.c", "~x!"))
    query = rng.choice(("", "", "?v=1", "?a=1&b=2&copy=3", "?u=/p/q;r"))
    return f"{folder}{name}{number}{ending}{query}"


def made_up_page(rng: random.Random, first: int) -> tuple[str, list[tuple[str, str]]]:
    """The page, and by which way each reference is in it."""
    named: list[tuple[str, str]] = []
    pieces: list[str] = []
    for number in range(first, first + rng.randint(5, 25)):
        way, embed = rng.choice(list((WITHOUT_ENDING | BY_ENDING).items()))
        ending = rng.choice(
            (".jpg", ".JPEG", ".png", ".webp", ".avif", ".mp4", ".WebM", ".mov")
            if way in BY_ENDING
            else (".jpg", ".gif", "", "")
        )
        url = some_url(rng, number, ending)
        if way not in BY_ENDING and ending == "" and "/" not in url.split("?")[0].removeprefix("./"):
            url = f"/{url}"
        named.append((way, url))
        pieces += [embed(url), rng.choice(DECOYS)]
    base = rng.choice(("", "", '<base href="/deep/er/">', '<base href="https://base.example/">'))
    return f"<!doctype html><html><head><title>x</title>{base}</head><body>{''.join(pieces)}</body></html>", named


@pytest.mark.parametrize("seed", SEEDS)
def test_on_a_site_made_up_from_a_seed_each_picture_is_found_and_no_other(seed: int) -> None:
    rng = random.Random(seed)
    missed: list[tuple[str, str]] = []
    made_up: list[str] = []
    known = 0

    for number in range(PAGES):
        page, named = made_up_page(rng, number * 100)
        links = read_page(page.encode(), "https://gallery.example/list/1", "text/html; charset=utf-8")
        base = parse(links.base)
        assert base is not None
        truth = {str(resolve(url, base)): (way, url) for way, url in named}
        known += len(truth)
        missed += [truth[url] for url in truth.keys() - set(links.images)]
        made_up += set(links.images) - truth.keys()

    assert known > PAGES * 5
    assert missed == []
    assert made_up == []


@pytest.mark.parametrize(("way", "embed"), (WITHOUT_ENDING | BY_ENDING).items())
def test_each_way_is_found_at_the_head_and_the_foot_of_a_page_and_on_its_own(
    way: str, embed: Callable[[str], str]
) -> None:
    once, twice = embed("https://cdn.example/1.jpg?a=1&b=2"), embed("/2.png")

    for page in (f"{once}<p>words</p>{twice}", f"<html><head>{once}</head><body><div>{twice}</div></body></html>"):
        links = read_page(page.encode(), "https://gallery.example/", None)
        assert links.images == ("https://cdn.example/1.jpg?a=1&b=2", "https://gallery.example/2.png"), way
