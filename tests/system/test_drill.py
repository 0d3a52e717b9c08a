"""`dispatch drill` against the whole system as real processes: two regencies, two at once, a stop midway."""

import json
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from running_system import REPOSITORY, System, nothing_open

from rehearsal.drill import INTERRUPTED, PASSED

PURWAKARTA, BATANG = "32.14-latihan", "33.25-latihan"
BATANG_FOLDER = str(REPOSITORY / "regencies" / "33.25-batang")


@pytest.fixture
def system(server_folder: Path) -> Iterator[System]:
    """A running system with both regencies as training tenants."""
    running = System(server_folder / "drill" / ".run", SEMAR_REHEARSAL="off")
    try:
        running.ready()
        running.command("regency", "load", BATANG_FOLDER)
        running.command("demo-accounts")
        yield running
    finally:
        assert running.stop() == 0


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
    # two at once in one regency and one in the other: none of them breaks another
    drills = [system.drill("--json", "--regency", slug) for slug in (PURWAKARTA, PURWAKARTA, BATANG)]
    reports = [outcome(drill) for drill in drills]
    for report in reports:
        assert report["passed"]
        assert report["seconds"] < 60
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
