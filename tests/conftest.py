"""What tests may ask for: real servers, a browser, a network of their own; and `--all`, which allows no skip.

A test asks by naming a fixture. Where the machine lacks the thing, the test is skipped with the line that cures it; with
`--all` it fails instead, so that CI cannot be green without having tested. Servers are started by the first test that
asks and ended with the run.

    redis_url           an empty Redis
    postgres_url        an empty database; postgres_server.new_database() makes more, for a module to share, say
    elasticsearch_url   servers 8 and 9 in turn; keep to indices whose names begin with index_prefix
    chromium            where Debian's browser is, and how to start it
    browser_page        a page in that browser
    @pytest.mark.own_network   see namespace.py
"""

import re
import secrets
import shutil
import sys
import tempfile
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from tests import engines
from tests.namespace import NO_NAMESPACE, alone, in_own_network, namespaces_work

if TYPE_CHECKING:
    from playwright.sync_api import Page
    from xdist.remote import Producer
    from xdist.scheduler import LoadFileScheduling

MAY_BE_MISSING = "no Java for Elasticsearch 9"  # the one skip that --all allows: Debian 12 packages no Java 21


# --- Servers


@pytest.fixture(scope="session")
def redis_server() -> Iterator[str]:
    try:
        with engines.redis_server() as url:
            yield url
    except engines.NotHere as missing:
        pytest.skip(str(missing))


@pytest.fixture
def redis_url(redis_server: str) -> str:
    from redis import Redis

    with Redis.from_url(redis_server) as client:
        client.flushall()
    return redis_server


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[engines.Postgres]:
    try:
        with engines.postgres_server() as server:
            yield server
    except engines.NotHere as missing:
        pytest.skip(str(missing))


@pytest.fixture
def postgres_url(postgres_server: engines.Postgres) -> Iterator[str]:
    with postgres_server.new_database() as url:
        yield url


@pytest.fixture(scope="session")
def elasticsearch_servers(pytestconfig: pytest.Config) -> Iterator[engines.Elasticsearch]:
    servers = engines.Elasticsearch(may_start=pytestconfig.getoption("--all"))
    yield servers
    servers.stop()


@pytest.fixture(scope="session", params=[8, 9], ids=["elasticsearch-8", "elasticsearch-9"])
def elasticsearch_url(request: pytest.FixtureRequest, elasticsearch_servers: engines.Elasticsearch) -> str:
    try:
        return elasticsearch_servers.url(request.param)
    except engines.NotHere as missing:
        pytest.skip(str(missing))


@pytest.fixture
def index_prefix(elasticsearch_url: str) -> Iterator[str]:
    prefix = f"test-{secrets.token_hex(6)}-"
    yield prefix
    engines.drop_indices(elasticsearch_url, prefix)


# --- A browser


@dataclass(frozen=True)
class Chromium:
    """Debian's browser. It is started without looking for updates or talking to its makers."""

    path: str
    arguments: tuple[str, ...] = (
        "--no-sandbox",  # its sandbox refuses root, and the only pages it sees are ours
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
    )


@pytest.fixture(scope="session")
def chromium() -> Chromium:
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("no Chromium; the cure: sudo apt install chromium")
    return Chromium(path)


@pytest.fixture
def browser_page(chromium: Chromium, tmp_path: Path) -> Iterator["Page"]:
    """A page in a browser of its own, started and ended with the test.

    While it is open, Playwright keeps an event loop in this thread: serve the page from another process.
    """
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch_persistent_context(
            tmp_path / "browser", executable_path=chromium.path, args=list(chromium.arguments)
        )
        yield browser.new_page()
        browser.close()


# --- Several tests at once: `-n 3 --dist loadfile --no-loadscope-reorder`, as ./test says

ELASTICSEARCH = re.compile(r"\[.*elasticsearch-[89]")
JOURNEYS = "tests/journeys/"


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: "Producer") -> "LoadFileScheduling | None":
    """One process runs a whole file, whose fixtures it makes once, and one runs all that asks Elasticsearch: two servers are enough.

    Not by marks and `--dist loadgroup`: xdist 3.8 writes a group behind a test's name, where pytest 9.2 looks for it no more.
    """
    if config.getoption("dist") != "loadfile":
        return None
    from xdist.scheduler import LoadFileScheduling

    class ByWhatIsShared(LoadFileScheduling):  # type: ignore[misc]  # xdist ships no types
        def _split_scope(self, nodeid: str) -> str:
            return "Elasticsearch" if ELASTICSEARCH.search(nodeid) else nodeid.partition("::")[0]

    return ByWhatIsShared(config, log)


def longest_first(item: pytest.Item) -> int:
    return 0 if ELASTICSEARCH.search(item.nodeid) else 1 if item.nodeid.startswith(JOURNEYS) else 2


# --- A network of one's own


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "own_network: runs in a network namespace that has nothing but loopback")
    settings.register_profile("any machine", deadline=None)  # no test asserts a time, on a busy machine least of all
    settings.load_profile("any machine")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not alone():
        gather(items)
    if hasattr(config, "workerinput"):  # one process of several
        items.sort(key=longest_first)


def gather(items: list[pytest.Item]) -> None:
    """The marked tests of a module become one item that runs them in a network of their own."""
    modules: dict[pytest.Module, list[pytest.Item]] = {}
    for item in items:
        module = item.getparent(pytest.Module)
        if module is not None and item.get_closest_marker("own_network"):
            modules.setdefault(module, []).append(item)
    for module, marked in modules.items():
        place = items.index(marked[0])
        items[:] = [item for item in items if item not in marked]
        items.insert(place, OwnNetwork.from_parent(module, name="own_network", inside=[item.nodeid for item in marked]))


class OwnNetwork(pytest.Item):
    """Some tests of a module, run by another pytest in a network namespace."""

    def __init__(self, name: str, parent: pytest.Module, inside: list[str]) -> None:
        super().__init__(name, parent)
        self.inside = inside
        self.add_marker(pytest.mark.timeout(0))  # each test inside has its own

    def runtest(self) -> None:
        if not namespaces_work():
            pytest.skip(NO_NAMESPACE)
        with tempfile.TemporaryDirectory(prefix="stillwatch-tests-") as folder:
            arguments = ["-p", "no:cacheprovider", f"--basetemp={folder}/inside", f"--rootdir={self.config.rootpath}"]
            if self.config.getoption("--all"):
                arguments.append("--all")
            run = in_own_network(sys.executable, "-m", "pytest", *arguments, *self.inside, timeout_s=900)
        if run.returncode != 0:
            self.add_report_section("call", "in a network of its own", run.stdout + run.stderr)
            pytest.fail(f"{self.name}: tests failed inside; what they printed is below", pytrace=False)

    def reportinfo(self) -> tuple[Path, None, str]:
        return self.path, None, f"{len(self.inside)} tests in a network of their own"


# --- --all: no skip passes for a test


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--all", action="store_true", help="fail where a test would be skipped; starts Elasticsearch, too")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if item.config.getoption("--all") and not hasattr(report, "wasxfail"):
        refuse_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    if collector.config.getoption("--all"):
        refuse_skip(report)
    return report


def refuse_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    if report.outcome == "skipped" and isinstance(report.longrepr, tuple):
        reason = report.longrepr[2].removeprefix("Skipped: ")
        if not reason.startswith(MAY_BE_MISSING):
            report.outcome = "failed"
            report.longrepr = f"--all allows no skip: {reason}"
