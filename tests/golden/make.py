"""Writes the golden hashes with the reference implementations: `python -m tests.golden.make`, where pdqhash is installed.

Done once and committed, so that a machine without a compiler (pdqhash has no wheel) still tests against them.
"""

import json
from pathlib import Path

import imagehash
import numpy as np
import pdqhash
from PIL import Image

from matcher.views import TURNS
from tests.golden.drawn import DRAWN

GOLDEN = Path(__file__).with_name("hashes.json")


def main() -> None:
    golden = {}
    for name, draw in DRAWN.items():
        picture = draw()
        upright, quality = pdqhash.compute(picture)
        turned, _ = pdqhash.compute_dihedral(picture)
        # The one-hash and the eight-hash call differ for pictures of 64 × 64, which only the first takes without its filter.
        by_turn = dict(zip(TURNS, [upright, *turned[1:]], strict=True))
        golden[name] = {
            "quality": int(quality),
            "pdq": {turn: np.packbits(bits.astype(bool)).tobytes().hex() for turn, bits in by_turn.items()},
            "phash64": str(imagehash.phash(Image.fromarray(picture))),
        }
    GOLDEN.write_text(json.dumps(golden, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
