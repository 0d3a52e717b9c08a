"""The kept log of a backup folder: segments as they arrive, then compressed, with their checksums."""

from __future__ import annotations

import fcntl
import gzip
import hashlib
import os
import re
import zlib
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from dispatch.storage.backup_inventory import PIECE, BackupFault
from dispatch.storage.line_file import append_line, read_lines

INCOMING = "incoming"
"""Where the receiver writes; it goes on from the newest file there."""
LEFT = "left"
"""Where begun segments lie that the server does not go on: of a branch that it left, or before a gap."""
SUMS = "sums.jsonl"
SEGMENT_BYTES = 16 * 2**20
_NAME = re.compile(r"[0-9A-F]{24}")
_HISTORY = re.compile(r"[0-9A-F]{8}\.history")
_LEFT_AT = re.compile(r"^(\d+)\t([0-9A-F]+/[0-9A-F]+)\t", re.MULTILINE)
"""A line of a timeline's history: an earlier timeline, and the position at which it was left."""
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
        if not _NAME.fullmatch(name) or (own := _timeline(name)) == timeline:
            continue
        whole = path.name == name
        # the receiver goes on where a whole segment ends, and anew where a begun one begins
        if (_place(name) + whole) * SEGMENT_BYTES <= ends.get(own, -1):
            continue
        if whole:
            _seal(folder, path)
        else:
            _put_aside(folder, path)
        left.append(path.name)
    return left


def goes_on_at(folder: Path) -> int | None:
    """Return the position, in bytes, at which the receiver goes on: where its newest file ends, or begins.

    None where it has none: then it begins where the server's slot keeps the log from.
    """
    found = [
        (_place(name), _timeline(name), path.name == name)
        for path in (folder / INCOMING).glob("*")
        if _NAME.fullmatch(name := path.name.removesuffix(_PARTIAL))
    ]
    if not found:
        return None
    place, _, whole = max(found)
    return (place + whole) * SEGMENT_BYTES


def leave_gap(folder: Path) -> list[str]:
    """Put all that had arrived out of the receiver's way, for what follows it is gone; return the names.

    It is kept: backups from before the gap reach as far as it does.
    """
    left = []
    for path in sorted((folder / INCOMING).glob("*")):
        if _NAME.fullmatch(path.name):
            _seal(folder, path)
        elif _NAME.fullmatch(path.name.removesuffix(_PARTIAL)):
            _put_aside(folder, path)
        else:
            continue
        left.append(path.name)
    return left


def newest(folder: Path) -> str:
    """Return the name of the newest segment that has begun to arrive; empty when none has."""
    return max((name for name in segments(folder) if _NAME.fullmatch(name)), default="")


def has_passed(folder: Path, timeline: int, position: str) -> bool:
    """Whether the log up to a position of a timeline has arrived, or what comes after it has."""
    last = (bytes_at(position) - 1) // SEGMENT_BYTES
    return any(
        _timeline(name) >= timeline and _place(name) >= last + segment.partial
        for name, segment in segments(folder).items()
        if _NAME.fullmatch(name)
    )


def _put_aside(folder: Path, path: Path) -> None:
    (folder / LEFT).mkdir(exist_ok=True)
    path.replace(folder / LEFT / path.name)


def _seal(folder: Path, path: Path) -> None:
    digest = _compress(path, folder / f"{path.name}.gz")
    with _alone(folder):
        append_line(folder / SUMS, msgspec.json.encode(Sum(path.name, digest)))
    path.unlink()


