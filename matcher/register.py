"""Registration: a part of the seen picture is shifted, stretched and turned until its hash lies nearest to an enrolled one.

A crop or a tilt that is not among the stored ones lies near one of them, at 40 to 70 bits. Nothing but the enrolled hash is needed to
move it into place: each of its bits says on which side of the median one frequency belongs, and a move is good when the frequencies go
there. True copies come down to 24 bits at the median, others stay above 40 (`benchmarks/detection.py`).

Hill-climbing by coordinates (Lucas and Kanade's idea of registration, with a hash in place of the template): ten moves are tried at
once, the best is taken, and when none is better the steps are halved.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.model import UNTOLD, Fingerprint, Overlay
from matcher.hashers.area import packed, waves
from matcher.views import REGION_HASHER, UPRIGHT, Box, parsed

Float = NDArray[np.float32]

# Centre across and down, half width and half height (natural logarithm), turn (radians): a first step is so large.
_STEPS: Final = np.array([0.05, 0.05, 0.05, 0.05, 0.05])
_MOVES: Final = np.concatenate([np.eye(5), -np.eye(5)])
_ROUNDS: Final = 14
_HALVINGS: Final = 3
_HOPELESS: Final = (4, 62)  # after so many rounds still more than so many bits away
_SEEN: Final = 0.85  # of a view: less of it, and it is another picture
_LAID: Final = 8  # views
_FAR: Final = 0.35  # no part is stretched or shifted further than this


class Registered(NamedTuple):
    """distance   differing bits where it lies nearest
    corners    of the enrolled view in the seen picture, (x, y) in thousandths of it: upper left, upper right, lower right, lower left
    """

    distance: int
    corners: Overlay


class Ground:
    """A plane brought down in steps of two, so that 64 samples across any part of it each see about one pixel."""

    def __init__(self, plane: NDArray[np.uint8]) -> None:
        """plane   (h, w)"""
        self.height, self.width = plane.shape
        self._levels: list[Float] = [plane.astype(np.float32)]
        while min(self._levels[-1].shape) >= 64:
            level = self._levels[-1]
            even = level[: level.shape[0] // 2 * 2, : level.shape[1] // 2 * 2]
            self._levels.append(
                np.asarray((even[::2, ::2] + even[1::2, ::2] + even[::2, 1::2] + even[1::2, 1::2]) / 4, np.float32)
            )

    def samples(self, warps: NDArray[np.float64]) -> Float:
        """(n, 5) → (n, 64, 64)."""
        step = 2 * np.exp(min(warps[:, 2].min() + np.log(self.width), warps[:, 3].min() + np.log(self.height))) / 64
        return self.at(*_places(warps, self.width, self.height), step)

    def at(self, across: Float, down: Float, step: float) -> Float:
        """What is seen at these places.

        across, down   pixels of the plane; what lies outside of it is seen as its edge is
        step           pixels between neighbouring places
        """
        number = int(np.clip(np.floor(np.log2(max(step, 1))), 0, len(self._levels) - 1))
        level = self._levels[number]
        height, width = level.shape
        across = np.clip(across / 2**number - 0.5, 0, width - 1.001)
        down = np.clip(down / 2**number - 0.5, 0, height - 1.001)
        column, row = across.astype(np.int32), down.astype(np.int32)
        right, below = across - column, down - row
        at = row * width + column
        flat = level.ravel()
        upper = flat[at] * (1 - right) + flat[at + 1] * right
        at += width
        lower = flat[at] * (1 - right) + flat[at + 1] * right
        return np.asarray(upper * (1 - below) + lower * below, np.float32)


_GRID: Final = ((np.arange(64) + 0.5) / 32 - 1).astype(np.float32)


def _places(warps: NDArray[np.float64], width: int, height: int) -> tuple[Float, Float]:
    """Where the 64 × 64 samples of each warp lie, in pixels: two of (n, 64, 64)."""
    centre_x, centre_y, half_x, half_y, turn = warps.astype(np.float32).T[:, :, None, None]
    x = np.exp(half_x) * width * _GRID[None, None, :]
    y = np.exp(half_y) * height * _GRID[None, :, None]
    cosine, sine = np.cos(turn), np.sin(turn)
    return centre_x * width + cosine * x - sine * y, centre_y * height + sine * x + cosine * y


def register(ground: Ground, part: Box, bits: str) -> Registered:
    """
    part   of the seen picture, where to begin
    bits   of the enrolled hash, hex
    """
    wanted = np.unpackbits(np.frombuffer(bytes.fromhex(bits), np.uint8))[::-1].astype(np.float32) * 2 - 1
    left, top, right, bottom = (edge / 1000 for edge in part)
    here = np.array(
        [(left + right) / 2, (top + bottom) / 2, np.log((right - left) / 2), np.log((bottom - top) / 2), 0.0]
    )
    begun = here.copy()
    # A step is a share of the part, not of the picture.
    steps = _STEPS * np.array([right - left, bottom - top, 1.0, 1.0, 1.0])
    distances, goods = _judged(ground, here[None], wanted)
    distance, good = int(distances[0]), float(goods[0])
    nearest, place = distance, here
    halvings = 0
    for number in range(_ROUNDS):
        moved = here + _MOVES * steps
        distances, goods = _judged(ground, moved, wanted)
        best = int(goods.argmax())
        if goods[best] > good:
            # Along with the best move go the best moves in the other four, if all together are better still.
            gains = np.maximum(goods - good, 0).reshape(2, 5)
            together = here + np.where(gains[0] >= gains[1], 1.0, -1.0) * (gains.max(axis=0) > 0) * steps
            both, all_good = _judged(ground, together[None], wanted)
            here, good, distance = moved[best], float(goods[best]), int(distances[best])
            if all_good[0] > good:
                here, good, distance = together, float(all_good[0]), int(both[0])
        else:
            steps = steps / 2
            halvings += 1
        if distance < nearest:
            nearest, place = distance, here
        if halvings > _HALVINGS or (number >= _HOPELESS[0] and nearest > _HOPELESS[1]):
            break
        if np.abs(here - begun).max() > _FAR:
            break
    return Registered(nearest, _corners(place, ground))


def laid(ground: Ground, overlay: Overlay, fingerprints: Sequence[Fingerprint]) -> int:
    """How far the enrolled picture's own hashes are from what is seen where `overlay` lays them: differing bits of the nearest.

    Corners that agree may be those of a floor two things were photographed on; the pictures then differ in what lies there. Looked at
    are the largest views that are seen, but for a rim. UNTOLD when there is none.

    fingerprints    of the enrolled picture, all of them
    """
    views = {}
    for each in fingerprints:
        view = parsed(each.view)
        if each.hasher == REGION_HASHER and view is not None and view.turn == UPRIGHT and view.frame == 0:
            views[view.box] = each.bits
    if not views:
        return UNTOLD
    boxes = np.array(list(views), np.float64) / 1000
    corner, right, _, below = np.array(overlay, np.float64) / 1000
    marks = (_GRID + 1) / 2
    along = boxes[:, 0, None] + (boxes[:, 2] - boxes[:, 0])[:, None] * marks
    beside = boxes[:, 1, None] + (boxes[:, 3] - boxes[:, 1])[:, None] * marks
    places = along[:, None, :, None] * (right - corner) + beside[:, :, None, None] * (below - corner) + corner
    seen = np.all((places >= 0) & (places <= 1), axis=3).mean(axis=(1, 2))
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    chosen = [int(each) for each in np.argsort(-areas, kind="stable") if seen[each] >= _SEEN][:_LAID]
    if not chosen:
        return UNTOLD
    pixels = places[chosen] * (ground.width, ground.height)
    step = min(
        float(np.hypot(*(pixels[:, 0, -1] - pixels[:, 0, 0]).T).min()),
        float(np.hypot(*(pixels[:, -1, 0] - pixels[:, 0, 0]).T).min()),
    )
    samples = ground.at(pixels[..., 0].astype(np.float32), pixels[..., 1].astype(np.float32), step / 63)
    bits = packed(waves(samples))
    wanted = np.array([list(bytes.fromhex(list(views.values())[each])) for each in chosen], np.uint8)
    return int(np.bitwise_count(bits ^ wanted).sum(axis=1).min())


def _judged(ground: Ground, warps: NDArray[np.float64], wanted: Float) -> tuple[NDArray[np.int64], Float]:
    """Of each warp the differing bits, and how well its frequencies lie on their sides of the median: smoother than bits."""
    flat = waves(ground.samples(warps)).reshape(len(warps), 256)
    middle = np.partition(flat, 127, axis=1)[:, 127:128]
    from_middle = flat - middle
    distances = np.count_nonzero((from_middle > 0) != (wanted > 0), axis=1)
    spread = np.abs(from_middle).mean(axis=1, keepdims=True) + 1e-6
    return distances, np.clip(wanted * from_middle / spread, -1, 1).mean(axis=1)


def _corners(warp: NDArray[np.float64], ground: Ground) -> Overlay:
    centre_x, centre_y, half_x, half_y, turn = warp
    x, y = np.exp(half_x) * ground.width, np.exp(half_y) * ground.height
    made = []
    for across, down in ((-1, -1), (1, -1), (1, 1), (-1, 1)):
        at_x = centre_x + (np.cos(turn) * x * across - np.sin(turn) * y * down) / ground.width
        at_y = centre_y + (np.sin(turn) * x * across + np.cos(turn) * y * down) / ground.height
        made.append((round(1000 * at_x), round(1000 * at_y)))
    return made[0], made[1], made[2], made[3]
