"""Every way in which a page names a picture or a page, one by one."""

import pytest

from crawler.links import PageLinks, read_page

URL = "https://g.example/a/b"
AT = "https://g.example"


def read(page: str | bytes, content_type: str | None = None) -> PageLinks:
    return read_page(page.encode() if isinstance(page, str) else page, URL, content_type)


IMAGES = {
    "src": ('<img src="1.jpg"><IMG SRC=/2>', f"{AT}/a/1.jpg {AT}/2"),
    "src of an element that a site defines": ("<amp-img src=/1></amp-img><my-picture src=/2>", f"{AT}/1 {AT}/2"),
    "srcset": ('<img srcset="/1 1x, /2 2.5x,/3 3x , /4">', f"{AT}/1 {AT}/2 {AT}/3 {AT}/4"),
    "srcset with commas": ('<img srcset="/w_1,h_2/1.jpg 1x, /c,,/2?a,b 40w,">', f"{AT}/w_1,h_2/1.jpg {AT}/c,,/2?a,b"),
    "srcset with odd descriptors": (
        '<img srcset="/1 (min-width: 3px, 4) 2x, /2, ,, /3 1w 2h">',
        f"{AT}/1 {AT}/2 {AT}/3",
    ),
    "srcset with a data URI": ('<img srcset="data:image/png;base64,AA 1x, /1 2x">', f"{AT}/1"),
    "picture": (
        '<picture><source srcset="/1.webp 1x, /2.webp 2x" type=image/webp><img src=/3></picture>',
        f"{AT}/1.webp {AT}/2.webp {AT}/3",
    ),
    "data-src and the like": (
        "".join(
            f'<img {name}="/p/{number}">'
            for number, name in enumerate(("data-src", "data-original", "data-lazy", "data-lazy-src"))
        )
        + "".join(
            f'<div {name}="/q/{number}">'
            for number, name in enumerate(("data-bg", "data-full", "data-large_image", "data-zoom-image"))
        ),
        " ".join([f"{AT}/p/{number}" for number in range(4)] + [f"{AT}/q/{number}" for number in range(4)]),
    ),
    "data-srcset": ('<img data-srcset="/1 1x, /2 2x" data-lazy-srcset="/3 3w">', f"{AT}/1 {AT}/2 {AT}/3"),
    "any attribute that holds what is called a picture": (
        '<div data-anything="/x/1.JPEG?v=2" foo="2.webp" ng-src="/3.png#x">',
        f"{AT}/x/1.JPEG?v=2 {AT}/a/2.webp {AT}/3.png",
    ),
    "JSON in an attribute": (
        """<div data-props='{"image":"\\/1","tags":["/no"],"html":"<img src=\\"/2\\">"}' data-list="[&quot;/3.jpg&quot;]">""",
        f"{AT}/1 {AT}/2 {AT}/3.jpg",
    ),
    "markup in an attribute": ('<div data-noscript="&lt;img src=&quot;/1&quot;&gt;">', f"{AT}/1"),
    "CSS in an attribute of another name": (
        """<div data-style="background:url('/1')" data-bg="url(/2)">""",
        f"{AT}/1 {AT}/2",
    ),
    "a link to a picture": ('<a href="/1.jpg">one</a><a href="2.PNG?x#y">two</a>', f"{AT}/1.jpg {AT}/a/2.PNG?x"),
    "a link to a picture with a size": (
        '<a href="/1.jpg:large">1</a><a href="/2.webp!thumb">2</a>',
        f"{AT}/1.jpg:large {AT}/2.webp!thumb",
    ),
    "a style attribute": (
        """<p style="background:url( '/1 2' ) , url(&quot;/3&quot;),url(/4)">""",
        f"{AT}/1%202 {AT}/3 {AT}/4",
    ),
    "a style element": (
        "<style>@import url(/x.css);@font-face{src:url(/f.woff2)}.a{background:url(/1)}.b{content:url('\\2f 2')}</style>",
        f"{AT}/1 {AT}/2",
    ),
    "image-set": ('<p style=\'background:image-set("/1.png" 1x, "/2.png" 2x)\'>', f"{AT}/1.png {AT}/2.png"),
    "noscript": ("<head><noscript><img src=/1></noscript></head><noscript><img src=/2></noscript>", f"{AT}/1 {AT}/2"),
    "og:image and twitter:image": (
        (
            '<meta property="og:image" content="/1"><meta property="og:image:secure_url" content="https://c.example/2">'
            '<meta name="twitter:image" content="/3"><meta name="twitter:image:src" content="//c.example/4">'
            '<meta property="og:image:width" content="300"><meta property="og:image:alt" content="/words">'
            '<meta itemprop="image" content="/5"><meta name="description" content="see /6.jpg here">'
        ),
        f"{AT}/1 https://c.example/2 {AT}/3 https://c.example/4 {AT}/5",
    ),
    "link elements": (
        (
            "<link rel=image_src href=/1><link rel=preload as=image href=/2 imagesrcset='/3 1x, /4 2x'><link rel='shortcut icon' href=/5>"
            "<link rel=stylesheet href=/no><link rel=preload as=script href=/no><link itemprop=image href=/6>"
        ),
        " ".join(f"{AT}/{number}" for number in range(1, 7)),
    ),
    "JSON-LD": (
        """<script type="application/ld+json">{"@context":"https://schema.org","@graph":[{"@type":"ImageObject","url":"/1",
        "contentUrl":"/2","thumbnailUrl":"\\/3","license":"/no"},{"@type":"Article","url":"/no","image":["/4",{"@type":"ImageObject",
        "url":"https://c.example/5"}]},{"@type":"Person","image":"/6","name":"/no"}]}</script>""",
        f"{AT}/1 {AT}/2 {AT}/3 {AT}/4 https://c.example/5 {AT}/6",
    ),
    "JSON-LD that is no JSON": ('<script type="application/ld+json">{"image": "/1", oops}</script>', f"{AT}/1"),
    "JSON for a script": (
        '<script type="application/json">{"images":{"big":{"url":"/1"},"all":["/2","/3"]},"url":"/no","x":"/4.jpg"}</script>',
        f"{AT}/1 {AT}/2 {AT}/3 {AT}/4.jpg",
    ),
    "escaped URLs in a script": (
        r"""<script>var a = "https:\/\/c.example\/1.jpg?x=1\u0026y=2", b = '\u002f2.png', c = "\x2f3.webp", d="/4.gif&amp;z";</script>""",
        f"https://c.example/1.jpg?x=1&y=2 {AT}/2.png {AT}/3.webp {AT}/4.gif&z",
    ),
    "JSON twice escaped": (
        r"""<script>x(JSON.parse("{\"image\":\"https:\\/\\/c.example\\/1.png\",\"thumb\":\"\\/2\"}"))</script>""",
        f"https://c.example/1.png {AT}/2",
    ),
    "no ending, but a name that says so": (
        """<script>f({src:"/1", 'thumb_url' : '//c.example/2', poster:`/3`, href:"/no",
        list: ["/no"], images: ["/4" , "/5"], "photo":"/6"})</script>""",
        f"{AT}/1 https://c.example/2 {AT}/3 {AT}/4 {AT}/5 {AT}/6",
    ),
    "an object that a script assigns": (
        '<script>window.state = {"page":{"images":{"a":{"large":"/1"}}},"next":"/no"}; f();</script>',
        f"{AT}/1",
    ),
    "markup that a script writes": (
        """<script>document.write('<img src="/1">' + "<a href='/2.jpg'>")</script>""",
        f"{AT}/2.jpg {AT}/1",
    ),
    "a template in a script": (
        '<script type="text/template"><img src="/1"></script><template><img src=/2></template>',
        f"{AT}/1 {AT}/2",
    ),
    "text areas and their like": (
        "<textarea><img src=/1></textarea><xmp><img src=/2></xmp><noframes><img src=/3></noframes>",
        f"{AT}/1 {AT}/2 {AT}/3",
    ),
    "comments": ("<!--[if IE]><img src=/1><![endif]--><!-- <img src='/2'> -->", f"{AT}/1 {AT}/2"),
    "an event handler": ("""<b onclick="show('/1.jpg')" onmouseover='this.src="/2"'>""", f"{AT}/1.jpg {AT}/2"),
    "a link that runs a script": ("""<a href="javascript:show('/1.jpg')">""", f"{AT}/1.jpg"),
    "a poster": ("<video poster=/1></video>", f"{AT}/1"),
    "a video": (
        "<video poster=/1 src=/2><source src=/3 type=video/webm><source src='/4.mp4?x=1'><source data-src=/5></video>",
        f"{AT}/1 {AT}/2 {AT}/3 {AT}/4.mp4?x=1 {AT}/5",
    ),
    "a video that a link or a script names": (
        (
            "<a href=/1.mp4>1</a><a href=/2.MOV>2</a><a href=/3.webm?t=9>3</a><b data-file=/4.m4v>"
            """<script>player({"file":"\\/5.mkv"})</script><embed type=video/mp4 src=/6>"""
            "<link rel=preload as=video href=/7><iframe src=/8.mp4></iframe>"
        ),
        f"{AT}/1.mp4 {AT}/2.MOV {AT}/3.webm?t=9 {AT}/4.m4v {AT}/5.mkv {AT}/6 {AT}/7 {AT}/8.mp4",
    ),
    "a video in the head": (
        (
            "<meta property=og:video content=/1.mp4><meta property=og:video:secure_url content=https://c.example/2.webm>"
            "<meta property=og:video:type content=video/mp4><meta name=twitter:player:stream content=/3>"
            """<script type="application/ld+json">{"@type":"VideoObject","contentUrl":"/4","embedUrl":"/no"}</script>"""
        ),
        f"{AT}/1.mp4 https://c.example/2.webm {AT}/3 {AT}/4",
    ),
    "a sound, or a list of pieces": (
        (
            "<audio src=/no.mp3><source src=/no type=audio/ogg></audio><video src=/no.m3u8></video>"
            "<video><source src=/no.mpd></video><video src='blob:https://g.example/1'></video><track src=/no.vtt>"
        ),
        "",
    ),
    "an image button": ("<input type=image src=/1>", f"{AT}/1"),
    "object and embed": (
        (
            "<object data=/1></object><object data=/2 type=image/png></object><object data=/no type=application/x-shockwave-flash></object>"
            "<embed src=/3.png><embed src=/no.swf><embed src=/4 type=image/jpeg>"
        ),
        f"{AT}/1 {AT}/2 {AT}/3.png {AT}/4",
    ),
    "SVG": ("<svg><image href=/1 /><image xlink:href=/2 /><feImage href=/3 /></svg>", f"{AT}/1 {AT}/2 {AT}/3"),
    "background": ("<body background=/1><table background=/2>", f"{AT}/1 {AT}/2"),
    "srcdoc": ("""<iframe srcdoc="&lt;img src='/1'&gt;"></iframe>""", f"{AT}/1"),
    "a film that is called a picture": ("<video src=/1.gif></video>", f"{AT}/1.gif"),
    "a protocol-relative URL": ("<img src=//c.example/1>", "https://c.example/1"),
    "an entity-escaped query": ("<img src='/1?a=1&amp;b=2&#38;c=3&d=4'>", f"{AT}/1?a=1&b=2&c=3&d=4"),
    "white space in a URL": ("<img src=' \n/1\n 2\t.jpg '>", f"{AT}/1%202.jpg"),
    "letters beyond ASCII": (
        "<img src='/ä b.jpg?ö'><img src=//bücher.example/%C3%A4>",
        f"{AT}/%C3%A4%20b.jpg?%C3%B6 https://xn--bcher-kva.example/%C3%A4",
    ),
    "a base": (
        "<meta property=og:image content=1.jpg><base href='/x/y'><base href=/no/><img src=2>",
        f"{AT}/x/1.jpg {AT}/x/2",
    ),
    "the same URL twice": ("<img src=/1><img src=/1#x><a href='https://G.example:443/1'><img src=/a/../1>", f"{AT}/1"),
    "broken markup": ("<img src=/1 <img src=/2><p><img alt='>' src=/3></i></p></p><img src='/4", f"{AT}/1 {AT}/3"),
    "names with spaces": (
        (
            """<b data-file="fotos/it's a b.jpg" data-img="My Pictures/c d.png"></b><meta property=og:image content="/e f.jpg">"""
            """<script type="application/json">{"x":"https://c.example/g h.jpg","image":"i j.jpg"}</script>"""
            r"""<script>var a = ["/k l.jpg", 'm/it\'s n.jpg', "see o.jpg and more"]</script>"""
        ),
        (
            f"{AT}/a/fotos/it's%20a%20b.jpg {AT}/a/My%20Pictures/c%20d.png {AT}/e%20f.jpg https://c.example/g%20h.jpg {AT}/a/i%20j.jpg"
            f" {AT}/k%20l.jpg {AT}/a/m/it%27s%20n.jpg"
        ),
    ),
    "escapes in CSS": (
        (
            r"""<style>.a{background:url(/a\ b\(1\).jpg)}.b{background:url("/c\"d")}/* url(/no.jpg) */</style>"""
            r"""<p style='background:url(/e\26 f)'>"""
        ),
        f"{AT}/a%20b(1).jpg {AT}/c%22d {AT}/e&f",
    ),
    "several in one attribute": (
        '<b data-images="/1.jpg,/2.jpg" data-x="https://c.example/3.jpg | //c.example/4.jpg"></b>',
        f"{AT}/1.jpg {AT}/2.jpg https://c.example/3.jpg https://c.example/4.jpg",
    ),
    "a srcset under another name": (
        """<img data-original-set="/1 1x, /2 2x"><b data-x='{"srcset":"/3 480w, /4 800w"}' data-y="/5?abc 1x, /6 2x"></b>""",
        " ".join(f"{AT}/{which}" for which in ("1", "2", "3", "4", "5?abc", "6")),
    ),
    "base64 in an attribute": (
        (
            "<b data-x=aHR0cHM6Ly9jLmV4YW1wbGUvMS5qcGc= data-src=Ly9jLmV4YW1wbGUvMi5qcGc= data-config=eyJpbWFnZSI6Ii8zIn0="
            " data-token=eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0></b>"
        ),
        f"https://c.example/1.jpg https://c.example/2.jpg {AT}/3",
    ),
    "percent signs around JSON in an attribute": (
        "<b data-x='%7B%22image%22%3A%22%2F1%22%7D' data-src='https%3A%2F%2Fc.example%2F2.jpg'></b>",
        f"{AT}/1 https://c.example/2.jpg",
    ),
    "expressions in attributes": (
        """<b x-data="{ images: ['/1.jpg?a=b', '/2.jpg'] }" :src="'/3.jpg?c'" ng-init="x=['/4.jpg?d']"></b>""",
        f"{AT}/1.jpg?a=b {AT}/2.jpg {AT}/3.jpg?c {AT}/4.jpg?d",
    ),
    "relative references without an ending, where the name says picture": (
        (
            """<img data-src="thumb.php?id=1"><script>a.src = "pic.cgi?id=2"; player.poster("p/3"); b = {image: "image/png"}</script>"""
            """<script type="application/json">{"image":{"url":"thumb.php?id=4","type":"image/png"},"photo":"12/05/2023"}</script>"""
        ),
        f"{AT}/a/thumb.php?id=1 {AT}/a/pic.cgi?id=2 {AT}/a/p/3 {AT}/a/thumb.php?id=4",
    ),
    "keys that are surely a picture's": (
        """<script>x = {"user":{"profile_pic_url":"https://c.example/1","avatarUrl":"/2","topic":"/no"}}</script>""",
        f"https://c.example/1 {AT}/2",
    ),
    "a list under its name": ('<script>images = ["/1", "/2"]; pages = ["/no"]</script>', f"{AT}/1 {AT}/2"),
    "objects that are kept by their URL": (
        '<script>x = {"https://c.example/1.jpg": {"w": 3}}</script>',
        "https://c.example/1.jpg",
    ),
    "JSON twice escaped, with letters": (
        r"""<script>f([1,"{\"src\":\"\/p q\\u00e4.jpg\"}"])</script>""",
        f"{AT}/p%20q%C3%A4.jpg",
    ),
    "names of files where words stand, and templates that nobody filled": (
        (
            """<script>x = {"filename":"1.jpg","image":{"url":"/{id}.jpg","caption":"2.jpg"}}; f({alt: "3.jpg"})</script>"""
            """<input value=4.jpg><input type=file accept="image/png, .jpg"><img src="/${x}.jpg">"""
            """<script type=text/html><img src="{{u}}"><img src="/<%= x %>"></script>"""
        ),
        "",
    ),
    "a field with an address to copy": ("<input value=https://c.example/1.jpg>", "https://c.example/1.jpg"),
    "what names nothing": (
        (
            "<img src=''><img src='#'><img src><img src='data:image/gif;base64,R0'><img src=about:blank><img src='http://'>"
            "<b data-image-count=3/12 data-src=true data-image-type=image/png data-title=/x.jpg title=y.jpg class=z.png data-bg=none>"
            "<script>a.png + b.gif; '/x/' + n + '.jpg'; `${base}/y.png`; /\\.(jpg|png)$/; import('/z.js')</script>"
        ),
        "",
    ),
}


