"""Hash sets: what leaves a person's device, and what comes in to be enrolled. No picture, no file name, no path.

Two forms are read: SET.json, as `hash` writes it, and a plain list of PDQ hashes, one a line, as StopNCII or HMA exchange them.
What is unusable in a set is refused by its ref, with the reason; the rest is taken.
"""

import base64
import binascii
import errno
import json
import os
import secrets
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Final, TypeGuard

from core.errors import CallError
from core.model import Fingerprint, HashedPicture, HashSet, State
from matcher.corners import unpacked
from matcher.decode.decoder import Decoder
from matcher.decode.limits import MAX_BYTES
from matcher.hashers import HASHERS, MIN_QUALITY
from matcher.views import KINDS, RECIPE, RECIPE_NAME, RECIPE_VERSION, is_view, view

FORMAT: Final = 1
LIST_RECIPE: Final = "pdq-list-1"
_UNKNOWN_QUALITY: Final = 100  # a plain list does not say; a hash without features shows in its bits


# ------------------------------------------------------------------------------------------------------------- hashing


def hash_file(path: Path, decoder: Decoder, *, local: bool = False) -> HashedPicture | tuple[State, str]:
    """The picture as enrolment wants it, or the state it ended in and why, without its name.

    local   its corners, too: only where the person chose it
    """
    match _bytes_of(path):
        case bytes() as image_bytes:
            pass
        case refused:
            return refused
    reading = decoder.read(image_bytes, turns=True, corners=local)
    if reading.obstacle not in {None, State.PARTIAL} or not reading.fingerprints:
        return reading.obstacle or State.BROKEN, reading.reason
    return HashedPicture(
        ref=secrets.token_hex(8),
        quality=max(one.quality for one in reading.fingerprints),
        fingerprints=reading.fingerprints,
        local=next((scene.corners for scene in reading.scenes), None) if local else None,
    )


def _bytes_of(path: Path) -> bytes | tuple[State, str]:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # non-blocking: a named pipe would wait for ever
        with open(fd, "rb") as file:  # noqa: PTH123  # the descriptor is what was checked
            if not stat.S_ISREG(os.fstat(fd).st_mode):
                return State.UNREADABLE, "it is not an ordinary file"
            image_bytes = file.read(MAX_BYTES + 1)
    except IsADirectoryError:
        return State.UNREADABLE, "it is a folder"
    except OSError as error:
        return State.UNREADABLE, f"it could not be opened: {os.strerror(error.errno or errno.EIO).lower()}"
    if len(image_bytes) > MAX_BYTES:
        return State.TOO_LARGE, f"more than {MAX_BYTES // 2**20} MiB"
    return image_bytes


# ------------------------------------------------------------------------------------------------------------- writing


def make_set(pictures: Iterable[HashedPicture]) -> str:
    """SET.json."""
    return json.dumps(
        {
            "stillwatch": FORMAT,
            "recipe": {"name": RECIPE_NAME, "version": RECIPE_VERSION},
            "images": [_image(picture) for picture in pictures],
        },
        indent=1,
    )


def _image(picture: HashedPicture) -> dict[str, object]:
    image: dict[str, object] = {
        "ref": picture.ref,
        "quality": picture.quality,
        "fingerprints": [
            {"hasher": one.hasher, "view": one.view, "bits": one.bits, "quality": one.quality}
            | ({} if one.time_s is None else {"time_s": one.time_s})
            for one in picture.fingerprints
        ],
    }
    if picture.local is not None:
        image["local"] = base64.b64encode(picture.local).decode("ascii")
    return image


# ------------------------------------------------------------------------------------------------------------- reading


def read_set(text: str) -> HashSet:
    """Either form. Raises CallError when it is neither, naming the place and the cure."""
    text = text.removeprefix("\ufeff")
    if not text.strip():
        raise CallError("the hash set is empty: `stillwatch hash PATH… --output SET.json` makes one")
    return _read_json(text) if text.lstrip()[0] in '{["' else _read_list(text)


def _read_json(text: str) -> HashSet:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        place = f" (line {error.lineno})" if isinstance(error, json.JSONDecodeError) else ""
        raise CallError(f"the hash set is not valid JSON{place}: make it again with `stillwatch hash`") from error
    if not isinstance(document, dict) or "stillwatch" not in document:
        raise CallError(
            'the hash set has no "stillwatch" at its top: it must be the SET.json of `stillwatch hash`, '
            "or a plain list of PDQ hashes, one a line"
        )
    if document["stillwatch"] is True or document["stillwatch"] != FORMAT:
        raise CallError(f'"stillwatch" in the hash set must be {FORMAT}: this version reads no other format')
    images = document.get("images")
    if not isinstance(images, list):
        raise CallError('"images" in the hash set must be a list of pictures')
    taken = _Taken()
    for number, image in enumerate(images, start=1):
        if not isinstance(image, dict):
            raise CallError(
                f'picture {number} of "images" in the hash set must be an object with "ref" and "fingerprints"'
            )
        ref = image.get("ref")
        if _is_ref(ref):
            taken.add(ref, _picture(ref, image.get("fingerprints"), image.get("local")))
        else:
            taken.add(f"image {number}", 'its "ref" must be a text of 1 to 100 printable characters')
    return taken.hash_set(_recipe(document.get("recipe")))


