"""The ways in which a page holds its pictures and films: each writes a piece of a page, and says which addresses it holds.

What is said to be a picture is what a browser loads as one for a reader with a screen of some size, with scripts or without, now or after a
click: every candidate of a srcset, what a script will put in later, a link to a picture. *Either* are addresses that only an answer shows to
be a picture or a page (frames, downloads by number): finding them as one of the two is enough. *Tolerated* are those that a browser of today
leaves alone and that are pictures all the same. All else that looks like an address is a trap.
"""

# ruff: noqa: E501 – markup reads better whole

import base64
import html
import json
import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

from benchmarks import addresses
from benchmarks.sheet import BLANK, DRAWN, Make, Sheet

# --- in the head


def og_image(sheet: Sheet) -> str:
    key = sheet.one_of("og:image", "og:image", "og:image:url", "og:image:secure_url")
    sides = sheet.tag("meta", {"property": "og:image:width", "content": "1200"}) + sheet.tag(
        "meta", {"property": "og:image:type", "content": "image/jpeg"}
    )
    return (
        sheet.tag(
            "meta", {sheet.one_of("property", "property", "name"): key, "content": sheet.absolute(sheet.picture())}
        )
        + sides
    )


def twitter_image(sheet: Sheet) -> str:
    key = sheet.one_of("twitter:image", "twitter:image:src", "twitter:image0")
    return sheet.tag("meta", {"content": sheet.absolute(sheet.picture()), sheet.one_of("name", "property"): key})


def og_video(sheet: Sheet) -> str:
    key = sheet.one_of("og:video", "og:video:url", "og:video:secure_url", "twitter:player:stream")
    return sheet.tag("meta", {"property": key, "content": sheet.absolute(sheet.film())}) + sheet.tag(
        "meta", {"property": "og:video:type", "content": "video/mp4"}
    )


def image_src(sheet: Sheet) -> str:
    return sheet.tag("link", {"rel": "image_src", "href": sheet.src()})


def preload(sheet: Sheet) -> str:
    return sheet.tag(
        "link",
        {
            "rel": sheet.one_of("preload", "prefetch", "preload"),
            "as": "image",
            "href": sheet.src(),
            "fetchpriority": "high",
        },
    )


def preload_srcset(sheet: Sheet) -> str:
    return sheet.tag(
        "link",
        {
            "rel": "preload",
            "as": "image",
            "imagesrcset": sheet.candidates("w"),
            "imagesizes": "(max-width: 600px) 480px, 50vw",
        },
    )


def icon(sheet: Sheet) -> str:
    rel = sheet.one_of("icon", "shortcut icon", "apple-touch-icon", "apple-touch-icon-precomposed", "mask-icon")
    address = f"https://{sheet.place.host}/{sheet.one_of('favicon', 'icons/icon', 'apple-touch-icon')}-{sheet.number(5)}.{sheet.one_of('ico', 'png', 'svg')}"
    sheet.pictures[address] = sheet.kind
    return sheet.tag("link", {"rel": rel, "sizes": "32x32", "href": sheet.at(address)})


def tile(sheet: Sheet) -> str:
    return sheet.tag("meta", {"name": "msapplication-TileImage", "content": sheet.src(True)})


def itemprop(sheet: Sheet) -> str:
    prop = sheet.one_of("image", "thumbnailUrl", "image")
    if sheet.chance.random() < 0.5:
        return sheet.tag("meta", {"itemprop": prop, "content": sheet.absolute(sheet.picture())})
    return sheet.tag("link", {"itemprop": prop, "href": sheet.src()})


def refresh(sheet: Sheet) -> str:
    wait = sheet.one_of("0", "5", "10", "3.5")
    form = sheet.one_of("{}; url={}", "{};URL={}", "{}; url='{}'", "{};{}", "{}, URL={}")
    address = sheet.one_or_other(
        f"https://{sheet.place.host}/show/{sheet.number(5)}{sheet.one_of('.html', '.jpg', '')}"
    )
    return sheet.tag(
        "meta", {"http-equiv": sheet.one_of("refresh", "Refresh"), "content": form.format(wait, sheet.at(address))}
    )


def ld_string(sheet: Sheet) -> str:
    return _ld(
        sheet,
        {
            "@type": "Article",
            "headline": sheet.words(),
            "image": sheet.absolute(sheet.picture()),
            "url": sheet.page(),
            "inLanguage": "en/US",
        },
    )


def ld_list(sheet: Sheet) -> str:
    return _ld(
        sheet,
        {
            "@type": "Product",
            "name": sheet.words(),
            "sku": "AB/12.JPG",
            "image": [sheet.absolute(sheet.picture()) for _ in range(3)],
        },
    )


def ld_object(sheet: Sheet) -> str:
    shown = {
        "@type": "ImageObject",
        sheet.one_of("url", "contentUrl"): sheet.absolute(sheet.picture()),
        "width": 1200,
        "caption": "a.jpg",
    }
    return _ld(
        sheet,
        {
            "@type": "NewsArticle",
            "datePublished": "2024-05-13T10:00:00+02:00",
            "image": shown,
            "mainEntityOfPage": sheet.page(),
        },
    )


