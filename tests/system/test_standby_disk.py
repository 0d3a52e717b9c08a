"""The primary's disk is dead, and the run folder with it: the standby's folder alone is enough to go on."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from running_desk import SLUG, Desk, wait_until
from running_system import REPOSITORY, System

from dispatch.local.standby_kept import FOLDER
from dispatch.local.standby_note import read_note
from dispatch.local.standby_pair import FILE
from dispatch.local.tether import working_in
from registry.population import from_bundle
from rehearsal.cast import adults, registration

pytestmark = pytest.mark.timeout(300)


class Town:
    """A running system with its standby, and the run folder that comes after it."""

    def __init__(self, room: Path) -> None:
        self.second = room / "second"
        self.new = room / "new"
        self.running = [System(room / "run", SEMAR_REHEARSAL="off")]

    @property
    def system(self) -> System:
        return self.running[-1]

    def start(self, run_dir: Path) -> None:
        self.running.append(System(run_dir, SEMAR_REHEARSAL="off"))
        self.system.ready()

    def promote(self, *more: str) -> subprocess.CompletedProcess[str]:
        """Go on from the standby's folder in the new run folder."""
        command = [sys.executable, "-m", "dispatch", "standby", "promote", "--folder", str(self.second)]
        return subprocess.run(
            [*command, *more],
            env={**os.environ, "SEMAR_RUN_DIR": str(self.new)},
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture
def town(server_folder: Path) -> Iterator[Town]:
    """A system whose commits wait for a standby."""
    made = Town(server_folder / "disk")
    try:
        made.system.ready()
        made.system.command("standby", "setup", "--folder", str(made.second))
        yield made
    finally:
        for one in made.running:
            one.stop()


def test_the_system_goes_on_without_its_run_folder(town: Town) -> None:
    first = town.system
    desk = Desk(first)
    bundle = REPOSITORY / "regencies" / "32.14-purwakarta"
    person = next(adults(from_bundle([bundle]), random.Random(5)))
    body = registration(person, SLUG, "sandi-contoh-9")
    desk.client.post("/api/v1/residents", json=body).raise_for_status()
    for _ in range(5):
        assert desk.write_call()
    first.command("log", "checkpoint", SLUG)
    first.command("keys", "rotate")
    kept = town.second / FOLDER
    key, copy = (folder / "secrets" / "master.key" for folder in (first.run_dir, kept))
    assert len(key.read_text().split()) == 2
    assert copy.read_text() == key.read_text(), "the new key is there before anything needs it"
    for path in kept.rglob("*"):
        if path.is_dir() or path.is_relative_to(kept / "secrets"):
            assert path.stat().st_mode & 0o777 == (0o700 if path.is_dir() else 0o600), path
    wait_until(lambda: _in_step(first.run_dir))
    wait_until(lambda: (kept / "checkpoints" / f"{SLUG}.jsonl").is_file())
    wait_until(lambda: json.loads((kept / "system.json").read_text())["note"]["synchronous"] is True)
    assert "streaming sync" in first.command("standby", "status")
    assert "is there" in town.promote().stderr, "as long as the run folder can be read"
    pair = (first.run_dir / FILE).read_text()
    first.kill()
    for folder in (first.run_dir, town.second):
        wait_until(lambda data=folder / "pg": not working_in(data, "postgres"))  # type: ignore[misc]
    shutil.rmtree(first.run_dir)

    done = town.promote()
    assert done.returncode == 0, done.stderr
    assert f"goes on in {town.new}" in done.stdout
    town.start(town.new)
    after = Desk(town.system)
    after.acknowledged = desk.acknowledged
    assert after.missing() == []
    wait_until(after.write_call)
    verified = town.system.command("log", "verify", SLUG)
    assert "whole" in verified
    assert " 0 signed" not in verified
    assert "exactly equal" in town.system.command("log", "rebuild", "--check", SLUG)
    who = {"regency": SLUG, "login": body["phone"], "password": "sandi-contoh-9"}
    signed_in = after.client.post("/api/v1/sessions/residents", json=who)
    assert signed_in.is_success, "found by the look-up key, opened by the master key"
    town.system.command("standby", "rejoin")
    town.system.command("standby", "status")

    # the old disk comes to life again: what lies there is not started beside its successor
    first.run_dir.mkdir()
    (first.run_dir / FILE).write_text(pair)
    refused = subprocess.run(
        [sys.executable, "-m", "dispatch", "run"],
        env={**os.environ, "SEMAR_RUN_DIR": str(first.run_dir)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert refused.returncode == 1
    assert f"this system goes on in {town.new}" in refused.stdout
    for one in (desk, after):
        one.client.close()


def _in_step(run_dir: Path) -> bool:
    note = read_note(run_dir)
    return note is not None and note.synchronous
