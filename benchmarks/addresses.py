"""Addresses of pictures as real programs make them, and the many ways in which a page may spell one.

An address is absolute and canonical: what a browser asks for, without its fragment. A spelling leads back to it from the page's base.
The hosts are of no one: all end in `.example`.
"""

# ruff: noqa: E501 – addresses read better whole

import re
from collections.abc import Callable, Sequence
from random import Random
from typing import Final
from urllib.parse import quote, unquote, urlsplit

Manner = Callable[[Random, "Place"], str]

IN_PATHS: Final = "/-._~!$&'()*+,;=:@"  # what stays as it is in a path, as the URL standard says
ENDINGS: Final = ("jpg",) * 8 + ("jpeg", "png", "png", "webp", "webp", "gif", "JPG", "avif", "jfif", "bmp")
FILMS: Final = ("mp4", "mp4", "mp4", "webm", "mov", "m4v", "ogv")

# By language: words as they stand in file names and texts. The Japanese ones hold characters whose second byte in Shift_JIS is a backslash.
WORDS: Final[dict[str, Sequence[str]]] = {
    "en": [
        "summer",
        "beach",
        "party",
        "girls",
        "night",
        "portrait",
        "holiday",
        "garden",
        "wedding",
        "sunset",
        "walk",
        "morning",
        "studio",
        "river",
        "mountain",
    ],
    "de": [
        "Frühling",
        "Straße",
        "Übung",
        "schön",
        "Grüße",
        "Mädchen",
        "Geburtstag",
        "Küche",
        "Garten",
        "Ausflug",
        "Bäume",
        "Fest",
        "See",
        "Nacht",
    ],
    "fr": [
        "été",
        "plage",
        "forêt",
        "soirée",
        "château",
        "élève",
        "noël",
        "mariage",
        "jardin",
        "crème",
        "ville",
        "rivière",
    ],
    "ru": [
        "лето",
        "пляж",
        "вечер",
        "портрет",
        "праздник",
        "город",
        "фото",
        "весна",
        "улица",
        "ночь",
        "девушка",
        "отпуск",
    ],
    "ja": ["写真", "夏", "表示", "ソフト", "能力", "予定", "海", "花火", "東京", "旅行", "十人", "祭り"],
    "zh": ["照片", "夏天", "海边", "旅行", "城市", "花园", "晚会", "人像", "早晨", "山水"],
    "ko": ["사진", "여름", "바다", "여행", "도시", "정원", "저녁", "인물", "아침", "산책"],
}


class Place:
    """Where a site keeps its pictures."""

    def __init__(self, chance: Random, host: str, language: str) -> None:
        self.host = host
        self.language = language
        self.cdn = chance.choice(
            (f"cdn.{host}", f"static.{host}", f"img{chance.randrange(1, 9)}.{host}", "media.cdn.example")
        )
        self.dated = f"{chance.randrange(2009, 2026)}/{chance.randrange(1, 13):02d}"


# --- names


def digits(chance: Random, count: int) -> str:
    return "".join(chance.choice("0123456789") for _ in range(count))


def hexa(chance: Random, count: int) -> str:
    return f"{chance.getrandbits(4 * count):0{count}x}"


def token(chance: Random, count: int) -> str:
    return (
        "".join(
            chance.choice("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-") for _ in range(count - 1)
        )
        + "x"
    )


def slug(chance: Random) -> str:
    return "-".join(chance.sample(WORDS["en"], chance.randrange(1, 4))) + f"-{digits(chance, 3)}"


def name(chance: Random) -> str:
    made = chance.choice(
        (slug, _camera, _camera, lambda chance: hexa(chance, 32), lambda chance: digits(chance, 13), _loud)
    )
    return made(chance)


def _camera(chance: Random) -> str:
    return chance.choice(("IMG_", "DSC0", "DSCN", "P10", "image", "photo_", "Screenshot_2021-")) + digits(chance, 5)


def _loud(chance: Random) -> str:
    return chance.choice(("Picture", "WhatsApp-Image", "received", "FB_IMG", "1")) + "_" + digits(chance, 6)


def ending(chance: Random) -> str:
    return chance.choice(ENDINGS)


# --- manners: with a file ending


def _uploads(chance: Random, place: Place) -> str:
    size = chance.choice(("", "-150x150", "-300x200", "-1024x683", "-scaled"))
    return f"https://{place.host}/wp-content/uploads/{place.dated}/{name(chance)}{size}.{ending(chance)}"


def _hashed(chance: Random, place: Place) -> str:
    digest = hexa(chance, 32)
    return f"https://{place.cdn}/media/{digest[:2]}/{digest[2:4]}/{digest}.{ending(chance)}"


def _numbered(chance: Random, place: Place) -> str:
    folder = chance.choice(
        ("images", "img", "pics", "gallery/full", "photos/large", "i", "files/attachments", "bilder")
    )
    return f"https://{place.host}/{folder}/{digits(chance, 7)}.{ending(chance)}"


