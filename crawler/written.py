"""URLs of pictures and videos where no attribute holds them as such: in srcset, CSS, scripts and JSON.

Pure functions from text to references in their order; what a reference means is for the caller to resolve. Each takes time
in proportion to the text, however the text was made: the patterns never look twice at the same run of characters.
"""

import json
import re
from collections.abc import Iterator
from itertools import islice
from typing import TypeAlias
from urllib.parse import unquote

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"

VIDEO_ENDINGS = "3g[p2]|avi|flv|m4v|mkv|mov|mp4|mpe?g|og[vm]|qt|webm|wmv"  # ".ts" is mostly a script
# Whatever is looked at like a picture.
PICTURE_ENDINGS = f"avifs?|bmp|gif|heic|heif|ico|jfif|jpe?g|jpe|jxl|pjpeg|a?png|svgz?|tiff?|webp|{VIDEO_ENDINGS}"
OTHER_ENDINGS = (
    "css|m?js|json|map|x?html?|xml|rss|txt|pdf|zip|gz|woff2?|ttf|otf|eot"
    "|mp3|m4a|aac|wav|flac|opus|m3u8|mpd|ogg|swf|wasm"
)
PICTURE_ENDING = re.compile(rf"\.(?:{PICTURE_ENDINGS})(?![a-z0-9])", re.IGNORECASE)
# Sites add a size behind the name: photo.jpg:large, photo.jpg!thumb, photo.jpg@2x.
PICTURE_NAME = re.compile(rf".\.(?:{PICTURE_ENDINGS})(?:[:;!@]|\s*$)", re.IGNORECASE)
OTHER_NAME = re.compile(rf"\.(?:{OTHER_ENDINGS})\s*", re.IGNORECASE)
AFTER_PATH = re.compile(r"[?#]")
URL_LIKE = re.compile(r"(?:(?:https?:)?//|\.{0,2}/)[^\s<>\"']+", re.IGNORECASE)

LONGEST = 2_000  # characters that a reference within text may have
MOST_VALUES = 200_000  # looked at in one piece of JSON

MOST_OBJECTS = 20  # tried as JSON in one script

JSON_DECODER = json.JSONDecoder()
JSON_BEGINS = re.compile(r"""[=(]\s{0,9}(?=[{\[]\s{0,9}["{\[])""")

CANDIDATE = re.compile(r"[\s,]*(\S+)")
DESCRIPTORS = re.compile(r"(?:[^,(]|\([^)]*\)?)*")

CSS_URL = re.compile(r"""url\(\s*(?:"([^"]*)"|'([^']*)'|([^()"'\s]*))\s*\)""", re.IGNORECASE)
CSS_ESCAPE = re.compile(r"\\(?:([0-9a-fA-F]{1,6})\s?|([^\n]))")

ESCAPE = re.compile(r"""\\(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|(["'&]))""")
QUOTES = frozenset("\"'`")
# Words end where a URL, as scripts write it, must have ended. Each is looked at once: from its start, without backing into it.
PICTURE_WORD = re.compile(
    rf"""(?<![^"'`\s<>\\{{}}|^])(?=[^"'`\s<>\\{{}}|^]*\.(?:{PICTURE_ENDINGS})(?![a-z0-9]))[^"'`\s<>\\{{}}|^]+""",
    re.IGNORECASE,
)
ENDS_BARE_WORD = re.compile(r"[(),;\[\]]")  # may stand in a URL between quotes only
QUOTED_URL = re.compile(r"""(["'`])((?:https?:|\.{1,2})?/[^"'`\s<>\\{}|^]{1,2000})\1""", re.IGNORECASE)

WHOLE_URL = re.compile(r"""(["'`])(https?://[^"'`\s<>\\{}|^]{1,2000})\1""", re.IGNORECASE)

PICTURE_WORDS = (
    "image|img|photo|picture|thumb|poster|avatar|logo|screenshot|cover|preview|contenturl|src|original|hires|hi_res"
    "|displayurl|display_url|media|fullsize|full_size|foto|bild|imagen|immagin|gallery|galerie|pics"
)
PICTURE_KEY = re.compile(PICTURE_WORDS, re.IGNORECASE)
# "full_size_image_link" names a picture, {"image": {"link": …}} a page about one.
ABOUT_A_PICTURE = re.compile(
    r"page|link|author|creator|user|licen[cs]e|@id|@context|profile|embed|video|caption|alt|title|name", re.IGNORECASE
)
NAME_BEFORE = re.compile(r"""(?<![\w\-])([\w\-]{1,40})["']?\s{0,3}[:=]\s{0,3}(\[\s{0,9})?$""")
LIST_GOES_ON = re.compile(r"\s*,\s*")
GOES_TO = re.compile(
    r"""(?:location(?:\.href)?\s{0,3}=|window\.open\(|location\.(?:assign|replace)\()\s{0,3}["']([^"']+)["']"""
)


def is_picture_path(reference: str) -> bool:
    """Whether the path ends like the name of a picture file; the query says nothing."""
    path = AFTER_PATH.split(reference, 1)[0]
    return PICTURE_NAME.search(path, path.rfind("/") + 1) is not None


def is_other_path(reference: str) -> bool:
    """Whether the path ends like the name of a file that is no picture."""
    path = AFTER_PATH.split(reference, 1)[0]
    return OTHER_NAME.fullmatch(path, max(0, path.rfind("."))) is not None


def in_srcset(text: str) -> Iterator[str]:
    """All candidates. A URL ends at white space; the commas in it are its own, those at its end are not."""
    at = 0
    while found := CANDIDATE.match(text, at):
        at = found.end()
        url = found[1]
        if url.endswith(","):
            url = url.rstrip(",")
        else:
            descriptors = DESCRIPTORS.match(text, at)
            at = descriptors.end() if descriptors else at
        if url:
            yield url