def ld_graph(sheet: Sheet) -> str:
    logo = {
        "@type": "ImageObject",
        "@id": sheet.page() + "#logo",
        "url": sheet.absolute(sheet.picture()),
        "contentUrl": sheet.absolute(sheet.picture()),
    }
    graph = [
        {
            "@type": "WebPage",
            "url": sheet.page(),
            "thumbnailUrl": sheet.absolute(sheet.picture()),
            "primaryImageOfPage": {"@id": "#primaryimage"},
        },
        {
            "@type": "Organization",
            "name": sheet.words(),
            "url": sheet.page(),
            "logo": logo,
            "sameAs": ["https://social.example/someone"],
        },
        {
            "@type": "SearchAction",
            "target": f"https://{sheet.place.host}/?s={{search_term_string}}",
            "query-input": "required name=q",
        },
    ]
    return _ld(sheet, {"@graph": graph})


def ld_video(sheet: Sheet) -> str:
    film = {
        "contentUrl": sheet.absolute(sheet.film()),
        "thumbnailUrl": [sheet.absolute(sheet.picture())],
        "duration": "PT1M33S",
        "uploadDate": "2021/03/04",
    }
    return _ld(sheet, {"@type": "VideoObject", "name": sheet.words(), **film})


def _ld(sheet: Sheet, value: dict[str, object]) -> str:
    return sheet.script(
        sheet.json({"@context": sheet.one_of("https://schema.org", "http://schema.org/"), **value}),
        "application/ld+json",
    )


def style_block(sheet: Sheet) -> str:
    rules = (
        f".hero-{sheet.number()} {{{{ background: #eee {{}} no-repeat center / cover; }}}}",
        f"#a{sheet.number()}{{{{background-image:linear-gradient(rgba(0,0,0,.5),transparent),{{}}}}}}",
        "li {{ list-style-image: {} }}",
    )
    return sheet.tag(
        "style", {}, "\n".join(rule.format(sheet.css(sheet.picture())) for rule in sheet.chance.sample(rules, 2))
    )


def style_sets(sheet: Sheet) -> str:
    one, two = (sheet.picture(True) for _ in range(2))
    return sheet.tag(
        "style",
        {},
        f".b{sheet.number()} {{ background-image: {sheet.one_of('', '-webkit-')}image-set({sheet.css(one)} 1x, {sheet.css(two)} 2x) }}",
    )


def style_variable(sheet: Sheet) -> str:
    return sheet.tag("style", {}, f":root {{ --hero-{sheet.number()}: {sheet.css(sheet.picture())}; --gap: 4px }}")


# --- pictures as HTML knows them


def img(sheet: Sheet) -> str:
    order = {"alt": sheet.words(), "src": sheet.src(), "width": "300"}
    return sheet.tag("img", dict(sheet.chance.sample(sorted(order.items()), 3)))


def img_plain_lazy(sheet: Sheet) -> str:
    return sheet.tag("img", {"loading": "lazy", "decoding": "async", "src": sheet.src(), "alt": "holiday.jpg"})


def img_bare(sheet: Sheet) -> str:
    reference = re.sub(r"[ \"'<>`]", lambda match: f"%{ord(match[0]):02X}", sheet.at(sheet.picture(True)))
    return f"<img src={reference} border=0>"


def img_capitals(sheet: Sheet) -> str:
    return f'<IMG BORDER=0 SRC="{html.escape(sheet.src())}" ALT="{sheet.words()}"><BR>'


def img_spaced(sheet: Sheet) -> str:
    """White space around the reference, and line breaks within."""
    reference = html.escape(sheet.at(sheet.picture()))
    cut = len(reference) - 5
    within = reference[:cut] + "\n" + reference[cut:] if re.fullmatch(r"[\w./]+", reference[cut - 5 :]) else reference
    return f'<img\n  class="photo"\n  src = "\n   {within} "\n  alt="">'


def img_entities(sheet: Sheet) -> str:
    """Entities, named and numbered, and an ampersand that is none because an equals sign follows."""
    chosen = sheet.chance.random()
    if chosen < 0.3:
        numbered = f"https://{sheet.place.host}/photo-{sheet.number(6)}.jpg?w=300&{sheet.one_of('copy', 'reg', 'times', 'lt', 'para', 'sect')}=1"
        sheet.pictures[numbered] = sheet.kind
        return f'<img src="{sheet.at(numbered)}">'
    written = html.escape(sheet.src())
    if chosen < 0.6:
        written = written.replace("/", "&#x2F;")
    elif chosen < 0.8:
        written = written.replace("/", "&#47;").replace(".", "&#46;").replace("&amp;", "&#38;")
    return f'<img src="{written}">'


def img_query(sheet: Sheet) -> str:
    """Letters in the query: a browser sends them in the encoding of the page."""
    words = sheet.words(2, 2).replace(" ", "+")
    start = f"https://{sheet.place.host}/bild.php?id={sheet.number(6)}&name="
    sheet.pictures[start + quote(words, safe="+", encoding=sheet.encoding)] = sheet.kind
    return sheet.tag("img", {"src": start + words, "alt": ""})


