"""A folder for the system under test: on a real file system, and within reach of the database's user."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from chaos.disk import unmount_below
from dispatch.local import places

PREFIX = "semar-chaos-"
_IN_MEMORY = ("tmpfs", "ramfs", "devtmpfs")


class NoPlace(Exception):
    """No folder here survives a power cut: what is proved in memory proves nothing."""


def file_system(folder: Path) -> str:
    """Return the kind of file system that holds `folder`."""
    kind, longest = "unknown", -1
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        before, _, after = line.partition(" - ")
        mounted = Path(before.split()[4])
        if folder.resolve().is_relative_to(mounted) and len(mounted.parts) >= longest:
            kind, longest = after.split()[0], len(mounted.parts)
    return kind


@contextmanager
def folder_on_disk() -> Iterator[Path]:
    """Make a folder on a real file system, and remove it at the end.

    Raises:
        NoPlace: there is none.
    """
    root = root_on_disk()
    _remove_abandoned(root)
    folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-", dir=root))
    folder.chmod(0o711)  # passage for the database's user
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def root_on_disk() -> Path:
    """Return a folder on a real file system that the database's user reaches.

    Raises:
        NoPlace: there is none.
    """
    user = places.server_user()
    wanted = [Path(tempfile.gettempdir()), Path("/var/tmp"), Path("/var/lib")]
    for root in wanted:
        fits = root.is_dir() and os.access(root, os.W_OK) and file_system(root) not in _IN_MEMORY
        if fits and places.reaches(user, root):
            return root
    raise NoPlace(f"no folder on a disk among {', '.join(map(str, wanted))}")


def _remove_abandoned(root: Path) -> None:
    """Remove the folders of runs that were killed."""
    for folder in root.glob(f"{PREFIX}*"):
        pid = folder.name.removeprefix(PREFIX).partition("-")[0]
        if pid.isdigit() and not Path("/proc", pid).exists():
            unmount_below(folder)
            shutil.rmtree(folder, ignore_errors=True)
