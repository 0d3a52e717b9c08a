"""What lies outside the database and only grows: signed checkpoints and the list of erasures."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from dispatch.storage.checkpoint_folder import ERASURES, PUBLIC_KEY, is_present, public_key_in, set_aside_of
from dispatch.storage.line_file import append_line, read_lines


def copy_outside(source: Path, target: Path) -> None:
    """Copy what has changed, each file whole or not at all."""
    target.mkdir(parents=True, exist_ok=True)
    for path in sorted(source.glob("*")):
        copy = target / path.name
        if path.is_file() and not (copy.exists() and _same(path, copy)):
            _copy(path, copy)
    for copy in target.glob("*.jsonl"):
        # its lines are there under the name of what another key signed
        if is_present(copy.name) and not (source / copy.name).exists() and set_aside_of(target, copy.stem):
            copy.unlink()


def gather_outside(sources: Iterable[Path], target: Path) -> None:
    """Bring together several copies, later ones rather newer: the longest of each file, every erasure of all.

    A copy from before the checkpoints' key was changed has nothing to say of what the present key signed.
    """
    target.mkdir(parents=True, exist_ok=True)
    folders = [folder for folder in sources if folder.is_dir()]
    for name in sorted({path.name for folder in folders for path in folder.iterdir() if path.is_file()}):
        of_key = name == PUBLIC_KEY or is_present(name)
        among = _of_the_present_key(folders) if of_key else folders
        copies = [folder / name for folder in among if (folder / name).is_file()]
        if not copies:
            continue  # of a tenant for whom the present key has signed nothing yet
        _copy(max(copies, key=lambda path: path.stat().st_size), target / name)
    known = set(read_lines(target / ERASURES))
    for folder in folders:
        for line in read_lines(folder / ERASURES):
            if line not in known:
                known.add(line)
                append_line(target / ERASURES, line)


def _of_the_present_key(folders: list[Path]) -> list[Path]:
    """Return those that were copied since the checkpoints have the key that they have now."""
    keys = {folder: public_key_in(folder / PUBLIC_KEY) for folder in folders}
    former = {public_key_in(path) for folder in folders for path in folder.glob("public.until-*.key")}
    known = [key for key in keys.values() if key is not None]
    present = [key for key in known if key not in former] or known
    return [folder for folder in folders if keys[folder] in (None, *present[-1:])]


def _copy(path: Path, copy: Path) -> None:
    draft = copy.with_name(f".{copy.name}.{os.getpid()}")
    shutil.copy2(path, draft)
    with draft.open("rb") as file:
        os.fsync(file.fileno())
    draft.replace(copy)


def _same(left: Path, right: Path) -> bool:
    a, b = left.stat(), right.stat()
    return (a.st_size, a.st_mtime_ns) == (b.st_size, b.st_mtime_ns)
