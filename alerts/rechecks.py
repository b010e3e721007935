"""What one more look at a located picture tells. Pure."""

from core.model import Look, Outcome, State

# The picture was fetched, decoded and compared whole: only then does "it is another picture now" mean anything.
COMPARED_WHOLE = frozenset({State.HIT, State.CLEAR})
# A part was compared, or nothing but a still match is known: enough to say that it is there, never that it is not.
COMPARED = COMPARED_WHOLE | {State.PARTIAL}


def grade(look: Look) -> Outcome:
    """Gone needs the site's own word: 404 or 410 for the picture, or another picture where it was and a page without it.

    A timeout, 403, 429, 5xx, a captcha, an unread robots.txt, a picture that would not decode: UNKNOWN, never GONE.
    """
    if look.image is State.GONE:
        return Outcome.GONE
    if look.image in COMPARED and look.still_matches:
        return Outcome.STILL_THERE
    if look.image in COMPARED_WHOLE and look.still_matches is False and _page_lost_it(look):
        return Outcome.GONE
    return Outcome.UNKNOWN


def _page_lost_it(look: Look) -> bool:
    """A placeholder under the same URL may be a block against crawlers; the page must have let go of the picture too."""
    return look.page is State.GONE or (look.page is State.READ and look.page_shows_image is False)
