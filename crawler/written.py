"""URLs of pictures and videos where no attribute holds them as such: in srcset, CSS, scripts and JSON.

Pure functions from text to references in their order; what a reference means is for the caller to resolve. Each takes time
in proportion to the text, however the text was made: the patterns look at a run of characters once, or at so many before a place.
"""

import base64
import binascii
import json
import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice
from typing import NamedTuple, TypeAlias
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
PICTURE_NAME = re.compile(rf"[^,;|*\s]\.(?:{PICTURE_ENDINGS})(?:[:;!@]|\s*$)", re.IGNORECASE)
OTHER_NAME = re.compile(rf"\.(?:{OTHER_ENDINGS})\s*", re.IGNORECASE)
AFTER_PATH = re.compile(r"[?#]")
URL_LIKE = re.compile(r"(?:(?:https?:)?//|\.{0,2}/)[^\s<>\"']+", re.IGNORECASE)

# People's file names hold spaces. Such a text is one reference where it begins like a URL, or like a folder of one or two words.
SPACED_PATH = re.compile(
    r"""(?:(?:https?:)?//|\.{0,2}/)[^<>{}|"\t\r\n]*|[^\s<>{}|"/:,;]++(?:\ [^\s<>{}|"/:,;]++)?/[^<>{}|"\t\r\n]*""",
    re.IGNORECASE,
)
RELATIVE = re.compile(
    r"[\w.~%\-]+[/?][^\s<>\"'{}|\\^`]+"
)  # "thumb.php?id=3": too much like other text to count where no name says picture
MEASURE = re.compile(r"[\d./]*$|(?:image|video|audio|text|application)/[\w.+\-*]+$")  # "16/9", "image/webp"
CANDIDATES = re.compile(r"\s*\S+\s+\d+(?:\.\d+)?[wxh]\s*(?:,|$)")  # how a srcset begins
BETWEEN_URLS = re.compile(r"\s*[,;|]\s*(?=(?:https?:)?//|\.{0,2}/)", re.IGNORECASE)

# How base64 of JSON, of markup and of a URL begins: {" [{ [" <i http // – the rest may be anything.
CODED = ("eyJ", "W3s", "WyJ", "PGl", "PGE", "aHR0c", "Ly9")
BASE64 = re.compile(r"[A-Za-z0-9+/_\-\s]{16,}={0,2}\s*")
ESCAPED = re.compile(r"\s*(?:%7B|%5B|https?%3A%2F%2F|%2F%2F)", re.IGNORECASE)

LONGEST = 2_000  # characters that a reference within text may have
LONGEST_NAME = 300  # characters that one with spaces may have
MOST_VALUES = 200_000  # looked at in one piece of JSON

MOST_OBJECTS = 20  # tried as JSON in one script

JSON_DECODER = json.JSONDecoder()
JSON_BEGINS = re.compile(r"""[=(]\s{0,9}(?=[{\[]\s{0,9}["{\[])""")

CANDIDATE = re.compile(r"[\s,]*(\S+)")
DESCRIPTORS = re.compile(r"(?:[^,(]|\([^)]*\)?)*")

# Comments are matched to be passed over: a sheet's are for its authors, no script takes pictures from there.
CSS_URL = re.compile(
    r"""/\*.*?(?:\*/|\Z)|url\(\s*(?:"((?:[^"\\]|\\.)*+)"|'((?:[^'\\]|\\.)*+)'|((?:[^()"'\s\\]|\\[0-9a-f]{1,6}+\s?|\\.)*+))\s*\)""",
    re.IGNORECASE | re.DOTALL,
)
CSS_ESCAPE = re.compile(r"\\(?:([0-9a-fA-F]{1,6})\s?|([^\n]))")

ESCAPE = re.compile(r"""\\{1,3}(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|(["'&]))""")
ENTITY_OF_APOSTROPHE = re.compile(r"&#(?:x27|39);", re.IGNORECASE)
QUOTES = frozenset("\"'`")
FROM_URL_SAFE = str.maketrans("-_", "+/")
# Words end where a URL, as scripts write it, must have ended.
WORD_ENDS = re.compile(r"""["'`\s<>\\{}|^]""")
WORD_GOES_ON = re.compile(r"""[^"'`\s<>\\{}|^]*""")
APOSTROPHE = re.compile(r"(?<=\w)\\'(?=\w)")  # it\'s: no end of a string
ENDS_BARE_WORD = re.compile(r"[(),;\[\]]")  # may stand in a URL between quotes only
QUOTED_URL = re.compile(
    r"""(["'`])((?:(?:https?:|\.{1,2})?/|[\w\-.]{1,40}[/?])[^"'`\s<>\\{}|^]{1,2000})\1""", re.IGNORECASE
)

