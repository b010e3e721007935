"""Pages for what went wrong: what happened, whether anything changed, what to do next.

Rendered without the request, so that nothing in it can make the answer fail a second time.
"""

from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string


@dataclass(frozen=True, slots=True)
class Trouble:
    status: int
    title: str
    words: str
    cure: str


def _page(trouble: Trouble) -> HttpResponse:
    return HttpResponse(render_to_string("desk/error.html", {"trouble": trouble}), status=trouble.status)


def bad_request(_request: HttpRequest, exception: Exception | None = None) -> HttpResponse:  # noqa: ARG001  # as Django calls it
    return _page(
        Trouble(
            400,
            "This request is not for this page",
            "The address or the form was not one this page makes. Nothing was changed.",
            "Open http://127.0.0.1:8080 (or the port you chose) on the machine that Stillwatch runs on.",
        )
    )


def forbidden(_request: HttpRequest, exception: Exception | None = None) -> HttpResponse:  # noqa: ARG001  # as Django calls it
    return _page(Trouble(403, "Not allowed", "Nothing was changed.", "Go back to the overview."))


def forged(_request: HttpRequest, reason: str = "") -> HttpResponse:  # noqa: ARG001  # Django passes it by this name
    """The form's token did not fit: another site's form, or a page that was open for very long."""
    return _page(
        Trouble(
            403,
            "This form could not be checked",
            "It did not come from a page of this desk, or cookies are off. Nothing was changed.",
            "Go back, load the page again, and repeat what you did.",
        )
    )


def not_found(_request: HttpRequest, exception: Exception | None = None) -> HttpResponse:  # noqa: ARG001  # as Django calls it
    return _page(
        Trouble(
            404,
            "There is nothing here",
            "No page, hit, alert or case has this address.",
            "Look for it in the lists: hits, alerts and cases are linked above.",
        )
    )


def wrong_method(_request: HttpRequest, allow: str) -> HttpResponse:
    page = _page(
        Trouble(
            405,
            "This address only takes a form",
            "Nothing was changed.",
            "Go back to the page with the button, and use the button.",
        )
    )
    page["Allow"] = allow
    return page


def changed_meanwhile(_request: HttpRequest) -> HttpResponse:
    return _page(
        Trouble(
            409,
            "Somebody else changed this first",
            "Your change was not made.",
            "Go back, load the page again to see what it is now, and decide anew.",
        )
    )


def server_error(_request: HttpRequest) -> HttpResponse:
    return _page(
        Trouble(
            500,
            "Something is wrong with this page",
            "The watching goes on without it. What happened is in the log of the page's process.",
            "Try again; if it stays, report it with the lines of the log.",
        )
    )


def store_unavailable(_request: HttpRequest, error: Exception) -> HttpResponse:
    page = _page(
        Trouble(
            503,
            "A store does not answer",
            f"What is known cannot be read at the moment: {error}",
            "Start it again, then load this page again. Nothing that was stored is lost.",
        )
    )
    page["Retry-After"] = "15"
    return page
