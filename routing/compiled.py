"""Compiles the numeric kernels, once per machine: finds a cache folder for numba that this user can write."""

from __future__ import annotations

import hashlib
import os
import re
import stat
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar, cast

import numba
import numba.core.config

Kernel = TypeVar("Kernel", bound=Callable[..., object])


def _writable(folder: Path) -> bool:
    """Whether files can really be made in `folder` (permission bits say nothing about read-only mounts)."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def _private(folder: Path) -> bool:
    """Whether `folder` is ours alone: the cache holds code that will be run."""
    info = folder.stat()
    return info.st_uid == os.getuid() and not info.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


_IMPORTED = re.compile(r"^from routing(?:\.(\w+) import|\s+import ([\w, ]+))", re.MULTILINE)


def own_sources(folder: Path) -> list[Path]:
    """The source files that the network's kernels are made of: those they stand in, and those they import."""
    source = {file.stem: file.read_bytes() for file in folder.glob("*.py")}
    wanted = [name for name, content in source.items() if b"@compiled" in content]
    seen = set(wanted)
    while wanted:
        for one, several in _IMPORTED.findall(source[wanted.pop()].decode()):
            found = {one, *re.findall(r"\w+", several)} & source.keys() - seen
            seen |= found
            wanted += found
    return [folder / f"{name}.py" for name in sorted(seen)]


def choose_cache(name: str, beside: Path) -> Path | None:
    """The folder `name` for compiled kernels, or None when nothing is writable.

    It lies in the first of these that can be written: NUMBA_CACHE_DIR when set; `__pycache__` in the folder
    `beside` (the source's); the user's cache folder (XDG_CACHE_HOME or ~/.cache); a private folder in the
    temporary directory. Left alone, numba refuses to import on a checkout that is read-only for a user
    without a home.
    """
    wished = os.environ.get("NUMBA_CACHE_DIR")
    home = os.environ.get("XDG_CACHE_HOME") or str(Path("~/.cache").expanduser())
    own = [
        beside / "__pycache__",
        Path(home) / "semar-numba",
        Path(tempfile.gettempdir()) / f"semar-numba-{os.getuid()}",
    ]
    # what the administrator names may belong to a group; what we choose ourselves must be ours alone
    if wished and _writable(Path(wished) / name):
        return Path(wished) / name
    for folder in own:
        if folder.is_absolute() and _writable(folder) and _private(folder) and _writable(folder / name):
            return folder / name
    return None


class Compiler:
    """Compiles kernels on first use; they then run without the interpreter lock, and are cached on disk."""

    def __init__(self, name: str, sources: Sequence[Path]) -> None:
        """`sources` are the files that the kernels stand in, and those whose constants or kernels they use.

        numba looks only at the file a kernel stands in, and would go on using a kernel compiled with an older
        version of something it calls, or of a constant it took, in another file. A folder per state of the
        source rules that out.
        """
        digest = hashlib.sha256()
        for file in sources:
            digest.update(file.stem.encode() + b"\0" + file.read_bytes() + b"\0")
        self.folder = choose_cache(f"{name}-{digest.hexdigest()[:12]}", sources[0].parent)

    def __call__(self, kernel: Kernel) -> Kernel:
        """Return the kernel in its compiled form; for use as a decorator."""
        if self.folder:  # read when a kernel is declared
            vars(numba.core.config)["CACHE_DIR"] = str(self.folder)
        return cast(Kernel, numba.njit(cache=self.folder is not None, nogil=True)(kernel))


compiled = Compiler("routing", own_sources(Path(__file__).parent))
