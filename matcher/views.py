"""Which views of one picture are hashed: the recipe, its name and its version.

A crawled picture is seen once, upright: every distinct frame of it, "full" and "full@7". An enrolled picture is held in the
eight turns a flip or a quarter turn can make of it, so that a turned copy is found by one look-up. Frames count from 0, and
the first one goes unnamed.

    name         the copy is the original …                      pdqhash.compute_dihedral   numpy
    full         as it is                                        original                   a
    rot90        turned a quarter to the left                    rotate90                   rot90(a, 1)
    rot180       turned upside down                              rotate180                  rot90(a, 2)
    rot270       turned a quarter to the right                   rotate270                  rot90(a, 3)
    flip-v       flipped top to bottom                           flipX                      a[::-1]
    flip-h       mirrored left to right                          flipY                      a[:, ::-1]
    transpose    flipped about the falling diagonal              flipPlus1                  a.T
    transverse   flipped about the rising diagonal               flipMinus1                 rot90(a, 2).T
"""

import re
from typing import Final

RECIPE_NAME: Final = "full"
RECIPE_VERSION: Final = 1
RECIPE: Final = f"{RECIPE_NAME}-{RECIPE_VERSION}"

UPRIGHT: Final = ""
TURNS: Final[tuple[str, ...]] = (UPRIGHT, "rot90", "rot180", "rot270", "flip-v", "flip-h", "transpose", "transverse")

_VIEW = re.compile(r"full(@[1-9][0-9]{0,5})?(/(" + "|".join(TURNS[1:]) + r"))?")


def view(frame: int, turn: str) -> str:
    """The name of one turn of one frame: "full", "full/rot90", "full@7", "full@7/flip-h"."""
    return "full" + (f"@{frame}" if frame else "") + (f"/{turn}" if turn else "")


def is_view(name: str) -> bool:
    return _VIEW.fullmatch(name) is not None
