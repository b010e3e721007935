"""What it takes to read a crawled picture, from the file's bytes to all its hashes: `python -m benchmarks.reading [FOLDER]`.

Claims: at half a megapixel all that is hashed of a JPEG (the whole in two kinds in eight turns, pHash, some eight parts) costs a few times
what decoding it costs, and less than half of what the peers take for one hash each; a large progressive JPEG costs less than its decoding
in full. The floor is Pillow alone, in luma and scaled down to no less than 512 pixels; the peers are `pdqhash` and `imagehash.phash` of
what Pillow decodes, as python-threatexchange does it. FOLDER holds photographs; without it the demo's are used. All are cut and brought
to the sizes named.
"""

import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before NumPy: on a busy machine two threads spin

import gc
import io
import statistics
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import imagehash
import numpy as np
import pdqhash
from PIL import Image, ImageOps
from PIL.JpegImagePlugin import JpegImageFile

from benchmarks.clock import Taken, median, taken
from benchmarks.pdq import photographs
from matcher.decode.decoder import Decoder
from matcher.decode.hashing import read

REPEATS: Final = 7
MOST: Final = 24  # photographs
SIZES: Final = {"0.5 Mpx": (816, 612), "2 Mpx": (1632, 1224)}
FLOOR: Final = "Pillow, decoding alone"


def jpeg(path: Path, size: tuple[int, int], *, progressive: bool) -> bytes:
    image = Image.open(path).convert("RGB")
    upright = image.height > image.width
    fitted = ImageOps.fit(image, size[::-1] if upright else size, Image.Resampling.BICUBIC)
    file = io.BytesIO()
    fitted.save(file, "JPEG", quality=85, progressive=progressive)
    return file.getvalue()


def decoded(data: bytes) -> object:
    image = JpegImageFile(io.BytesIO(data))
    image.draft("L", (512, 512))
    return image.load()


def peers(data: bytes) -> object:
    image = Image.open(io.BytesIO(data)).convert("RGB")
    return pdqhash.compute(np.asarray(image)), imagehash.phash(image)


def on_cpu_s(pid: int) -> float:
    return int(Path(f"/proc/{pid}/schedstat").read_text(encoding="ascii").split()[0]) / 1e9


def read_by_a_child(decoder: Decoder, data: bytes) -> Taken:
    """Both processes and the pipe between them."""
    (pid,) = decoder.pids()
    before = on_cpu_s(pid)
    here = taken(decoder.read, data)
    return Taken(here.cpu + on_cpu_s(pid) - before, here.wall)


def compare(name: str, files: Sequence[bytes]) -> None:
    """Interleaved, medians: whatever else the machine does slows all of them alike."""
    times: dict[str, list[Taken]] = {}
    parts = []
    with Decoder(pictures_a_child=10**9) as decoder:
        decoder.read(files[0])
        ways: dict[str, Callable[[bytes], Taken]] = {
            FLOOR: lambda data: taken(decoded, data),
            "ours": lambda data: taken(read, data, turns=False, corners=False),
            "ours, with corners": lambda data: taken(read, data, turns=False, corners=True),
            "ours, in its child process": lambda data: read_by_a_child(decoder, data),
            "pdqhash and imagehash.phash": lambda data: taken(peers, data),
        }
        for data in files:
            reading = read(data, turns=False, corners=False)
            parts.append(sum(one.hasher == "area" for one in reading.fingerprints))
            for _ in range(REPEATS):
                for way, run in ways.items():
                    times.setdefault(way, []).append(run(data))
    floor = median(times[FLOOR]).cpu
    print(
        f"\n{name}, quality 85, {len(files)} photographs; {statistics.mean(parts):.1f} parts hashed of each on average"
    )
    for way, taken_s in times.items():
        cpu = median(taken_s).cpu
        print(f"  {way:30} {cpu * 1000:7.2f} ms of CPU   {cpu / floor:5.2f} x decoding")


def measure(arguments: Sequence[str] = ()) -> None:
    paths = photographs(arguments)
    chosen = paths[:: -(-len(paths) // MOST)]
    gc.collect()
    gc.freeze()
    for name, size in SIZES.items():
        for kind in ("baseline", "progressive"):
            files = [jpeg(path, size, progressive=kind == "progressive") for path in chosen]
            compare(f"{name} ({size[0]} by {size[1]}), {kind}", files)


if __name__ == "__main__":
    measure(sys.argv[1:])
