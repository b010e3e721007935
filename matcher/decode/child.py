"""The disposable process that decodes: `python -I -m matcher.decode.child`. Speaks `pipe` over its standard input and output.

It ends when its input ends, so it never outlives its parent by more than the picture under way. PR_SET_PDEATHSIG would not do:
it fires when the *thread* that started the child ends, and readers are threads that come and go.
"""

import gc
import json
import os
import sys
import warnings

from matcher.decode import limits
from matcher.decode.answer import to_parts
from matcher.decode.confine import allow_cpu, confine
from matcher.decode.containers.video import is_video
from matcher.decode.hashing import read
from matcher.decode.pipe import Ended, receive, send

READY = b"ready"
_MAX_REQUEST = 1024  # bytes, without the picture


def main() -> None:
    requests = sys.stdin.buffer
    answers = os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)  # what a C library prints must not end up among the answers
    os.close(nowhere)
    _prepare()
    gc.freeze()  # so that a sweep after each picture looks at that picture only
    confine()
    send(answers, READY)
    while True:
        try:
            request = json.loads(receive(requests, _MAX_REQUEST))
            picture = receive(requests, limits.MAX_BYTES)
        except Ended:
            return
        allow_cpu(limits.video_time(enrolling=request["turns"]).cpu_s if is_video(picture) else limits.CPU_S)
        send(answers, *to_parts(read(picture, turns=request["turns"], corners=request["corners"])))
        del picture
        gc.collect()


def _prepare() -> None:
    """Loads what would otherwise be loaded, too late, with the first picture."""
    from PIL import AvifImagePlugin, Image

    warnings.simplefilter("ignore")  # our own limits are checked before Pillow's
    Image.MAX_IMAGE_PIXELS = limits.MAX_PIXELS_SCALED
    AvifImagePlugin.DEFAULT_MAX_THREADS = 1
    read(_SMALLEST, turns=True, corners=True)
    read(_SMALLEST, turns=False, corners=False)


# A drawn bitmap of 64 × 64: goes through every step once.
_SMALLEST = (
    b"BM" + (54 + 3 * 64 * 64).to_bytes(4, "little") + bytes(4) + (54).to_bytes(4, "little") + (40).to_bytes(4, "little")
    + (64).to_bytes(4, "little") * 2 + b"\x01\0\x18\0" + bytes(24)
    + b"".join(bytes(((n * n) % 251, (n * 7) % 256, (n * 13) % 241)) for n in range(64 * 64))
)  # fmt: skip


if __name__ == "__main__":
    main()