def _named(chance: Random, place: Place) -> str:
    folder = chance.choice(
        ("images", "assets/img", "media", "static/uploads", "data/photos", "sites/default/files/styles/large/public")
    )
    return f"https://{place.host}/{folder}/{name(chance)}.{ending(chance)}"


def _versioned(chance: Random, place: Place) -> str:
    query = chance.choice(
        (
            f"v={digits(chance, 10)}",
            f"itok={token(chance, 8)}",
            f"width=600&height=400&v={digits(chance, 5)}",
            digits(chance, 10),
        )
    )
    return f"https://{place.cdn}/s/files/1/{digits(chance, 4)}/products/{name(chance)}_{chance.choice(('600x', 'large', '1024x1024'))}.{ending(chance)}?{query}"


def transformed(chance: Random, place: Place) -> str:
    """With commas, which a srcset must not be cut at."""
    steps = chance.choice(
        ("c_fill,w_300,h_200,f_auto", "t_auto,q_80", "w_640,c_limit,dpr_2.0", "fl_progressive,f_auto,q_auto,w_1200")
    )
    return f"https://res.imaging.example/{place.host.split('.')[0]}/image/upload/{steps}/v{digits(chance, 10)}/{name(chance)}.{ending(chance)}"


def _signed(chance: Random, place: Place) -> str:
    return (
        f"https://{place.host.split('.')[0]}.s3.storage.example/{place.dated}/{hexa(chance, 16)}.{ending(chance)}"
        f"?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Date=20240513T{digits(chance, 6)}Z&X-Amz-Expires=3600&X-Amz-Signature={hexa(chance, 64)}"
    )


def _resized_elsewhere(chance: Random, place: Place) -> str:
    return f"https://i0.resized.example/{place.host}/wp-content/uploads/{place.dated}/{name(chance)}.{ending(chance)}?resize=300%2C200&ssl=1"


def by_hand(chance: Random, place: Place) -> str:
    """With spaces, letters of the language and what else people type."""
    folder = chance.choice(("fotos", "My Pictures", "pics", chance.choice(WORDS[place.language])))
    words = " ".join(chance.sample(WORDS[place.language], 2))
    file = chance.choice(
        (
            words,
            f"{words} ({chance.randrange(1, 40)})",
            f"{words}_{chance.randrange(99)}",
            f"Copy of {words}",
            f"it's {words}",
        )
    )
    return f"https://{place.host}/{quote(f'{folder}/{file}', safe=IN_PATHS)}.{ending(chance)}"


def _home(chance: Random, place: Place) -> str:
    return f"https://{place.host}/~{chance.choice(WORDS['en'])}/pics/{chance.choice(('DSC', 'PIC', 'FOTO'))}{digits(chance, 3)}.{chance.choice(('JPG', 'GIF', 'jpg'))}"


def _blog(chance: Random, _: Place) -> str:
    return f"https://1.bp.blogs.example/-{token(chance, 10)}/X{token(chance, 9)}/AAAAAAA{token(chance, 4)}/{token(chance, 30)}/s1600/{name(chance)}.{ending(chance)}"


# --- manners: without one


def _stock(chance: Random, _: Place) -> str:
    return f"https://images.stock.example/photo-{digits(chance, 13)}-{hexa(chance, 12)}?ixlib=rb-4.0.3&auto=format&fit=crop&w={chance.choice((400, 800, 1200))}&q=80"


def _opaque(chance: Random, _: Place) -> str:
    return f"https://lh{chance.randrange(3, 7)}.usercontent.example/{token(chance, 60)}={chance.choice(('w400-h300', 's1600', 'w1200-h800-p'))}"


def _identified(chance: Random, place: Place) -> str:
    uuid = f"{hexa(chance, 8)}-{hexa(chance, 4)}-4{hexa(chance, 3)}-a{hexa(chance, 3)}-{hexa(chance, 12)}"
    return f"https://{place.cdn}/{chance.choice(('image', 'v1/media', 'thumb', 'i', 'cdn-cgi/imagedelivery'))}/{uuid}/{chance.choice(('public', 'large', '640', 'original'))}"


def _script(chance: Random, place: Place) -> str:
    return f"https://{place.host}/{chance.choice(('thumb.php', 'image.php', 'showimage.aspx', 'cgi-bin/pic.cgi'))}?id={digits(chance, 6)}&w={chance.choice((120, 300))}"


def _delivered(chance: Random, _: Place) -> str:
    return f"https://pbs.social.example/media/{token(chance, 15)}?format=jpg&name={chance.choice(('small', 'large', '900x900'))}"


# --- manners: another address within


def _optimised(chance: Random, place: Place) -> str:
    inner = quote(f"/{chance.choice(('photos', 'images'))}/{slug(chance)}.{ending(chance)}", safe="")
    return f"https://{place.host}/_next/image?url={inner}&w={chance.choice((640, 1080, 1920))}&q=75"


def _proxied(chance: Random, place: Place) -> str:
    return f"https://proxy.imaging.example/insecure/rs:fit:1200:1200/plain/https://{place.host}/photos/{name(chance)}.{ending(chance)}"