def img_broken(sheet: Sheet) -> str:
    reference = html.escape(sheet.at(sheet.picture(True)).replace(" ", "%20").replace("'", "%27"))
    return sheet.one_of(
        f'<p><b><img alt="x"src="{reference}"width=3><i></b>{sheet.words()}<p>',
        f'<div><img/src="{reference}"/alt="x"/></span></div>',
        f'<td><a name=x><img src="{reference}" src="/second.jpg" alt=">"></td>',
        f"<center><font size=2><img src='{reference}' alt=1 < 2></font>",
        f'<li>{sheet.words()} < 3 <img src="{reference}"<br>',
        f'<img "" src="{reference}" =x <p>',
        f"<img onclick=\"alert('<a>')\" src='{reference}'></p></p></table>",
    )


def img_letters(sheet: Sheet) -> str:
    """Letters of the language and spaces, unescaped."""
    address = addresses.by_hand(sheet.chance, sheet.place)
    sheet.pictures[address] = sheet.kind
    return sheet.tag("img", {"src": addresses.readable(sheet.at(address))})


def img_dots(sheet: Sheet) -> str:
    address = f"https://{sheet.place.host}/{sheet.one_of('img', 'a/b/c')}/{addresses.name(sheet.chance)}.jpg"
    sheet.pictures[address] = sheet.kind
    folder, file = address.rsplit("/", 1)
    return sheet.tag("img", {"src": f"{folder}/{sheet.one_of('./', 'x/../', 'x/y/../../', '%2e/', 'x/%2E%2E/')}{file}"})


def protocol_relative(sheet: Sheet) -> str:
    return sheet.tag("img", {"src": sheet.without_scheme(sheet.picture())})


def srcset_densities(sheet: Sheet) -> str:
    return sheet.tag("img", {"src": sheet.src(), "srcset": sheet.candidates("x"), "alt": ""})


def srcset_widths(sheet: Sheet) -> str:
    return sheet.tag(
        "img", {"srcset": sheet.candidates("w"), "sizes": "(max-width: 300px) 100vw, 300px", "src": sheet.src()}
    )


def srcset_commas(sheet: Sheet) -> str:
    made = []
    for width in ("400w", "800w", "1200w"):
        address = addresses.transformed(sheet.chance, sheet.place)
        sheet.pictures[address] = sheet.kind
        made.append(f"{address} {width}")
    return sheet.tag("img", {"srcset": sheet.one_of(", ", ",").join(made)})


def srcset_data(sheet: Sheet) -> str:
    last = sheet.src().replace(" ", "%20")
    first = sheet.src().replace(" ", "%20")
    return sheet.tag("img", {"srcset": f"{first} 1x, {BLANK} 2x, {last} 3x", "alt": ""})


def picture_sources(sheet: Sheet) -> str:
    sources = "".join(
        sheet.tag(
            "source",
            {
                "type": kind,
                "srcset": sheet.candidates("w") if sheet.chance.random() < 0.5 else sheet.src().replace(" ", "%20"),
                "media": "(min-width: 600px)",
            },
        )
        for kind in ("image/avif", "image/webp")
    )
    return sheet.tag("picture", {}, sources + sheet.tag("img", {"src": sheet.src()}))


def input_image(sheet: Sheet) -> str:
    return sheet.tag(
        "input", {"type": sheet.one_of("image", "IMAGE"), "name": "go", "src": sheet.src(), "value": "send.jpg"}
    )


def backgrounds(sheet: Sheet) -> str:
    cell = sheet.tag("td", {"background": sheet.src(), "width": "30"}, sheet.words())
    return sheet.tag("table", {"background": sheet.src(), "bgcolor": "#ffffff"}, f"<tr>{cell}</tr>")


def svg_image(sheet: Sheet) -> str:
    key = sheet.one_of("href", "xlink:href")
    shape = '<path d="M0 0L10 10/20.5 3.jpg" fill="url(#grad)"/>'
    return f'<svg viewBox="0 0 10 10"><image {sheet.attribute(key, sheet.src())} width="10"/>{shape}</svg>'


def old_image(sheet: Sheet) -> str:
    return sheet.tag("image", {"src": sheet.src()})


def amp(sheet: Sheet) -> str:
    chosen = sheet.chance.random()
    if chosen < 0.5:
        return sheet.tag(
            "amp-img", {"src": sheet.src(), "srcset": sheet.candidates("w"), "layout": "responsive", "width": "300"}, ""
        )
    if chosen < 0.7:
        return sheet.tag("amp-anim", {"src": sheet.src(), "width": "300"}, "")
    return sheet.tag("amp-video", {"src": sheet.at(sheet.film()), "poster": sheet.src(), "layout": "fill"}, "")


def component(sheet: Sheet) -> str:
    name = sheet.one_of("my-img", "photo-card", "gallery-slide", "v-lazy-image", "el-image", "app-picture")
    return sheet.tag(
        name,
        {
            sheet.one_of("src", "image", "image-src", "poster", "img-url", "thumbnail"): sheet.src(),
            "title": "photo.jpg",
            "size": "1/2",
        },
        "",
    )


# --- loaded later


