"""Hash sets: what is written, what is read, what is refused and why."""

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import CallError
from core.model import HashedPicture, State
from matcher.decode import limits
from matcher.decode.decoder import Decoder
from matcher.hashset import hash_file, make_set, read_set
from matcher.views import RECIPE, TURNS, is_view, view
from tests.golden.drawn import flat, patches
from tests.matcher.pictures import encode

PDQ = "0f" * 32
OTHER = "f0" * 32
PHASH = "0f" * 8


def fingerprint(**changes: object) -> dict[str, object]:
    return {"hasher": "pdq", "view": "full", "bits": PDQ, "quality": 100} | changes


def one_picture(*fingerprints: object, ref: object = "a1") -> str:
    return json.dumps({"stillwatch": 1, "images": [{"ref": ref, "quality": 100, "fingerprints": list(fingerprints)}]})


@pytest.fixture
def hashed(decoder: Decoder, tmp_path: Path) -> HashedPicture:
    path = tmp_path / "secret holiday name.png"
    path.write_bytes(encode(patches(), "PNG"))
    picture = hash_file(path, decoder)
    assert isinstance(picture, HashedPicture)
    return picture


# ------------------------------------------------------------------------------------------------------------- hashing


def test_what_was_hashed_is_written_and_read_back_the_same(hashed: HashedPicture) -> None:
    read = read_set(make_set([hashed]))

    assert read.pictures == (hashed,)
    assert (read.recipe, read.refused) == (RECIPE, ())
    assert {one.view for one in hashed.fingerprints} > {view(0, turn) for turn in TURNS}


def test_a_set_holds_nothing_but_hashes(hashed: HashedPicture) -> None:
    written = json.loads(make_set([hashed]))

    assert set(written) == {"stillwatch", "recipe", "images"}
    assert written["recipe"] == {"name": "views", "version": 1}
    (image,) = written["images"]
    assert set(image) == {"ref", "quality", "fingerprints"}
    assert all(set(one) == {"hasher", "view", "bits", "quality"} for one in image["fingerprints"])
    assert "holiday" not in json.dumps(written)


def test_a_ref_is_random(decoder: Decoder, tmp_path: Path) -> None:
    path = tmp_path / "one.png"
    path.write_bytes(encode(patches(), "PNG"))

    first, second = hash_file(path, decoder), hash_file(path, decoder)

    assert isinstance(first, HashedPicture)
    assert isinstance(second, HashedPicture)
    assert first.ref != second.ref
    assert first.fingerprints == second.fingerprints


def test_a_file_that_cannot_be_hashed_is_a_state_with_a_reason_that_does_not_name_it(
    decoder: Decoder, tmp_path: Path
) -> None:
    (tmp_path / "text.jpg").write_text("hello")
    (tmp_path / "flat.png").write_bytes(encode(flat(), "PNG"))
    (tmp_path / "cut.jpg").write_bytes(encode(patches(), "JPEG")[:9000])
    (tmp_path / "folder.png").mkdir()
    os.mkfifo(tmp_path / "pipe.png")
    with (tmp_path / "large.png").open("wb") as large:
        large.truncate(limits.MAX_BYTES + 1)
    expected = {
        "text.jpg": State.NOT_IMAGE,
        "flat.png": State.TOO_PLAIN,
        "cut.jpg": State.TRUNCATED,
        "folder.png": State.UNREADABLE,
        "pipe.png": State.UNREADABLE,
        "large.png": State.TOO_LARGE,
        "missing.png": State.UNREADABLE,
    }

    for name, state in expected.items():
        came = hash_file(tmp_path / name, decoder)
        assert isinstance(came, tuple)
        assert came[0] is state, name
        assert came[1]
        assert name not in came[1]
        assert str(tmp_path) not in came[1]


# -------------------------------------------------------------------------------------------------------- what is taken


def test_upper_case_is_the_same_hash() -> None:
    (picture,) = read_set(one_picture(fingerprint(bits="0F" * 32))).pictures

    assert picture.fingerprints[0].bits == PDQ


def test_keys_that_are_not_known_are_left_alone() -> None:
    document = json.loads(one_picture(fingerprint(note="x")))
    document |= {"local": {"x": 1}, "recipe": {"name": "other", "version": 3}}
    document["images"][0]["time_s"] = 2.5

    read = read_set(json.dumps(document))

    assert (len(read.pictures), read.recipe) == (1, "other-3")


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([], "no fingerprints"),
        (["x"], "object"),
        ([fingerprint(hasher="md5")], "unknown hasher; known: pdq, area, phash64"),
        ([fingerprint(hasher=7)], "unknown hasher"),
        ([fingerprint(view="middle")], "unknown view"),
        ([fingerprint(view="full@0")], "unknown view"),
        ([fingerprint(bits="0f" * 31)], "64 hex digits, this one has 62"),
        ([fingerprint(bits="zz" * 32)], "digits 0-9 and a-f"),
        ([fingerprint(bits="٣٤" * 32)], "digits 0-9 and a-f"),  # digits, but not ours
        ([fingerprint(bits=None)], "hex"),
        ([fingerprint(bits="00" * 32)], "featureless"),
        ([fingerprint(bits="ff" * 32)], "featureless"),
        ([fingerprint(bits="f" * 23 + "0" * 41)], "featureless: 92 of 256"),
        ([fingerprint(quality=49)], "quality is 49, at least 50"),
        ([fingerprint(quality=101)], "0 to 100"),
        ([fingerprint(quality=True)], "0 to 100"),
        ([fingerprint(quality="100")], "0 to 100"),
        ([{"hasher": "pdq", "view": "full", "bits": PDQ}], "0 to 100"),
        ([fingerprint(), fingerprint(bits=OTHER)], "two fingerprints of one view"),
        ([fingerprint(), fingerprint(hasher="phash64", bits=PDQ)], "16 hex digits"),
        ([fingerprint(), fingerprint(hasher="phash64", bits="0" * 16)], "featureless"),
    ],
)
def test_a_picture_that_cannot_be_enrolled_is_refused_by_its_ref_and_the_rest_is_taken(
    rows: list[object], words: str
) -> None:
    document = json.loads(one_picture(fingerprint(bits=OTHER), ref="good"))
    document["images"].insert(0, {"ref": "bad", "fingerprints": rows})

    read = read_set(json.dumps(document))

    assert [picture.ref for picture in read.pictures] == ["good"]
    ((ref, reason),) = read.refused
    assert ref == "bad"
    assert words in reason
    assert PDQ not in reason


