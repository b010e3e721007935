"""docker-compose.yml: valid, closed but for the page, and nothing in it that is not there."""

import json
import re
import socket
import socketserver
import subprocess
import sys
import threading
import tomllib
from collections.abc import Iterator
from pathlib import Path

import jsonschema
import pytest
import typer.main
import yaml

ROOT = Path(__file__).parents[2]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES = COMPOSE["services"]
OURS = [name for name, service in SERVICES.items() if service["image"] == "stillwatch"]
each_service = pytest.mark.parametrize("name", SERVICES)


def test_the_file_follows_the_compose_specification() -> None:
    schema = json.loads((Path(__file__).parent / "compose-spec.json").read_text())

    jsonschema.Draft7Validator(schema).validate(COMPOSE)


def test_every_part_of_the_design_is_a_service() -> None:
    assert set(SERVICES) == {
        *("migrate", "web", "relay", "scheduler", "worker-crawl", "worker-desk"),
        *("postgres", "redis", "elasticsearch"),
    }


def test_nothing_is_published_but_the_page_and_that_on_loopback() -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}

    assert published == {"web": ["127.0.0.1:8080:8081"]}


def test_the_stores_are_on_a_network_without_a_way_out() -> None:
    assert COMPOSE["networks"]["stores"]["internal"] is True
    for name in ("postgres", "redis", "elasticsearch"):
        assert SERVICES[name]["networks"] == ["stores"]


def test_nobody_shares_the_network_on_which_the_page_is_published() -> None:
    assert [name for name, service in SERVICES.items() if "page" in service.get("networks", ())] == ["web"]


def test_the_relay_listens_on_that_network_only() -> None:
    (alias,) = SERVICES["web"]["networks"]["page"]["aliases"]

    assert SERVICES["relay"]["network_mode"] == "service:web"
    assert SERVICES["relay"]["command"] == [f"{alias}:8081", "127.0.0.1:8080"]


@each_service
def test_every_service_gives_up_what_it_does_not_need(name: str) -> None:
    service = SERVICES[name]

    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert not service.get("privileged")
    assert service.get("read_only") is True or name == "elasticsearch"  # why not: see there


@each_service
def test_every_service_has_a_health_check_or_ends_by_itself(name: str) -> None:
    service = SERVICES[name]

    if service["healthcheck"].get("disable"):
        assert service["restart"] == "no"
        assert service["command"] == ["reindex"]
    else:
        assert service["healthcheck"]["test"][0] in {"CMD", "CMD-SHELL"}


@each_service
def test_every_secret_comes_as_a_file(name: str) -> None:
    environment = SERVICES[name].get("environment", {})

    for variable in environment:
        assert not re.search(r"PASSWORD|SECRET|TOKEN|KEY|_URL", variable) or variable.endswith("_FILE")
    for path in (value for variable, value in environment.items() if variable.endswith("_FILE")):
        assert path.removeprefix("/run/secrets/") in SERVICES[name]["secrets"] or name == "elasticsearch"


def test_no_password_is_written_in_the_file() -> None:
    text = (ROOT / "docker-compose.yml").read_text()

    assert not re.search(r"://[^/\s:]*:[^/\s@]+@", text)
    assert not re.search(r"(?i)(requirepass|password|secret|token)[\"']?[ \t]*[:=][ \t]*[\"']?\w", text)


@each_service
def test_every_mounted_secret_is_declared_and_is_made_by_the_script(name: str) -> None:
    made = (ROOT / "scripts" / "secrets").read_text()

    for secret in SERVICES[name].get("secrets", ()):
        assert COMPOSE["secrets"][secret]["file"] == f"./secrets/{secret}"
        assert f">{secret}\n" in made


def test_the_secrets_fit_the_services_that_read_them(tmp_path: Path) -> None:
    (tmp_path / "scripts").mkdir()
    script = tmp_path / "scripts" / "secrets"
    script.write_bytes((ROOT / "scripts" / "secrets").read_bytes())

    subprocess.run(["bash", script], check=True, capture_output=True)
    again = subprocess.run(["bash", script], check=False, capture_output=True, text=True)

    made = {path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()}
    assert set(made) == set(COMPOSE["secrets"])
    assert made["database_url"] == f"postgres://stillwatch:{made['postgres_password']}@postgres:5432/stillwatch"
    assert made["elasticsearch_url"] == f"http://elastic:{made['elasticsearch_password']}@elasticsearch:9200"
    redis_password = made["redis.conf"].split()[1]
    assert made["redis_url"] == f"redis://:{redis_password}@redis:6379/0"
    assert again.returncode == 2
    assert "is there already" in again.stderr


