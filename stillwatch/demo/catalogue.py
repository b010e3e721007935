"""What is on the demo site, planned from a seed before a single picture is drawn.

A Picture is one upload; a Rendition is one image URL of it. Which of them show a protected photograph is the ledger that the demo
and the tests are held against.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256

from PIL import Image

from stillwatch.demo.album import OTHERS, PROTECTED, photograph
from stillwatch.demo.copies import BY_NAME, EDITS, JPEG, THUMBNAIL, Edit, Encoded, Storage
from stillwatch.demo.drawn import WORDS, draw

GALLERIES = ("boats", "coast", "city", "night", "garden", "animals", "patterns", "portraits")
TAGS = ("blue", "calm", "dusk", "early", "festival", "fog", "green", "light", "quiet", "rain", "red", "summer")
MEMBERS = ("Aino", "Bea", "Chidi", "Dov", "Elif", "Femi", "Goran", "Hana", "Ines", "Jun")
EMBEDDINGS = (
    "src", "srcset", "picture", "data-src", "data-original", "noscript", "link", "css-attribute", "css-element",
    "open-graph", "twitter", "json-ld", "script", "poster", "base",
)  # fmt: skip
SIZES = ((480, 360), (360, 480), (540, 360), (420, 420))
SMALL_PX, STRIP_PX, MEDIUM_PX = 288, 216, 400  # long side of the renditions


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """One upload. `photograph` is None for a drawn one, `edit` what a copy went through."""

    number: int
    title: str
    member: str
    gallery: str
    tags: tuple[str, ...]
    embedding: str  # how its own page shows it
    seed: int
    photograph: str | None = None
    edit: Edit | None = None

    @property
    def page(self) -> str:
        return f"/picture/{self.number}"

    @property
    def storage(self) -> Storage:
        return JPEG if self.edit is None else self.edit.storage

    @property
    def full(self) -> str:
        """Addresses as sites have them: dated folders, queries, none with an ending, a space."""
        slug = self.title.lower().replace(" ", "-")
        match self.number % 4:
            case 0:
                return f"/photos/{2020 + self.seed % 6}/{slug}-{self.number}.{self.storage.suffix}"
            case 1:
                return f"/image?id={self.number}&size=full"
            case 2:
                return f"/media/{sha256(str(self.seed).encode()).hexdigest()[:16]}"
            case _:
                return f"/media/originals/{slug}%20{self.number}.{self.storage.suffix}"

    @property
    def small(self) -> str:
        return f"/thumbs/{self.number}.jpg" if self.number % 3 else f"/image?id={self.number}&size=small"

    @property
    def strip(self) -> str:
        return f"/strip/{self.number}.jpg"

    @property
    def medium(self) -> str:
        return f"/medium/{self.number}.jpg"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendition:
    """One image URL. `long_side` None: as it was uploaded."""

    path: str
    picture: Picture
    long_side: int | None

    @lru_cache(maxsize=4096)  # noqa: B019  # of the same few sites, however often one is opened: some 20 KB each
    def encode(self) -> Encoded:
        image = pixels(self.picture)
        if self.long_side is None:
            return self.picture.storage.encode(image)
        smaller = image.copy()
        smaller.thumbnail((self.long_side, self.long_side), Image.Resampling.LANCZOS)
        return THUMBNAIL.encode(smaller)


@dataclass(frozen=True, slots=True, kw_only=True)
class Planted:
    """A line of the ledger: this image URL shows that photograph after that edit."""

    path: str
    photograph: str
    edit: str
    within_recipe: bool  # meant to be found by a whole-frame hash in eight turns


@lru_cache(maxsize=64)
def pixels(picture: Picture) -> Image.Image:
    """As it was uploaded, before it is stored. The one object is shared: change a copy."""
    dice = random.Random(picture.seed)  # noqa: S311  # nothing secret hangs on it
    if picture.photograph is None:
        return draw(picture.seed, SIZES[picture.seed % len(SIZES)])
    image = photograph(picture.photograph)
    return image if picture.edit is None else picture.edit.change(image, dice)


def plan(seed: int, count: int) -> Sequence[Picture]:
    """`count` uploads, oldest first; the copies of protected photographs lie among them in random places."""
    dice = random.Random(seed)  # noqa: S311  # nothing secret hangs on it
    sources: list[tuple[str | None, Edit | None]] = [*_copies(), *((name, None) for name in OTHERS)]
    sources += [(None, None)] * (count - len(sources))
    dice.shuffle(sources)
    return [
        upload(number, dice.randrange(2**31), source, edit) for number, (source, edit) in enumerate(sources, start=1)
    ]


def upload(number: int, seed: int, source: str | None, edit: Edit | None) -> Picture:
    dice = random.Random(seed)  # noqa: S311  # nothing secret hangs on it
    return Picture(
        number=number,
        title=" ".join(dice.sample(WORDS, 2)).capitalize(),
        member=dice.choice(MEMBERS),
        gallery=dice.choice(GALLERIES),
        tags=tuple(sorted(dice.sample(TAGS, 2))),
        embedding=EMBEDDINGS[number % len(EMBEDDINGS)],
        seed=seed,
        photograph=source,
        edit=edit,
    )


def renditions(picture: Picture) -> Sequence[Rendition]:
    sizes: list[tuple[str, int | None]] = [(picture.full, None), (picture.small, SMALL_PX), (picture.strip, STRIP_PX)]
    if picture.embedding in ("srcset", "picture"):
        sizes.append((picture.medium, MEDIUM_PX))
    return [Rendition(path=path, picture=picture, long_side=long_side) for path, long_side in sizes]


def ledger(pictures: Sequence[Picture]) -> Sequence[Planted]:
    return [
        Planted(
            path=each.path,
            photograph=picture.photograph,
            edit=picture.edit.name + ("" if each.long_side is None else ", made smaller"),
            within_recipe=picture.edit.within_recipe,
        )
        for picture in pictures
        if picture.photograph is not None and picture.edit is not None
        for each in renditions(picture)
    ]


def edit_named(name: str) -> Edit:
    return BY_NAME[name]


def _copies() -> Sequence[tuple[str, Edit]]:
    """Every edit once, every third one again on another photograph."""
    once = [(PROTECTED[number % len(PROTECTED)], edit) for number, edit in enumerate(EDITS)]
    again = [(PROTECTED[(number + 3) % len(PROTECTED)], edit) for number, edit in enumerate(EDITS) if number % 3 == 0]
    return [*once, *again]
