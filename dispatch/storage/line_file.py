"""Files of lines that only grow: a line is on disk when its writer returns, and a crash harms no other."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from dispatch.storage.folder_lock import settle


def append_line(path: Path, line: bytes) -> None:
    """Append one line without its end. What a crash cut short before it is taken off."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+b") as file:
        size = file.seek(0, os.SEEK_END)
        if size and not _ends_whole(file.fileno(), size):
            file.truncate(_whole(path.read_bytes()))
        file.write(line + b"\n")
        file.flush()
        os.fsync(file.fileno())


def replace_lines(path: Path, lines: Sequence[bytes]) -> None:
    """Write a file of these lines alone in the place of `path`: whole, or the old one stays."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with draft.open("wb") as file:
        file.write(b"".join(line + b"\n" for line in lines))
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    settle(path.parent)


def read_lines(path: Path) -> list[bytes]:
    """Return the whole lines of a file, in order; none when there is no file."""
    if not path.is_file():
        return []
    content = path.read_bytes()
    return content[: _whole(content)].split(b"\n")[:-1]


def _ends_whole(handle: int, size: int) -> bool:
    return os.pread(handle, 1, size - 1) == b"\n"


def _whole(content: bytes) -> int:
    """How many bytes of whole lines there are."""
    return content.rfind(b"\n") + 1
