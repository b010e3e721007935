"""What is known of a file before a pixel of it is decoded."""

from dataclasses import dataclass, field

from core.picture import State


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """
    format: Pillow's name
    content: the bytes a decoder gets
    complete: the file goes on to where its own structure says it ends
    width, height: as stored, before the orientation; 0 when only the decoder can tell
    orientation: 1..8, as EXIF numbers them
    frames: how many the structure holds; 0 when only the decoder can tell
    coarse: of a progressive JPEG the bytes up to the end of its first scan: an eighth of the size can be decoded from them
    coefficient_bytes: what a decoder must hold beside the picture (JPEG of several scans)
    """

    format: str
    content: bytes = field(repr=False)
    coarse: bytes | None = field(default=None, repr=False)
    complete: bool = True
    width: int = 0
    height: int = 0
    orientation: int = 1
    frames: int = 0
    coefficient_bytes: int = 0


class Obstacle(Exception):
    """This picture will not be read, or not further: the state it ends in and one plain sentence why. Stays in the child."""

    def __init__(self, state: State, reason: str) -> None:
        super().__init__(reason)
        self.state = state
        self.reason = reason
