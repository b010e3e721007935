import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import stores.sql
import web
from tests.web.scene import Scene, full_scene
from tests.web.visitor import Visitor

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module", autouse=True)
def django_with_pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Django is configured once a process, perhaps by another test without pages: for these tests, the pages' settings hold."""
    home = tmp_path_factory.mktemp("home")
    page_settings = web.django_settings(home)
    from django.conf import settings

    if not settings.configured:
        stores.sql.connect(f"sqlite:///{home / 'stillwatch.sqlite3'}", **page_settings)
    from django.test import override_settings

    with override_settings(**page_settings):
        yield


@pytest.fixture
def scene() -> Scene:
    return full_scene()


@pytest.fixture
def visitor(scene: Scene) -> Visitor:
    return Visitor(scene.services())


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The full scene behind a real server in another process; its URL."""
    folder = tmp_path_factory.mktemp("served")
    command = [sys.executable, "-m", "tests.web.served_scene", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        assert url, f"the server ended with {process.wait()}"
        yield url
        process.terminate()
