"""When pages stop being worth reading: plain rules about the spelling of URLs. The counting is done in crawler.branches.

A branch is a run of like-shaped pages, each found on another of them. Its pages that bring no new picture are barren; after
BARREN_PAGES of them in a row the rest of the branch is a trap. Depth alone never ends anything: chains of 200 "older" pages are real.
"""

import re
from collections import OrderedDict
from functools import lru_cache
from urllib.parse import parse_qsl, unquote, urlsplit

BARREN_PAGES = 20
# In a row, of a list that an API gives: it says itself where it ends, and an account that mostly writes shows one portrait on each page.
REPEATING_PAGES = 100
LONGEST_URL = 2_000  # characters; session ids and filters pile up beyond anything a person would share
SAME_SEGMENT = 5  # /a/b/a/b/a/b/a/b/a/b: a relative link that was meant to be absolute

_TOKEN = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-z]+")
_NUMBERS = re.compile(r"#(?:[-_.:,#]*#)+")  # 2024-05-01 and 2024-05 are both a date
_PICTURE = re.compile(r"\.(?:avif|bmp|gif|heic|jfif|jpe?g|jxl|png|svg|tiff?|webp|m4v|mkv|mov|mp4|webm)$", re.IGNORECASE)
_NUMBERED_SEGMENTS = 3  # /1/2/3/4/5/… is no new shape at every depth
# Parameters that tell shapes apart: filters that may be put together in any way have 2ⁿ sets of names.
_NAMES = 2
# How a list is shown, not what is in it.
_SHOWN = frozenset(
    (
        *("sort", "sortby", "sort_by", "order", "orderby", "order_by", "direction", "dir", "asc", "desc"),
        *("layout", "display", "per_page", "perpage", "page_size", "pagesize", "limit"),
    )
)

# What servers write into URLs of visitors without cookies: PHP, Java servlets, ASP, ASP.NET (RFC 3986 §3.3 allows parameters in a path),
# phpBB's sid and vBulletin's s. A name that also means other things counts with a value that only a machine makes.
_SESSION_IN_PATH = re.compile(r";(?:jsessionid|phpsessid|sid)=[^/?;]*|/\(S\([0-9a-z]{24}\)\)", re.IGNORECASE)
_SESSION = re.compile(
    r"(?:phpsessid|jsessionid|aspsessionid[a-z]*|cfid|cftoken|oscsid|zenid)=.*"
    r"|(?:sid|sess|sessid|session|session_?id|ssid)=(?=[^&]*[0-9])[0-9a-z,-]{16,}"
    r"|s=[0-9a-f]{32}",
    re.IGNORECASE,
)
SPELLINGS_KEPT = 50_000


def trap_by_spelling(url: str) -> str | None:
    """Why a page of this URL is not worth asking for, or None."""
    if len(url) > LONGEST_URL:
        return f"longer than {LONGEST_URL} characters"
    segments = [segment for segment in urlsplit(url).path.split("/") if segment]
    if len(segments) >= SAME_SEGMENT and any(segments.count(segment) >= SAME_SEGMENT for segment in set(segments)):
        return f"the same part of the path {SAME_SEGMENT} times"
    return None


def without_session(url: str) -> str:
    """The URL as somebody would share it: one page under a thousand session ids is one page."""
    address, question, query = url.partition("?")
    if ";" in address or "/(" in address:
        address = _SESSION_IN_PATH.sub("", address)
    if not question:
        return address
    kept = [part for part in query.split("&") if _SESSION.fullmatch(part) is None]
    return f"{address}?{'&'.join(kept)}" if kept else address


class Spellings:
    """Of URLs that differ in the order of their parameters only, the one that was met first: no URL is asked for that no page named."""

    def __init__(self) -> None:
        self._first: OrderedDict[str, str] = OrderedDict()

    def first(self, url: str) -> str:
        address, _, query = url.partition("?")
        if "&" not in query:
            return url
        known = self._first.setdefault(f"{address}?{'&'.join(sorted(query.split('&')))}", url)
        if len(self._first) > SPELLINGS_KEPT:
            self._first.popitem(last=False)
        return known


@lru_cache(maxsize=4096)  # menus name the same pages on every page
def shape(url: str) -> str:
    """What is left of a URL when numbers, dates and ids are taken out: pages made by one template have one shape."""
    parts = urlsplit(url)
    segments: list[str] = []
    numbered = 0
    for segment in parts.path.split("/"):
        kind = _without_ids(segment.partition(";")[0])
        if kind == "#":
            numbered += 1
            if numbered > _NUMBERED_SEGMENTS:
                continue
        elif not kind or kind in segments:
            continue
        segments.append(kind)
    given = {_without_ids(name) for name, _ in parse_qsl(parts.query, keep_blank_values=True)}
    names = sorted(given - _SHOWN)
    if len(names) > _NAMES:
        names = ["…"]
    return f"{parts.netloc.lower()}/{'/'.join(segments)}?{'&'.join(names)}"


def picture_key(url: str) -> str:
    """Under one key a picture is new only once: a counter or a cache buster behind `pixel.gif?` makes no new picture."""
    if "?" not in url:
        return url
    parts = urlsplit(url)
    if parts.query and _PICTURE.search(parts.path):
        return f"{parts.scheme}://{parts.netloc}{parts.path}"
    return url


def _without_ids(text: str) -> str:
    return _NUMBERS.sub("#", _TOKEN.sub(_token, unquote(text).lower()))


def _token(found: re.Match[str]) -> str:
    token = found[0]
    if len(token) >= 8 and not token.isalpha():
        return "#"  # a session, a hash, a UUID
    return re.sub(r"\d+", "#", token)
