"""What holds for every route, and for every answer that is an error."""

import copy
from dataclasses import replace

import pytest
from django.http import HttpResponseBase

from config.sites import SiteFault
from core.errors import StoreUnavailable
from core.model import HitQuery, WatchedSite
from stores.memory import MemoryStore
from stores.memory.shelf import Shelf
from stores.memory.work import MemoryOutbox
from tests.web.scene import DETAILS, EVE, Scene
from tests.web.visitor import FORMS, Visitor, every_route, pages_of

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


def has_the_headers(response: HttpResponseBase) -> None:
    assert {name: response.get(name) for name in HEADERS} == HEADERS
    assert "Access-Control-Allow-Origin" not in response


def read(response: HttpResponseBase) -> None:
    """To the end, so that a file is closed."""
    b"".join(response)


def state_of(scene: Scene) -> dict[str, object]:
    """Everything that the store holds."""
    assert isinstance(scene.store, MemoryStore)
    shelf = vars(scene.store.hit_log._shelf)
    return {name: copy.deepcopy(value) for name, value in shelf.items() if name not in ("lock", "numbers")}


def test_every_page_opens_and_carries_the_security_headers(scene: Scene, visitor: Visitor) -> None:
    pages = pages_of(scene)

    for path in pages.values():
        response = visitor.get(path)
        assert response.status_code == 200, path
        has_the_headers(response)
    assert len(pages) == 8


def test_every_form_carries_the_security_headers(scene: Scene, visitor: Visitor) -> None:
    for name in FORMS:
        has_the_headers(visitor.get(every_route(scene)[name]))
        has_the_headers(visitor.client.post(every_route(scene)[name]))


@pytest.mark.parametrize("path", ["/static/desk.css", "/static/icon.svg"])
def test_a_static_file_carries_the_security_headers(visitor: Visitor, path: str) -> None:
    response = visitor.get(path)

    assert response.status_code == 200
    has_the_headers(response)
    read(response)


@pytest.mark.parametrize(
    "path",
    [
        "/nothing",
        "/hits/",
        "/hits/0123456789abcdef",
        "/cases/0123456789abcdef",
        "/static/../settings.py",
        "/static/%2e%2e/settings.py",
        "/static//etc/passwd",
        "/static/",
        "/%00",
        "/hits/%ff%fe",
    ],
)
def test_what_is_not_there_is_a_404_with_the_headers(visitor: Visitor, path: str) -> None:
    response = visitor.get(path)

    assert response.status_code == 404
    has_the_headers(response)


@pytest.mark.parametrize("name", ["acknowledge", "redraw", "approve", "decide"])
def test_a_form_about_an_unknown_id_is_a_404(scene: Scene, visitor: Visitor, name: str) -> None:
    path = every_route(scene)[name]
    known = path.split("/")[2]
    visitor.page("/alerts")
    token = visitor.client.cookies["stillwatch_csrf"].value

    response = visitor.client.post(
        path.replace(known, "0" * 32), {"csrfmiddlewaretoken": token, "by": "Jo", "decision": "confirm"}
    )

    assert response.status_code == 404
    has_the_headers(response)


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "10.0.0.4", "192.168.1.9:8080", "a b"])
@pytest.mark.parametrize("path", ["/", "/healthz", "/static/desk.css", "/nothing"])
def test_a_host_that_is_not_this_machine_is_refused(visitor: Visitor, host: str, path: str) -> None:
    response = visitor.client.get(path, headers={"host": host})

    assert response.status_code == 400
    has_the_headers(response)


@pytest.mark.parametrize("host", ["localhost:8080", "127.0.0.1", "[::1]:8080"])
def test_this_machine_is_let_in_by_each_of_its_names(visitor: Visitor, host: str) -> None:
    assert visitor.client.get("/", headers={"host": host}).status_code == 200


def test_a_forwarded_host_is_not_believed(visitor: Visitor) -> None:
    response = visitor.client.get("/", headers={"host": "evil.example", "x-forwarded-host": "127.0.0.1"})

    assert response.status_code == 400


def test_the_routes_that_change_something_are_those_that_refuse_get(scene: Scene, visitor: Visitor) -> None:
    refusing = {name for name, path in every_route(scene).items() if visitor.get(path).status_code == 405}

    assert refusing == FORMS


def test_a_page_refuses_post(scene: Scene, visitor: Visitor) -> None:
    visitor.page("/alerts")
    token = visitor.client.cookies["stillwatch_csrf"].value

    for path in pages_of(scene).values():
        response = visitor.client.post(path, {"csrfmiddlewaretoken": token})
        assert response.status_code == 405, path
        has_the_headers(response)