LAZY: Final = (
    "data-src", "data-original", "data-lazy-src", "data-lazy", "data-echo", "data-cfsrc", "data-runner-src", "data-flickity-lazyload",
    "data-splide-lazy", "data-img", "data-image", "data-url", "data-actualsrc", "data-ks-lazyload", "data-deferred", "data-src-retina", "data-source",
)  # fmt: skip
HIGHER: Final = (
    "data-hi-res-src", "data-full", "data-zoom-image", "data-large_image", "data-orig-file", "data-large-file", "data-highres", "data-fullsize",
    "data-big", "data-hires", "data-zoom", "data-original-src", "data-image-full", "data-media", "data-popup", "data-max-url", "data-old-hires",
)  # fmt: skip


def lazy(sheet: Sheet) -> str:
    attributes: dict[str, str | None] = {"class": "lazyload"}
    if sheet.chance.random() < 0.6:
        attributes["src"] = sheet.one_of(BLANK, DRAWN, "data:,", "about:blank", "#")
    attributes[sheet.chance.choice(LAZY)] = sheet.src(True)
    return sheet.tag("img", {**attributes, "data-src-type": "image/jpeg", "data-index": "3"})


def lazy_open(sheet: Sheet) -> str:
    """Without a file ending only the attribute's name tells."""
    key = sheet.one_of(
        "data-src",
        "data-original",
        "data-lazy-src",
        "data-cfsrc",
        "data-image",
        "data-lazy",
        "data-image-url",
        "data-img-src",
    )
    return sheet.tag("img", {"src": BLANK, key: sheet.src(False), "alt": sheet.words()})


def lazy_fallback(sheet: Sheet) -> str:
    """Once for scripts, once without them."""
    address = sheet.at(sheet.picture())
    lazily = sheet.tag(
        "img",
        {"src": DRAWN, sheet.one_of("data-lazy-src", "data-src"): address, "data-lazy-sizes": "(max-width: 9px) 1px"},
    )
    return lazily + sheet.tag("noscript", {}, sheet.tag("img", {"src": address}))


def noscript(sheet: Sheet) -> str:
    return sheet.tag("noscript", {}, sheet.tag("img", {"src": sheet.src(), "height": "1", "style": "display:none"}))


def lazy_srcset(sheet: Sheet) -> str:
    key = sheet.one_of("data-srcset", "data-lazy-srcset", "data-original-set", "data-srcset")
    return sheet.tag("img", {key: sheet.candidates("w"), "data-sizes": "auto", "src": BLANK})


def lazy_sources(sheet: Sheet) -> str:
    source = sheet.tag("source", {"data-srcset": sheet.candidates("x"), "type": "image/webp"})
    return sheet.tag("picture", {}, source + sheet.tag("img", {"data-src": sheet.src(), "src": BLANK}))


def lazy_background(sheet: Sheet) -> str:
    key = sheet.one_of(
        "data-bg",
        "data-background",
        "data-background-image",
        "data-bgset",
        "data-bg-src",
        "data-lazy-bg",
        "data-image-src",
        "data-parallax-image",
    )
    value = (
        sheet.css(sheet.picture())
        if key == "data-bg" and sheet.chance.random() < 0.4
        else sheet.src().replace(" ", "%20")
    )
    return sheet.tag("div", {"class": "bg", key: value, "data-bg-color": "#fff/50"}, "")


def higher(sheet: Sheet) -> str:
    return sheet.tag(
        "img", {"src": sheet.src(), sheet.chance.choice(HIGHER): sheet.src(True), "data-full-width": "true"}
    )


def invented(sheet: Sheet) -> str:
    """A name nobody has heard of; the file ending tells."""
    key = f"data-{sheet.one_of('xz', 'my', 'theme', 'pic', 'ng')}-{sheet.one_of('u', 'file', 'pfad', 'adresse', 'ref', 'p1', 'val')}"
    return sheet.tag(sheet.one_of("div", "span", "li", "a"), {key: sheet.src(True)}, sheet.words())


# --- styles


def style_attribute(sheet: Sheet) -> str:
    form = sheet.one_of(
        "background-image: {};",
        "background:{}",
        "color:red;background : #fff {} 0 0 no-repeat",
        "BACKGROUND-IMAGE:{};width:10px",
        "--bg:{};",
    )
    return sheet.tag("div", {"style": form.format(sheet.css(sheet.picture()))}, sheet.words())


def style_two(sheet: Sheet) -> str:
    return sheet.tag(
        "a",
        {
            "style": f"background-image:{sheet.css(sheet.picture())},{sheet.css(sheet.picture())};mask:url(#m)",
            "href": "#",
        },
        "",
    )


def style_in_body(sheet: Sheet) -> str:
    return sheet.tag(
        "style",
        {"scoped": None},
        f".c{sheet.number()}:before{{content:{sheet.css(sheet.picture())};cursor:{sheet.css(sheet.picture(True))}, auto}}",
    )


# --- behind a click


def link(sheet: Sheet) -> str:
    return sheet.tag("a", {"href": sheet.src(True)}, sheet.words())


def link_query(sheet: Sheet) -> str:
    address = f"https://{sheet.place.host}/full/{addresses.name(sheet.chance)}.{sheet.one_of('jpg', 'png', 'JPG', 'mp4')}?{sheet.one_of('dl=1', 'v=3', 'size=orig&t=12', 'download')}"
    sheet.pictures[address] = sheet.kind
    return sheet.tag(
        "a", {"href": sheet.at(address) + sheet.one_of("", "#top", "#/1")}, sheet.tag("img", {"src": sheet.src()})
    )


