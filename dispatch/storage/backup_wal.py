"""The kept log of a backup folder: segments as they arrive, then compressed, with their checksums."""

from __future__ import annotations

import fcntl
import gzip
import hashlib
import os
import re
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from dispatch.storage.backup_inventory import PIECE, BackupFault
from dispatch.storage.line_file import append_line, read_lines

INCOMING = "incoming"
"""Where the receiver writes; it goes on from the newest file there."""
LEFT = "left"
"""Where the begun segment of a branch lies that the server does not go on."""
SUMS = "sums.jsonl"
SEGMENT_BYTES = 16 * 2**20
_NAME = re.compile(r"[0-9A-F]{24}")
_HISTORY = re.compile(r"[0-9A-F]{8}\.history")
_PARTIAL = ".partial"


class Sum(msgspec.Struct, frozen=True):
    """A kept segment: its name and the SHA-256 of its clear bytes."""

    name: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Segment:
    """One segment of the log and where it lies. sha256 is None for one that is not sealed yet."""

    name: str
    path: Path
    sha256: str | None

    @property
    def partial(self) -> bool:
        """Whether it was still being written."""
        return self.path.name.endswith(_PARTIAL)


def seal_arrived(folder: Path) -> int:
    """Compress complete segments, note their checksums, and return how many. The newest stays where it is."""
    incoming = folder / INCOMING
    complete = sorted(p for p in incoming.glob("*") if _NAME.fullmatch(p.name) or _HISTORY.fullmatch(p.name))
    newest = max((p.name.removesuffix(_PARTIAL) for p in incoming.glob("*")), default="")
    sealed = 0
    for path in complete:
        if path.name == newest:
            continue  # the receiver looks for where to go on by its newest file
        _seal(folder, path)
        sealed += 1
    return sealed


def leave_branch(folder: Path, timeline: int, ends: Mapping[int, int]) -> list[str]:
    """Put out of the receiver's way what a server on `timeline` knows nothing of; return the names.

    A server that was restored to a moment begins a timeline there. What had arrived of the former one after
    that moment is kept, but the receiver would ask for what follows it, and be refused for ever.
    ends: for each earlier timeline of the server's history, the position at which it left it.
    """
    left = []
    for path in sorted((folder / INCOMING).glob("*")):
        name = path.name.removesuffix(_PARTIAL)
        if not _NAME.fullmatch(name) or (own := int(name[:8], 16)) == timeline:
            continue
        whole = path.name == name
        # the receiver goes on where a whole segment ends, and anew where a begun one begins
        if (_place(name) + whole) * SEGMENT_BYTES <= ends.get(own, -1):
            continue
        if whole:
            _seal(folder, path)
        else:
            (folder / LEFT).mkdir(exist_ok=True)
            path.replace(folder / LEFT / path.name)
        left.append(path.name)
    return left


def _seal(folder: Path, path: Path) -> None:
    digest = _compress(path, folder / f"{path.name}.gz")
    with _alone(folder):
        append_line(folder / SUMS, msgspec.json.encode(Sum(path.name, digest)))
    path.unlink()


def segments(folder: Path) -> dict[str, Segment]:
    """Return what is kept, by name: sealed ones, then complete ones, then the one that was being written."""
    sums = {one.name: one.sha256 for one in _sums(folder)}
    found: dict[str, Segment] = {}
    for path in (folder / INCOMING).glob("*"):
        name = path.name.removesuffix(_PARTIAL)
        if (_NAME.fullmatch(name) or _HISTORY.fullmatch(name)) and not (
            name in found and path.name.endswith(_PARTIAL)
        ):
            found[name] = Segment(name, path, None)
    for path in folder.glob("*.gz"):
        name = path.name.removesuffix(".gz")
        if name in sums:
            found[name] = Segment(name, path, sums[name])
    return found


def needed(
    kept: dict[str, Segment], first: str, present: set[str]
) -> tuple[list[Segment], BackupFault | None]:
    """Return the segments from `first` on that follow each other without a gap, and all histories.

    present: segments that a base backup brings along. The fault names the first that is missing although
    later ones are there; what follows it is of no use.
    """
    histories = [segment for name, segment in sorted(kept.items()) if _HISTORY.fullmatch(name)]
    later = sorted(
        (s for n, s in kept.items() if _NAME.fullmatch(n) and _place(n) >= _place(first)), key=_order
    )
    places = {_place(segment.name) for segment in later} | {_place(name) for name in present}
    for place in range(_place(first), max(places, default=0)):
        if place not in places:
            fault = BackupFault(
                f"Log {_shown(place)} tidak ada: hanya dapat dipulihkan sampai sebelum itu (--at)",
                f"The log segment {_shown(place)} is missing: only what comes before can be restored (--at)",
            )
            return [*histories, *(s for s in later if _place(s.name) < place)], fault
    return [*histories, *later], None