ENDED: Final[Sequence[Manner]] = (
    _uploads, _uploads, _hashed, _numbered, _named, _versioned, transformed, _signed, _resized_elsewhere, by_hand, _home, _blog,
)  # fmt: skip
OPEN: Final[Sequence[Manner]] = (_stock, _opaque, _identified, _script, _delivered)
NESTED: Final[Sequence[Manner]] = (_optimised, _proxied)


def inner(address: str) -> str | None:
    """The address within a proxy's, made absolute: a picture, too, but not what the page shows."""
    parts = urlsplit(address)
    if parts.path == "/_next/image":
        return f"https://{parts.netloc}{unquote(parts.query.split('&')[0].removeprefix('url='))}"
    if "/plain/" in parts.path:
        return address.split("/plain/")[1]
    return None


def film(chance: Random, place: Place) -> str:
    folder = chance.choice(("videos", "media/clips", "v", "uploads/" + place.dated))
    query = chance.choice(
        ("", "", f"?token={hexa(chance, 16)}&expires={digits(chance, 10)}", f"?v={digits(chance, 4)}")
    )
    return f"https://{chance.choice((place.host, place.cdn))}/{folder}/{name(chance)}{chance.choice(('', '_720p', '-hd'))}.{chance.choice(FILMS)}{query}"


def page(chance: Random, host: str) -> str:
    number = digits(chance, 5)
    return f"https://{host}/" + chance.choice((
        f"album/{number}", f"view.php?id={number}", f"{slug(chance)}/", f"thread-{number}-page-2.html", f"u/{chance.choice(WORDS['en'])}{number}",
        f"index.php?topic={number}.0", f"photo/{number}/view", f"tags/{chance.choice(WORDS['en'])}?page=2&sort=new", f"p/{token(chance, 11)}/",
    ))  # fmt: skip


# --- spellings


def readable(address: str) -> str:
    """As a person writes it: letters and spaces as themselves in the path, where a browser writes %XX."""
    path, mark, query = address.partition("?")
    return re.sub(r"(?:%[0-9A-F]{2})+", lambda match: _letters(match[0]), path) + mark + query


def _letters(escaped: str) -> str:
    text = unquote(escaped)
    return text if all(letter == " " or ord(letter) > 127 for letter in text) else escaped


def spelled(chance: Random, address: str, base: str, *, loose: bool = False) -> str:
    """A reference that a browser resolves to the address. `loose`: as people write them by hand."""
    text = readable(address) if loose or chance.random() < 0.5 else address
    origin, path = _cut(text)
    home, here = _cut(base)
    chosen = chance.random()
    if origin.partition("://")[0] == home.partition("://")[0] and chosen < 0.2:
        return text.partition(":")[2]
    if origin != home or chosen < 0.45:
        return _shouted(chance, origin) + path if loose else text
    if chosen < 0.75:
        return _odd(chance, path) if loose else path
    relative = _from(here, path)
    return _odd(chance, relative) if loose else relative


def _cut(address: str) -> tuple[str, str]:
    found = re.match(r"https?://[^/]+", address)
    assert found
    return found[0], address[found.end() :]


def _shouted(chance: Random, origin: str) -> str:
    if chance.random() < 0.9:
        return origin
    return origin.upper() if chance.random() < 0.5 else origin + (":443" if origin.startswith("https") else ":80")


def _odd(chance: Random, path: str) -> str:
    """Dot segments and backslashes, which browsers put right."""
    chosen = chance.random()
    folder, query = path.partition("?")[0], path.partition("?")[1:]
    if chosen < 0.1:
        return folder.replace("/", "\\") + "".join(query)
    if chosen < 0.25 and folder.count("/") > 1:
        first, rest = folder.rsplit("/", 1)
        return f"{first}/{chance.choice(('./', 'tmp/../'))}{rest}" + "".join(query)
    return path


def _from(here: str, path: str) -> str:
    """A path seen from the folder of another."""
    ours = here.partition("?")[0].split("/")[1:-1]
    theirs, mark, query = path.partition("?")
    parts = theirs.split("/")[1:]
    shared = 0
    while shared < min(len(ours), len(parts) - 1) and ours[shared] == parts[shared]:
        shared += 1
    relative = "../" * (len(ours) - shared) + "/".join(parts[shared:])
    if not relative or relative.startswith("/") or ":" in relative.split("/")[0]:
        relative = "./" + relative
    return relative + mark + query


def same(address: str) -> str:
    """One form of what asks a server for the same: an escape that changes nothing is undone, the fragment is cut off."""
    scheme, _, rest = address.partition("#")[0].partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme.lower()}://{host.lower()}{slash}" + re.sub(
        r"(?:%[0-9A-Fa-f]{2})+", lambda match: _undone(match[0]), path
    )


def _undone(escaped: str) -> str:
    each = [escaped[at : at + 3].upper() for at in range(0, len(escaped), 3)]
    return "".join(chr(int(one[1:], 16)) if one[1:] in _HARMLESS else one for one in each)


_HARMLESS: Final = {
    f"{ord(letter):02X}"
    for letter in "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~!$'()*,;:@|^[]"
}
