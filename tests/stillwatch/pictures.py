"""Pictures drawn by code, each with enough in it to be hashed, and each unlike the others."""

import io
from pathlib import Path

import numpy as np
from PIL import Image


def drawn(seed: int, size: tuple[int, int] = (320, 240)) -> Image.Image:
    """Noise whose strength falls with its frequency, as in photographs."""
    dice = np.random.default_rng(seed)
    height, width = size[1], size[0]
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width)[None, :])
    spectrum = np.fft.fft2(dice.normal(size=(height, width))) / np.maximum(frequency, 1 / width) ** 1.2
    luma = np.fft.ifft2(spectrum).real
    spread = (luma - luma.min()) / (luma.max() - luma.min())
    return Image.fromarray((spread * 255).astype(np.uint8)).convert("RGB")


def jpeg(picture: Image.Image, quality: int = 88) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def folder_of(path: Path, seeds: range) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    for seed in seeds:
        (path / f"private-name-{seed}.jpg").write_bytes(jpeg(drawn(seed)))
    return path
