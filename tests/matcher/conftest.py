"""What the matcher's tests share."""

from collections.abc import Iterator

import pytest

from matcher.decode.decoder import Decoder


@pytest.fixture(scope="session")
def decoder() -> Iterator[Decoder]:
    with Decoder() as shared:
        yield shared