@pytest.mark.parametrize("name", sorted(FORMS))
def test_a_form_without_its_token_is_refused_and_changes_nothing(scene: Scene, visitor: Visitor, name: str) -> None:
    before = state_of(scene)
    path = every_route(scene)[name]
    fields = {"decision": "reject", "by": "Jo"}

    without = visitor.client.post(path, fields)
    visitor.page("/alerts")  # now there is a cookie, but the form still has no token
    wrong = visitor.client.post(path, {**fields, "csrfmiddlewaretoken": "x" * 64})
    token = visitor.client.cookies["stillwatch_csrf"].value
    foreign = visitor.client.post(
        path, {**fields, "csrfmiddlewaretoken": token}, headers={"origin": "https://evil.example"}
    )

    for response in (without, wrong, foreign):
        assert response.status_code == 403
        has_the_headers(response)
    assert state_of(scene) == before


def test_the_token_is_out_of_reach_of_scripts_and_other_sites(visitor: Visitor) -> None:
    visitor.page("/alerts")
    cookie = visitor.client.cookies["stillwatch_csrf"]

    assert cookie["httponly"]
    assert cookie["samesite"] == "Strict"


def test_reading_changes_nothing(scene: Scene, visitor: Visitor) -> None:
    scene.store.notice_details.put(EVE, DETAILS)  # so that her letter could be drawn anew
    before = state_of(scene)

    for path in every_route(scene).values():
        visitor.get(path)
        visitor.get(f"{path}?status=rejected&text=x&page=2&decision=reject&by=Jo")
        visitor.client.head(path)

    assert state_of(scene) == before


class Silent:
    """A search whose server is gone."""

    def search(self, query: HitQuery) -> list[str]:
        raise StoreUnavailable(f"the index does not answer (limit {query.limit}); start it")


class SilentBox(MemoryOutbox):
    """An outbox, and so a database, that is gone."""

    def waiting(self) -> dict[str, int]:
        raise StoreUnavailable("the database does not answer; start it")


def test_without_its_search_the_overview_and_the_hits_still_open(scene: Scene) -> None:
    visitor = Visitor(replace(scene.services(), hit_search=Silent()))

    for name in ("overview", "hits", "hit"):
        response = visitor.get(every_route(scene)[name])
        assert response.status_code == 200
        assert b"the index does not answer" in response.content  # type: ignore[attr-defined]  # not streamed


def test_without_its_database_a_page_says_so_and_health_fails(scene: Scene) -> None:
    visitor = Visitor(replace(scene.services(), outbox=SilentBox(Shelf())))

    page, health = visitor.get("/"), visitor.get("/healthz")

    assert (page.status_code, health.status_code) == (503, 503)
    assert b"the database does not answer; start it" in page.content  # type: ignore[attr-defined]  # not streamed
    has_the_headers(page)
    has_the_headers(health)


def test_health_is_plain_text(visitor: Visitor) -> None:
    response = visitor.get("/healthz")

    assert response["Content-Type"] == "text/plain; charset=utf-8"
    assert response.content == b"ok\n"  # type: ignore[attr-defined]  # not streamed


def broken() -> tuple[tuple[WatchedSite, ...], tuple[SiteFault, ...]]:
    raise ZeroDivisionError


def test_a_fault_of_ours_is_a_plain_500_with_the_headers(scene: Scene) -> None:
    visitor = Visitor(replace(scene.services(), sites=broken))

    response = visitor.get("/")

    assert response.status_code == 500
    assert b"ZeroDivisionError" not in response.content  # type: ignore[attr-defined]  # not streamed
    has_the_headers(response)


def test_only_the_overview_reloads_by_itself_and_that_can_be_stopped(scene: Scene, visitor: Visitor) -> None:
    def reloads(path: str) -> bool:
        return any(meta.get("http-equiv") == "refresh" for meta in visitor.page(path).all("meta"))

    assert [name for name, path in pages_of(scene).items() if reloads(path)] == ["overview"]
    assert not reloads("/?still")


def test_no_page_has_a_script_an_inline_style_or_a_way_out(scene: Scene, visitor: Visitor) -> None:
    for path in pages_of(scene).values():
        page = visitor.page(path)
        assert not page.all("script")
        assert not page.all("img")
        assert [attributes for _, attributes in page.elements if "style" in attributes] == []
        links = [each[name] for _, each in page.elements for name in ("href", "action", "src") if name in each]
        assert [link for link in links if not link.startswith(("/", "?", "#")) or link.startswith("//")] == []


def test_no_page_shows_a_whole_person_a_hash_or_an_enrolled_picture(scene: Scene, visitor: Visitor) -> None:
    secrets = {str(each.person) for each in scene.hits().values()}
    secrets |= {each.sha256 for each in scene.hits().values()} | {"9c41d07be2"}
    _, enrolled = scene.store.enrolled_hashes.enrolments()
    secrets |= {each.fingerprint.bits for each in enrolled}

    for path in pages_of(scene).values():
        markup = visitor.page(path).markup
        assert [secret for secret in secrets if secret in markup] == []
    assert "person a1b2c3…" in visitor.page(every_route(scene)["hit"]).words
