"""Compiles the numeric kernels, once per machine: finds a cache folder for numba that this user can write."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Callable
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


def choose_cache() -> str | None:
    """The folder for compiled kernels: '' for the package's own `__pycache__`, None when nothing is writable.

    Order: NUMBA_CACHE_DIR when set; `__pycache__` beside the source; the user's cache folder
    (XDG_CACHE_HOME or ~/.cache); a private folder in the temporary directory. Without this a checkout that is
    read-only for a user without a home makes numba refuse to import.
    """
    wished = str(_settings["CACHE_DIR"])
    if wished and _writable(Path(wished)):
        return wished
    if _writable(Path(__file__).parent / "__pycache__"):
        return ""
    home = os.environ.get("XDG_CACHE_HOME") or str(Path("~/.cache").expanduser())
    candidates = [Path(home) / "semar-numba", Path(tempfile.gettempdir()) / f"semar-numba-{os.getuid()}"]
    for folder in candidates:
        if folder.is_absolute() and _writable(folder) and _private(folder):
            return str(folder)
    return None


_settings = vars(numba.core.config)
_folder = choose_cache()
if _folder:
    _settings["CACHE_DIR"] = _folder


def compiled(kernel: Kernel) -> Kernel:
    """Compile `kernel` on first use; it then runs without the interpreter lock, and is cached on disk."""
    return cast(Kernel, numba.njit(cache=_folder is not None, nogil=True)(kernel))