def expand(segment: Segment, target: Path) -> None:
    """Write a segment's clear bytes to `target`. Raises BackupFault when it is damaged."""
    digest = hashlib.sha256()
    try:
        with _opened(segment.path) as reading, target.open("wb") as writing:
            for piece in iter(lambda: reading.read(PIECE), b""):
                digest.update(piece)
                writing.write(piece)
    except (OSError, EOFError, zlib.error) as damage:
        raise _damaged(segment.path) from damage
    if segment.sha256 is not None and digest.hexdigest() != segment.sha256:
        raise _damaged(segment.path)


def filled(path: Path) -> int:
    """Return how many bytes stand before the zeros at a segment's end: how far it was written."""
    content = path.read_bytes()
    return len(content.rstrip(b"\0"))


def forget_before(folder: Path, first: str) -> int:
    """Remove the segments that come before `first`, which the oldest backup begins with; return how many."""
    if not folder.is_dir():
        return 0
    with _alone(folder):
        gone = [
            path
            for path in folder.glob("*.gz")
            if _NAME.fullmatch(name := path.name.removesuffix(".gz")) and _place(name) < _place(first)
        ]
        ended = [  # the last one of a timeline that a promotion ended
            path
            for path in (folder / INCOMING).glob(f"*{_PARTIAL}")
            if _place(path.name.removesuffix(_PARTIAL)) < _place(first)
        ]
        names = {path.name.removesuffix(".gz") for path in gone}
        staying = [one for one in _sums(folder) if one.name not in names]
        draft = folder / f".{SUMS}"
        with draft.open("wb") as file:
            file.writelines(msgspec.json.encode(one) + b"\n" for one in staying)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(folder / SUMS)
        for path in (*gone, *ended):
            path.unlink(missing_ok=True)
    return len(gone)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the list of checksums: the receiver adds to it while a backup takes from it."""
    with (folder / ".lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def segment_at(timeline: int, position: str, segment_bytes: int = SEGMENT_BYTES) -> str:
    """Return the name of the segment that holds a position like `0/2000028`."""
    number = bytes_at(position) // segment_bytes
    return f"{timeline:08X}{number // (2**32 // segment_bytes):08X}{number % (2**32 // segment_bytes):08X}"


def bytes_at(position: str) -> int:
    """Return a position like `0/2000028` as a number of bytes."""
    high, _, low = position.partition("/")
    return int(high, 16) << 32 | int(low, 16)


def _place(name: str) -> int:
    """The segment's number, without its timeline. 256 segments of 16 MB make one of the middle part."""
    return int(name[8:16], 16) * 256 + int(name[16:24], 16)


def _order(segment: Segment) -> tuple[int, str]:
    return _place(segment.name), segment.name


def _shown(place: int) -> str:
    return f"…{place // 256:08X}{place % 256:08X}"


def _sums(folder: Path) -> list[Sum]:
    try:
        return [msgspec.json.decode(line, type=Sum) for line in read_lines(folder / SUMS)]
    except msgspec.DecodeError as damage:
        raise _damaged(folder / SUMS) from damage


def _compress(path: Path, target: Path) -> str:
    draft = target.with_name(f".{target.name}")
    digest = hashlib.sha256()
    with path.open("rb") as reading, draft.open("wb") as raw:
        with gzip.GzipFile(filename="", mode="wb", fileobj=raw, compresslevel=1, mtime=0) as writing:
            for piece in iter(lambda: reading.read(PIECE), b""):
                digest.update(piece)
                writing.write(piece)
        raw.flush()
        os.fsync(raw.fileno())
    draft.replace(target)
    return digest.hexdigest()


def _opened(path: Path) -> gzip.GzipFile:
    return gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb")  # type: ignore[return-value]


def _damaged(path: Path) -> BackupFault:
    return BackupFault(
        f"{path} rusak: hanya dapat dipulihkan sampai sebelum itu (--at)",
        f"{path} is damaged: only what comes before can be restored (--at)",
    )
