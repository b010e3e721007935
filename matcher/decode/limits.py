"""What one picture may cost. The child keeps to these; the parent's deadline and the kernel's limits stand behind them."""

from typing import Final, NamedTuple

MAX_BYTES: Final = 48 * 2**20  # of one file
MAX_PIXELS: Final = 50_000_000  # decoded in full
MAX_PIXELS_SCALED: Final = 200_000_000  # of a JPEG that is scaled down while it is decoded
MAX_PIXELS_TIFF: Final = 36_000_000  # turned upright by its decoder, which holds it twice meanwhile
MAX_PIXELS_BUFFERED: Final = 16_000_000  # where the decoder keeps several whole pictures: animations, WebP, AVIF
MAX_FRAMES: Final = 100
MAX_FRAME_PIXELS: Final = 200_000_000  # of all frames together
FRAMES_S: Final = 6.0  # wall clock; no further frame is begun after it
MAX_SCANS: Final = 100  # of a JPEG: 3,000 progressive scans take 39 CPU seconds
MAX_JPEG_BYTES: Final = 280 * 2**20  # of a JPEG decoded in full, coefficients and all; beyond it is scaled down
MAX_COEFFICIENT_BYTES: Final = 240 * 2**20  # what a JPEG of several scans is held in until the last one is read

MIN_SIDE: Final = 64  # pixels; PDQ looks at 64 × 64

MEMORY_HEADROOM: Final = 700 * 2**20  # bytes of address space beyond what the started child has
CPU_S: Final = 8  # of one picture
DEADLINE_S: Final = 10.0  # wall clock, of one picture
START_S: Final = 60.0  # wall clock, until a child is ready: a cold disk is slow
PICTURES_A_CHILD: Final = 256

# Of a video. Its bytes travel as a picture's do, so MAX_BYTES holds for it, too: a minute or two of 1080p as sites send it.
MAX_VIDEO_S: Final = 2 * 3600.0  # so much of it is compared
MAX_VIDEO_PACKETS: Final = 500_000  # two hours of 60 a second; a made-up file may hold millions of empty ones
MAX_VIDEO_FRAMES: Final = 720  # looked at: two hours, ten seconds apart
MAX_VIDEO_FRAME_PIXELS: Final = 9_500_000  # 4K; a decoder keeps up to 17 such frames of 14 MB
MAX_VIDEO_PIXELS: Final = 40_000_000_000  # decoded for enrolment, all frames together: some ten minutes of 1080p


class Time(NamedTuple):
    """
    begin_s      wall clock; no further frame is begun after it
    cpu_s        as CPU_S
    deadline_s   as DEADLINE_S
    """

    begin_s: float
    cpu_s: int
    deadline_s: float


VIDEO_TIME: Final = Time(20.0, 26, 30.0)  # a crawl waits for it
VIDEO_TIME_ENROLLED: Final = Time(120.0, 140, 150.0)  # once, on the person's own machine


def video_time(*, enrolling: bool) -> Time:
    return VIDEO_TIME_ENROLLED if enrolling else VIDEO_TIME
