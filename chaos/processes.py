"""The processes of the system under test: found below their launcher, killed, and kept from the disk."""

from __future__ import annotations

import os
import pwd
import resource
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

SERVE, WORKER, REGISTRY, REDIS, POSTGRES = "serve", "worker", "registry", "redis", "postgres"
_WORDS = {
    WORKER: (["-m", "dispatch", "worker"], ["-m", "chaos.clocked", "worker"]),
    SERVE: (["-m", "dispatch", "serve"], ["-m", "chaos.clocked", "serve"]),
    REGISTRY: (["-m", "registry.standin"],),
}
_PROGRAMS = {REDIS: "redis-server", POSTGRES: "postgres"}


def children(pid: int) -> list[int]:
    """Return the live children of a process; none when it is gone."""
    found: list[int] = []
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            found += [int(child) for child in (task / "children").read_text().split()]
    return found


def family(pid: int) -> list[int]:
    """Return a process and everything below it."""
    return [pid, *(below for child in children(pid) for below in family(child))]


def named(launcher: int, name: str) -> list[int]:
    """Return the launcher's children of this name, those started first first."""
    return [pid for pid in sorted(children(launcher)) if _is(pid, name)]


def _is(pid: int, name: str) -> bool:
    try:
        if name in _PROGRAMS:
            return Path(f"/proc/{pid}/comm").read_text().strip() == _PROGRAMS[name]
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
    except OSError:
        return False
    # a process that is still becoming the program (setpriv, sh) carries its words further behind
    return any(words[1 : 1 + len(wanted)] == wanted for wanted in _WORDS[name])


def variable(pid: int, name: str) -> str | None:
    """Return a variable of a process's environment."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"):
            key, _, value = line.decode(errors="replace").partition("=")
            if key == name:
                return value
    return None


def kill(pids: list[int]) -> None:
    """Kill without warning: nothing can be written, said or tidied any more."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def fill_disk(pid: int) -> None:
    """Have every write of a process that needs room on a disk fail, from now on and for its children.

    The file size limit does it without privileges and without a mount: the kernel refuses the write (EFBIG)
    where a full disk refuses it with ENOSPC, in the same calls.
    """
    _limit(pid, 0)


def free_disk(pid: int) -> None:
    """Let a process write again."""
    _limit(pid, resource.RLIM_INFINITY)


def _limit(pid: int, size: int) -> None:
    with suppress(ProcessLookupError, FileNotFoundError):
        owner = Path(f"/proc/{pid}").stat().st_uid
        if owner == os.geteuid():
            _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, hard))
            return
        # another user's: root of a container may not, but may become that user, who may
        user = pwd.getpwuid(owner)
        value = "unlimited" if size == resource.RLIM_INFINITY else str(size)
        become = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--init-groups"]
        subprocess.run([*become, "prlimit", f"--pid={pid}", f"--fsize={value}:"], check=False)


def interrupt(pid: int) -> None:
    """Ask a process to end now: PostgreSQL ends its sessions and shuts down cleanly."""
    os.kill(pid, signal.SIGINT)