def link_film(sheet: Sheet) -> str:
    return sheet.tag("a", {"href": sheet.at(sheet.film()), "download": "clip.mp4"}, sheet.words())


def lightbox(sheet: Sheet) -> str:
    ended = sheet.chance.random() < 0.6
    mark = sheet.chance.choice([
        {"data-lightbox": "set-1"}, {"data-fancybox": "gallery", "data-caption": "DSC_1.JPG"}, {"rel": "lightbox[roadtrip]"}, {"class": "swipebox"},
        {"class": "glightbox", "data-type": "image"}, {"class": "image-popup mfp-image"}, {"data-toggle": "lightbox"}, {"class": "highslide"},
    ])  # fmt: skip
    address = sheet.picture(True) if ended else sheet.one_or_other(sheet.unused(False))
    return sheet.tag("a", {"href": sheet.at(address), **mark}, sheet.tag("img", {"src": sheet.src()}))


def photoswipe(sheet: Sheet) -> str:
    attributes = {
        "href": sheet.at(sheet.page()),
        "data-pswp-src": sheet.src(),
        "data-pswp-width": "1600",
        "data-pswp-srcset": sheet.candidates("w"),
    }
    return sheet.tag("a", attributes, sheet.tag("img", {"src": sheet.src()}))


def figure(sheet: Sheet) -> str:
    shown = sheet.tag(
        "a", {"href": sheet.src(True)}, sheet.tag("img", {"src": sheet.src(), "srcset": sheet.candidates("w")})
    )
    return sheet.tag(
        "figure", {"class": "wp-block-image"}, shown + sheet.tag("figcaption", {}, f"{sheet.words()} IMG_2001.jpg")
    )


def area(sheet: Sheet) -> str:
    return sheet.tag(
        "map", {"name": "m"}, sheet.tag("area", {"shape": "rect", "coords": "0,0,9,9", "href": sheet.src(True)})
    )


def attachment(sheet: Sheet) -> str:
    host = sheet.place.host
    address = sheet.one_of(
        f"https://{host}/attachment.php?attachmentid={sheet.number(5)}&d={sheet.number(10)}",
        f"https://{host}/download/file.php?id={sheet.number(5)}&mode=view",
        f"https://{host}/index.php?action=dlattach;topic={sheet.number(4)}.0;attach={sheet.number(5)};image",
        f"https://{host}/attachments/dsc-{sheet.number(4)}-jpg.{sheet.number(6)}/",
    )
    shown = sheet.tag("img", {"src": sheet.at(sheet.picture(False)), "alt": "Attachment: DSC_0001.JPG (2,3 MB)"})
    return sheet.tag("a", {"href": sheet.at(sheet.one_or_other(address)), "target": "_blank"}, shown)


def handlers(sheet: Sheet) -> str:
    reference = sheet.at(sheet.picture(True)).replace("\\", "/")
    call = sheet.one_of(
        "window.open({})", "this.src={}", "showBig({}, 3)", "document.getElementById('big').src={};return false"
    )
    key = sheet.one_of("onclick", "onmouseover", "onmouseover", "ondblclick")
    return sheet.tag("span", {key: call.format(sheet.string(reference))}, sheet.words())


def script_link(sheet: Sheet) -> str:
    reference = sheet.at(sheet.picture(True)).replace("\\", "/").replace("'", "%27")
    return sheet.tag("a", {"href": f"javascript:popup('{reference}',800,600)"}, sheet.words())


def frame(sheet: Sheet) -> str:
    address = sheet.one_or_other(
        f"https://{sheet.place.host}/embed/{sheet.number(6)}{sheet.one_of('', '.html', '?autoplay=1')}"
    )
    key = sheet.one_of("src", "src", "data-src")
    return sheet.tag("iframe", {key: sheet.at(address), "allow": "fullscreen/autoplay"}, "")


def frame_document(sheet: Sheet) -> str:
    return sheet.tag("iframe", {"srcdoc": f'<!doctype html><body><img src="{html.escape(sheet.src())}"></body>'}, "")


def embed(sheet: Sheet) -> str:
    if sheet.chance.random() < 0.5:
        return sheet.tag("embed", {"src": sheet.at(sheet.film()), "autostart": "false", "type": "video/quicktime"})
    fallback = sheet.tag("img", {"src": sheet.src()})
    kind, address = (
        ("image/svg+xml", sheet.picture(True)) if sheet.chance.random() < 0.5 else ("video/mp4", sheet.film())
    )
    return sheet.tag(
        "object",
        {"data": sheet.at(address), "type": kind},
        sheet.tag("param", {"name": "quality", "value": "high/low"}) + fallback,
    )


# --- films


def video(sheet: Sheet) -> str:
    return sheet.tag(
        "video", {"src": sheet.at(sheet.film()) + sheet.one_of("", "#t=0.1"), "controls": None, "preload": "none"}, ""
    )


def video_poster(sheet: Sheet) -> str:
    track = sheet.tag("track", {"src": "/subtitles/en.vtt", "kind": "captions"})
    return sheet.tag(
        "video",
        {"poster": sheet.src(), "muted": None},
        sheet.tag("source", {"src": sheet.at(sheet.film()), "type": "video/mp4"}) + track,
    )