def in_css(text: str) -> Iterator[str]:
    if "image-set" in text:  # its pictures may be plain strings
        yield from in_script(text)
    for found in CSS_URL.finditer(text):
        reference = CSS_ESCAPE.sub(_css_character, found[1] or found[2] or found[3] or "")
        if reference and not is_other_path(reference):
            yield reference


def in_script(text: str) -> Iterator[str]:
    """Of any text that is no markup: whatever ends like a picture, and what quotes hold after a name like "image"."""
    text = _unescaped(text)
    for word in PICTURE_WORD.finditer(text):
        before = text[word.start() - 1 : word.start()]
        quoted = before in QUOTES
        for piece in (word[0],) if quoted else ENDS_BARE_WORD.split(word[0]):
            reference = _reference(piece)
            # "}" before: the end of a template whose beginning only the script knows.
            if reference is not None and before != "}" and (quoted or "/" in reference):
                yield reference
    yield from _named_in_quotes(text)


def in_json(text: str) -> Iterator[str] | None:
    """References, and markup that strings hold: whatever contains "<". None if the text is no JSON."""
    try:
        parsed: Json = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return _of_value(parsed)


def in_json_of_script(text: str) -> Iterator[str]:
    """As `in_json`, of objects and lists that a script assigns or hands over as they are."""
    at = 0
    for found in islice(JSON_BEGINS.finditer(text), MOST_OBJECTS):
        if found.end() < at:
            continue  # within what was just read
        try:
            parsed, at = JSON_DECODER.raw_decode(text, found.end())
        except (ValueError, RecursionError):
            continue
        yield from _of_value(parsed)


def unsaid_in_script(text: str) -> Iterator[str]:
    """Whole URLs in quotes that do not say what they lead to. Asking tells: a page is read, and a picture compared."""
    for found in islice(WHOLE_URL.finditer(_unescaped(text)), MOST_VALUES):
        url = found[2]
        if PICTURE_ENDING.search(url) is None and not is_other_path(url):
            yield url


def pages_in_script(text: str) -> Iterator[str]:
    """Where an event handler goes to."""
    return (found[1] for found in GOES_TO.finditer(text))


# ----------------------------------------------------------------------------------------------------------- scripts


def _unescaped(text: str) -> str:
    for _ in range(2):  # JSON in a string of a script is escaped twice
        if "\\" not in text:
            break
        text = ESCAPE.sub(_character, text.replace("\\/", "/"))
    return text.replace("&amp;", "&") if "&amp;" in text else text


def _character(escape: re.Match[str]) -> str:
    number = escape[1] or escape[2]
    return chr(int(number, 16)) if number else escape[3]


def _css_character(escape: re.Match[str]) -> str:
    if escape[2]:
        return escape[2]
    number = int(escape[1], 16)
    return chr(number) if 0 < number <= 0x10FFFF else "\ufffd"


def _reference(word: str) -> str | None:
    word = _after_its_name(word)
    ending = PICTURE_ENDING.search(word)
    if ending is None or len(word) > LONGEST or not word[: ending.start()].strip("./"):
        return None
    return unquote(word) if word[:9].lower() in ("http%3a%2", "https%3a%") else word


def _after_its_name(word: str) -> str:
    """`src=/a.jpg` names what follows; `/get?file=a.jpg` is one URL."""
    name, equals, value = word.partition("=")
    return value if equals and "?" not in name and "/" not in name else word


def _named_in_quotes(text: str) -> Iterator[str]:
    """URLs in quotes without an ending that says what they are, after a name that does, or after such a one in a list."""
    list_ended = -1  # where the last URL of a list of pictures ended
    for found in islice(QUOTED_URL.finditer(text), MOST_VALUES):
        goes_on = list_ended >= 0 and LIST_GOES_ON.fullmatch(text, list_ended, found.start()) is not None
        name = None if goes_on else NAME_BEFORE.search(text, max(0, found.start() - 60), found.start())
        named = name is not None and _names_a_picture(name[1])
        if (goes_on or named) and not is_other_path(found[2]):
            yield found[2]
        begins = name is not None and named and name[2]
        list_ended = found.end() if goes_on or begins else -1


# -------------------------------------------------------------------------------------------------------------- JSON


def _of_value(parsed: Json) -> Iterator[str]:
    """In the order of the text. `pictures`: what lies here was named like a picture."""
    waiting: list[tuple[Json, str, bool]] = [(parsed, "", False)]
    for _ in range(MOST_VALUES):
        if not waiting:
            return
        value, key, pictures = waiting.pop()
        if isinstance(value, str):
            yield from _of_string(value, pictures and not ABOUT_A_PICTURE.search(key))
        elif isinstance(value, list):
            waiting.extend((each, key, pictures) for each in reversed(value))
        elif isinstance(value, dict):
            pictures = pictures or "image" in str(value.get("@type", "")).lower()
            waiting.extend((each, key, pictures or _names_a_picture(key)) for key, each in reversed(value.items()))


def _names_a_picture(key: str) -> bool:
    return PICTURE_KEY.search(key) is not None


def _of_string(text: str, picture: bool) -> Iterator[str]:
    if "<" in text:
        yield text
    elif PICTURE_ENDING.search(text):
        yield from (text,) if is_picture_path(text) and not any(map(str.isspace, text.strip())) else in_script(text)
    elif picture and URL_LIKE.fullmatch(text) and not is_other_path(text):
        yield text