def _read_list(text: str) -> HashSet:
    """The ref of a line is its number in the file. Empty lines and lines that begin with # say nothing."""
    taken = _Taken()
    for number, line in enumerate(text.splitlines(), start=1):
        bits = line.strip()
        if bits and not bits.startswith("#"):
            row = {"hasher": "pdq", "view": view(0, ""), "bits": bits, "quality": _UNKNOWN_QUALITY}
            taken.add(f"line {number}", _picture(f"line {number}", [row]))
    if not taken.pictures and not taken.refused:
        raise CallError("the list holds no hash: write one PDQ hash of 64 hex digits a line")
    return taken.hash_set(LIST_RECIPE)


class _Taken:
    """What was taken and what was refused so far."""

    def __init__(self) -> None:
        self.pictures: list[HashedPicture] = []
        self.refused: list[tuple[str, str]] = []
        self._refs: set[str] = set()
        self._by_hashes: dict[frozenset[tuple[str, str, str]], str] = {}

    def add(self, ref: str, made: HashedPicture | str) -> None:
        """`made` as text is the reason why there is no picture."""
        if isinstance(made, str):
            self.refused.append((ref, made))
            return
        same = self._by_hashes.get(_hashes(made))
        if same is not None:
            self.refused.append((ref, f"it has the same hashes as {same}"))
        elif ref in self._refs:
            self.refused.append((ref, "another picture of the set has this ref"))
        else:
            self.pictures.append(made)
            self._refs.add(ref)
            self._by_hashes[_hashes(made)] = ref

    def hash_set(self, recipe: str) -> HashSet:
        return HashSet(recipe=recipe, pictures=tuple(self.pictures), refused=tuple(self.refused))


def _hashes(picture: HashedPicture) -> frozenset[tuple[str, str, str]]:
    return frozenset((one.hasher, one.view, one.bits) for one in picture.fingerprints)


def _picture(ref: str, rows: object, local: object = None) -> HashedPicture | str:
    """The picture, or why it cannot be enrolled."""
    if not isinstance(rows, list) or not rows:
        return "it has no fingerprints"
    fingerprints: list[Fingerprint] = []
    for row in rows:
        made = _fingerprint(row)
        if isinstance(made, str):
            return made
        fingerprints.append(made)
    if len({(one.hasher, one.view) for one in fingerprints}) < len(fingerprints):
        return "it has two fingerprints of one view by one hasher"
    corners = _local(local)
    if isinstance(corners, str):
        return corners
    return HashedPicture(
        ref=ref,
        quality=max(one.quality for one in fingerprints),
        fingerprints=tuple(fingerprints),
        local=corners,
    )


def _local(local: object) -> bytes | str | None:
    """The corners as they are kept, or why they cannot be."""
    if local is None:
        return None
    try:
        packed = base64.b64decode(local, validate=True) if isinstance(local, str) else b""
        unpacked(packed)
    except (ValueError, binascii.Error):
        return 'its "local" part is damaged: make the set again with `stillwatch hash --local`'
    return packed


def _fingerprint(row: object) -> Fingerprint | str:
    if not isinstance(row, dict):
        return "a fingerprint must be an object with hasher, view, bits and quality"
    hasher, name, bits, quality, time_s = (row.get(key) for key in ("hasher", "view", "bits", "quality", "time_s"))
    if not isinstance(hasher, str) or hasher not in HASHERS:
        return f"unknown hasher; known: {', '.join(HASHERS)}"
    if not isinstance(name, str) or not is_view(name):
        return (
            f"unknown view; known: {', '.join(KINDS)}, with turns ({view(0, 'rot90')} …) and frames ({view(7, '')} …)"
        )
    if not isinstance(bits, str):
        return "bits must be hex digits"
    fault = HASHERS[hasher].fault(bits.lower())
    if fault is not None:
        return fault
    if not isinstance(quality, int) or isinstance(quality, bool) or not 0 <= quality <= 100:
        return "its quality must be a whole number from 0 to 100"
    if quality < MIN_QUALITY:
        return f"too few features: its quality is {quality}, at least {MIN_QUALITY} is needed"
    if time_s is not None and not (
        isinstance(time_s, int | float) and not isinstance(time_s, bool) and 0 <= time_s < 1e7
    ):
        return "its time_s must be seconds from the beginning of the video"
    return Fingerprint(hasher=hasher, view=name, bits=bits.lower(), quality=quality, time_s=time_s)


def _is_ref(ref: object) -> TypeGuard[str]:
    return isinstance(ref, str) and 1 <= len(ref) <= 100 and ref.isprintable() and ref == ref.strip()


def _recipe(recipe: object) -> str:
    """ "full-1"; a set that does not say by which recipe it was made is taken as it is."""
    match recipe:
        case None:
            return "unknown"
        case {"name": str(name), "version": int(version)} if 0 < len(name) <= 40 and name.isprintable():
            return f"{name}-{version}"
        case _:
            raise CallError(f'"recipe" in the hash set must hold a name and a version, such as {RECIPE}')
