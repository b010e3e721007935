"""What each attribute of HTML can name: a table of the known ones, and a reading of names and values for all others.

Sites put pictures into attributes of their own making and let a script load them. So an attribute counts when its name
says so and its value can be a URL, or when its value is called like a picture, whatever its name.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Protocol

from crawler import written
from crawler.named import Named

Attributes = Mapping[str, str]


class Notes(Protocol):
    """Where a role writes to."""

    @property
    def named(self) -> Named: ...

    def fragment(self, text: str) -> None:
        """Markup inside this markup."""
        ...


Role = Callable[[Notes, str, Attributes], None]
"""Notes what one value names; the other attributes of the element may say more about it."""

# ---------------------------------------------------------------------------------------------------------------- roles


def image(notes: Notes, value: str, _: Attributes) -> None:
    notes.named.image(value)


def candidates(notes: Notes, value: str, _: Attributes) -> None:
    for reference in written.in_srcset(value):
        notes.named.image(reference)


def style(notes: Notes, value: str, _: Attributes) -> None:
    for reference in written.in_css(value):
        notes.named.image(reference)


def link(notes: Notes, value: str, _: Attributes) -> None:
    notes.named.link(value)


def markup(notes: Notes, value: str, _: Attributes) -> None:
    notes.fragment(value)


def event(notes: Notes, value: str, _: Attributes) -> None:
    for reference in written.in_script(value):
        notes.named.image(reference)
    for reference in written.pages_in_script(value):
        notes.named.link(reference)


def base(notes: Notes, value: str, _: Attributes) -> None:
    notes.named.base = notes.named.base or value


def anchor(notes: Notes, value: str, attributes: Attributes) -> None:
    if SCRIPT_URL.match(value):
        event(notes, value, attributes)
    elif written.is_picture_path(value) or ("itemprop" in attributes and META_PICTURE.search(attributes["itemprop"])):
        notes.named.image(value)
    elif "rel" in attributes and "next" in words(attributes, "rel"):
        notes.named.next_page(value)
    else:
        notes.named.page(value)


def link_element(notes: Notes, value: str, attributes: Attributes) -> None:
    rel = words(attributes, "rel")
    if "next" in rel:
        notes.named.next_page(value)
    elif rel & TURNS_A_PAGE:
        notes.named.page(value)
    elif (
        rel & PICTURE_RELS
        or attributes.get("as", "").lower() in ("image", "video")
        or META_PICTURE.search(attributes.get("itemprop", ""))
        or written.is_picture_path(value)
    ):
        notes.named.image(value)


def meta(notes: Notes, value: str, attributes: Attributes) -> None:
    if attributes.get("http-equiv", "").lower() == "refresh":
        found = REFRESH.match(value)
        if found is not None and found[1].strip():
            notes.named.link(found[1])
        return
    name = " ".join(attributes[key] for key in ("property", "name", "itemprop") if key in attributes)
    value = value.strip()
    if (_names_a_picture(name) and written.is_named_reference(value)) or written.is_one_reference(value):
        notes.named.image(value)
    elif META_VIDEO.search(name) and written.URL_LIKE.fullmatch(value):
        notes.named.page(value)  # mostly a page with a player; asking tells


@lru_cache(maxsize=1024)
def _names_a_picture(names: str) -> bool:
    return any(META_PICTURE.search(name) and not META_ABOUT_PICTURE.search(name) for name in names.split())


def embedded(notes: Notes, value: str, attributes: Attributes) -> None:
    """An <object> or <embed>: a picture unless it says otherwise."""
    kind = attributes.get("type", "").lower()
    if kind.startswith("text/html"):
        notes.named.link(value)
    elif (
        kind.startswith(("image/", "video/"))
        or written.is_picture_path(value)
        or not (kind or written.is_other_path(value))
    ):
        notes.named.image(value)


def film(notes: Notes, value: str, attributes: Attributes) -> None:
    """Of a <video>, or of a <source>, which may also be a sound's; a play list holds no frames."""
    kind = attributes.get("type", "").lower()
    if not kind.startswith("audio/") and not written.is_other_path(value):
        notes.named.image(value)


def shown_later(notes: Notes, value: str, attributes: Attributes) -> None:
    """The name says picture."""
    value = value.strip()
    one = written.decoded(value) is None and not _is_list(value)
    if one and (
        written.is_named_reference(value) or (written.is_picture_path(value) and OF_TEXT.search(value) is None)
    ):
        notes.named.image(value)
    else:
        anything(notes, value, attributes)


def page_later(notes: Notes, value: str, attributes: Attributes) -> None:
    if written.URL_LIKE.fullmatch(value.strip()):
        notes.named.link(value)
    else:
        anything(notes, value, attributes)


def frame_later(notes: Notes, value: str, _: Attributes) -> None:
    if not OF_TEXT.search(value.strip()):
        notes.named.link(value)


def typed(notes: Notes, value: str, attributes: Attributes) -> None:
    """What stands in a field: an address to copy, or the bare name of a file that is to be sent."""
    if "/" in value:
        anything(notes, value, attributes)


def anything(notes: Notes, value: str, _: Attributes) -> None:
    """The name says nothing."""
    value = value.strip()
    if len(value) < LEAST_WRAPPED and not value.startswith(WRAPS) and "." not in value:
        return  # most of them: numbers, colours, words
    for reference in _of_any_value(notes, value):
        notes.named.image(reference)


