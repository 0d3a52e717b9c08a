"""`dispatch run` on a machine whose clock can be moved: `python -m chaos.clocked`.

Serving processes and workers read the time in one place, `dispatch.clock`; that place is moved. PostgreSQL is
started with a library that moves what it is told (libfaketime), where this machine has it. Both read the same
file. The monotonic time goes on as it does when the clock of a machine is set.
"""

from __future__ import annotations

import os
import runpy
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dispatch.clock
from dispatch.local.launcher import Commands, Launcher
from dispatch.local.postgres import PrivatePostgres
from dispatch.settings import Settings

FILE = "CHAOS_CLOCK_FILE"
"""The variable that names the file with the seconds by which the clock is wrong, with their sign."""


def faketime() -> Path | None:
    """Return Debian's libfaketime; None when this machine has none."""
    return next(iter(sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))), None)


def _under(library: Path, file: str) -> tuple[str, ...]:
    """Return the words before a program that is to go by the clock in `file`, also when that changes.

    Its sleeps and time limits are left alone, and so are the times of files. The library comes in here and
    not with what becomes the database's user: it makes a semaphore of the user it begins with.
    """
    settings = {
        "LD_PRELOAD": str(library),
        "FAKETIME_TIMESTAMP_FILE": file,
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "NO_FAKE_STAT": "1",
    }
    return ("/usr/bin/env", *(f"{name}={value}" for name, value in settings.items()))


def run() -> int:
    """Run the whole system."""
    if library := faketime():
        PrivatePostgres.before = _under(library, os.environ[FILE])
    clocked = {name: ("-m", "chaos.clocked", name) for name in ("serve", "worker")}
    return Launcher(Settings(), Commands(**clocked)).run()


def become(part: str) -> None:
    """Become a part of the system, with a clock that can be moved."""
    file = Path(os.environ[FILE])

    def moved() -> datetime:
        return datetime.now(UTC) + timedelta(seconds=float(file.read_text()))

    # before anything of the program is read in: it takes the function from there by name
    dispatch.clock.now = moved
    sys.argv = ["dispatch", part]
    runpy.run_module("dispatch", run_name="__main__")


if __name__ == "__main__":
    if sys.argv[1:]:
        become(sys.argv[1])
    sys.exit(run())
