"""Visits the pages as a browser would: with cookies, with the forms that a page has, without running anything."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser

from django.http import HttpResponseBase
from django.test import Client
from django.urls import get_resolver, reverse
from django.urls.resolvers import URLPattern

from tests.web.scene import ADA, EVE, Scene
from web.services import WebServices
from web.serving import SERVICES


@dataclass
class Page(HTMLParser):
    """What a browser makes of the markup: elements with their attributes, and the text."""

    markup: str
    elements: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    text: str = ""

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.feed(self.markup)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("td", "th", "li", "dt", "dd", "p"):
            self.text += " "  # they stand apart on the page
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def words(self) -> str:
        return " ".join(self.text.split())


class Visitor:
    def __init__(self, services: WebServices) -> None:
        self.client = Client(enforce_csrf_checks=True, raise_request_exception=False)
        self.client.defaults.update({"SERVER_NAME": "127.0.0.1", "SERVER_PORT": "8080"})
        self.client.defaults[SERVICES] = services  # type: ignore[assignment]  # a WSGI environ may hold anything

    def get(self, path: str) -> HttpResponseBase:
        return self.client.get(path)

    def page(self, path: str) -> Page:
        return page_of(self.get(path))

    def submit(self, on: str, to: str, fields: Mapping[str, str] | None = None) -> Page:
        """Opens the page `on`, sends its form that goes `to`, follows where it leads."""
        hidden = self.page(on)
        actions = [form["action"] for form in hidden.all("form")]
        assert to in actions, f"{on} has no form to {to}, only {actions}"
        kept = {each["name"]: each["value"] for each in hidden.all("input") if each.get("type") == "hidden"}
        return page_of(self.client.post(to, {**kept, **(fields or {})}, follow=True))


def page_of(response: HttpResponseBase) -> Page:
    return Page(response.content.decode())  # type: ignore[attr-defined]  # no page here is streamed


def every_route(scene: Scene) -> dict[str, str]:
    """Name and path of each route there is, with the ids of the scene filled in."""
    ids = {
        "hit_id": scene.candidate().id,
        "alert_id": scene.store.case_book.alerts(ADA)[0].id,
        "case_id": scene.case_of(ADA).id,
    }
    routes = {}
    for pattern in get_resolver().url_patterns:
        assert isinstance(pattern, URLPattern)
        wanted = pattern.pattern.converters
        routes[str(pattern.name)] = reverse(str(pattern.name), kwargs={name: ids[name] for name in wanted})
    routes["case without details"] = reverse("case", args=[scene.case_of(EVE).id])
    return routes


FORMS = {"decide", "acknowledge", "redraw", "approve"}  # the routes that change something


def pages_of(scene: Scene) -> dict[str, str]:
    return {name: path for name, path in every_route(scene).items() if name not in FORMS}
