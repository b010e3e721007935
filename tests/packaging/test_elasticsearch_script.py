"""scripts/elasticsearch: what it answers to a wrong call and on a machine that lacks something."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def call(*arguments: str, cache: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [ROOT / "scripts/elasticsearch", *arguments],
        env={**os.environ, "STILLWATCH_CACHE": str(cache), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["restart"],
        ["start"],
        ["start", "7"],
        ["start", "8", "9"],
        ["start", "8", "--port"],
        ["start", "8", "--port", "many"],
        ["stop", "8", "now"],
        ["java"],
    ],
)
def test_a_wrong_call_is_answered_with_the_right_ones(arguments: list[str], tmp_path: Path) -> None:
    run = call(*arguments, cache=tmp_path)

    assert run.returncode == 2
    assert run.stdout == ""
    assert "scripts/elasticsearch start 8|9 [--port N]" in run.stderr


def test_what_does_not_run_is_said_with_its_cure(tmp_path: Path) -> None:
    run = call("status", cache=tmp_path)

    assert run.returncode == 1
    assert run.stdout == ""
    assert "scripts/elasticsearch start 8 starts it" in run.stderr
    assert "scripts/elasticsearch start 9 starts it" in run.stderr


def test_stopping_what_does_not_run_is_no_error(tmp_path: Path) -> None:
    assert call("stop", cache=tmp_path).returncode == 0


def test_a_process_that_took_over_the_number_of_a_stopped_server_is_left_alone(tmp_path: Path) -> None:
    state = tmp_path / "elasticsearch" / "state-8"
    state.mkdir(parents=True)
    (state / "url").write_text("http://127.0.0.1:1\n")

    with subprocess.Popen(["sleep", "60"]) as somebody:
        (state / "pid").write_text(str(somebody.pid))
        status = call("status", "8", cache=tmp_path)
        stop = call("stop", "8", cache=tmp_path)

        assert status.returncode == 1
        assert stop.returncode == 0
        assert somebody.poll() is None
        somebody.kill()


def test_it_takes_the_oldest_java_that_is_new_enough(tmp_path: Path) -> None:
    if call("java", "8", cache=tmp_path).returncode != 0:
        pytest.skip("no Java for Elasticsearch 8; the cure: sudo apt install default-jre-headless")

    found = Path(call("java", "8", cache=tmp_path).stdout.strip())

    assert (found / "bin" / "java").exists()
    assert "JAVA_VERSION=" in (found / "release").read_text()


def test_without_maven_it_names_the_one_line_that_cures(tmp_path: Path) -> None:
    if call("java", "8", cache=tmp_path).returncode != 0:
        pytest.skip("no Java for Elasticsearch 8; the cure: sudo apt install default-jre-headless")
    tools = tmp_path / "bin"
    tools.mkdir()
    needed = ["bash", "sed", "grep", "cat", "id", "mkdir", "chmod", "dirname", "tr", "flock", "useradd", "env"]
    for tool in needed:
        path = shutil.which(tool, path="/usr/bin:/bin:/usr/sbin:/sbin")
        assert path is not None, tool
        (tools / tool).symlink_to(path)

    run = call("start", "8", cache=tmp_path / "cache", PATH=str(tools))

    assert run.returncode == 2
    assert "the cure: sudo apt install maven" in run.stderr
