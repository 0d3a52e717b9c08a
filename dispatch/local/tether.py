"""Ties a process to the one that started it: when the starter dies, however it dies, the process ends too."""

import os
import signal
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

# The kernel forgets the wish when the credentials change, and cannot know of a starter that died before the
# wish was made. So `setpriv` asks last, after changing the user; the shell then looks whether its parent is
# still the starter, and becomes the program.
_BECOME = '[ "$PPID" = "$0" ] || exit 125; exec "$@"'


def tethered(argv: Sequence[str], on_death: signal.Signals, user: str | None = None) -> list[str]:
    """Return the command that runs `argv` tethered to the calling process.

    on_death: the signal that the program gets when this process dies.
    user: the system user (with the group of that name) to become first; only root may ask for that.
    The caller must start the command from its main thread: the kernel ties to the thread, not the process.
    """
    become = [f"--reuid={user}", f"--regid={user}", "--init-groups"] if user else []
    name = on_death.name.removeprefix("SIG")
    return ["setpriv", *become, "--pdeathsig", name, "/bin/sh", "-c", _BECOME, str(os.getpid()), *argv]


def working_in(folder: Path, program: str) -> list[int]:
    """Return the live processes named `program` whose working directory is `folder`.

    Both servers move into their data folder, so this finds what an earlier start left.
    """
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # ended meanwhile, or another user's
            if (entry / "cwd").readlink() == folder and (entry / "comm").read_text().strip() == program:
                found.append(int(entry.name))
    return found
