"""`dispatch run` with serving processes and workers whose clock can be moved: `python -m chaos.clocked`.

Everything of them reads the time in one place, `dispatch.clock`; that place is moved. The monotonic time goes
on as it does when the clock of a machine is set.
"""

from __future__ import annotations

import os
import runpy
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dispatch.clock
from dispatch.local.launcher import Commands, Launcher
from dispatch.settings import Settings

FILE = "CHAOS_CLOCK_FILE"
"""The variable that names the file with the seconds by which the clock is wrong."""


def run() -> int:
    """Run the whole system."""
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
