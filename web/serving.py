"""The page as a WSGI application, and the server it runs in."""

import socket
from collections.abc import Iterable
from typing import TYPE_CHECKING

from core.errors import ConfigError
from web.services import WebServices

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment
    from waitress.server import BaseWSGIServer, MultiSocketServer

SERVICES = "stillwatch.services"  # the key in the WSGI environ under which the views find them
BIND_TO = ("127.0.0.1", "::1", "localhost")


def application(services: WebServices) -> "WSGIApplication":
    """Django must have been set up, with `django_settings` among its settings."""
    from django.core.handlers.wsgi import WSGIHandler

    handler = WSGIHandler()

    def page(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        environ[SERVICES] = services
        return handler(environ, start_response)

    return page


def server(app: "WSGIApplication", host: str, port: int) -> "MultiSocketServer | BaseWSGIServer":
    """A server that listens already; port 0 takes a free one. `run()` serves, `close()` ends it. Raises ConfigError."""
    from waitress.server import create_server

    if host not in BIND_TO:
        raise ConfigError(
            f"the page will not listen on {host!r}: it has no sign-in yet, so whoever reaches it could read and decide everything. "
            f"Use one of {', '.join(BIND_TO)}, and reach it from another machine through an SSH tunnel: "
            f"ssh -L {port}:127.0.0.1:{port} MACHINE"
        )
    family = socket.AF_INET6 if host == "::1" else socket.AF_INET
    try:
        listening = socket.create_server((host, port), family=family)
    except OSError as error:
        raise ConfigError(
            f"the page cannot listen on {host}:{port} ({error.strerror}); end what uses that port, or choose another with --port"
        ) from error
    return create_server(app, sockets=[listening], threads=4, ident="", clear_untrusted_proxy_headers=True)


def serve(app: "WSGIApplication", host: str, port: int) -> None:
    """Serves until the process is asked to end (Ctrl-C or SIGTERM's default)."""
    listening = server(app, host, port)
    try:
        listening.run()
    finally:
        listening.close()
