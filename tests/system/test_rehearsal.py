"""The rehearsal as `make run` starts it: it lives, loses a case to a person, stops, and reports rightly."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from running_system import System, nothing_open

SLUG = "32.14-latihan"
PLAYED_S = 60.0
"""Real seconds that a bounded rehearsal may take here: 24 simulated minutes of calls, then their ends."""


@pytest.fixture
def system(server_folder: Path) -> Iterator[System]:
    """A system that has just been started, with its rehearsal."""
    running = System(server_folder / "rehearsal" / ".run")
    try:
        running.ready()
        yield running
    finally:
        assert running.stop() == 0


def status(system: System) -> dict[str, Any]:
    state: dict[str, Any] = json.loads(system.command("rehearsal", "status"))
    return state


def until(what: str, system: System, condition: Callable[[dict[str, Any]], bool], timeout_s: float) -> None:
    last = time.monotonic() + timeout_s
    while not condition(state := status(system)):
        assert time.monotonic() < last, f"{what}: {state}"
        time.sleep(0.2)


@pytest.mark.timeout(400)
def test_rehearsal(system: System) -> None:
    # it plays by itself, at life's own pace
    until("playing", system, lambda s: s.get("state") == "playing" and s["crews_aboard"] >= 3, 60)
    assert status(system)["speed"] == 1.0
    assert "off" in system.command("rehearsal", "stop")
    assert status(system)["state"] == "off"
    assert nothing_open(system, SLUG)

    # at factor 90 a person takes a case away, and the end of the hours ends it
    began = time.monotonic()
    options = ("--speed", "90", "--rate", "20", "--hours", "0.4", "--seed", "5", "--crews", "12")
    system.command("rehearsal", "start", *options)
    until("playing fast", system, lambda s: s.get("state") == "playing" and s["speed"] == 90.0, 30)
    assert "PASSED" in system.command("rehearsal", "demo-check", "--within", "40")
    until("the end", system, lambda s: s.get("state") == "off" and s.get("speed") == 90.0, PLAYED_S * 3)
    ended = status(system)
    assert ended["surprises"] == 0, ended
    assert ended["called"] >= 3
    assert ended["taken_over"] >= 1
    assert time.monotonic() - began < PLAYED_S * 3
    assert nothing_open(system, SLUG)

    # the system's report of all that is the rehearsal's own
    assert "EQUAL" in system.command("rehearsal", "check")
