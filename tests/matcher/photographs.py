"""The demo's photographs as small grey planes, and ways to change them."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tests.matcher.pictures import PHOTOGRAPHS

Plane = NDArray[np.uint8]

# Those with something to see: grass, gravel and brick are textures.
NAMES = ("astronaut", "chelsea", "coffee", "rocket", "cameraman")


def photograph(name: str, side: int = 640) -> Image.Image:
    path = next(path for path in PHOTOGRAPHS if path.stem == name)
    image = Image.open(path).convert("L")
    scale = side / max(image.size)
    return image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.BICUBIC)


def plane(image: Image.Image, side: int = 320) -> Plane:
    scale = min(1.0, side / max(image.size))
    return np.asarray(image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.BOX))
