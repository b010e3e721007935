"""Markup that comes in pieces: the texts of posts in an answer, of entries in a feed."""

from collections.abc import Iterable
from itertools import islice

from crawler.markup import read_markup
from crawler.named import Named

MOST_APART = 2_000  # pieces; each costs a parser of its own


def read_pieces(pieces: Iterable[str], named: Named) -> None:
    """Each by itself, so that what one leaves open swallows no other; what comes after very many is read in one."""
    left = (piece for piece in pieces if "<" in piece)
    for piece in islice(left, MOST_APART):
        read_markup(piece, named)
    read_markup("\n".join(left), named)


def pictures_of(pieces: Iterable[str]) -> Iterable[str]:
    """The references to pictures alone: where the answer itself says which pages there are."""
    named = Named()
    read_pieces(pieces, named)
    return named.images
