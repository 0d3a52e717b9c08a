"""Cases that programs play on the whole system as real processes: the rehearsal, and `dispatch drill`."""

import asyncio
import json
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from running_system import REPOSITORY, System, nothing_open

from rehearsal.cast import Accounts
from rehearsal.client import Connection
from rehearsal.crew import report_for_duty
from rehearsal.drill import INTERRUPTED, PASSED
from rehearsal.player import Player

PURWAKARTA, BATANG = "32.14-latihan", "33.25-latihan"
BATANG_FOLDER = str(REPOSITORY / "regencies" / "33.25-batang")
FACTOR = 200.0
PLAYED_S = 120.0
"""Real seconds after which 24 simulated minutes of calls, and the ends of their cases, are given up."""


@pytest.fixture(scope="module")
def system(server_folder: Path) -> Iterator[System]:
    """A system that has just been started, with its rehearsal."""
    running = System(server_folder / "played" / ".run")
    try:
        running.ready()
        yield running
    finally:
        assert running.stop() == 0


def status(system: System) -> dict[str, Any]:
    """What the rehearsal last said of itself; its command says the same, and takes a second to start."""
    path = system.run_dir / "rehearsal" / PURWAKARTA / "state.json"
    state: dict[str, Any] = json.loads(path.read_text()) if path.is_file() else {}
    return state


def until(what: str, system: System, condition: Callable[[dict[str, Any]], bool], timeout_s: float) -> None:
    last = time.monotonic() + timeout_s
    while not condition(state := status(system)):
        assert time.monotonic() < last, f"{what}: {state}"
        time.sleep(0.1)


async def drive_a_unit_of_the_rehearsal(system: System) -> None:
    """Sign a person on to a unit that a virtual crew mans, and see that crew leave."""
    accounts = Accounts(system.run_dir / "accounts.json", PURWAKARTA)
    address = json.loads((system.run_dir / "addresses.json").read_text())["serve"]
    async with Connection(address) as connection:
        operator = Player(connection, PURWAKARTA, accounts.one("operator"))
        await operator.sign_in()
        board = await operator.operator.board()
        unit = next(u for u in board.units if u.tracking == "app" and u.status == "available")
        driver = Player(
            connection, PURWAKARTA, next(a for a in accounts.of_role("driver") if a.username == "pengemudi1")
        )
        await driver.sign_in()
        phone = await report_for_duty(connection, driver.token or "")
        await phone.sign_on(unit.call_sign)
        async with asyncio.timeout(20):
            while True:
                log = await operator.operator.events(board.seq)
                left = [e for e in log if e.kind == "crew_changed" and e.data.get("left")]
                if any(e.data["unit_id"] == str(unit.id) for e in left):
                    break
                await asyncio.sleep(0.2)
        assert (await operator.operator.unit(unit.id)).status == "available"
        await phone.sign_off()
        await phone.close()
        for player in (operator, driver):
            await player.sign_out()


@pytest.mark.timeout(300)
def test_rehearsal(system: System) -> None:
    """It lives, loses a case to a person, stops, and reports rightly. Before anything else is played here."""
    # it plays by itself, at life's own pace, and a driver can have any unit
    until("playing", system, lambda s: s.get("state") == "playing" and s["crews_aboard"] >= 3, 60)
    assert status(system)["speed"] == 1.0
    asyncio.run(drive_a_unit_of_the_rehearsal(system))
    assert "off" in system.command("rehearsal", "stop")
    assert json.loads(system.command("rehearsal", "status"))["state"] == "off"
    assert nothing_open(system, PURWAKARTA)

    # in fast motion an operator takes a case away; the end of the hours ends it
    options = ("--speed", str(FACTOR), "--rate", "24", "--hours", "0.4", "--seed", "5", "--crews", "12")
    system.command("rehearsal", "start", *options)
    until("playing fast", system, lambda s: s.get("state") == "playing" and s["speed"] == FACTOR, 30)
    assert "PASSED" in system.command("rehearsal", "demo-check", "--within", "40")
    until("the end", system, lambda s: s.get("state") == "off" and s.get("speed") == FACTOR, PLAYED_S)
    ended = status(system)
    assert ended["surprises"] == 0, ended
    assert ended["called"] >= 3
    assert ended["taken_over"] >= 1
    assert nothing_open(system, PURWAKARTA)

    # the system's report of all that is the rehearsal's own
    assert "EQUAL" in system.command("rehearsal", "check")


def outcome(drill: subprocess.Popen[str]) -> dict[str, Any]:
    """Wait for a drill with --json to pass and return its report."""
    said, complaints = drill.communicate(timeout=120)
    assert drill.returncode == PASSED, f"{said}\n{complaints}"
    report: dict[str, Any] = json.loads(said)
    return report


def stop_when(drill: subprocess.Popen[str], said: str) -> str:
    """Send Ctrl-C to a drill as soon as it has said this, and return everything it said."""
    assert drill.stdout is not None
    text = ""
    for line in drill.stdout:
        text += line
        if said in line:
            drill.send_signal(signal.SIGINT)
            break
    rest, complaints = drill.communicate(timeout=60)
    return f"{text}{rest}{complaints}"


@pytest.mark.timeout(300)
def test_drills(system: System) -> None:
    """Two regencies, two drills at once, a stop midway."""
    system.command("rehearsal", "stop")
    system.command("regency", "load", BATANG_FOLDER)
    system.command("demo-accounts")

    # two at once in one regency and one in the other: none of them breaks another
    drills = [system.drill("--json", "--regency", slug) for slug in (PURWAKARTA, PURWAKARTA, BATANG)]
    reports = [outcome(drill) for drill in drills]
    for report in reports:
        assert report["passed"]
        assert all(step["ok"] for step in report["steps"])
        assert len(report["cases"]) == 2
        assert list(report["stamps"]) == sorted(report["stamps"], key=report["stamps"].__getitem__)
        assert len(report["stamps"]) == 13
    assert len({number for report in reports for number in report["cases"]}) == 6
    assert [report["cases"][0].partition("-")[0] for report in reports] == ["PWK", "PWK", "BTG"]
    for slug in (PURWAKARTA, BATANG):
        assert nothing_open(system, slug)

    # Ctrl-C with a patient aboard
    stopped = system.drill("--regency", BATANG)
    said = stop_when(stopped, "leaving with the patient")
    assert stopped.returncode == INTERRUPTED, said
    assert "cleaning up: incident cancelled" in said
    assert "DIHENTIKAN / INTERRUPTED" in said
    assert nothing_open(system, BATANG)
