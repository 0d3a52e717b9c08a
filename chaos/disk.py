"""A small disk of its own for the system under test, so that it can really be full: ext4 on a loop file."""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SIZE_BYTES = 4 << 30
"""Room for a cluster, its log and a second copy of both; the file behind it takes only what is written."""
_STEPS = (1 << 28, 1 << 24, 1 << 20, 1 << 16, 1 << 12)
# It waits until its starter closes the pipe, or is gone, however: then the mount is undone, and the loop
# device with it. What still has a file open there does not keep it.
_UNDO = 'cat >/dev/null; umount "$0" 2>/dev/null || umount --lazy "$0" 2>/dev/null; exit 0'


class SmallDisk:
    """A mounted disk that can be filled to its last block, and freed. `means` says what it is."""

    means = "ENOSPC, ext4 on a loop file"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ballast = folder / "ballast"

    def fill(self) -> None:
        """Take all the room there is. Again: take what was given back meanwhile."""
        with self._ballast.open("ab") as ballast:
            for step in _STEPS:
                while _takes(ballast.fileno(), step):
                    pass

    def free(self) -> None:
        """Give all of it back."""
        self._ballast.unlink(missing_ok=True)


def _takes(file: int, size: int) -> bool:
    try:
        os.posix_fallocate(file, os.fstat(file).st_size, size)
    except OSError as full:
        if full.errno != errno.ENOSPC:
            raise
        return False
    return True


@contextmanager
def small_disk(folder: Path) -> Iterator[SmallDisk | None]:
    """Make a disk mounted at `folder`; None where this machine lets nobody mount.

    It is unmounted at the end, also when this process is killed.
    """
    folder.mkdir()
    with subprocess.Popen(
        ["/bin/sh", "-c", _UNDO, str(folder)], stdin=subprocess.PIPE, start_new_session=True
    ):
        mounted = _mount(folder.with_name(f"{folder.name}.img"), folder)
        yield SmallDisk(folder) if mounted else None


def _mount(image: Path, folder: Path) -> bool:
    with image.open("wb") as file:
        file.truncate(SIZE_BYTES)
    # nothing kept for root: PostgreSQL runs as another user than the rest
    make = ["mkfs.ext4", "-q", "-m", "0", str(image)]
    mount = ["mount", "-o", "loop", str(image), str(folder)]
    try:
        for command in (make, mount):
            subprocess.run(command, check=True, stdin=subprocess.DEVNULL, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        return False
    (folder / "lost+found").rmdir()
    return True


def unmount_below(folder: Path) -> None:
    """Undo what is mounted below a folder, innermost first."""
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    for mounted in reversed([Path(line.split()[4]) for line in lines]):
        if mounted.is_relative_to(folder):
            subprocess.run(["umount", "--lazy", str(mounted)], check=False, capture_output=True)
