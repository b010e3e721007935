"""The query of a URL as APIs use it to turn pages: one parameter is read or changed, all others stay as they are spelled."""

import re
from urllib.parse import quote

LARGEST = 10**9  # no site has so many pages


def parameter(url: str, name: str) -> str | None:
    found = _pattern(name).search(url.partition("#")[0])
    return None if found is None else found[2]


def with_parameter(url: str, name: str, value: str) -> str:
    url = url.partition("#")[0]
    written = quote(value, safe="")
    changed, times = _pattern(name).subn(lambda found: f"{found[1]}{name}={written}", url, count=1)
    if times:
        return changed
    return f"{url}{'&' if '?' in url else '?'}{name}={written}"


def page_after(url: str, name: str, *, first: int) -> str | None:
    """The URL of the next page, where `name` counts pages from `first` on. None: what stands there is no number."""
    number = parameter(url, name)
    if number is None:
        return with_parameter(url, name, str(first + 1))
    if not (number.isascii() and number.isdigit() and len(number) < len(str(LARGEST))):
        return None
    return with_parameter(url, name, str(int(number) + 1))


def _pattern(name: str) -> re.Pattern[str]:
    return re.compile(rf"([?&]){re.escape(name)}=([^&#]*)")
