"""Hashes to find on the demo site, which `up` needs while nothing else is watched."""

from core.errors import StillwatchError
from core.model import HashSet
from matcher.decode.decoder import Decoder
from matcher.hashset import hash_file, make_set, read_set
from stillwatch.demo.album import PROTECTED, path_of


def demo_hash_set() -> HashSet:
    """The protected photographs, hashed here and now as a person would hash them. Takes about a second."""
    pictures = []
    with Decoder() as decoder:
        for name in PROTECTED:
            hashed = hash_file(path_of(name), decoder)
            if isinstance(hashed, tuple):
                state, reason = hashed
                raise StillwatchError(
                    f"the demo's photograph {name} cannot be hashed ({state}): {reason}; install Stillwatch again"
                )
            pictures.append(hashed)
    return read_set(make_set(pictures))
