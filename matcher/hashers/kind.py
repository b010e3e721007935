"""What a hasher is, and what it is given."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

MIN_QUALITY: Final = 50  # drops 88 % of flat pictures and no photograph


class Axis(NamedTuple):
    """One dimension of a picture that may have been scaled down while it was decoded.

    length: positions in the full picture
    scale: how many of them one sample is the mean of
    lead: how many of the first sample's positions lie before the full picture's first (the last one's may lie behind its last)
    """

    length: int
    scale: int = 1
    lead: int = 0

    @property
    def samples(self) -> int:
        return -(-(self.length + self.lead) // self.scale)


class Picture(Protocol):
    """A decoded picture, upright, in 8 bits, on white where it was transparent. Read in parts, never held whole in numbers."""

    @property
    def down(self) -> Axis: ...

    @property
    def across(self) -> Axis: ...

    def rows(self, top: int, bottom: int) -> NDArray[np.uint8]:
        """Samples: (bottom - top, across.samples) for grey or (bottom - top, across.samples, 3) for RGB."""
        ...

    def grey(self, side: int, *, exact: bool) -> NDArray[np.uint8]:
        """(side, side): the whole picture in grey, resampled by Lanczos as Pillow does; not exact: brought near that size first."""
        ...

    def small(self, side: int, *, exact: bool) -> NDArray[np.uint8]:
        """(h, w): the whole picture in grey, its longer side brought down to `side` pixels by means of areas; never made larger.
        exact: by the very weights that what is enrolled was always brought down by."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Hashed:
    """Hex digits by turn.

    quality: 0..100, how much there is to hash; None: this hasher does not say
    shaky: so many bits hang on rounding that a scaled-down decode must not be believed
    """

    bits: Mapping[str, str] = field(repr=False)
    quality: int | None = None
    shaky: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Hasher:
    """One kind of hash.

    hash       (picture, turns, exact) → the hash of each turn. `exact`: every bit as published, whatever it costs;
               else a few bits that hang on float32 rounding may differ.
    ones       how many bits are set in any picture that has features; outside it the hash says nothing
    """

    name: str
    bit_count: int
    default_threshold: int  # differing bits allowed, inclusive
    may_confirm: bool
    ones: range
    hash: Callable[[Picture, Sequence[str], bool], Hashed] = field(repr=False)

    @property
    def digits(self) -> int:
        return self.bit_count // 4

    @property
    def word_count(self) -> int:
        return self.bit_count // 64

    def tells(self, bits: str) -> bool:
        """Whether a hash that was made here says anything; one from elsewhere is asked for its `fault`."""
        return int(bits, 16).bit_count() in self.ones

    def fault(self, bits: str) -> str | None:
        """Why these digits are no usable hash of this kind, or None."""
        if len(bits) != self.digits:
            return f"a {self.name} hash has {self.digits} hex digits, this one has {len(bits)}"
        if re.fullmatch("[0-9a-f]+", bits) is None:
            return f"a {self.name} hash is written in the digits 0-9 and a-f only"
        if not self.tells(bits):
            return (
                f"featureless: {int(bits, 16).bit_count()} of {self.bit_count} bits are set, "
                f"a picture with features sets {self.ones.start} to {self.ones.stop - 1}"
            )
        return None
