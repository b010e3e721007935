"""Videos of drawn pictures, one after the other."""

import io
from collections.abc import Sequence

import numpy as np
import pytest
from PIL import Image

av = pytest.importorskip("av", reason="PyAV is not installed; the cure: scripts/environment test")

RATE = 10  # frames a second


def film(
    pictures: Sequence[Image.Image], kind: str = "mp4", codec: str = "libx264", seconds_each: float = 2.0
) -> bytes:
    """Each picture begins with a keyframe."""
    file = io.BytesIO()
    frames = round(seconds_each * RATE)
    with av.open(file, "w", format=kind) as container:
        stream = container.add_stream(codec, rate=RATE)
        stream.width, stream.height = pictures[0].size
        stream.pix_fmt = "yuv420p"
        stream.gop_size = frames
        if codec == "libx264":
            stream.options = {"sc_threshold": "0"}
        for picture in pictures:
            shown = np.asarray(picture.convert("RGB"))
            for _ in range(frames):
                container.mux(stream.encode(av.VideoFrame.from_ndarray(shown, format="rgb24")))
        container.mux(stream.encode(None))
    return file.getvalue()
