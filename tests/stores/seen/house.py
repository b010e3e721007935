"""A store of everything seen in a folder of its own."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from stores.seen import SeenSegments, SeenWriter, Shelf, shelf_at
from stores.seen.segment import Layout
from tests.contracts.seen_values import LAYOUTS, REFRESH


@dataclass
class SeenHouse:
    folder: Path
    url: str = ""
    shelf: Shelf = field(init=False)

    def __post_init__(self) -> None:
        self.url = self.url or (self.folder / "seen").as_uri()
        self.shelf = shelf_at(self.url, self.folder / "cache")

    @property
    def logs(self) -> Path:
        return self.folder / "logs"

    @property
    def store(self) -> SeenSegments:
        """Knows nothing yet, as one in another process."""
        return SeenSegments(self.logs, self.shelf, layouts=LAYOUTS)

    def writer(
        self,
        *,
        refresh: timedelta = REFRESH,
        seal_at: int = 10**6,
        seal_after: timedelta = timedelta(days=1),
        seal_end: bool = False,
        layouts: Mapping[str, Layout] = LAYOUTS,
    ) -> SeenWriter:
        return SeenWriter(
            self.logs,
            self.shelf,
            layouts=layouts,
            refresh=refresh,
            seal_at=seal_at,
            seal_after=seal_after,
            seal_end=seal_end,
        )

    def log_files(self) -> list[Path]:
        return sorted(self.logs.glob("*/*.unsealed"))

    def sealed_files(self) -> list[Path]:
        return sorted((self.folder / "seen").glob("*/*"))