@pytest.mark.parametrize(("page", "images"), IMAGES.values(), ids=IMAGES)
def test_pictures_are_found(page: str, images: str) -> None:
    assert read(page).images == tuple(images.split())


PAGES = {
    "links": (
        '<a href="/1">1</a><a href=2.html>2</a><area href="?3"><a href="//other.example/4">',
        f"{AT}/1 {AT}/a/2.html {AT}/a/b?3 https://other.example/4",
    ),
    "next pages first": (
        "<a href=/1>1</a><link rel=prev href=/2><a rel='nofollow NEXT' href=/3>3</a><link rel=next href=/4>",
        f"{AT}/3 {AT}/4 {AT}/1 {AT}/2",
    ),
    "frames": (
        "<iframe src=/1></iframe><frameset><frame src=/2></frameset><iframe data-src=/3></iframe><iframe data-src=c/4></iframe>",
        f"{AT}/1 {AT}/2 {AT}/3 {AT}/a/c/4",
    ),
    "meta refresh": (
        (
            "<meta http-equiv=Refresh content='5; URL=/1'><meta http-equiv=refresh content='0;url=\"/2\"'>"
            "<meta http-equiv=refresh content=30><meta http-equiv=refresh content='3,/3'>"
        ),
        f"{AT}/1 {AT}/2 {AT}/3",
    ),
    "scripts that go on": (
        """<b onclick="location.href='/1'"><a href="javascript:window.open('/2')"><b data-href=/3 data-next-url=/4>""",
        f"{AT}/1 {AT}/2 {AT}/3 {AT}/4",
    ),
    "scripts with escapes": (r"""<b onclick="window.open('\u002F1')">""", f"{AT}/1"),
    "what leads nowhere else": (
        (
            "<a href=''><a href='#top'><a href=mailto:a@b.example><a href=tel:1><a href='javascript:void(0)'><a>"
            "<link rel=canonical href=/c><link rel=stylesheet href=/s><script src=/j></script><form action=/f>"
        ),
        "",
    ),
    "a page with a player": (
        "<meta property=og:video:url content=/1><meta property=og:video:width content=640>",
        f"{AT}/1",
    ),
    "one page twice": ("<a href=/1><a href=/1#x><a rel=next href=/1>", f"{AT}/1"),
}