@pytest.mark.parametrize("name", [name for name in OURS if "entrypoint" not in SERVICES[name]])
def test_every_command_is_one_that_stillwatch_has(name: str) -> None:
    from stillwatch.cli import app

    command = typer.main.get_command(app)
    words = [str(word) for word in SERVICES[name]["command"]]
    while hasattr(command, "commands"):
        command = command.commands[words.pop(0)]

    context = command.make_context(name, words)

    assert context.params is not None


def test_the_embedded_defaults_are_outgrown_in_every_part_of_ours() -> None:
    for name in OURS:
        if name != "relay":
            assert set(SERVICES[name]["environment"]) == {
                "DATABASE_URL_FILE",
                "REDIS_URL_FILE",
                "ELASTICSEARCH_URL_FILE",
            }


def test_redis_never_forgets_silently() -> None:
    command = SERVICES["redis"]["command"]

    assert command[command.index("--maxmemory-policy") + 1] == "noeviction"


def test_elasticsearch_is_the_version_the_tests_run_against() -> None:
    script = (ROOT / "scripts" / "elasticsearch").read_text()

    assert SERVICES["elasticsearch"]["image"] in {
        f"elasticsearch:{version}" for version in re.findall(r"\[9\]=([\d.]+)", script)
    }


# --- The image


def test_the_image_runs_as_nobody_special_and_installs_by_the_lock() -> None:
    dockerfile = (ROOT / "docker" / "Dockerfile").read_text()
    final = dockerfile.rsplit("\nFROM ", 1)[1]

    assert re.search(r"^USER 10001:10001$", final, re.MULTILINE)
    assert "--require-hashes --requirement requirements/run.lock" in dockerfile
    assert "--require-hashes --requirement requirements/bootstrap.lock" in dockerfile


def test_the_image_gets_every_package_and_nothing_else_that_is_private() -> None:
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text())

    assert set(pyproject["tool"]["importlinter"]["root_packages"]) <= allowed
    assert not allowed & {".git", "secrets", "var", "tests", ".env"}


# --- What runs beside the page


class Echo(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        for line in self.rfile:
            self.wfile.write(line.upper())


@pytest.fixture
def echo_port() -> Iterator[int]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Echo) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


@pytest.fixture
def relay_port(echo_port: int) -> Iterator[int]:
    script = ROOT / "docker" / "relay.py"
    with subprocess.Popen(
        [sys.executable, script, "127.0.0.1:0", f"127.0.0.1:{echo_port}"], stdout=subprocess.PIPE, text=True
    ) as relay:
        assert relay.stdout is not None
        yield int(relay.stdout.readline().split()[-1])
        relay.terminate()


def test_the_relay_carries_both_ways_and_ends_with_its_callers(relay_port: int) -> None:
    with socket.create_connection(("127.0.0.1", relay_port), timeout=10) as caller:
        caller.sendall(b"one\ntwo\n")
        caller.shutdown(socket.SHUT_WR)

        answer = b"".join(iter(lambda: caller.recv(4096), b""))

    assert answer == b"ONE\nTWO\n"


@pytest.mark.parametrize(
    ("health_of", "reasons"),
    [
        ({"database": "ok", "redis": "ok", "elasticsearch": "warn", "site x": "bad"}, ""),
        ({"database": "ok", "redis": "bad", "elasticsearch": "ok"}, "redis: so it is\n"),
        ({"database": "ok", "redis": "ok"}, "elasticsearch: not looked at\n"),
        ({}, "database: not looked at; elasticsearch: not looked at; redis: not looked at\n"),
    ],
)
def test_a_container_is_healthy_when_it_reaches_its_stores(
    tmp_path: Path, health_of: dict[str, str], reasons: str
) -> None:
    told = [json.dumps({"check": check, "health": health, "what": "so it is"}) for check, health in health_of.items()]
    doctor = tmp_path / "stillwatch"
    doctor.write_text("#!/bin/sh\ncat <<END\n" + "".join(f"{line}\n" for line in told) + "END\nexit 1\n")
    doctor.chmod(0o755)

    run = subprocess.run(
        [sys.executable, ROOT / "docker" / "healthy.py"],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert run.stderr == reasons
    assert run.returncode == (1 if reasons else 0)
