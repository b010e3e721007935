"""PDQ of the bundled photographs, from their bytes: the shipping recipe, decoding in a child process included, beside pdqhash."""

import io
from importlib.resources import files

import numpy as np
import pdqhash
from PIL import Image

from benchmarks.clock import best_s
from matcher.examine import fingerprints


def measure() -> None:
    print(f"{'photograph':>16} {'bits apart':>10} {'stillwatch':>11} {'pdqhash':>8}   (ms a picture)")
    photographs = files("stillwatch.demo") / "photographs"
    for photograph in sorted(photographs.iterdir(), key=lambda path: path.name):
        if not photograph.name.endswith(".jpg"):
            continue
        image_bytes = photograph.read_bytes()
        ours = next(one.bits for one in fingerprints(image_bytes) if one.hasher == "pdq")
        apart = (int(ours, 16) ^ int(published(image_bytes), 16)).bit_count()
        ours_s = best_s(fingerprints, image_bytes)
        peer_s = best_s(published, image_bytes)
        print(f"{photograph.name:>16} {apart:>10} {ours_s * 1e3:>11.1f} {peer_s * 1e3:>8.1f}")


def published(image_bytes: bytes) -> str:
    """pdqhash, decoding in this process and without any of the limits."""
    pixels = np.asarray(Image.open(io.BytesIO(image_bytes)).convert("RGB"))
    bits, _ = pdqhash.compute(pixels)
    return np.packbits(bits).tobytes().hex()


if __name__ == "__main__":
    measure()
