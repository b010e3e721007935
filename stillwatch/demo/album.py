"""The bundled photographs: free ones, each with its licence in photographs/LICENCES.md."""

from functools import lru_cache
from pathlib import Path

from PIL import Image

FOLDER = Path(__file__).parent / "photographs"
PROTECTED = ("astronaut", "cameraman", "chelsea", "coffee", "hubble", "rocket")  # enrolled by the demo
OTHERS = ("brick", "grass", "gravel")  # nobody's: they must not be found


def path_of(name: str) -> Path:
    return FOLDER / f"{name}.jpg"


@lru_cache(maxsize=16)
def photograph(name: str) -> Image.Image:
    """RGB. The one object is shared: change a copy."""
    with Image.open(path_of(name)) as picture:
        return picture.convert("RGB")
