"""Runs PostgreSQL's own tools to their end: their progress is told, their last words are the error."""

import re
import signal
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from dispatch.local.errors import LocalError
from dispatch.local.tether import tethered

Progress = Callable[[int, int], None]
"""Told bytes done and bytes in all, now and then."""
_SHARE = re.compile(r"(\d+)/(\d+) kB")
_KEPT_LINES = 12


class ToolFailed(LocalError):
    """A tool did not do it; the message is what it said."""


def run_tool(
    command: Sequence[str], user: str | None, progress: Progress, environment: dict[str, str] | None = None
) -> list[str]:
    """Run a tool as the system user `user` (None: oneself); return the lines it said, but for its progress.

    Call from the main thread.

    environment: added to a bare one; nothing of libpq's variables is inherited. Raises ToolFailed.
    """
    process = subprocess.Popen(
        tethered(command, signal.SIGTERM, user),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd="/",
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C", **(environment or {})},
    )
    words: list[str] = []
    assert process.stdout is not None
    try:
        with process.stdout:
            for line in process.stdout:  # universal newlines: its progress ends lines with \r
                if found := _SHARE.search(line):
                    progress(int(found[1]) * 1024, int(found[2]) * 1024)
                elif line.strip():
                    words.append(line.strip())
        status = process.wait()
    except BaseException:
        process.kill()
        process.wait()
        raise
    if status != 0:
        said = "\n".join(words[-_KEPT_LINES:])
        raise ToolFailed(said or f"{Path(command[0]).name} ended with status {status}")
    return words