def segments(folder: Path) -> dict[str, Segment]:
    """Return what is kept, by name: sealed ones, then complete ones, then those that are begun."""
    sums = {one.name: one.sha256 for one in _sums(folder)}
    found = {
        name: Segment(name, path, None)
        for path in (folder / LEFT).glob(f"*{_PARTIAL}")
        if _NAME.fullmatch(name := path.name.removesuffix(_PARTIAL))
    }
    for path in (folder / INCOMING).glob("*"):
        name = path.name.removesuffix(_PARTIAL)
        if (_NAME.fullmatch(name) or _HISTORY.fullmatch(name)) and not (
            name in found and not found[name].partial and path.name.endswith(_PARTIAL)
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

    They are those on the way to the newest timeline; what came on another after it was left is none of them.
    present: segments that a base backup brings along. The fault names the first that is missing, or only
    begun, although later ones are there; what follows it is of no use.
    """
    histories = [segment for name, segment in sorted(kept.items()) if _HISTORY.fullmatch(name)]
    way = _way(histories, _timeline(first))
    later = sorted(
        (
            s
            for n, s in kept.items()
            if _NAME.fullmatch(n) and _place(first) <= _place(n) <= way.get(_timeline(n), -1)
        ),
        key=_order,
    )
    whole = {_place(s.name) for s in later if not s.partial} | {_place(name) for name in present}
    for place in range(_place(first), max((_place(s.name) for s in later), default=0)):
        if place not in whole:
            fault = BackupFault(
                f"Log {_shown(place)} tidak ada atau tidak utuh: "
                "hanya dapat dipulihkan sampai sebelum itu (--at)",
                f"The log segment {_shown(place)} is missing or not whole: "
                "only what comes before can be restored (--at)",
            )
            return [*histories, *(s for s in later if _place(s.name) <= place)], fault
    return [*histories, *later], None


def _way(histories: list[Segment], timeline: int) -> dict[int, int]:
    """Return, for each timeline from this one to the newest, the number of its last segment.

    As PostgreSQL goes for `latest`; a newest one that does not come from this one it refuses by itself.
    """
    endless = 2**63
    newest = max((_timeline(s.name) for s in histories), default=timeline)
    if newest <= timeline:
        return {timeline: endless}
    history = next(s for s in histories if _timeline(s.name) == newest)
    try:
        with _opened(history.path) as file:
            told = file.read().decode(errors="replace")
    except (OSError, EOFError, zlib.error) as damage:
        raise _damaged(history.path) from damage
    ends = {int(own): bytes_at(end) for own, end in _LEFT_AT.findall(told)}
    return {own: end // SEGMENT_BYTES for own, end in ends.items() if own >= timeline} | {newest: endless}


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


def forget_unneeded(folder: Path, firsts: Collection[str]) -> int:
    """Remove the segments that no backup needs; return how many. `firsts` are those which backups begin with.

    A backup needs what follows its first segment on its own timeline and on those that come after it: one
    that a restore began may begin before the backups of the timeline that it left.
    """
    if not folder.is_dir():
        return 0

    def unneeded(name: str) -> bool:
        own = (_timeline(name), _place(name))
        return not any(_timeline(first) <= own[0] and _place(first) <= own[1] for first in firsts)

    with _alone(folder):
        begun = [
            path
            for part in (INCOMING, LEFT)
            for path in (folder / part).glob(f"*{_PARTIAL}")
            if _NAME.fullmatch(path.name.removesuffix(_PARTIAL))
        ]
        newest = max((_timeline(path.name) for path in begun if path.parent.name == INCOMING), default=0)
        ended = [  # the last one of a timeline that a promotion ended, or that a restore left
            path
            for path in begun
            if unneeded(path.name.removesuffix(_PARTIAL))
            and (path.parent.name == LEFT or _timeline(path.name) < newest)  # not the one that is written
        ]
        gone = [
            path
            for path in folder.glob("*.gz")
            if _NAME.fullmatch(name := path.name.removesuffix(".gz")) and unneeded(name)
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


def position_of(place: int) -> str:
    """Return a number of bytes as a position like `0/2000028`."""
    return f"{place >> 32:X}/{place & 0xFFFFFFFF:X}"


def bytes_at(position: str) -> int:
    """Return a position like `0/2000028` as a number of bytes."""
    high, _, low = position.partition("/")
    return int(high, 16) << 32 | int(low, 16)


def _place(name: str) -> int:
    """The segment's number, without its timeline. 256 segments of 16 MB make one of the middle part."""
    return int(name[8:16], 16) * 256 + int(name[16:24], 16)


def _timeline(name: str) -> int:
    return int(name[:8], 16)


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
