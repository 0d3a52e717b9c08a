"""`dispatch run` with serving processes and workers whose clock can be moved: `python -m chaos.clocked`.

The library that moves it is given to these alone: Redis hangs under it, and so does sleeping in the launcher.
"""

from __future__ import annotations

import os
import sys
from typing import NoReturn

from dispatch.local.launcher import Commands, Launcher
from dispatch.settings import Settings

LIBRARY = "CHAOS_CLOCK_LIBRARY"
FILE = "CHAOS_CLOCK_FILE"


def run() -> int:
    """Run the whole system."""
    clocked = {name: ("-m", "chaos.clocked", name) for name in ("serve", "worker")}
    return Launcher(Settings(), Commands(**clocked)).run()


def become(part: str) -> NoReturn:
    """Become a part of the system, with a clock that can be moved."""
    moved = {
        "LD_PRELOAD": os.environ[LIBRARY],
        "FAKETIME_TIMESTAMP_FILE": os.environ[FILE],
        "FAKETIME_CACHE_DURATION": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",  # as when the clock of a machine is set
        "NO_FAKE_STAT": "1",
    }
    os.execve(sys.executable, [sys.executable, "-m", "dispatch", part], os.environ | moved)


if __name__ == "__main__":
    if sys.argv[1:]:
        become(sys.argv[1])
    sys.exit(run())