def test_duplicates_within_a_set_are_refused_by_name() -> None:
    document = {
        "stillwatch": 1,
        "images": [
            {"ref": "a", "fingerprints": [fingerprint(), fingerprint(view="full/rot90", bits=OTHER)]},
            {"ref": "b", "fingerprints": [fingerprint(view="full/rot90", bits=OTHER), fingerprint()]},
            {"ref": "a", "fingerprints": [fingerprint(bits=OTHER)]},
            {"ref": "c", "fingerprints": [fingerprint(bits=OTHER)]},
        ],
    }

    read = read_set(json.dumps(document))

    assert [picture.ref for picture in read.pictures] == ["a", "c"]
    assert read.refused == (
        ("b", "it has the same hashes as a"),
        ("a", "another picture of the set has this ref"),
    )


@pytest.mark.parametrize("ref", [None, 7, "", " padded ", "line\nbreak", "x" * 101])
def test_a_picture_without_a_usable_ref_is_refused_by_its_place(ref: object) -> None:
    assert read_set(one_picture(fingerprint(), ref=ref)).refused[0][0] == "image 1"


# ------------------------------------------------------------------------------------------------------- plain lists


def test_a_plain_list_is_a_set_of_pictures_named_by_their_lines() -> None:
    text = f"# from a partner\n\n{PDQ}\r\n  {OTHER.upper()}  \n{PDQ}\n{'00' * 32}\n{PHASH}\nhello\n"

    read = read_set(text)

    assert [(picture.ref, picture.fingerprints[0].bits) for picture in read.pictures] == [
        ("line 3", PDQ),
        ("line 4", OTHER),
    ]
    assert {picture.fingerprints[0].view for picture in read.pictures} == {"full"}
    assert [ref for ref, _ in read.refused] == ["line 5", "line 6", "line 7", "line 8"]
    assert "same hashes as line 3" in read.refused[0][1]
    assert read == read_set(text)


# --------------------------------------------------------------------------------------------------------- wrong shape


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "empty"),
        ("  \n ", "empty"),
        ("# only a comment\n", "no hash"),
        ("{", "not valid JSON"),
        ("[" * 100_000, "not valid JSON"),
        ("[]", '"stillwatch"'),
        ('"text"', '"stillwatch"'),
        ('{"images": []}', '"stillwatch"'),
        ('{"stillwatch": 2, "images": []}', "must be 1"),
        ('{"stillwatch": true, "images": []}', "must be 1"),
        ('{"stillwatch": 1}', '"images"'),
        ('{"stillwatch": 1, "images": {}}', '"images"'),
        ('{"stillwatch": 1, "images": [{"ref": "a"}, 7]}', "picture 2"),
        ('{"stillwatch": 1, "images": [], "recipe": "full"}', '"recipe"'),
        ('{"stillwatch": 1, "images": [], "recipe": {"name": "full"}}', '"recipe"'),
    ],
)
def test_what_is_no_hash_set_is_a_wrong_call_that_names_the_place(text: str, words: str) -> None:
    with pytest.raises(CallError, match=words):
        read_set(text)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just(PDQ),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["ref", "fingerprints", "hasher", "view", "bits", "quality", "name"]), inner, max_size=4
        )
    ),
    max_leaves=12,
)


@given(images=st.lists(_JSON, max_size=4), recipe=_JSON)
def test_whatever_stands_in_a_set_is_taken_refused_or_a_wrong_call(images: list[object], recipe: object) -> None:
    text = json.dumps({"stillwatch": 1, "recipe": recipe, "images": images})

    if all(isinstance(image, dict) for image in images) and recipe is None:
        read = read_set(text)
        assert len(read.pictures) + len(read.refused) == len(images)
    else:  # no recipe that is drawn here has both a name and a version
        with pytest.raises(CallError):
            read_set(text)


# --------------------------------------------------------------------------------------------------------------- views


@pytest.mark.parametrize("name", ["full", "full/rot90", "full@7", "full@99/transverse"])
def test_the_names_of_views_are_known(name: str) -> None:
    assert is_view(name)


@pytest.mark.parametrize(
    "name", ["", "full/", "full@", "full@0", "full@07", "full/rot45", "full/rot90@7", "full\n", "FULL"]
)
def test_other_names_are_not(name: str) -> None:
    assert not is_view(name)
