"""What a sweep reads: implements core.ports.SeenStore over the shelf and the logs of this machine."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import NamedTuple, TypeVar

from core.model import SeenBlock, SeenPlace, SeenSegment
from stores.seen.damage import LOG_CURE, Damaged
from stores.seen.log import Contents, picture_of, read_file
from stores.seen.naming import LOG, SealedFile, micros, moment, site_folder
from stores.seen.sealing import Sealing
from stores.seen.segment import Layout, Segment, rows_of
from stores.seen.shelf import Shelf, remove_tree

T = TypeVar("T")


class Faults(NamedTuple):
    """What a look at everything found."""

    segments: int
    damaged: Sequence[str]  # each with its name and the cure


class SeenSegments:
    """Threads may share it. A log that another machine still writes is not seen: it comes when it is sealed."""

    def __init__(self, logs: Path, shelf: Shelf, *, layouts: Mapping[str, Layout]) -> None:
        self._logs = logs
        self._shelf = shelf
        self._sealing = Sealing(shelf, layouts)
        self._files: dict[str, SealedFile] = {}  # by segment: where they were when last listed
        self._sites: dict[str, str] = {}  # folder → site

    def segments(self, since: datetime | None = None) -> Sequence[SeenSegment]:
        after_us = None if since is None else micros(since)
        # Logs first: one that is sealed in between is then listed twice, which is seen below, and never not at all.
        logs = [(path, read_file(path)) for path in self._logs.glob(f"*/*{LOG}")]
        sealed = self._listed()
        found = [
            SeenSegment(
                name=file.segment,
                site=self._site(file),
                fingerprints=file.fingerprints,
                oldest=moment(file.oldest_us),
                newest=moment(file.newest_us),
            )
            for file in sealed
            if after_us is None or file.newest_us > after_us
        ]
        there = {file.segment for file in sealed}
        for path, contents in logs:
            name = _segment_of(path)
            if contents is None or name in there:
                continue
            if contents.lost or (contents.records and (after_us is None or contents.newest_us > after_us)):
                found.append(_as_segment(name, contents))  # of a damaged one `blocks` says so: it may hold anything
        return sorted(found, key=lambda each: (each.oldest, each.name))

    @contextmanager
    def blocks(self, segment: str) -> Iterator[Sequence[SeenBlock]]:
        yield self._of(segment, Segment.blocks, _blocks)

    def places(self, segment: str, hasher: str, rows: Sequence[int]) -> Sequence[SeenPlace]:
        return self._of(
            segment,
            lambda sealed: sealed.places(hasher, rows),
            lambda contents: _places(contents, hasher, rows),
        )

    def erase_site(self, site: str) -> int:
        folder = site_folder(site)
        count = sum(each.fingerprints for each in self.segments() if each.name.startswith(f"{folder}/"))
        remove_tree(self._logs / folder)  # first: whoever is sealing one of them looks for it once more at the end
        self._shelf.remove_folder(folder)
        return count

    def forget(self, before: datetime) -> int:
        """Segments go whole, once their newest picture is older. None spans more than a day."""
        before_us = micros(before)
        old = [file for file in self._listed() if file.newest_us < before_us]
        self._shelf.remove(old)
        for path in self._logs.glob("*/*.damaged"):
            if path.stat().st_mtime < before.timestamp():
                path.unlink(missing_ok=True)
        return sum(file.fingerprints for file in old)

    def seal_left(self, now: datetime) -> None:
        """Seals the logs of this machine that are old and that nobody writes any more."""
        self._sealing.seal_left(self._logs, micros(now))

    def check(self) -> Faults:
        """Compares every segment with its checksums; in an object store, only that each is there from its beginning to its end.
        Reads the logs of this machine as well."""
        damaged = [f"{path} is a log that was damaged" for path in sorted(self._logs.glob("*/*.damaged"))]
        for path in sorted(self._logs.glob(f"*/*{LOG}")):
            contents = read_file(path)
            if contents is not None and contents.lost:
                later = "what is whole is swept once it is sealed" if contents.site else "what it held is unknown"
                damaged.append(f"{path} is damaged: {contents.lost} bytes are no record; {later}")
        files = self._listed()
        for file in files:
            try:
                Segment(file, self._shelf).check()
            except Damaged as error:
                damaged.append(str(error))
            except FileNotFoundError:
                continue
        return Faults(len(files), damaged)

    # --------------------------------------------------------------------------------------------------------- within

    def _listed(self) -> Sequence[SealedFile]:
        files = self._shelf.files()
        self._files = {file.segment: file for file in files}
        return files

    def _site(self, file: SealedFile) -> str:
        """A folder is of one site: one segment that can be read tells it for all."""
        if file.folder not in self._sites:
            try:
                self._sites[file.folder] = Segment(file, self._shelf).site
            except (Damaged, FileNotFoundError):
                return ""  # `blocks` says what is wrong with it
        return self._sites[file.folder]

    def _of(
        self, segment: str, sealed: Callable[[Segment], Sequence[T]], logged: Callable[[Contents], Sequence[T]]
    ) -> Sequence[T]:
        """Wherever it lies by now: sealed, still a log, or sealed while we looked. Empty when it was erased."""
        folder, _, token = segment.partition("/")
        for listed_anew in (False, True):
            if listed_anew:
                self._files.pop(segment, None)
                self._files |= {file.segment: file for file in self._shelf.files(folder)}
            file = self._files.get(segment)
            if file is not None:
                try:
                    return sealed(Segment(file, self._shelf))
                except FileNotFoundError:
                    continue
            path = self._logs / folder / f"{token}{LOG}"
            contents = read_file(path)
            if contents is not None and contents.lost:
                raise Damaged(str(path), f"{contents.lost} bytes are no record", cure=LOG_CURE)
            if contents is not None:
                return logged(contents)
        return ()


def _segment_of(path: Path) -> str:
    return f"{path.parent.name}/{path.name.removesuffix(LOG)}"


def _as_segment(name: str, contents: Contents) -> SeenSegment:
    return SeenSegment(
        name=name,
        site=contents.site,
        fingerprints=contents.fingerprints,
        oldest=moment(contents.oldest_us),
        newest=moment(contents.newest_us),
    )


def _blocks(contents: Contents) -> Sequence[SeenBlock]:
    hashes: dict[tuple[str, int], list[str]] = {}
    for record in contents.records:
        for each in picture_of(record, contents.site).fingerprints:
            hashes.setdefault((each.hasher, len(each.bits)), []).append(each.bits)
    return [
        SeenBlock(hasher=hasher, bits=digits * 4, count=len(of), rows=memoryview(rows_of(of)), slices=None)
        for (hasher, digits), of in hashes.items()
    ]


def _places(contents: Contents, hasher: str, rows: Sequence[int]) -> Sequence[SeenPlace]:
    wanted = set(rows)
    found: dict[int, SeenPlace] = {}
    row = 0
    for record in contents.records:
        picture = picture_of(record, contents.site)
        for each in picture.fingerprints:
            if each.hasher == hasher:
                if row in wanted:
                    found[row] = SeenPlace(sighting=picture.sighting, sha256=picture.sha256, fingerprint=each)
                row += 1
    return [found[row] for row in rows]