WHOLE_URL = re.compile(r"""https?://[^"'`\s<>{}|^]{1,2000}""")

PICTURE_WORDS = (
    "image|img|photo|picture|thumb|poster|avatar|logo|screenshot|cover|preview|contenturl|src|original|hires|hi_res"
    r"|(?:(?<![a-z])|profile_?|user_?)pic(?![a-z])|displayurl|display_url|media|fullsize|full_size|foto|bild|imagen|immagin|gallery|galerie|pics"
)
PICTURE_KEY = re.compile(PICTURE_WORDS, re.IGNORECASE)
# "full_size_image_link" names a picture, {"image": {"link": …}} a page about one.
ABOUT_A_PICTURE = re.compile(
    r"page|link|author|creator|user|licen[cs]e|@id|@context|profile|embed|video|caption|alt|title|name", re.IGNORECASE
)
# These say it, whatever else they say: "profile_pic_url", "userAvatar".
SURELY_PICTURE = re.compile(
    r"(?:image|img|photo|picture|pic|thumb|thumbnail|avatar|poster)s?(?:[_\-]?(?:ur[il]|src|hd|large|big|small|full))*$",
    re.IGNORECASE,
)
ADDRESS = re.compile(r"ur[il]|src|href|path|contenturl", re.IGNORECASE)  # of what it lies in
OF_TEXT = re.compile(
    r"(?:file|image|img|photo)?[_\-]?(?:alt|caption|title|name|filename|label|description|headline)", re.IGNORECASE
)
NAME_OF_OBJECT = re.compile(r"([\w\-]{1,40})\s{0,3}$")
NAME_BEFORE = re.compile(r"""(?<![\w\-])([\w\-]{1,40})["']?\s{0,3}[:=(]\s{0,3}(\[\s{0,9})?$""")
NAMES_WHAT_FOLLOWS = frozenset(":=([")
LIST_GOES_ON = re.compile(r"\s*,\s*")
GOES_TO = re.compile(
    r"""(?:location(?:\.href)?\s{0,3}=|window\.open\(|location\.(?:assign|replace)\()\s{0,3}["']([^"']+)["']"""
)


def is_picture_path(reference: str) -> bool:
    """Whether the path ends like the name of a picture file; the query says nothing."""
    path = reference.partition("?")[0].partition("#")[0]
    name = path.rfind("/") + 1
    return path.find(".", name) >= 0 and PICTURE_NAME.search(path, name) is not None


def is_one_reference(text: str) -> bool:
    """Whether a text that ends like the name of a picture file is one reference, though it may hold spaces."""
    if not is_picture_path(text):
        return False
    if not any(map(str.isspace, text.strip())):
        return True
    text = text.strip()
    first = PICTURE_ENDING.search(text)
    path = AFTER_PATH.split(text, maxsplit=1)[0]
    return (
        len(path) <= LONGEST_NAME
        and first is not None
        and first.end() >= len(path)
        and SPACED_PATH.fullmatch(path) is not None
    )


def is_named_reference(text: str) -> bool:
    """Whether a text is a reference where its name says that it is one of a picture."""
    if URL_LIKE.fullmatch(text) is None and (RELATIVE.fullmatch(text) is None or MEASURE.match(text)):
        return False
    return not is_other_path(text)


def is_other_path(reference: str) -> bool:
    """Whether the path ends like the name of a file that is no picture."""
    path = reference.partition("?")[0].partition("#")[0]
    dot = path.rfind(".")
    return dot >= 0 and OTHER_NAME.fullmatch(path, dot) is not None


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
    if "(" not in text:
        return
    for found in CSS_URL.finditer(text):
        reference = CSS_ESCAPE.sub(_css_character, found[1] or found[2] or found[3] or "")
        if reference and not is_other_path(reference):
            yield reference


