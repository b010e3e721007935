"""What happens to a person's hashes, from their own device to withdrawal."""

import json
from pathlib import Path

import pytest

from tests.installation import Installation
from tests.namespace import NO_NAMESPACE, in_own_network, namespaces_work
from tests.stillwatch.pictures import drawn, folder_of, jpeg

# Runs before the command in its process and notes each socket that is asked for.
WATCH_SOCKETS = """
import os, sys

def note(event, arguments):
    if event.startswith("socket."):
        with open(os.environ["SOCKETS_NOTED"], "a") as file:
            file.write(event + "\\n")

sys.addaudithook(note)
"""


def test_hashing_opens_no_socket_and_needs_no_network(installation: Installation, tmp_path: Path) -> None:
    if not namespaces_work():
        pytest.skip(NO_NAMESPACE)
    folder = folder_of(tmp_path / "pictures", range(2))
    watching = tmp_path / "watching"
    watching.mkdir()
    (watching / "sitecustomize.py").write_text(WATCH_SOCKETS)
    noted = tmp_path / "noted"
    noted.touch()
    command = installation.command("hash", folder, "--output", tmp_path / "set.json")

    done = in_own_network("env", f"PYTHONPATH={watching}", f"SOCKETS_NOTED={noted}", *command)

    assert done.returncode == 0, done.stderr
    assert len(json.loads((tmp_path / "set.json").read_text())["images"]) == 2
    assert noted.read_text() == ""


def test_the_watch_for_sockets_would_notice_one(tmp_path: Path) -> None:
    if not namespaces_work():
        pytest.skip(NO_NAMESPACE)
    (tmp_path / "sitecustomize.py").write_text(WATCH_SOCKETS)
    noted = tmp_path / "noted"
    noted.touch()
    import sys

    in_own_network(
        "env",
        f"PYTHONPATH={tmp_path}",
        f"SOCKETS_NOTED={noted}",
        sys.executable,
        "-c",
        "import socket; socket.socket()",
    )

    assert "socket.__new__" in noted.read_text()


def test_a_hash_set_holds_no_name_no_path_and_no_picture(installation: Installation, tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "secret-folder", range(2))

    done = installation.run("hash", folder, "--output", tmp_path / "set.json")

    assert done.returncode == 0, done.stderr
    text = (tmp_path / "set.json").read_text()
    assert "private-name" not in text
    assert "secret-folder" not in text
    for image in json.loads(text)["images"]:
        turns = [each["view"] for each in image["fingerprints"] if each["hasher"] == "pdq"]
        assert len(turns) == len(set(turns)) == 8
        assert all(len(each["bits"]) == 64 for each in image["fingerprints"] if each["hasher"] == "pdq")


def test_enrolling_twice_stores_once_and_says_so(installation: Installation, tmp_path: Path) -> None:
    installation.run("hash", folder_of(tmp_path / "pictures", range(2)), "--output", "set.json")
    first = installation.lines("enrol", "set.json", "--attested", "--person", "p1", "--json")[0]

    second = installation.lines("enrol", "set.json", "--attested", "--person", "p1", "--json")[0]

    assert first["enrolled"] == 2
    assert second["enrolled"] == 0
    assert {each["reason"] for each in second["refused"]} == {"enrolled already"}  # type: ignore[attr-defined]  # JSON


def test_after_a_withdrawal_nothing_matches_and_the_hashes_are_gone(installation: Installation, tmp_path: Path) -> None:
    installation.run("hash", folder_of(tmp_path / "pictures", range(1)), "--output", "set.json")
    installation.lines("enrol", "set.json", "--attested", "--person", "p1", "--json")
    bits = json.loads((tmp_path / "set.json").read_text())["images"][0]["fingerprints"][0]["bits"]
    (tmp_path / "copy.jpg").write_bytes(jpeg(drawn(0), quality=70))
    before = installation.lines("scan", "copy.jpg", "--json")[0]

    receipt = installation.lines("withdraw", "p1", "--json")[0]
    after = installation.lines("scan", "copy.jpg", "--json")[0]

    assert before["state"] == "hit"
    assert receipt["receipt"]
    assert after["state"] == "not_compared"
    for file in installation.home.rglob("*"):
        if file.is_file() and file.suffix not in {"-wal", "-shm"} and "sqlite" not in file.name:
            assert bits.encode() not in file.read_bytes()