def video_sources(sheet: Sheet) -> str:
    sources = "".join(
        sheet.tag("source", {"src": sheet.at(sheet.film()), "type": f"video/{kind}"}) for kind in ("webm", "mp4")
    )
    return sheet.tag("video", {"controls": None}, sources + sheet.words())


def video_lazy(sheet: Sheet) -> str:
    source = sheet.tag("source", {"data-src": sheet.at(sheet.film()), "type": "video/mp4"})
    return sheet.tag(
        "video", {"class": "lazy", sheet.one_of("data-poster", "poster", "data-poster-src"): sheet.src()}, source
    )


def player(sheet: Sheet) -> str:
    """Keys without quotes."""
    film, poster = (
        sheet.string(sheet.at(sheet.film()).replace("\\", "/")),
        sheet.string(sheet.at(sheet.picture()).replace("\\", "/")),
    )
    text = sheet.one_of(
        f"jwplayer('p').setup({{file: {film}, image: {poster}, width: 640, skin: 'six', aspectratio: '16:9'}});",
        f"var player = videojs('v'); player.src([{{type: 'video/mp4', src: {film}}}]); player.poster({poster});",
        f'var conf={{sources:[{{file:{film},label:"720p"}}],poster:{poster},tracks:[{{file:"/subs/a.vtt"}}]}}',
    )
    return sheet.script(text)


# --- in scripts


def next_data(sheet: Sheet) -> str:
    items = [
        {
            "id": int(sheet.number()),
            "title": sheet.words(),
            "image": {"url": sheet.in_json(), "width": 800, "alt": "a.jpg"},
            "href": sheet.path_of_page(),
        }
        for _ in range(sheet.chance.randint(2, 6))
    ]
    state = {
        "props": {"pageProps": {"items": items, "locale": "en/GB"}},
        "page": "/album/[id]",
        "buildId": addresses.token(sheet.chance, 20),
        "assetPrefix": "",
    }
    return f'<script id="__NEXT_DATA__" type="application/json">{sheet.json(state).replace("</", "<" + chr(92) + "/")}</script>'


def state(sheet: Sheet) -> str:
    name = sheet.one_of(
        "window.__STATE__",
        "window.__INITIAL_STATE__",
        "window._sharedData",
        "var ytInitialData",
        "window.__APOLLO_STATE__",
        "self.__data",
    )
    post = {
        "display_url": sheet.in_json(), "thumbnail_src": sheet.in_json(), "is_video": False, "shortcode": addresses.token(sheet.chance, 11),
        "owner": {"username": "some.one", "profile_pic_url": sheet.in_json(), "url": sheet.path_of_page()}, "mime": "image/jpeg", "taken": "12/05/2023",
        "cover": "contain", "icon": "fa/camera", "video_url": sheet.absolute(sheet.film()),
    }  # fmt: skip
    return sheet.script(
        f"{name} = {sheet.json({'entities': {'posts': {sheet.number(): post}}, 'api': '/api/v1/feed', 'version': '1.2/3'})};"
    )


def state_open(sheet: Sheet) -> str:
    """No file ending: only the names of the keys tell."""
    keys = (
        "url",
        "src",
        "image",
        "imageUrl",
        "image_url",
        "thumbnail",
        "photo",
        "poster",
        "avatar",
        "cover_photo",
        "largeImage",
        "previewImage",
    )
    photos = [
        {
            "id": sheet.number(),
            sheet.chance.choice(keys): sheet.absolute(sheet.picture(False)),
            "width": 800,
            "height": 600,
        }
        for _ in range(3)
    ]
    return sheet.script(
        f"window.__DATA__={sheet.json({'photos': photos, 'next': '/api/photos?cursor=abc', 'image': 'none'})}"
    )


def state_string(sheet: Sheet) -> str:
    """JSON in a string of JavaScript: escaped twice."""
    inner = json.dumps(
        {"gallery": [{"src": sheet.in_json(), "thumb": sheet.in_json()}], "type": "image/png"},
        ensure_ascii=sheet.chance.random() < 0.5,
    )
    if sheet.chance.random() < 0.5:
        inner = inner.replace("/", "\\/")
    return sheet.script(f"window.__PRELOADED__ = JSON.parse({json.dumps(inner, ensure_ascii=False)});")


def arguments(sheet: Sheet) -> str:
    """The values lie far from their names."""
    one, two = (
        json.dumps(sheet.absolute(sheet.picture(True))).replace("/", sheet.one_of("\\u002F", "/")) for _ in range(2)
    )
    return sheet.script(
        f'window.__NUXT__=(function(a,b,c,d){{return {{data:[{{image:a,title:c,more:[b]}}],path:d}}}}({one},{two},"a/b c","\\u002Falbum"));'
    )


def flight(sheet: Sheet) -> str:
    row = json.dumps(
        [
            "$",
            "div",
            None,
            {"children": ["$", "img", None, {"src": sheet.in_json(), "alt": "x.jpg", "className": "w-1/2"}]},
        ]
    )
    return sheet.script(f"self.__next_f.push([1,{json.dumps('5:' + row + chr(10))}])")