def _of_any_value(notes: Notes, value: str) -> Iterator[str]:
    wrapped = written.decoded(value)
    if wrapped is not None:
        value = wrapped.strip()
    if value[:1] in ("[", "{"):
        found = written.in_json(value)
        for reference in written.in_script(value) if found is None else found:
            if "<" in reference:
                notes.fragment(reference)
            else:
                yield reference
    elif "<" in value:
        notes.fragment(value)
    elif "url(" in value:
        yield from written.in_css(value)
    elif value[-1:] in ("w", "x") and written.CANDIDATES.match(value):
        yield from written.in_srcset(value)
    elif written.PICTURE_ENDING.search(value):
        yield from _of_text(value)


def _of_text(value: str) -> Iterator[str]:
    if '"' in value or value.count("'") > 1:  # an expression
        return written.in_script(value)
    if _is_list(value):
        return filter(written.is_picture_path, written.in_list(value))
    return iter((value,)) if written.is_one_reference(value) else written.in_script(value)


def _is_list(value: str) -> bool:
    return len(written.in_list(value)) > 1


def words(attributes: Attributes, name: str) -> set[str]:
    return set(attributes.get(name, "").lower().split())


# --------------------------------------------------------------------------------------------------------------- tables

LEAST_WRAPPED = 16  # characters of base64, of a URL that percent signs wrap, or of a url()
WRAPS = ("[", "{", "<", "url(")
SCRIPT_URL = re.compile(r"\s*javascript:", re.IGNORECASE)
OF_TEXT = re.compile(r"[<>{}\[\]\"]|^'|\burl\(")
META_PICTURE = re.compile(r"image|thumb|photo|picture|contenturl|player:stream", re.IGNORECASE)
META_VIDEO = re.compile(r"(?:^|\s)og:video(?::(?:secure_)?url)?(?:\s|$)", re.IGNORECASE)
META_ABOUT_PICTURE = re.compile(r"(?:width|height|alt|type|user_generated)$", re.IGNORECASE)
REFRESH = re.compile(r"""[\s\d.]*[;,]?\s*(?:url\s*=)?\s*["']?([^"']*)""", re.IGNORECASE)
TURNS_A_PAGE = frozenset(("prev", "previous", "first", "last", "start", "up", "index", "contents", "archives"))
PICTURE_RELS = frozenset(
    ("icon", "apple-touch-icon", "apple-touch-icon-precomposed", "mask-icon", "image_src", "video_src", "thumbnail")
)

# By element and attribute; "*" is any element. A script or a sound is not asked for, unless it is called a picture.
ROLES: dict[tuple[str, str], Role] = {
    ("a", "href"): anchor,
    ("area", "href"): anchor,
    ("base", "href"): base,
    ("link", "href"): link_element,
    ("image", "href"): image,
    ("image", "xlink:href"): image,
    ("feimage", "href"): image,
    ("feimage", "xlink:href"): image,
    ("meta", "content"): meta,
    ("object", "data"): embedded,
    ("embed", "src"): embedded,
    ("iframe", "src"): link,
    ("frame", "src"): link,
    ("script", "src"): anything,
    ("audio", "src"): anything,
    ("video", "src"): film,
    ("source", "src"): film,
    ("track", "src"): anything,
    ("*", "src"): image,  # img, input, amp-img, and whatever elements a site defines
    ("*", "lowsrc"): image,
    ("*", "poster"): image,
    ("*", "background"): image,
    ("*", "style"): style,
    ("*", "value"): typed,
    ("*", "srcdoc"): markup,
}
SILENT = re.compile(
    r"accept|alt|class|id|title|name|rel|type|width|height|sizes|media|lang|dir|role|target|method|charset|integrity|crossorigin"
    r"|download|placeholder|for|property|itemprop|aria-.*|data-(?:alt|caption|file-?name|id|name|title|type)"
)
# Names under which scripts find the picture that they load later.
SHOWN_LATER = re.compile(
    r"(?:^|[-_:.])(?:src|source|original|orig|lazy|lazyload|echo|bg|background|image|img|photo|picture|pic|thumb|thumbnail"
    r"|poster|full|large|big|zoom|hires|retina|highres|preview|cover|fallback|hover|lightbox|fancybox)(?:$|[-_:.])"
    r"|(?:src|image|img|thumb|photo)$",
    re.IGNORECASE,
)
SET = re.compile(r"(?:src|bg|image|img|lazy|original)-?set$")
GOES_ON = re.compile(r"data-(?:href|next(?:-(?:url|page|href|link))?)")
FRAMES = frozenset(("iframe", "frame"))
NOT_SHOWN = frozenset(("script", "audio", "track", "form", "link", "meta"))


@lru_cache(maxsize=4096)
def role_of(element: str, attribute: str) -> Role | None:
    """None: nothing is ever named there."""
    known = ROLES.get((element, attribute)) or ROLES.get(("*", attribute))
    if known is not None:
        return known
    if SILENT.fullmatch(attribute):
        return None
    if SET.search(attribute):
        return candidates
    if attribute.startswith("on"):
        return event
    if GOES_ON.fullmatch(attribute):
        return page_later
    if element not in NOT_SHOWN and SHOWN_LATER.search(attribute):
        return frame_later if element in FRAMES else shown_later
    return anything
