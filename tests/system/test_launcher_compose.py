"""The container file: its syntax, and that it holds what it promises. No container is started here."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from dispatch.settings import Settings

REPOSITORY = Path(__file__).resolve().parents[2]
TEXT = (REPOSITORY / "docker-compose.yml").read_text()


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    return dict(yaml.safe_load(TEXT)["services"])


def test_the_processes_are_those_of_the_launcher(services: dict[str, Any]) -> None:
    commands = {
        name: " ".join(service["command"][:2]) for name, service in services.items() if "build" in service
    }
    assert commands["serve"] == "dispatch serve"
    assert commands["worker"] == "dispatch worker"
    assert commands["migrate"] == "dispatch migrate"
    assert commands["registry"].startswith("registry.standin")
    assert {"db", "redis"} < set(services)


def test_what_runs_on_is_watched_and_waited_for(services: dict[str, Any]) -> None:
    for name, service in services.items():
        for other, wish in service.get("depends_on", {}).items():
            healthy = wish["condition"] == "service_healthy"
            assert ("healthcheck" in services[other]) is healthy, f"{name} waits for {other}"
    assert {name for name, service in services.items() if "healthcheck" in service} >= {
        "db",
        "redis",
        "registry",
        "serve",
    }


def test_no_password_has_a_default() -> None:
    used = re.findall(r"\$\{(\w*PASSWORD)([^}]*)\}", TEXT)
    assert {name for name, _ in used} == {
        "SEMAR_DB_PASSWORD",
        "SEMAR_APP_PASSWORD",
        "SEMAR_REGISTRY_PASSWORD",
    }
    assert all(rest.startswith(":?") for _, rest in used)


def test_every_setting_exists(services: dict[str, Any]) -> None:
    known = {f"SEMAR_{name.upper()}" for name in Settings.model_fields}
    known |= {"DATABASE_URL", "DATABASE_APP_URL", "REDIS_URL"}
    for service in services.values():
        if "build" in service:
            assert set(service.get("environment", {})) <= known


def test_what_runs_on_does_not_hold_the_owner_of_the_database(services: dict[str, Any]) -> None:
    for name in ("serve", "worker", "registry"):
        assert "DATABASE_URL" not in services[name]["environment"]


def test_what_the_image_copies_is_let_through() -> None:
    let_through = re.findall(r"^!(\S+)", (REPOSITORY / ".dockerignore").read_text(), re.MULTILINE)
    copied = [
        line.split()[1:-1]
        for line in (REPOSITORY / "Dockerfile").read_text().splitlines()
        if line[:5] == "COPY " and "--from=" not in line
    ]
    assert sorted(path for paths in copied for path in paths) == sorted(let_through)