def array(sheet: Sheet) -> str:
    listed = [sheet.string(sheet.at(sheet.picture(True)).replace("\\", "/")) for _ in range(sheet.chance.randint(2, 6))]
    return sheet.script(
        f"{sheet.one_of('var', 'const', 'let')} {sheet.one_of('photos', 'slides', 'imgs', 'x')} = [{', '.join(listed)}];\nvar i = 0, n = 10/2;"
    )


def new_image(sheet: Sheet) -> str:
    lines = "\n".join(
        f"pic[{at}] = new Image(); pic[{at}].src = {sheet.string(sheet.at(sheet.picture()).replace(chr(92), '/'))};"
        for at in range(2)
    )
    return sheet.script(f"<!--\nvar pic = new Array();\n{lines}\n//-->")


def document_write(sheet: Sheet) -> str:
    reference = html.escape(sheet.at(sheet.picture(True)).replace("\\", "/"))
    form = sheet.one_of(
        'document.write(\'<a href="#"><img src="{}" border=0></a>\');',
        'el.innerHTML = "<img class=\\"b\\" src=\\"{}\\">";',
    )
    return sheet.script(form.format(reference))


def shop_json(sheet: Sheet) -> str:
    pictures = [sheet.without_scheme(sheet.picture(True)) for _ in range(3)]
    product = {
        "id": 1,
        "handle": "a-b",
        "featured_image": pictures[0],
        "images": pictures,
        "url": sheet.path_of_page(),
        "vendor": "A/B",
        "type": "photo/print",
    }
    return sheet.script(json.dumps(product).replace("/", "\\/"), "application/json")


def template(sheet: Sheet) -> str:
    return sheet.tag("template", {"id": "card"}, sheet.tag("img", {"src": sheet.src()}) + "<p>{{ title }}</p>")


def script_template(sheet: Sheet) -> str:
    kind = sheet.one_of("text/html", "text/x-handlebars", "text/template", "text/x-jquery-tmpl")
    return f'<script type="{kind}"><div><img src="{html.escape(sheet.src(True))}"><a href="{{{{ url }}}}"><img src="{{{{ image.url }}}}"></a></div></script>'


# --- in attributes, wrapped


def props_json(sheet: Sheet) -> str:
    key = sheet.one_of(
        "data-props",
        "data-react-props",
        "data-options",
        "data-settings",
        "data-product_variations",
        "data-page",
        "data-flickity",
        "data-gallery",
    )
    value = {
        "images": [{"src": sheet.in_json(), "caption": "IMG_1.jpg"}],
        "poster": sheet.in_json(),
        "api": "/api/photos",
        "autoplay": 1,
        "ease": "in/out",
    }
    return sheet.tag("div", {key: sheet.json(value), "id": f"root{sheet.number()}"}, "")


def props_srcset(sheet: Sheet) -> str:
    value = [
        {
            "image": {
                "full_src": sheet.in_json(),
                "srcset": sheet.candidates("w", True),
                "sizes": "(max-width: 9px) 1px",
            },
            "sku": "AB-1/2",
        }
    ]
    return sheet.tag("form", {"data-product_variations": sheet.json(value), "action": "/cart/add"}, "")


def props_list(sheet: Sheet) -> str:
    key = sheet.one_of("data-images", "data-gallery", "data-slides", "data-thumbs", "data-video-thumbs")
    return sheet.tag("div", {key: sheet.json([sheet.in_json(True) for _ in range(3)])}, "")


def props_comma(sheet: Sheet) -> str:
    return sheet.tag(
        "div",
        {
            "data-images": sheet.one_of(",", ", ", "|", ";").join(
                sheet.absolute(sheet.picture(True)).replace(" ", "%20").replace(",", "%2C") for _ in range(3)
            )
        },
        "",
    )


def props_binding(sheet: Sheet) -> str:
    """Vue, Alpine, Angular."""
    first, second = (sheet.at(sheet.picture(True)).replace("\\", "/").replace("'", "%27") for _ in range(2))
    return sheet.one_of(
        sheet.tag("div", {"x-data": f"{{ images: ['{first}', '{second}'], at: 0 }}"}, ""),
        sheet.tag("v-img", {":src": f"'{first}'", ":lazy-src": f"'{second}'"}, ""),
        sheet.tag("div", {"ng-init": f"photos=['{first}','{second}']"}, ""),
    )


def props_base64(sheet: Sheet) -> str:
    value = json.dumps({"src": sheet.in_json(), "poster": sheet.in_json()})
    return sheet.tag(
        "div",
        {
            sheet.one_of("data-config", "data-json", "data-b64", "data-payload"): base64.b64encode(
                value.encode()
            ).decode()
        },
        "",
    )


def url_base64(sheet: Sheet) -> str:
    coded = base64.b64encode(sheet.picture(True).encode()).decode()
    return sheet.tag(
        sheet.one_of("img", "span", "a"),
        {
            sheet.one_of("data-src", "data-u", "data-link", "data-enc"): coded,
            "data-token": addresses.token(sheet.chance, 40),
        },
    )


def props_escaped(sheet: Sheet) -> str:
    value = json.dumps({"items": [{"src": sheet.in_json(), "thumb": sheet.in_json()}], "locale": "en/GB"})
    return sheet.tag("div", {sheet.one_of("data-config", "data-item", "data-state"): quote(value, safe="!*'()~")}, "")


