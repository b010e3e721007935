"""Which views of one picture are hashed: the recipe, its name and its version, and what a view is called.

A view is a part of a picture, turned in one of eight ways; a later frame of an animation or video has a number. Its name says all:

    full                        the whole picture
    full@7                      the whole of frame 7; frames count from 0, and the first one goes unnamed
    full/rot90                  the whole picture, turned
    crop:0,0,900,1000/flip-h    its left nine tenths, mirrored: left, upper, right and lower edge in thousandths of width and height

    kind     the part is …
    full     everything
    trim     what is left without a border, a caption, or the screen of a phone or browser around it
    cell     one picture of several: of a collage, of a page
    fit      the middle in one of the usual shapes: what lies between the bars of a letterbox
    crop     one of the fixed crops of an enrolled picture, `CROPS`

    turn         the copy is the original …                      pdqhash.compute_dihedral   numpy
                 as it is                                        original                   a
    rot90        turned a quarter to the left                    rotate90                   rot90(a, 1)
    rot180       turned upside down                              rotate180                  rot90(a, 2)
    rot270       turned a quarter to the right                   rotate270                  rot90(a, 3)
    flip-v       flipped top to bottom                           flipX                      a[::-1]
    flip-h       mirrored left to right                          flipY                      a[:, ::-1]
    transpose    flipped about the falling diagonal              flipPlus1                  a.T
    transverse   flipped about the rising diagonal               flipMinus1                 rot90(a, 2).T

A crawled picture is seen upright: full, trimmed, its cells, its fits. An enrolled picture is held in what turning and cropping can make
of it, so that a turned or cut copy is found by one look-up. The crops were chosen from 483 by how many random edits each one more finds
(`benchmarks/detection.py`): 34 find four fifths of what all of them would, for 2.4 KB a picture. Nine more, half as wide and high as the
picture, find little; they tell whether what corners point at is there when only a part of the picture is (`matcher.register.laid`).
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final, NamedTuple

RECIPE_NAME: Final = "views"
RECIPE_VERSION: Final = 1
RECIPE: Final = f"{RECIPE_NAME}-{RECIPE_VERSION}"
REGION_HASHER: Final = "area"

UPRIGHT: Final = ""
TURNS: Final[tuple[str, ...]] = (UPRIGHT, "rot90", "rot180", "rot270", "flip-v", "flip-h", "transpose", "transverse")
CROP_TURNS: Final = (UPRIGHT, "flip-h")
KINDS: Final = ("full", "trim", "cell", "fit", "crop")

_VIEW: Final = re.compile(
    r"(?P<kind>full|trim|cell|fit|crop)"
    r"(?:@(?P<frame>[1-9][0-9]{0,5}))?"
    r"(?::(?P<box>[0-9]{1,4}(?:,[0-9]{1,4}){3}))?"
    r"(?:/(?P<turn>" + "|".join(TURNS[1:]) + r"))?"
)


class CornerRecipe(NamedTuple):
    """How many corners are taken of a plane of which size, spread over how many cells each way."""

    side: int  # pixels of the longer side
    most: int
    cells: int


CORNERS_ENROLLED: Final = CornerRecipe(side=320, most=150, cells=8)
CORNERS_CRAWLED: Final = CornerRecipe(side=640, most=700, cells=13)  # a copy may be a small part of what is seen


class Box(NamedTuple):
    """A part of a picture, in thousandths of its width and height."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def sensible(self) -> bool:
        return 0 <= self.left < self.right <= 1000 and 0 <= self.top < self.bottom <= 1000


WHOLE: Final = Box(0, 0, 1000, 1000)


class View(NamedTuple):
    kind: str
    frame: int = 0
    box: Box = WHOLE
    turn: str = UPRIGHT

    @property
    def name(self) -> str:
        return self.named(self.turn)

    def named(self, turn: str) -> str:
        """Its name in another turn."""
        frame = f"@{self.frame}" if self.frame else ""
        box = "" if self.kind == "full" else ":" + ",".join(map(str, self.box))
        return f"{self.kind}{frame}{box}" + (f"/{turn}" if turn else "")

    @property
    def whole(self) -> bool:
        """The picture, or what is left of it without what was put around it; not one of many parts."""
        return self.kind in {"full", "trim"}


def view(frame: int, turn: str) -> str:
    """The name of one turn of one whole frame: "full", "full/rot90", "full@7", "full@7/flip-h"."""
    return View("full", frame, WHOLE, turn).name


@lru_cache(maxsize=4096)  # a child's answer names forty, mostly the same ones
def parsed(name: str) -> View | None:
    """None: no name of a view."""
    found = _VIEW.fullmatch(name)
    if found is None or (found["box"] is None) != (found["kind"] == "full"):
        return None
    box = WHOLE if found["box"] is None else Box(*map(int, found["box"].split(",")))
    if not box.sensible:
        return None
    made = View(found["kind"], int(found["frame"] or 0), box, found["turn"] or UPRIGHT)
    return made if made.name == name else None  # one spelling only


def is_view(name: str) -> bool:
    return parsed(name) is not None


def _crops() -> tuple[Box, ...]:
    def middle(width: int, height: int) -> Box:
        across, down = (1000 - width) // 2, (1000 - height) // 2
        return Box(across, down, 1000 - across, 1000 - down)

    def corners(keep: int) -> Sequence[Box]:
        cut = 1000 - keep
        return Box(0, 0, keep, keep), Box(cut, 0, 1000, keep), Box(0, cut, keep, 1000), Box(cut, cut, 1000, 1000)

    def sides(keep: int) -> Sequence[Box]:
        cut = 1000 - keep
        return Box(0, 0, keep, 1000), Box(cut, 0, 1000, 1000), Box(0, 0, 1000, keep), Box(0, cut, 1000, 1000)

    return (
        middle(950, 950),
        middle(880, 880),
        *(box for keep in (900, 800) for box in corners(keep)),
        *(box for keep in (920, 840, 760, 660, 570) for box in sides(keep)),
        *(middle(width, height) for width, height in ((780, 1000), (1000, 780), (660, 1000), (1000, 660))),
    )


CROPS: Final[tuple[Box, ...]] = _crops()
HALVES: Final = tuple(Box(left, top, left + 500, top + 500) for top in (0, 250, 500) for left in (0, 250, 500))


def enrolled_views(trimmed: Box | None) -> Sequence[View]:
    """Of one frame, frame number 0: what is held of an enrolled picture. `trimmed`: without its border, where it has one."""
    views = [View("full", turn=turn) for turn in TURNS]
    if trimmed is not None:
        views += [View("trim", box=trimmed, turn=turn) for turn in TURNS]
    views += [View("crop", box=box, turn=turn) for box in CROPS for turn in CROP_TURNS]
    return [*views, *(View("crop", box=box) for box in HALVES)]