def in_list(text: str) -> list[str]:
    """The URLs of a text that holds several, between commas or the like; one alone where it is none such."""
    return BETWEEN_URLS.split(text.strip())


def decoded(text: str) -> str | None:
    """What base64 or percent signs wrap as a whole: JSON, markup or a URL. None where they do not."""
    if text.startswith(CODED) and BASE64.fullmatch(text):
        try:
            return base64.b64decode("".join(text.split()).rstrip("=").translate(FROM_URL_SAFE) + "==").decode()
        except (binascii.Error, UnicodeDecodeError):
            return None
    return unquote(text) if "%" in text[:8] and ESCAPED.match(text) else None


def in_script(text: str) -> Iterator[str]:
    """Of any text that is no markup: whatever ends like a picture, and what quotes hold after a name like "image"."""
    text = _unescaped(text)
    at = 0  # where the last word ended
    for ending in PICTURE_ENDING.finditer(text):
        if ending.start() < at:
            continue
        start, at = _word(text, ending, at)
        before, after = text[start - 1 : start], text[at : at + 1]
        quoted = before in QUOTES
        spaced = _with_spaces(text, start, at) if after in QUOTES and before != after else None
        if spaced is not None:
            yield spaced
            continue
        for piece in (text[start:at],) if quoted else ENDS_BARE_WORD.split(text[start:at]):
            reference = _reference(piece)
            # "}" before: the end of a template whose beginning only the script knows.
            if reference is None or before == "}" or not (quoted or "/" in reference):
                continue
            if "/" in reference or not _is_of_text(text, start):
                yield reference
    yield from _named_in_quotes(text)


def in_program(text: str) -> Iterator[str]:
    """Of a whole script: its objects and lists that are JSON are read as such, the rest as in `in_script`."""
    done = 0
    for found in islice(JSON_BEGINS.finditer(text), MOST_OBJECTS):
        if found.end() < done:
            continue  # within what was just read
        try:
            parsed, end = JSON_DECODER.raw_decode(text, found.end())
        except (ValueError, RecursionError):
            continue
        yield from in_script(text[done : found.end()])
        name = NAME_OF_OBJECT.search(text, max(0, found.start() - 45), found.start())
        yield from _of_value(parsed, name[1] if name else "")
        done = end
    yield from in_script(text[done:] if done else text)


def in_json(text: str) -> Iterator[str] | None:
    """References, and markup that strings hold: whatever contains "<". None if the text is no JSON."""
    try:
        parsed: Json = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return _of_value(parsed)


def unsaid_in_script(text: str) -> Iterator[str]:
    """Whole URLs in quotes that do not say what they lead to. Asking tells: a page is read, and a picture compared."""
    if "http" not in text:
        return
    for _ in range(2 if "\\" in text else 0):
        text = _plain_slashes(text).replace('\\"', '"')
    for found in islice(WHOLE_URL.finditer(text), MOST_VALUES):
        quote = text[found.start() - 1 : found.start()]
        if quote not in QUOTES or text[found.end() : found.end() + 1] != quote:
            continue
        url = _unescaped(found[0])
        if PICTURE_ENDING.search(url) is None and not is_other_path(url):
            yield url


def pages_in_script(text: str) -> Iterator[str]:
    """Where an event handler goes to."""
    return (found[1] for found in GOES_TO.finditer(_unescaped(text)))


# ----------------------------------------------------------------------------------------------------------- scripts


def _unescaped(text: str) -> str:
    for _ in range(2):  # JSON in a string of a script is escaped twice
        if "\\" not in text:
            break
        text = _plain_slashes(text)
        if "\\'" in text:
            text = APOSTROPHE.sub("%27", text)
        text = ESCAPE.sub(_character, text)
    if "&#" in text:
        text = ENTITY_OF_APOSTROPHE.sub("%27", text)
    return text.replace("&amp;", "&") if "&amp;" in text else text


def _plain_slashes(text: str) -> str:
    """Without the escapes that URLs are mostly written with, in a fraction of the time that all of them take."""
    return text.replace("\\/", "/").replace("\\u002F", "/").replace("\\u0026", "&")


def _character(escape: re.Match[str]) -> str:
    number = escape[1] or escape[2]
    return chr(int(number, 16)) if number else escape[3]


