"""The store on disk: a folder of .npy files and a manifest, written whole or not at all, memory-mapped."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from routing.arrays import ARRAY_TYPES, NetworkArrays
from routing.errors import BadStore
from routing.grid import Frame
from routing.hierarchy import Hierarchy
from routing.profile import Profile
from routing.report import BuildReport

SCHEMA = 2  # raise it when the arrays or their meaning change: older stores are then refused
MANIFEST = "manifest.json"
_HIERARCHY = tuple(part.name for part in fields(Hierarchy))


class Manifest(msgspec.Struct, frozen=True):
    """What stands beside the arrays. `profiles` and `classes` are in the order of their numbers there;
    `shapes` are the arrays', a check against lost or mixed-up files."""

    schema: int
    version: str
    source_sha256: str
    profiles: list[Profile]
    exclude_highway: list[str]
    classes: list[str]
    frame: Frame
    shapes: dict[str, list[int]]
    report: BuildReport


@dataclass(frozen=True, slots=True)
class Store:
    """An open store."""

    manifest: Manifest
    arrays: NetworkArrays
    hierarchy: Hierarchy


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a store; raises BadStore."""
    try:
        content = (folder / MANIFEST).read_bytes()
        schema = json.loads(content).get("schema")
        if schema != SCHEMA:
            raise _bad(folder, f"berskema {schema}, bukan {SCHEMA}", f"has schema {schema}, not {SCHEMA}")
        return msgspec.json.decode(content, type=Manifest)
    except FileNotFoundError:
        raise _bad(folder, "tidak ada atau tidak lengkap", "is not there or not complete") from None
    except (OSError, ValueError, AttributeError, msgspec.ValidationError) as error:
        raise _bad(folder, f"rusak ({error})", f"is damaged ({error})") from error


def read_store(folder: Path) -> Store:
    """Open a store memory-mapped, its pages shared by all processes. Raises BadStore."""
    manifest = read_manifest(folder)
    arrays = {name: _mapped(folder, manifest, name, kind) for name, kind in ARRAY_TYPES.items()}
    hierarchy = {name: _mapped(folder, manifest, f"h_{name}", "int32") for name in _HIERARCHY}
    return Store(manifest, NetworkArrays(**arrays), Hierarchy(**hierarchy))


def _mapped(folder: Path, manifest: Manifest, name: str, kind: str) -> NDArray[Any]:
    try:
        # Copy-on-write instead of read-only: nothing here writes, and numba takes a slow path on every call
        # for arrays that are marked read-only. The files cannot change either way.
        mapped = np.load(folder / f"{name}.npy", mmap_mode="c", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise _bad(folder, f"rusak: {name} ({error})", f"is damaged: {name} ({error})") from error
    if str(mapped.dtype) != kind or list(mapped.shape) != manifest.shapes.get(name):
        raise _bad(folder, f"rusak: {name}", f"is damaged: {name} does not match its manifest")
    return np.asarray(mapped)


def stored_arrays(arrays: NetworkArrays, hierarchy: Hierarchy) -> dict[str, NDArray[Any]]:
    """The arrays of a store by the names of their files."""
    return {name: getattr(arrays, name) for name in ARRAY_TYPES} | {
        f"h_{name}": getattr(hierarchy, name) for name in _HIERARCHY
    }


def write_store(folder: Path, manifest: Manifest, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write a store under another name and rename it to `folder` when it is whole: there is never half a
    store.

    Builders at work at the same time do not disturb each other: the last one wins. A folder that is something
    else than a store is not replaced: BadStore.
    """
    parent = folder.absolute().parent
    parent.mkdir(parents=True, exist_ok=True)
    with _workspace(parent, folder.name) as work:
        for name, array in arrays.items():
            np.save(work / f"{name}.npy", array, allow_pickle=False)
        (work / MANIFEST).write_bytes(msgspec.json.format(msgspec.json.encode(manifest), indent=1))
        for file in work.iterdir():
            _flush(file)
        _flush(work)
        work.chmod(0o755)  # other users (the database's, a web server's) may read what is public map data
        with _locked(parent):
            _put_in_place(work, folder)
        _flush(parent)


def _put_in_place(work: Path, folder: Path) -> None:
    if not folder.exists():
        work.rename(folder)
        return
    if not (folder / MANIFEST).is_file() and any(folder.iterdir()):
        raise BadStore(
            f"Folder {folder} bukan simpanan jalan; tidak ditimpa. Pilih folder lain.",
            f"Folder {folder} is not a road store; it is not replaced. Choose another one.",
        )
    # A folder cannot be renamed over a full one. Who opens the store in the instant between the two renames
    # gets BadStore; who has it open keeps the old one.
    old = work.with_name(f"{work.name}.old")
    folder.rename(old)
    work.rename(folder)
    shutil.rmtree(old)


@contextmanager
def _workspace(parent: Path, name: str) -> Iterator[Path]:
    """A folder beside the target, locked while its builder lives, gone afterwards unless it was renamed."""
    with ExitStack() as held:
        # without the lock another builder could take the new folder for a leftover
        with _locked(parent):
            _remove_leftovers(parent, name)
            work = Path(tempfile.mkdtemp(prefix=f".{name}.", suffix=".part", dir=parent))
            held.callback(shutil.rmtree, work, ignore_errors=True)
            held.enter_context(_locked(work))
        yield work


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold the lock of a folder itself: nothing is left behind, and it ends with the process."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _remove_leftovers(parent: Path, name: str) -> None:
    """Remove what builders that were killed left: workspaces that nobody holds locked."""
    for left in [*parent.glob(f".{name}.*.part"), *parent.glob(f".{name}.*.part.old")]:
        try:
            handle = os.open(left, os.O_RDONLY | os.O_DIRECTORY)
        except FileNotFoundError:
            continue
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(left, ignore_errors=True)
        except BlockingIOError:
            continue  # its builder is alive
        finally:
            os.close(handle)


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _bad(folder: Path, wrong_id: str, wrong_en: str) -> BadStore:
    return BadStore(
        f"Simpanan jalan {folder} {wrong_id}. Bangun ulang: python -m routing build EKSTRAK {folder}",
        f"Road store {folder} {wrong_en}. Rebuild it: python -m routing build EXTRACT {folder}",
    )
