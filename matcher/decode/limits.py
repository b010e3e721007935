"""What one picture may cost. The child keeps to these; the parent's deadline and the kernel's limits stand behind them."""

from typing import Final

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
