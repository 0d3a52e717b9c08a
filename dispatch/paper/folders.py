"""Puts a printed board into a folder: whole or not at all, read by its owner alone, old ones thrown away."""

from __future__ import annotations

import os
import re
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

LATEST = "papan.pdf"
KEPT = re.compile(r"papan-\d{4}\.pdf")
_HALF_WRITTEN = re.compile(r"\.papan-[0-9a-f]{8}\.part")


def put(folder: Path, minute: str, content: bytes, keep_s: float) -> None:
    """Write `papan-HHMM.pdf` and `papan.pdf`, then remove what is older than `keep_s` seconds.

    Whoever reads at any moment, also after a crash or a pulled plug, finds a whole file. Nothing is removed
    before the new one is on disk, so that the last board stays when no further one can be made.

    Raises:
        OSError: the folder cannot be written; what lies in it is as it was.
    """
    folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)
    with suppress(PermissionError):  # a stick or share may know no modes; paper is worth more than that
        folder.chmod(0o700)
    for name in (f"papan-{minute}.pdf", LATEST):
        write_whole(folder / name, content)
    _prune(folder, keep_s)


def write_whole(path: Path, content: bytes) -> None:
    """Replace a file by another one in a single step, on disk when this returns; mode 0600.

    Raises:
        OSError: it cannot be written; the old one is as it was.
    """
    part = path.parent / f".papan-{secrets.token_hex(4)}.part"
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError:
        with suppress(OSError):
            part.unlink()
        raise
    with _opened(path.parent) as inside, suppress(OSError):  # some shares cannot sync a folder
        os.fsync(inside)


@contextmanager
def _opened(folder: Path) -> Iterator[int]:
    handle = os.open(folder, os.O_RDONLY)
    try:
        yield handle
    finally:
        os.close(handle)


def _prune(folder: Path, keep_s: float) -> None:
    now = time.time()
    for path in folder.iterdir():
        if not (KEPT.fullmatch(path.name) or _HALF_WRITTEN.fullmatch(path.name)):
            continue
        with suppress(FileNotFoundError):  # another worker was here
            # a clock that was set back must not keep personal data for ever either
            if abs(now - path.lstat().st_mtime) > keep_s:
                path.unlink()
