"""Our PDQ beside pdqhash and imagehash.phash, in the same run: `python -m benchmarks.pdq [FOLDER]`.

Claims: 0 bits from pdqhash of the same pixels; 2 bits or fewer from it by the scaled decode of a crawled JPEG; how many times
faster than decoding in full and hashing with pdqhash, which is what python-threatexchange does. FOLDER holds photographs;
without it the demo's are used, enlarged to the sizes named.
"""

import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before NumPy: on a busy machine two threads spin

import gc
import io
import platform
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import imagehash
import numpy as np
import pdqhash
import PIL
from PIL import Image

import stillwatch
from matcher.decode.containers import sniff
from matcher.decode.decoder import Decoder
from matcher.decode.frames import Frame, frames
from matcher.decode.hashing import read
from matcher.hashers import HASHERS
from matcher.views import TURNS, UPRIGHT

REPEATS = 9
SIZES = {"0.5 Mpx": 0.5e6, "2 Mpx": 2e6, "12 Mpx": 12e6}
PATHS = ("ours, hash as crawled", "ours, hash for enrolment, 8 turns", "pdqhash", "imagehash.phash")


def photographs(arguments: Sequence[str]) -> list[Path]:
    folder = Path(arguments[0]) if arguments else Path(stillwatch.__file__).parent / "demo" / "photographs"
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in {".jpg", ".jpeg", ".png"})


def jpeg(path: Path, pixels: float) -> bytes:
    image = Image.open(path).convert("RGB")
    factor = (pixels / (image.width * image.height)) ** 0.5
    large = image.resize((round(image.width * factor), round(image.height * factor)), Image.Resampling.BICUBIC)
    file = io.BytesIO()
    large.save(file, "JPEG", quality=85)
    return file.getvalue()


def ours(data: bytes, *, whole: bool) -> dict[str, str]:
    (frame, *_) = frames(sniff.walk(data), whole=whole, coarse=not whole)
    assert isinstance(frame, Frame)
    return dict(HASHERS["pdq"].hash(frame.plane, TURNS if whole else (UPRIGHT,), whole).bits)


def theirs(data: bytes) -> str:
    bits, _ = pdqhash.compute(np.asarray(Image.open(io.BytesIO(data)).convert("RGB")))
    return np.packbits(bits.astype(bool)).tobytes().hex()


def phash(data: bytes) -> str:
    return str(imagehash.phash(Image.open(io.BytesIO(data))))


def cpu_ms(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return (time.process_time() - started) * 1000


def apart(left: str, right: str) -> int:
    return (int(left, 16) ^ int(right, 16)).bit_count()


def compare(name: str, files: list[bytes]) -> None:
    """Interleaved, one thread, medians of CPU time: a busy machine slows all of them alike."""
    exact, scaled = [], []
    times: dict[str, list[float]] = {path: [] for path in PATHS}
    for data in files:
        published = theirs(data)
        exact.append(apart(ours(data, whole=True)[UPRIGHT], published))
        scaled.append(apart(read(data, turns=False, corners=False).fingerprints[0].bits, published))
        work: tuple[Callable[[], object], ...] = (
            partial(ours, data, whole=False),
            partial(ours, data, whole=True),
            partial(theirs, data),
            partial(phash, data),
        )
        for _ in range(REPEATS if len(data) < 1_000_000 else 3):
            for path, call in zip(PATHS, work, strict=True):
                times[path].append(cpu_ms(call))
    medians = {path: statistics.median(values) for path, values in times.items()}
    print(f"\n{name}, {len(files)} photographs as JPEG, quality 85; file to hash, CPU ms")
    for path, median in medians.items():
        print(f"  {path:36} {median:8.1f} ms   {medians['pdqhash'] / median:5.1f} x pdqhash")
    print(
        f"  bits from pdqhash: for enrolment {max(exact)} at most; as crawled {statistics.mean(scaled):.1f}, {max(scaled)} at most"
    )


def hash_alone(path: Path) -> None:
    """Without decoding: what the two matrix products take."""
    (frame, *_) = frames(sniff.walk(jpeg(path, 512 * 768)), whole=True)
    assert isinstance(frame, Frame)
    pixels = frame.plane.rows(0, frame.plane.down.samples)
    mine = statistics.median(cpu_ms(lambda: HASHERS["pdq"].hash(frame.plane, (UPRIGHT,), False)) for _ in range(50))
    reference = statistics.median(cpu_ms(lambda: pdqhash.compute(pixels)) for _ in range(20))
    print(f"\nhash alone, 0.4 Mpx in colour: ours {mine:.2f} ms, pdqhash {reference:.2f} ms: {reference / mine:.1f} x")


def peak_mib(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(status.split("VmHWM:")[1].split()[0]) // 1024


def children(files: dict[str, bytes]) -> None:
    starts = []
    for _ in range(5):
        with Decoder() as decoder:
            started = time.perf_counter()
            decoder.read(b"")
            starts.append(time.perf_counter() - started)
    print(f"\nchild process: {statistics.median(starts):.2f} s from start to first answer")
    with Decoder() as decoder:
        decoder.read(b"")
        print(f"  peak memory when started {peak_mib(decoder.pids()[0])} MiB")
        for name, data in files.items():
            quick = statistics.median(_wall_ms(partial(decoder.read, data)) for _ in range(REPEATS))
            whole = statistics.median(_wall_ms(partial(decoder.read, data, turns=True)) for _ in range(REPEATS))
            print(
                f"  {name}: as crawled {quick:.1f} ms, for enrolment {whole:.1f} ms, pipe and both hashers included; "
                f"peak memory since start {peak_mib(decoder.pids()[0])} MiB"
            )


def _wall_ms(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return (time.perf_counter() - started) * 1000


def measure(arguments: Sequence[str] = ()) -> None:
    paths = photographs(arguments)
    processor = next(
        (
            line.split(":")[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.processor(),
    )
    print(
        f"{processor}, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}; Python {platform.python_version()}, "
    )
    print(
        f"NumPy {np.__version__}, Pillow {PIL.__version__}, imagehash {imagehash.__version__}; nothing is drawn at random"
    )
    gc.freeze()
    for name, pixels in SIZES.items():
        compare(name, [jpeg(path, pixels) for path in (paths if pixels < 5e6 else paths[:3])])
    hash_alone(paths[0])
    children({name: jpeg(paths[0], pixels) for name, pixels in SIZES.items()})


if __name__ == "__main__":
    measure(sys.argv[1:])
