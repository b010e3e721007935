"""What looks like the address of a picture, or stands where one could stand, and is none: each writes a piece of a page.

Where a careless reader would make an address of it, that address is noted as a trap, so that a false find can be told by its cause.
"""

# ruff: noqa: E501 – markup reads better whole

from collections.abc import Mapping
from typing import Final
from urllib.parse import urljoin

from benchmarks import addresses
from benchmarks.sheet import BLANK, Make, Sheet


def _trap(sheet: Sheet, reference: str) -> str:
    sheet.traps[urljoin(sheet.base, reference)] = sheet.kind
    return reference


def _file(sheet: Sheet) -> str:
    return _trap(sheet, f"{addresses.name(sheet.chance)}.{sheet.one_of('jpg', 'png', 'JPG', 'mp4')}")


def file_in_text(sheet: Sheet) -> str:
    return sheet.tag(
        "p", {}, f"{sheet.words()} {_file(sheet)} ({sheet.number(2)}/{sheet.number(2)}, 2.3 MB) and/or {_file(sheet)}."
    )


def file_in_attributes(sheet: Sheet) -> str:
    return sheet.tag(
        "span",
        {
            "title": _file(sheet),
            "data-filename": _file(sheet),
            "aria-label": f"{sheet.words()}: {_file(sheet)}",
            "data-title": _file(sheet),
        },
        "",
    )


def words_in_attributes(sheet: Sheet) -> str:
    attributes = {
        "data-src": sheet.one_of("hero", "google", "3"), "data-bg": sheet.one_of("#fff", "dark", "1"), "data-image-count": "12", "data-original-title": "Photo 1/2",
        "data-thumb": "yes", "data-poster-size": "16/9", "data-target": "#carousel", "data-img-id": sheet.number(6), "data-date": "12/05/2023",
    }  # fmt: skip
    for key, value in attributes.items():
        if key in ("data-src", "data-thumb", "data-img-id", "data-original-title", "data-poster-size", "data-date"):
            _trap(sheet, value)
    return sheet.tag("div", attributes, sheet.words())


def endpoints(sheet: Sheet) -> str:
    attributes = {
        "data-url": "/api/like?id=" + sheet.number(),
        "data-endpoint": "/ajax/vote.php",
        "data-share-url": "https://social.example/share?u=1",
    }
    for value in attributes.values():
        _trap(sheet, value)
    return sheet.tag("button", attributes, sheet.words())


def sound(sheet: Sheet) -> str:
    return sheet.tag(
        "audio",
        {"src": _trap(sheet, f"/sound/{sheet.number()}.mp3"), "controls": None},
        sheet.tag("source", {"src": _trap(sheet, f"/s/{sheet.number()}.ogg"), "type": "audio/ogg"}),
    )


def commented(sheet: Sheet) -> str:
    return f'<!-- {sheet.words()} <img src="{_trap(sheet, f"/img/old-{sheet.number(5)}.jpg")}"> -->'


def fonts(sheet: Sheet) -> str:
    font = _trap(sheet, f"/fonts/open-{sheet.number()}.woff2")
    sheet_ = _trap(sheet, f"/css/print-{sheet.number()}.css")
    gone = _trap(sheet, f"/img/was-{sheet.number(5)}.png")
    text = f'@import url("{sheet_}");@font-face{{font-family:x;src:url({font}) format("woff2")}} .i{{mask:url(#m);background:url({BLANK})}} /* url({gone}) */'
    return sheet.tag("style", {}, text)


def settings(sheet: Sheet) -> str:
    value = {
        "ajaxUrl": _trap(sheet, "/wp-admin/admin-ajax.php"), "api": _trap(sheet, f"https://api.{sheet.place.host}/v{sheet.number(1)}/photos"), "mime": _trap(sheet, "image/jpeg"),
        "filename": _file(sheet), "chunk": _trap(sheet, f"/static/js/main.{sheet.number(8)}.js"), "format": _trap(sheet, "DD/MM/YYYY"), "tz": _trap(sheet, "Europe/Berlin"),
        "pattern": "^/img/.*\\.(jpg|png)$", "template": _trap(sheet, "/img/{id}_{size}.jpg"), "image": sheet.one_of("none", "default", ""), "thumbnail": "small",
        "src": _trap(sheet, "organic"), "icon": _trap(sheet, "fa-user"), "poster": True, "version": "4.1.0", "ns": _trap(sheet, "http://www.w3.org/2000/svg"),
        "accept": "image/*,.jpg,.png", "url": f"https://{sheet.place.host}/about", "path": "M10.5 20/3.jpg", "nonce": addresses.token(sheet.chance, 32),
    }  # fmt: skip
    sheet.pages.add(f"https://{sheet.place.host}/about")
    return sheet.script(f"var cfg_{sheet.number()} = {sheet.json(value)};")


def program(sheet: Sheet) -> str:
    old, part = _trap(sheet, f"/img/{sheet.number(6)}-old.jpg"), _trap(sheet, f"./chunk-{sheet.number(5)}.js")
    return sheet.script(
        f"// was {old}\nimport('{part}');var re=/\\.(?:jpe?g|png|gif)$/i, half=a/b/c;function show(u){{el.innerHTML='<img src=\"'+u+'\" alt=\"\">';"
        "el.style.backgroundImage='url('+u+')';return `/photos/${id}/large.jpg`}}if(x<3){load('/t/'+id+'.jpg')}e.type=='image/png'&&f('a.b/c');"
    )


def drawn(sheet: Sheet) -> str:
    return f'<svg viewBox="0 0 24 24"><linearGradient id="g"/><path fill="url(#g)" d="M12 2C6.48 2 2 {sheet.number(2)}.48s4.48/10 10.png 10z"/></svg>'


def unwritten(sheet: Sheet) -> str:
    """A template that a script fills; a browser never asks for it as it stands."""
    return f'<script type="text/x-template"><img src="{_trap(sheet, "{{photo.url}}")}"><img src="{_trap(sheet, "/img/<%= id %>.jpg")}"></script>'


def form(sheet: Sheet) -> str:
    fields = sheet.tag("input", {"type": "file", "accept": "image/png, image/jpeg, .jpg"}) + sheet.tag(
        "input", {"type": "text", "value": _file(sheet)}
    )
    return sheet.tag("form", {"action": _trap(sheet, f"/upload.php?to={sheet.number()}"), "method": "post"}, fields)


def elsewhere(sheet: Sheet) -> str:
    return sheet.tag(
        "a",
        {
            "href": sheet.one_of(
                "mailto:a@b.example?subject=x.jpg",
                "javascript:void(0)",
                "#img.jpg",
                "tel:+4912345",
                "data:text/plain,a.jpg",
            )
        },
        sheet.words(),
    )


TRAPS: Final[Mapping[str, Make]] = {
    "file name in text": file_in_text, "file name in attributes": file_in_attributes, "words in attributes": words_in_attributes, "endpoints": endpoints,
    "sound": sound, "comment": commented, "fonts and sheets": fonts, "settings": settings, "program": program, "drawing": drawn, "unfilled template": unwritten,
    "form": form, "other schemes": elsewhere,
}  # fmt: skip