# --- in comments


def conditional(sheet: Sheet) -> str:
    """Shown by all but the Internet Explorer; the other way round only that one loads it."""
    if sheet.chance.random() < 0.6:
        return f"<!--[if !IE]><!-->{sheet.tag('img', {'src': sheet.src()})}<!--<![endif]-->"
    address = sheet.unused(True)
    sheet.tolerated.add(address)
    return f"<!--[if lt IE 9]>{sheet.tag('img', {'src': sheet.at(address)})}<![endif]-->"


def board_post(sheet: Sheet) -> str:
    number = sheet.number(13)
    full, small = (
        f"https://{sheet.place.cdn}/b/{number}.{sheet.one_of('jpg', 'png', 'webm', 'gif')}",
        f"https://{sheet.place.cdn}/b/{number}s.jpg",
    )
    sheet.pictures[full] = sheet.pictures[small] = sheet.kind
    shown = sheet.tag(
        "img", {"src": sheet.at(small), "alt": "140 KB", "data-md5": "p7b/Xj+LzIUwLFBUiJmYaA==", "loading": "lazy"}
    )
    named = "File: " + sheet.tag("a", {"href": sheet.at(full)}, "IMG_77.jpg") + " (140 KB, 600x800)"
    return sheet.tag(
        "div", {"class": "file"}, named + sheet.tag("a", {"class": "fileThumb", "href": sheet.at(full)}, shown)
    )


def wiki_thumb(sheet: Sheet) -> str:
    """The link ends in .jpg and leads to a page about the picture."""
    file = f"{addresses.name(sheet.chance)}.jpg"
    folder = f"https://upload.{sheet.place.host}/wiki/thumb/{addresses.hexa(sheet.chance, 2)}/{file}"
    one, two = f"{folder}/220px-{file}", f"{folder}/440px-{file}"
    sheet.pictures[one] = sheet.pictures[two] = sheet.kind
    page = f"https://{sheet.place.host}/wiki/File:{file}"
    sheet.pages.add(page)
    shown = sheet.tag("img", {"src": one, "srcset": f"{two} 2x", "data-file-width": "3000"})
    return sheet.tag("a", {"href": page, "class": "image", "title": file}, shown)


IN_HEAD: Final[Mapping[str, Make]] = {
    "og:image": og_image, "og:video": og_video, "twitter:image": twitter_image, "link image_src": image_src, "link preload": preload,
    "link preload imagesrcset": preload_srcset, "link icon": icon, "meta tile": tile, "itemprop": itemprop, "meta refresh": refresh,
    "JSON-LD string": ld_string, "JSON-LD list": ld_list, "JSON-LD ImageObject": ld_object, "JSON-LD @graph": ld_graph,
    "JSON-LD VideoObject": ld_video, "style url()": style_block, "style image-set()": style_sets, "style variable": style_variable,
}  # fmt: skip

IN_BODY: Final[Mapping[str, Make]] = {
    "img": img, "img loading=lazy": img_plain_lazy, "img unquoted": img_bare, "img in capitals": img_capitals, "img white space": img_spaced,
    "img entities": img_entities, "img broken markup": img_broken, "img letters and spaces": img_letters, "img letters in the query": img_query,
    "img dot segments": img_dots, "img protocol-relative": protocol_relative, "srcset densities": srcset_densities, "srcset widths": srcset_widths,
    "srcset with commas": srcset_commas, "srcset with data URLs": srcset_data, "picture": picture_sources, "input type=image": input_image,
    "background attribute": backgrounds, "svg image": svg_image, "image element": old_image, "amp-img": amp, "web component": component,
    "lazy, with an ending": lazy, "lazy, without an ending": lazy_open, "lazy with noscript": lazy_fallback, "noscript": noscript,
    "lazy srcset": lazy_srcset, "lazy source": lazy_sources, "lazy background": lazy_background, "higher resolution": higher,
    "invented attribute": invented, "style attribute": style_attribute, "style attribute, two": style_two, "style in the body": style_in_body,
    "link": link, "link with a query": link_query, "link to a film": link_film, "lightbox": lightbox, "PhotoSwipe": photoswipe, "figure": figure,
    "area": area, "attachment": attachment, "event handler": handlers, "javascript: link": script_link, "iframe": frame,
    "iframe srcdoc": frame_document, "embed and object": embed, "video src": video, "video poster": video_poster, "video source": video_sources,
    "video, lazy": video_lazy, "player script": player, "__NEXT_DATA__": next_data, "script state": state, "script state, without an ending": state_open,
    "JSON.parse of a string": state_string, "function arguments": arguments, "React flight": flight, "script array": array, "new Image()": new_image,
    "document.write": document_write, "shop JSON": shop_json, "template": template, "script template": script_template,
    "JSON in an attribute": props_json, "srcset in JSON in an attribute": props_srcset, "list in an attribute": props_list,
    "separated list in an attribute": props_comma, "binding": props_binding, "base64 of JSON": props_base64, "base64 of a URL": url_base64,
    "escaped JSON in an attribute": props_escaped, "conditional comment": conditional, "imageboard": board_post, "wiki thumbnail": wiki_thumb,
}  # fmt: skip
