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
_CHALLENGE = re.compile(
    rb"challenge-platform|__cf_chl_|cf-challenge|cf_challenge|cf-turnstile|Attention Required! \| Cloudflare|<title>Just a moment",
    re.IGNORECASE,
)
# reCAPTCHA, hCaptcha, Turnstile, Friendly Captcha, GeeTest, and the interstitials of DataDome, HUMAN and Imperva.
_CAPTCHA = re.compile(
    rb"g-recaptcha|recaptcha/(?:api|enterprise)\.js|h-captcha|hcaptcha\.com/1/api\.js|cf-turnstile|challenges\.cloudflare\.com"
    rb"|frc-captcha|geetest|captcha-delivery\.com|px-captcha|_Incapsula_Resource",
    re.IGNORECASE,
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
    head = body[:READ]
    if status in WALL_STATUSES:
        if "cloudflare" in headers.get("server", "").lower() and _CHALLENGE.search(head):
            return CLOUDFLARE
        return CAPTCHA if _CAPTCHA.search(head) else None
    if 200 <= status <= 299 and len(body) <= READ and _CAPTCHA.search(head):
        return None if _PICTURE.search(head) or _leads_on(head, host) else CAPTCHA
    return None


def _leads_on(head: bytes, host: str) -> bool:
    """It has a link to the site itself: a wall links to whoever made it, at most."""
    for found in _LINK.finditer(head):
        absolute = _ABSOLUTE.match(found[1])
        if absolute is None or absolute[1].decode("ascii", "replace").lower().partition(":")[0] == host:
            return True
    return False