@pytest.mark.parametrize(("page", "pages"), PAGES.values(), ids=PAGES)
def test_pages_are_found(page: str, pages: str) -> None:
    assert read(page).pages == tuple(pages.split())


def test_a_link_to_a_picture_is_no_page_and_a_frame_with_one_is_none_either() -> None:
    links = read(
        "<a href=/1.jpg rel=next>1</a><iframe src=/2.png></iframe><a itemprop=image href=/3>3</a><a href='/4?f=x.jpg'>"
    )

    assert links.images == (f"{AT}/1.jpg", f"{AT}/2.png", f"{AT}/3")
    assert links.pages == (f"{AT}/4?f=x.jpg",)


def test_the_base_is_told() -> None:
    assert read("<img src=1>").base == URL
    assert read("<base href=//c.example/x/><img src=1>").base == "https://c.example/x/"
    assert read("<base href='javascript:1'><img src=1>").base == URL


def test_a_page_at_no_url_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="http"):
        read_page(b"<p>", "nonsense", None)


@pytest.mark.parametrize(
    ("body", "content_type", "image"),
    [
        ("<img src=/ä?ä>".encode(), None, "%C3%A4?%C3%A4"),
        ("<img src=/ä?ä>".encode(), "text/html; charset=UTF-8", "%C3%A4?%C3%A4"),
        (b"\xef\xbb\xbf" + "<img src=/ä?ä>".encode(), "text/html; charset=iso-8859-1", "%C3%A4?%C3%A4"),
        ("<img src=/ä?ä>".encode("utf-16"), None, "%C3%A4?%C3%A4"),
        ("<img src=/ä?ä>".encode("latin-1"), "text/html; charset=ISO-8859-1", "%C3%A4?%E4"),
        ("<img src=/€?€>".encode("cp1252"), "text/html; charset='latin1'", "%E2%82%AC?%80"),
        ("<img src=/ä?ä>".encode("latin-1"), None, "%C3%A4?%E4"),
        ("<meta charset=windows-1251><img src=/ж?ж>".encode("cp1251"), None, "%D0%B6?%E6"),
        (
            "<meta http-equiv=content-type content='text/html; charset=shift_jis'><img src=/日>".encode("cp932"),
            None,
            "%E6%97%A5",
        ),
        ("<?xml version='1.0' encoding='koi8-r'?><img src='/ж'>".encode("koi8-r"), None, "%D0%B6"),
        (b"<meta charset=utf-16><img src=/a>", None, "a"),
        (b"<img src=/a>", "text/html; charset=base64", "a"),
        (b"<img src=/a>", "text/html; charset=punycode", "a"),
        ("<img src=/ä?☃>".encode("utf-16-le"), "text/html; charset=utf-16", "%C3%A4?%E2%98%83"),
        (b"<p>\xff\xfe\x80<img src=/a>", "text/html; charset=utf-8", "a"),
        (b"<p>\0<img\0 src=/no><img src=/a>", None, "a"),
    ],
)
def test_a_page_is_read_in_its_encoding(body: bytes, content_type: str | None, image: str) -> None:
    assert read(body, content_type).images[-1] == f"{AT}/{image}"
