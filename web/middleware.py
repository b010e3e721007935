"""What holds for every answer, whichever page it comes from."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse

from core.errors import Conflict, StoreUnavailable, UnknownId
from web.desk import errors

Answer = Callable[[HttpRequest], HttpResponseBase]

# Addresses of pages and pictures come from watched sites: text written by strangers. Escaping keeps it text; these keep it
# text even where escaping were forgotten once. No script, no frame, no picture from elsewhere, nothing kept in a cache.
SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "X-Robots-Tag": "noindex, nofollow",
    "Cache-Control": "no-store",
}


def security_headers(get_response: Answer) -> Answer:
    def answer(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        for name, value in SECURITY_HEADERS.items():
            response[name] = value
        return response

    return answer


def loopback_host(get_response: Answer) -> Answer:
    """Refuses a `Host` that is not in ALLOWED_HOSTS before anything else is done, static files included."""

    def answer(request: HttpRequest) -> HttpResponseBase:
        request.get_host()  # raises DisallowedHost, which Django answers with 400
        return get_response(request)

    return answer


class plain_errors:  # noqa: N801  # listed beside functions, and used like one
    """Says in plain words what the rooms below raise, and what a wrong method gets."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if response.status_code == 405:
            return errors.wrong_method(request, allow=response["Allow"])
        return response

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | TemplateResponse | None:
        match error:
            case UnknownId():
                return errors.not_found(request)
            case Conflict():
                return errors.changed_meanwhile(request)
            case StoreUnavailable():
                return errors.store_unavailable(request, error)
            case _:
                return None  # a fault of ours: the page for 500, and the log
