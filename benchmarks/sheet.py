"""A page while it is written: new addresses and what they count as, and tags, scripts and styles as one of many programs writes them."""

import html
import json
import re
from collections.abc import Callable, Mapping
from random import Random
from typing import Final

from benchmarks import addresses
from benchmarks.addresses import WORDS, Place

Make = Callable[["Sheet"], str]
Attributes = Mapping[str, str | None]

BLANK: Final = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"
DRAWN: Final = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 400 300'%3E%3C/svg%3E"


class Sheet:
    """One page while it is written.

    base      what its references are resolved against
    encoding  in which a browser sends the letters of a query
    loud      tags and attributes in capitals
    loose     written by hand: odd spellings, bare values
    """

    def __init__(
        self,
        chance: Random,
        place: Place,
        base: str,
        *,
        encoding: str = "utf-8",
        loud: bool = False,
        loose: bool = False,
    ) -> None:
        self.chance = chance
        self.place = place
        self.base = base
        self.encoding = encoding
        self.loud = loud
        self.loose = loose
        self.kind = ""
        self.pictures: dict[str, str] = {}  # address → kind
        self.either: dict[str, str] = {}  # address → kind
        self.tolerated: set[str] = set()
        self.pages: set[str] = set()
        self.traps: dict[str, str] = {}  # address, where it is one → which trap

    # --- addresses

    def picture(self, ended: bool | None = None) -> str:
        """A new one that counts. `ended`: whether its path has the ending of a picture file."""
        address = self.unused(ended)
        self.pictures[address] = self.kind
        return address

    def unused(self, ended: bool | None = None) -> str:
        """A new address that counts for nothing as yet."""
        if ended is None:
            ended = self.chance.random() < 0.75
        manners = addresses.ENDED if ended else (*addresses.OPEN, *addresses.NESTED)
        address = self.chance.choice(manners)(self.chance, self.place)
        nested = addresses.inner(address)
        if nested is not None:
            self.tolerated.add(nested)
        return address

    def film(self) -> str:
        address = addresses.film(self.chance, self.place)
        self.pictures[address] = self.kind
        return address

    def page(self) -> str:
        address = addresses.page(self.chance, self.place.host)
        self.pages.add(address)
        return address

    def one_or_other(self, address: str) -> str:
        self.either[address] = self.kind
        return address

    def at(self, address: str) -> str:
        return addresses.spelled(self.chance, address, self.base, loose=self.loose)

    def src(self, ended: bool | None = None) -> str:
        """A reference to a new picture."""
        return self.at(self.picture(ended))

    def absolute(self, address: str) -> str:
        """For what is read elsewhere, too: previews, feeds."""
        return addresses.readable(address) if self.chance.random() < 0.2 else address

    def without_scheme(self, address: str) -> str:
        """Where the page has the same."""
        scheme, _, rest = address.partition(":")
        return rest if self.base.startswith(f"{scheme}:") else address

    def in_json(self, ended: bool | None = None) -> str:
        """A reference to a new picture, as programs write one."""
        return self.at(self.picture(ended)).replace("\\", "/")

    def path_of_page(self) -> str:
        address = self.page()
        return address if self.chance.random() < 0.5 else "/" + address.split("/", 3)[3]

    # --- words

    def one_of(self, *choices: str) -> str:
        return self.chance.choice(choices)

    def words(self, fewest: int = 1, most: int = 4) -> str:
        bank = WORDS[self.place.language]
        return " ".join(self.chance.choice(bank) for _ in range(self.chance.randint(fewest, most)))

    def number(self, count: int = 3) -> str:
        return self.one_of(*"123456789") + addresses.digits(self.chance, count - 1)

    # --- writing

    def tag(self, name: str, attributes: Attributes, inside: str | None = None) -> str:
        """With `inside` its end tag follows. A value of None: the attribute stands alone."""
        if self.loud:
            name = name.upper()
        written = "".join(" " + self.attribute(key, value) for key, value in attributes.items())
        if inside is not None:
            return f"<{name}{written}>{inside}</{name}>"
        return f"<{name}{written}{self.one_of('>', ' />', '>')}"

    def attribute(self, key: str, value: str | None) -> str:
        if self.loud:
            key = key.upper()
        if value is None:
            return key
        value = value.replace("&", "&amp;") if self.chance.random() < 0.6 or html.unescape(value) != value else value
        bare = (self.loose or self.chance.random() < 0.03) and not re.search(r"[\s\"'=<>`]", value) and value
        if bare and not value.endswith("/"):
            return f"{key}={value}"
        equals = " = " if self.loose and self.chance.random() < 0.05 else "="
        if "'" not in value and (self.chance.random() < 0.15 or '"' in value):
            return f"{key}{equals}'{value}'"
        return f'{key}{equals}"{value.replace(chr(34), "&quot;")}"'

    def script(self, text: str, kind: str | None = None) -> str:
        text = text.replace("</", "<\\/")
        return self.tag("script", {"type": kind} if kind else {}, text)

    def json(self, value: object) -> str:
        """As one of many programs writes it."""
        ascii_only = self.chance.random() < 0.5
        indent = 2 if self.chance.random() < 0.1 else None
        tight = (",", ":") if self.chance.random() < 0.7 and indent is None else None
        text = json.dumps(value, ensure_ascii=ascii_only, indent=indent, separators=tight)
        chosen = self.chance.random()
        if chosen < 0.3:
            text = text.replace("/", "\\/")
        elif chosen < 0.45:
            text = text.replace("/", "\\u002F")
        if self.chance.random() < 0.25:
            text = text.replace("&", "\\u0026")
        return text

    def string(self, text: str) -> str:
        """In JavaScript."""
        mark = self.one_of("'", '"')
        text = text.replace("\\", "\\\\").replace(mark, "\\" + mark)
        if self.chance.random() < 0.15:
            text = text.replace("/", self.one_of("\\/", "\\u002F", "\\x2F"))
        return mark + text + mark

    def css(self, address: str) -> str:
        """url(…), quoted, bare or escaped."""
        reference = self.at(address)
        space = self.one_of("", "", " ")
        chosen = self.chance.random()
        if chosen < 0.35:
            return f"url({space}" + re.sub(r"([ ()'\"\\])", r"\\\1", reference) + f"{space})"
        if chosen < 0.4:
            return "url(" + re.sub(r"[ ()'\"\\&?]", lambda match: f"\\{ord(match[0]):x} ", reference) + ")"
        mark = self.one_of("'", '"')
        return f"url({space}{mark}" + reference.replace("\\", "\\\\").replace(mark, "\\" + mark) + f"{mark}{space})"

    def candidates(self, units: str, ended: bool | None = None) -> str:
        """A srcset. A reference that begins or ends in a comma, or holds white space, cannot stand in one: those are escaped."""
        scale = (480, 768, 1200, 2048) if units == "w" else ("", 1.5, 2, 3)
        written = []
        for step in scale[: self.chance.randint(2, 4)]:
            reference = self.at(self.picture(ended)).replace(" ", "%20")
            written.append(f"{reference} {step}{units}" if step else reference)
        return self.one_of(", ", ", ", ",\n      ", " , ").join(written)
