"""What a page has named so far: references as they are written, to be resolved once its base is known."""

import re

from crawler import written

MOST_REFERENCES = 20_000  # of each sort; more than are kept, because some lead nowhere
DATA_URL = "data:"
# The places of templates: {{name}}, ${name}, <%= name %>, {name}. What a script makes of one, only the script knows.
UNFILLED = re.compile(r"\{\{|\$\{|<%|\{[A-Za-z_]\w{0,30}\}")


class Named:
    """Dictionaries for their order: each reference once, where it came first."""

    def __init__(self) -> None:
        self.images: dict[str, None] = {}
        self.pages: dict[str, None] = {}
        self.next_pages: dict[str, None] = {}
        self.following: dict[str, None] = {}  # of these
        self.base: str | None = None
        self.full = False
        self.fragments = 0  # pieces of markup within the markup

    def image(self, reference: str) -> None:
        self._note(self.images, reference)

    def page(self, reference: str) -> None:
        self._note(self.pages, reference)

    def next_page(self, reference: str) -> None:
        self._note(self.next_pages, reference)

    def goes_on(self, reference: str) -> None:
        """A list that an API gives: its next page. HTML may say as much of each day of a calendar; that is no more than `next_page`."""
        self.next_page(reference)
        self._note(self.following, reference)

    def link(self, reference: str) -> None:
        if written.is_picture_path(reference):
            self.image(reference)
        else:
            self.page(reference)

    def _note(self, references: dict[str, None], reference: str) -> None:
        if reference[:5].lower() == DATA_URL:
            return
        if ("{" in reference or "<" in reference) and UNFILLED.search(reference):
            return
        if len(references) < MOST_REFERENCES:
            references[reference] = None
        else:
            self.full = True