def _css_character(escape: re.Match[str]) -> str:
    if escape[2]:
        return escape[2]
    number = int(escape[1], 16)
    return chr(number) if 0 < number <= 0x10FFFF else "\ufffd"


def _word(text: str, ending: re.Match[str], lowest: int) -> tuple[int, int]:
    """Where the word around a file ending starts and ends; one that is too long for a reference is cut."""
    lowest = max(lowest, ending.start() - LONGEST)
    before = WORD_ENDS.search(text[lowest : ending.start()][::-1])
    goes_on = WORD_GOES_ON.match(text, ending.end())
    return (ending.start() - before.start() if before else lowest), (goes_on.end() if goes_on else ending.end())


def _is_of_text(text: str, start: int) -> bool:
    """Whether the string that starts here is said to be words for people: `alt: "beach.jpg"`."""
    name = _name_before(text, max(0, start - 1))
    return name is not None and _key(name[1]).text


def _name_before(text: str, at: int) -> re.Match[str] | None:
    if text[max(0, at - 12) : at].rstrip()[-1:] not in NAMES_WHAT_FOLLOWS:  # most strings have no name
        return None
    return NAME_BEFORE.search(text, max(0, at - 60), at)


def _with_spaces(text: str, start: int, end: int) -> str | None:
    """The whole string of which the word is the end, if it is one reference."""
    opening = text.rfind(text[end], max(0, end - LONGEST_NAME), start)
    if opening < 0:
        return None
    whole = text[opening + 1 : end]
    return whole if is_one_reference(whole) and "\\" not in whole and "`" not in whole else None


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
        name = None if goes_on else _name_before(text, found.start())
        named = name is not None and _names_a_picture(name[1])
        if (goes_on or named) and is_named_reference(found[2]):
            yield found[2]
        begins = name is not None and named and name[2]
        list_ended = found.end() if goes_on or begins else -1


# -------------------------------------------------------------------------------------------------------------- JSON


class Key(NamedTuple):
    """What the name of a value says about it."""

    pictures: bool  # it holds pictures
    about: bool  # within what holds pictures it says something about them
    text: bool  # it holds words for people
    address: bool  # it holds the address of what it lies in


@lru_cache(maxsize=4096)
def _key(name: str) -> Key:
    name = name[:100]
    return Key(
        PICTURE_KEY.search(name) is not None,
        ABOUT_A_PICTURE.search(name) is not None and not SURELY_PICTURE.search(name[-30:]),
        OF_TEXT.fullmatch(name) is not None,
        ADDRESS.fullmatch(name) is not None,
    )


def _of_value(parsed: Json, name: str = "") -> Iterator[str]:
    """In the order of the text. The third of what waits: it lies in what was named like a picture."""
    waiting: list[tuple[Json, str, bool]] = [(parsed, name, _names_a_picture(name))]
    for _ in range(MOST_VALUES):
        if not waiting:
            return
        value, key, pictures = waiting.pop()
        if isinstance(value, str):
            if len(value) > 1:
                yield from _of_string(value, _key(key), pictures)
        elif isinstance(value, list):
            waiting.extend((each, key, pictures) for each in reversed(value))
        elif isinstance(value, dict):
            pictures = pictures or "image" in str(value.get("@type", "")).lower()
            for key, each in reversed(value.items()):
                waiting.append((each, key, pictures or _key(key).pictures))
                if "/" in key and PICTURE_ENDING.search(key):  # kept by its URL
                    waiting.append((key, "", False))


def _names_a_picture(key: str) -> bool:
    return _key(key).pictures


def _of_string(text: str, key: Key, pictures: bool) -> Iterator[str]:
    if "<" in text:
        yield text
    elif text[-1] in "wx" and CANDIDATES.match(text):
        yield from in_srcset(text)
    elif PICTURE_ENDING.search(text):
        if is_one_reference(text):
            if not key.text or "/" in text:
                yield text
        elif pictures and key.pictures and is_picture_path(text) and len(text) <= LONGEST_NAME:
            yield text
        else:
            yield from in_script(text)
    elif (
        pictures
        and not key.about
        and (is_named_reference(text) if key.pictures or key.address else URL_LIKE.fullmatch(text))
    ):
        if not is_other_path(text):
            yield text
    elif text.startswith(CODED) and (wrapped := decoded(text)) is not None:
        yield from in_script(wrapped)
