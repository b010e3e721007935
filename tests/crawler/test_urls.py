"""One reading of URLs: as browsers read them, so that what is compared is what a site means."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.urls import Base, canonical, parse, resolve

# What the WHATWG URL standard makes of them; a trailing lone "?" goes, because no request carries it.
SPELLINGS = {
    "HTTP://Gallery.Example": "http://gallery.example/",
    "https://gallery.example:443/a": "https://gallery.example/a",
    "http://gallery.example:00080/a": "http://gallery.example/a",
    "http://gallery.example:8080/a": "http://gallery.example:8080/a",
    "http://gallery.example/a#top": "http://gallery.example/a",
    "http://gallery.example/a?": "http://gallery.example/a",
    "http://gallery.example/a?b=2&a=1": "http://gallery.example/a?b=2&a=1",
    "http://gallery.example/a/../b/./c/%2E%2e/d": "http://gallery.example/b/d",
    "http://gallery.example/../..": "http://gallery.example/",
    "http://gallery.example/a/..": "http://gallery.example/",
    "http://gallery.example//a//": "http://gallery.example//a//",
    "http:\\\\gallery.example\\a\\b": "http://gallery.example/a/b",
    "http:gallery.example/a": "http://gallery.example/a",
    "http:///gallery.example/a": "http://gallery.example/a",
    " \t\n http://gal\tlery.exa\nmple/a b \x00": "http://gallery.example/a%20b",
    "http://bücher.example/ä?ö=ü#ß": "http://xn--bcher-kva.example/%C3%A4?%C3%B6=%C3%BC",
    "http://faß.example/": "http://xn--fa-hia.example/",
    "http://gallery。example/": "http://gallery.example/",
    "http://\uff27\uff21\uff2c\uff2c\uff25\uff32\uff39.example/": "http://gallery.example/",
    "http://g%61llery.example/": "http://gallery.example/",
    "http://gallery.example/%e4%zz'\"<>`{}|": "http://gallery.example/%e4%zz'%22%3C%3E%60%7B%7D|",
    "http://gallery.example/a?'\"<>`{}|": "http://gallery.example/a?%27%22%3C%3E`{}|",
    "http://user:word@gallery.example/": "http://user:word@gallery.example/",
    "http://:@gallery.example/": "http://gallery.example/",
    "http://gallery.example@other.example/": "http://gallery.example@other.example/",
    "http://gallery.example\\@other.example/": "http://gallery.example/@other.example/",
    "http://gallery.example#@other.example/": "http://gallery.example/",
    "http://[::1]:8080/": "http://[::1]:8080/",
    "http://[0:0:0:0:0:0:0:1]/": "http://[::1]/",
    "http://[::FFFF:127.0.0.1]/": "http://[::ffff:7f00:1]/",
}
LOOPBACK = (
    *("127.0.0.1", "127.1", "127.0.1", "127.0.0.1.", "2130706433", "0x7f000001", "0x7f.1", "0X7F.0.0.0x1"),
    *(
        "0177.0.0.1",
        "017700000001",
        "0177.0x0.0.1",
        "\uff11\uff12\uff17.\uff10.\uff10.\uff11",
        "①②⑦.⓪.⓪.①",
        "127。0。0。1",
        "%31%32%37.0.0.1",
        "127.0.0.%31",
    ),
)
NO_URL = (
    *(
        "",
        "gallery.example",
        "/a",
        "javascript:alert(1)",
        "data:image/png;base64,AA",
        "ftp://gallery.example/",
        "file:///etc/passwd",
    ),
    *(
        "http://",
        "http:///",
        "http://:80/",
        "http://a b/",
        "http://a%00b/",
        "http://a%2fb/",
        "http://a<b/",
        "http://gallery.example:99999/",
    ),
    *(
        "http://gallery.example:x/",
        "http://[::1",
        "http://::1/",
        "http://[fe80::1%25eth0]/",
        "http://[nonsense]/",
        "http://256.256.256.256/",
    ),
    *(
        "http://1.2.3.4.5/",
        "http://0x100000000/",
        "http://4294967296/",
        "http://09.1.1.1/",
        "http://1.2.3.08/",
        "http://\ud800/",
    ),
)


@pytest.mark.parametrize(("written", "meant"), SPELLINGS.items())
def test_every_spelling_of_a_url_becomes_the_one(written: str, meant: str) -> None:
    assert canonical(written) == meant
    assert canonical(meant) == meant


@pytest.mark.parametrize("host", LOOPBACK)
def test_every_spelling_of_an_address_becomes_four_numbers(host: str) -> None:
    assert canonical(f"http://{host}/") == "http://127.0.0.1/"


@pytest.mark.parametrize("text", NO_URL)
def test_what_names_no_web_host_is_no_url(text: str) -> None:
    assert canonical(text) is None


def test_a_url_longer_than_servers_take_is_none() -> None:
    assert canonical("http://gallery.example/" + "a" * 8_000) is None


@pytest.mark.parametrize(
    ("reference", "meant"),
    {
        "c": "https://gallery.example/a/c",
        "./c": "https://gallery.example/a/c",
        "../c": "https://gallery.example/c",
        "/c": "https://gallery.example/c",
        "\\c": "https://gallery.example/c",
        "//cdn.example/c": "https://cdn.example/c",
        "\\\\cdn.example\\c": "https://cdn.example/c",
        "?x=1": "https://gallery.example/a/b?x=1",
        "c?x=1#y": "https://gallery.example/a/c?x=1",
        "https:c": "https://gallery.example/a/c",
        "https:/c": "https://gallery.example/c",
        "http:c": "http://c/",
        "c d\n.jpg ": "https://gallery.example/a/c%20d.jpg",
        ":c": "https://gallery.example/a/:c",
    }.items(),
)
def test_a_reference_is_resolved_as_browsers_do(reference: str, meant: str) -> None:
    base = parse("https://gallery.example/a/b?q=1")
    assert base is not None

    assert str(resolve(reference, base)) == meant


@pytest.mark.parametrize(
    "reference", ["", " \n", "#", "#top", "mailto:a@b.example", "javascript:void(0)", "//", "http://"]
)
def test_a_reference_that_leads_nowhere_else_is_none(reference: str) -> None:
    base = parse("https://gallery.example/a/b")
    assert base is not None

    assert resolve(reference, base) is None


def test_the_query_is_spelled_in_the_encoding_of_its_document_and_the_path_is_not() -> None:
    base = parse("http://gallery.example/")
    assert base is not None

    assert str(resolve("ä?ä=€☃", base, "cp1252")) == "http://gallery.example/%C3%A4?%E4=%80%26%239731%3B"


PIECES = st.lists(
    st.sampled_from(
        [
            "/",
            "//",
            "..",
            "../",
            "a/b.jpg",
            ".",
            "%2e",
            "%zz",
            "a",
            "b c",
            ":",
            "@",
            "?",
            "#",
            "'",
            "|",
            "\\",
            "\n",
            "é",
            "\udc80",
            "&",
            "[",
            "]",
            *("https://h.example", "HTTP://H.example", "https:", "127.1", "u@h.example", ":443", ":8443", "xn--", "。"),
        ]
    ),
    max_size=8,
).map("".join)


@given(PIECES | st.text(max_size=40))
def test_the_canonical_spelling_is_ascii_without_spaces_and_its_own(text: str) -> None:
    url = canonical(text)

    assert url is None or (url.isascii() and url.isprintable() and " " not in url and canonical(url) == url)


@given(PIECES, st.sampled_from(["", "a/b?c", "a/b/", "a//b/c", "a|b/c/d"]))
def test_the_short_way_of_spelling_agrees_with_the_long_one(reference: str, at: str) -> None:
    base = parse(f"https://h.example/{at}")
    assert base is not None
    meant = resolve(reference, base)

    assert Base(base, "utf-8").spell(reference) == (None if meant is None else str(meant))
