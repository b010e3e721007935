"""Decoding and hashing strangers' pictures in disposable child processes. Bytes go in, fingerprints or a named state come out."""

from matcher.decode.answer import Reading
from matcher.decode.decoder import Decoder

__all__ = ["Decoder", "Reading"]
