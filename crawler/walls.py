"""Pages that ask for a proof of being human. They are never got round: the host is left alone, and the operator is told.

Told by what the makers of such walls document, and by markup that stands instead of a page. A page that merely has a form with a
captcha on it has links of its own, and is a page.
"""

import re
from collections.abc import Mapping
from typing import Final

READ: Final = 64 * 1024  # bytes of a body that are looked at: walls are small

WALL_STATUSES: Final = frozenset({403, 429, 503})  # with these a body is worth a look

CLOUDFLARE: Final = "Cloudflare asks for a proof of being human"
CAPTCHA: Final = "a captcha stands instead of the page"

# https://developers.cloudflare.com/cloudflare-challenges/challenge-types/challenge-pages/detect-response/
_MITIGATED: Final = "challenge"
# In lower case, as all markup below: looking for words in a page of 64 KiB takes a tenth of what one expression for all of them does.
_CHALLENGE: Final = (
    *(b"challenge-platform", b"__cf_chl_", b"cf-challenge", b"cf_challenge", b"cf-turnstile"),
    *(b"attention required! | cloudflare", b"<title>just a moment"),
)
# reCAPTCHA, hCaptcha, Turnstile, Friendly Captcha, GeeTest, and the interstitials of DataDome, HUMAN and Imperva.
_CAPTCHA: Final = (
    *(b"g-recaptcha", b"recaptcha/api.js", b"recaptcha/enterprise.js", b"h-captcha", b"hcaptcha.com/1/api.js"),
    *(b"cf-turnstile", b"challenges.cloudflare.com", b"frc-captcha", b"geetest"),
    *(b"captcha-delivery.com", b"px-captcha", b"_incapsula_resource"),
)
_LINK = re.compile(
    rb"<a\s[^<>]*?\bhref\s{0,9}=\s{0,9}(?:[\"']\s{0,9})?(?!#|javascript:|mailto:)([^\s\"'>]+)", re.IGNORECASE
)
_PICTURE = re.compile(rb"<(?:img|picture|video)\b", re.IGNORECASE)
_ABSOLUTE = re.compile(rb"(?:https?:)?//([^/?#]+)", re.IGNORECASE)


def wall(status: int, headers: Mapping[str, str], body: bytes, host: str) -> str | None:
    """Why this answer is a wall and no page of the site; None: it is none.

    headers   with lower-case names
    body      its beginning; may be empty where the headers say enough
    host      of the page: links to it make it a page
    """
    if headers.get("cf-mitigated", "").strip().lower() == _MITIGATED:
        return CLOUDFLARE
    head = body[:READ].lower()
    if status in WALL_STATUSES:
        if "cloudflare" in headers.get("server", "").lower() and _any(_CHALLENGE, head):
            return CLOUDFLARE
        return CAPTCHA if _any(_CAPTCHA, head) else None
    if 200 <= status <= 299 and len(body) <= READ and _any(_CAPTCHA, head):
        return None if _PICTURE.search(head) or _leads_on(head, host) else CAPTCHA
    return None


def _any(words: tuple[bytes, ...], head: bytes) -> bool:
    return any(word in head for word in words)


def _leads_on(head: bytes, host: str) -> bool:
    """It has a link to the site itself: a wall links to whoever made it, at most."""
    for found in _LINK.finditer(head):
        absolute = _ABSOLUTE.match(found[1])
        if absolute is None or absolute[1].decode("ascii", "replace").lower().partition(":")[0] == host:
            return True
    return False
