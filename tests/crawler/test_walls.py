"""What is a wall, and what is a page that only has something of one on it."""

import pytest

from crawler.walls import CAPTCHA, CLOUDFLARE, READ, wall

HOST = "gallery.example"
CF = {"server": "cloudflare"}
JUST_A_MOMENT = (
    b"<!DOCTYPE html><html><head><title>Just a moment...</title></head><body>"
    b"<script>window._cf_chl_opt={};a.src='/cdn-cgi/challenge-platform/h/b/orchestrate/chl_page/v1'</script></body></html>"
)
RECAPTCHA = b"<html><body><form><div class='g-recaptcha' data-sitekey='x'></div></form></body></html>"


@pytest.mark.parametrize(
    ("status", "headers", "body", "expected"),
    [
        (403, {"cf-mitigated": "challenge"}, b"", CLOUDFLARE),
        (200, {"cf-mitigated": " Challenge "}, b"", CLOUDFLARE),
        (403, CF, JUST_A_MOMENT, CLOUDFLARE),
        (503, CF, JUST_A_MOMENT, CLOUDFLARE),
        (403, CF, b"<h1>Forbidden</h1>", None),
        (503, {"server": "nginx"}, b"<h1>Maintenance</h1>", None),
        (403, {}, RECAPTCHA, CAPTCHA),
        (403, {}, b"<script src='https://geo.captcha-delivery.com/captcha/'></script>", CAPTCHA),
        (404, CF, JUST_A_MOMENT, None),
        (200, {}, RECAPTCHA, CAPTCHA),
        (200, {}, b"<div id='px-captcha'></div>", CAPTCHA),
        (200, {}, b"<a href='https://www.hcaptcha.com/what-is-this'>why?</a><div class=h-captcha></div>", CAPTCHA),
        (200, {}, b"<a href='#top'>up</a><a href='javascript:again()'>again</a>" + RECAPTCHA, CAPTCHA),
        (200, {}, b"<a href='/album/7'>further</a>" + RECAPTCHA, None),
        (200, {}, b"<a class=x href=https://gallery.example:443/album>further</a>" + RECAPTCHA, None),
        (200, {}, b"<img src='/one.jpg'>" + RECAPTCHA, None),
        (200, {}, b"<p>We use no captcha.</p>", None),
        (200, {}, RECAPTCHA + b" " * READ, None),
        (200, {}, b"\x89PNG\r\n\x1a\n" + bytes(100), None),
        (200, {}, b"", None),
    ],
)
def test_a_wall_is_told_from_a_page(status: int, headers: dict[str, str], body: bytes, expected: str | None) -> None:
    assert wall(status, headers, body, HOST) == expected


def test_a_hostile_page_is_looked_through_in_no_time() -> None:
    for piece in (b"<a ", b"<a href", b"<a\t\t\t\t", b"<a href=#", b"<a href='//x'>", b"<a href=" + b" " * 999):
        body = b"g-recaptcha" + piece * ((READ - 11) // len(piece))

        assert wall(200, {}, body, HOST) == CAPTCHA
