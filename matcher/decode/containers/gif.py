"""GIF: blocks (GIF89a specification). Comments and application data are cut out; each is a list of up to 255 bytes a step."""

from typing import Final

from matcher.decode.containers.container import Container

_IMAGE, _EXTENSION, _TRAILER = 0x2C, 0x21, 0x3B
_GRAPHIC_CONTROL: Final = 0xF9


def walk(data: bytes) -> Container:
    width, height = int.from_bytes(data[6:8], "little"), int.from_bytes(data[8:10], "little")
    at = _after_table(data, 13, 10)
    kept = [data[:at]]
    frames = 0
    complete = False

    while at < len(data):
        start, block = at, data[at]
        if block == _TRAILER:
            complete = True
            break
        if block == _IMAGE:
            frames += 1
            end = _after_sub_blocks(data, _after_table(data, at + 10, at + 9) + 1)
        elif block == _EXTENSION:
            end = _after_sub_blocks(data, at + 2)
        else:
            at += 1  # stray bytes between blocks are stepped over, as decoders do
            continue
        if end is None:
            kept.append(data[start:])
            break
        if block == _IMAGE or data[start + 1] == _GRAPHIC_CONTROL:
            kept.append(data[start:end])
        at = end

    if complete:
        kept.append(b";")
    return Container(format="GIF", content=b"".join(kept), complete=complete, width=width, height=height, frames=frames)


def _after_table(data: bytes, at: int, flags_at: int) -> int:
    flags = data[flags_at] if flags_at < len(data) else 0
    return at + 3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else at


def _after_sub_blocks(data: bytes, at: int) -> int | None:
    """Where the list of sub-blocks ends; None when the file ends first."""
    while at < len(data):
        size = data[at]
        at += 1 + size
        if size == 0:
            return at
    return None
