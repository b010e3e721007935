"""Real servers for tests: Redis, Postgres and Elasticsearch, started by the tests and ended by them.

A server that cannot be had raises `NotHere` with the one line that cures it.
"""

import contextlib
import os
import pwd
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).parent.parent
ELASTICSEARCH = ROOT / "scripts" / "elasticsearch"
STARTS_WITHIN_S = 60  # Redis takes 0.1, Postgres 1; a busy machine takes longer


class NotHere(Exception):
    """This machine lacks it. The message is the cure."""


@contextlib.contextmanager
def redis_server() -> Iterator[str]:
    """A Redis of our own that keeps nothing; yields its URL."""
    program = shutil.which("redis-server") or cannot("no redis-server; the cure: sudo apt install redis-server")
    with tempfile.TemporaryDirectory(prefix="stillwatch-redis-") as folder:
        port = free_port()
        command = [
            program,
            "--bind",
            "127.0.0.1",
            "--port",
            str(port),
            "--dir",
            folder,
            "--save",
            "",
            "--appendonly",
            "no",
        ]
        with running(command, Path(folder), ready=lambda: redis_answers(port)):
            yield f"redis://127.0.0.1:{port}/0"


def redis_answers(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
        connection.sendall(b"PING\r\n")
        return connection.recv(16).startswith(b"+PONG")
    return False


@dataclass(frozen=True)
class Postgres:
    """A running Postgres of our own."""

    port: int
    password: str

    def url(self, database: str) -> str:
        return f"postgres://stillwatch:{self.password}@127.0.0.1:{self.port}/{database}"

    @contextlib.contextmanager
    def new_database(self) -> Iterator[str]:
        """An empty database; yields its URL and drops it afterwards, whoever is still connected."""
        name = f"test_{secrets.token_hex(6)}"
        self.run(f"CREATE DATABASE {name}")
        try:
            yield self.url(name)
        finally:
            self.run(f"DROP DATABASE {name} WITH (FORCE)")

    def run(self, statement: str) -> None:
        import psycopg

        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement.encode())

    def answers(self) -> bool:
        import psycopg

        with contextlib.suppress(psycopg.OperationalError):
            self.run("SELECT 1")
            return True
        return False


@contextlib.contextmanager
def postgres_server() -> Iterator[Postgres]:
    """A Postgres of our own in a new folder, without the safety of fsync."""
    programs = postgres_programs()
    # Postgres refuses root, and an ordinary user's server is theirs; the folder must belong to whoever runs it.
    user = "nobody" if os.geteuid() == 0 else None
    with tempfile.TemporaryDirectory(prefix="stillwatch-postgres-") as name:
        folder = Path(name)
        server = Postgres(port=free_port(), password=secrets.token_hex(16))
        (folder / "password").write_text(server.password)
        for path in (folder, folder / "password"):
            hand_over(path, user)
        folders = [f"--pgdata={name}/data", f"--pwfile={name}/password"]
        subprocess.run(
            [
                f"{programs}/initdb",
                *folders,
                "--username=stillwatch",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--locale=C",
                "-N",
            ],
            user=user,
            group=group_of(user),
            extra_groups=extra_groups_of(user),
            cwd=folder,
            stdout=subprocess.DEVNULL,
            check=True,
        )
        command = [
            f"{programs}/postgres",
            "-D",
            f"{folder}/data",
            "-h",
            "127.0.0.1",
            "-p",
            str(server.port),
            "-k",
            name,
            "-F",
        ]
        with running(command, folder, ready=server.answers, user=user):
            yield server


def postgres_programs() -> Path:
    """The folder of initdb and postgres. Debian keeps them off PATH, one folder a version; the newest is taken."""
    on_path = shutil.which("initdb")
    if on_path:
        return Path(on_path).resolve().parent
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[4]))
    return installed[-1].parent if installed else cannot("no Postgres server; the cure: sudo apt install postgresql")


class Elasticsearch:
    """Elasticsearch 8 and 9, each started when first asked for. What was running before is left running."""

    def __init__(self, *, may_start: bool) -> None:
        """may_start  whether to download and start what does not run; that takes a minute and 250 MB"""
        self.may_start = may_start
        self.started: list[int] = []

    def url(self, major: int) -> str:
        given = os.environ.get(f"STILLWATCH_TEST_ELASTICSEARCH_{major}")
        if given:
            return given.rstrip("/")
        already = self.call("status", major)
        if already.returncode == 0:
            return already.stdout.strip()
        java = self.call("java", major)
        if java.returncode != 0:
            cannot(f"no Java for Elasticsearch {major}: {java.stderr.strip()}")
        if not self.may_start:
            cannot(f"Elasticsearch {major} does not run; the cure: scripts/elasticsearch start {major}")
        start = self.call("start", major, "--port", str(free_port()))
        if start.returncode != 0:
            cannot(f"Elasticsearch {major} did not start: {start.stderr.strip()}")
        self.started.append(major)
        return start.stdout.strip()

    def stop(self) -> None:
        for major in self.started:
            self.call("stop", major)

    def call(self, command: str, major: int, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [ELASTICSEARCH, command, str(major), *arguments], capture_output=True, text=True, check=False
        )


def drop_indices(url: str, prefix: str) -> None:
    """One by one, by name: servers refuse to delete by pattern."""
    with urllib.request.urlopen(f"{url}/_cat/indices/{prefix}*?h=index&expand_wildcards=all") as answer:
        names = answer.read().decode().split()
    for name in names:
        urllib.request.urlopen(urllib.request.Request(f"{url}/{name}", method="DELETE")).close()


@contextlib.contextmanager
def running(command: list[str], folder: Path, *, ready: Callable[[], bool], user: str | None = None) -> Iterator[None]:
    """The program, from the moment it is ready to the end of the block. Its output goes to a file in the folder.

    It is told to end when this process dies, however that dies.
    """
    log = folder / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "INT", "--", *command],
            user=user,
            group=group_of(user),
            extra_groups=extra_groups_of(user),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        deadline = time.monotonic() + STARTS_WITHIN_S
        while not ready():
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{command[0]} did not start: {log.read_text()[-2000:]}")
            time.sleep(0.05)
        yield
    finally:
        process.send_signal(2)  # SIGINT: Redis and Postgres end at once, whoever is connected
        process.wait(timeout=STARTS_WITHIN_S)


def group_of(user: str | None) -> int | None:
    return pwd.getpwnam(user).pw_gid if user else None


def extra_groups_of(user: str | None) -> list[int] | None:
    return [] if user else None


def hand_over(path: Path, user: str | None) -> None:
    if user:
        os.chown(path, pwd.getpwnam(user).pw_uid, pwd.getpwnam(user).pw_gid)


def free_port() -> int:
    with socket.socket() as some_socket:
        some_socket.bind(("127.0.0.1", 0))
        port: int = some_socket.getsockname()[1]
        return port


def cannot(reason: str) -> NoReturn:
    raise NotHere(reason)
