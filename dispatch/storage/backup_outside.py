"""What lies outside the database and only grows: signed checkpoints and the list of erasures."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from dispatch.storage.line_file import append_line, read_lines

ERASURES = "erasures.jsonl"


def copy_outside(source: Path, target: Path) -> None:
    """Copy what has changed, each file whole or not at all."""
    target.mkdir(parents=True, exist_ok=True)
    for path in sorted(source.glob("*")):
        copy = target / path.name
        if path.is_file() and not (copy.exists() and _same(path, copy)):
            _copy(path, copy)


def gather_outside(sources: Iterable[Path], target: Path) -> None:
    """Bring together several copies of different age: the longest of each file, and every erasure of all."""
    target.mkdir(parents=True, exist_ok=True)
    folders = [folder for folder in sources if folder.is_dir()]
    for name in sorted({path.name for folder in folders for path in folder.iterdir() if path.is_file()}):
        copies = [folder / name for folder in folders if (folder / name).is_file()]
        _copy(max(copies, key=lambda path: path.stat().st_size), target / name)
    known = set(read_lines(target / ERASURES))
    for folder in folders:
        for line in read_lines(folder / ERASURES):
            if line not in known:
                known.add(line)
                append_line(target / ERASURES, line)


def _copy(path: Path, copy: Path) -> None:
    draft = copy.with_name(f".{copy.name}.{os.getpid()}")
    shutil.copy2(path, draft)
    with draft.open("rb") as file:
        os.fsync(file.fileno())
    draft.replace(copy)


def _same(left: Path, right: Path) -> bool:
    a, b = left.stat(), right.stat()
    return (a.st_size, a.st_mtime_ns) == (b.st_size, b.st_mtime_ns)
