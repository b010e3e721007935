"""What is said of one picture. Apart from `core.model`, which hands it on, because the process in which strangers' pictures are decoded
needs nothing else of the domain: it starts anew for every pass, and loads nothing that it does not use.
"""

import enum
from dataclasses import dataclass, field
from typing import Self


class Word(enum.StrEnum):
    """A word of the contract, and what it means. `meaning` is what an operator reads."""

    meaning: str

    def __new__(cls, value: str, meaning: str) -> Self:
        member = str.__new__(cls, value)
        member._value_ = value
        member.meaning = meaning
        return member


class State(Word):
    """How the look at one URL or file ended. Each ends in exactly one."""

    # looked, and know
    HIT = "hit", "the picture matches an enrolled one"
    CLEAR = "clear", "the picture was compared whole and matches nobody enrolled"
    READ = "read", "a page, read for its pictures and links"
    GONE = "gone", "the site says it is not there (404 or 410)"
    # looked, and cannot say
    NOT_COMPARED = "not_compared", "hashed, but nobody is enrolled, so there was nothing to compare with"
    PARTIAL = "partial", "only a part could be compared (frames beyond the limit); that part matches nobody"
    TOO_PLAIN = "too_plain", "too few features for a hash that means anything (quality below 50)"
    TOO_SMALL = "too_small", "a side is shorter than 64 pixels"
    NOT_IMAGE = "not_image", "the bytes are not a picture"
    UNSUPPORTED = "unsupported", "a known format that is not decoded here"
    TRUNCATED = "truncated", "the picture ends before it is complete"
    BROKEN = "broken", "the picture is damaged and would not decode"
    TOO_LARGE = "too_large", "more bytes, pixels or scans than allowed"
    TIMEOUT = "timeout", "fetching or decoding took longer than allowed"
    EXHAUSTED = "exhausted", "decoding used up its memory, or its process died"
    UNREADABLE = "unreadable", "a local file that could not be opened"
    # could not look
    HTTP_ERROR = "http_error", "the site answered with an error that does not say the picture is gone"
    UNREACHABLE = "unreachable", "no answer: name, connection or TLS failed"
    ROBOTS_UNREAD = "robots_unread", "robots.txt could not be read, so nothing was asked"
    # did not look, on purpose
    ROBOTS = "robots", "robots.txt asks us not to"
    OUT_OF_SCOPE = "out_of_scope", "the host is not part of the agreement"
    REFUSED = "refused", "the address or the redirect leads where no crawler may go"
    TRAP = "trap", "one more of many alike pages without a new picture"
    OVER_LIMIT = "over_limit", "the pass had used up its pages, pictures or bytes"
    PENDING = "pending", "met, and not yet looked at when the pass stopped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fingerprint:
    """One perceptual hash of one view of a picture.

    bits: fixed-width lower-case hex, most significant bit first (PDQ: 64 digits in the published order)
    quality: 0..100, PDQ's measure of how much there is to hash
    view: which part of the picture, turned how: "full", "full/rot90", "crop:0,0,900,1000/flip-h"; of a later frame "full@7".
        See matcher.views
    time_s: of a video's frame, seconds from its beginning
    """

    hasher: str
    view: str
    bits: str = field(repr=False)
    quality: int
    time_s: float | None = None
