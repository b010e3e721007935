"""The pages in a real browser: nothing is blocked, nothing spills over, the forms work, the keyboard suffices."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.web.scene import ADA, EVE, full_scene
from tests.web.visitor import pages_of

if TYPE_CHECKING:
    from playwright.sync_api import Page


@pytest.fixture
def complaints(browser_page: "Page") -> list[str]:
    """What the browser's console says, and every request that leaves the page's own server."""
    found: list[str] = []
    browser_page.on("console", lambda message: found.append(f"{message.type}: {message.text}"))
    browser_page.on("pageerror", lambda error: found.append(f"error: {error}"))
    browser_page.on("requestfailed", lambda request: found.append(f"failed: {request.url}"))
    return found


def test_every_page_opens_without_a_complaint_at_every_width(
    served: str, browser_page: "Page", complaints: list[str], tmp_path: Path
) -> None:
    for width, colours in ((1280, "light"), (320, "dark")):
        browser_page.set_viewport_size({"width": width, "height": 800})
        browser_page.emulate_media(color_scheme=colours)  # type: ignore[arg-type]  # one of the two words it takes
        for name, path in pages_of(full_scene()).items():
            if name == "healthz":
                continue  # for machines
            browser_page.goto(served + path)
            if browser_page.locator("summary").count():
                browser_page.locator("summary").first.click()
            spilt = browser_page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert spilt == 0, f"{path} is {spilt} pixels too wide at {width}"
            picture = tmp_path / f"{name}-{width}.png"
            browser_page.screenshot(path=picture, full_page=True)
            assert picture.stat().st_size > 10_000
    assert complaints == []


def test_the_keyboard_reaches_the_content_first_and_its_place_is_seen(served: str, browser_page: "Page") -> None:
    browser_page.goto(f"{served}/hits")

    browser_page.keyboard.press("Tab")
    skip = browser_page.locator(":focus")
    text, box = skip.inner_text(), skip.bounding_box()
    browser_page.keyboard.press("Enter")
    browser_page.keyboard.press("Tab")

    assert text == "Skip to the content"
    assert box is not None
    assert box["y"] >= 0
    assert browser_page.locator(":focus").get_attribute("name") == "site"
    assert browser_page.locator(":focus").evaluate("element => getComputedStyle(element).outlineStyle") == "solid"


def test_a_person_decides_acknowledges_and_approves(served: str, browser_page: "Page", complaints: list[str]) -> None:
    scene = full_scene()

    browser_page.goto(f"{served}/hits/{scene.candidate().id}")
    browser_page.get_by_role("button", name="Reject").click()
    browser_page.get_by_text("Rejected. This hit changed.").wait_for()
    browser_page.get_by_role("button", name="Undo").click()
    browser_page.get_by_text("The decision was taken back.").wait_for()

    browser_page.goto(f"{served}/alerts")
    browser_page.get_by_role("button", name="Acknowledge the alert about attic").click()
    browser_page.get_by_text("The alert about attic is acknowledged.").wait_for()

    browser_page.goto(f"{served}/cases/{scene.case_of(ADA).id}")
    browser_page.get_by_label("Your name").fill("Jo Example")
    browser_page.get_by_role("button", name="Approve and send").click()
    browser_page.get_by_text("Approved by Jo Example.").wait_for()

    browser_page.goto(f"{served}/cases/{scene.case_of(EVE).id}")
    browser_page.get_by_role("button", name="Check again").click()
    browser_page.get_by_text("The letters are as they would leave now.").wait_for()
    assert complaints == []
