"""Recorded tracks: fixes of one vehicle in order of time, checked, and read from GPX, CSV or JSON lines."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from xml.parsers import expat

import numpy as np
from numpy.typing import ArrayLike

from routing.arrays import Floats, Longs
from routing.errors import BadPoint, BadTrack
from routing.metric import Box, checked_points

# What is read where nobody says what it is: from this on a number is milliseconds since 1970, below seconds.
_SECONDS_END = 100_000_000_000


@dataclass(frozen=True, slots=True)
class Track:
    """Fixes of one vehicle, n >= 1 of them, never back in time.

    `lon`, `lat` (n,) degrees WGS84; `at` (n,) int64 milliseconds since 1970 UTC; `accuracy_m` (n,) the radius
    within which the fix lies with 68 % probability, as phones report it, NaN where unknown; `vehicle` a name.
    """

    lon: Floats
    lat: Floats
    at: Longs
    accuracy_m: Floats
    vehicle: str = ""

    @classmethod
    def of(
        cls,
        lon: ArrayLike,
        lat: ArrayLike,
        at: ArrayLike | Sequence[datetime],
        accuracy_m: ArrayLike | None = None,
        vehicle: str = "",
    ) -> Track:
        """A track from whatever arrays can be made of; `at` aware datetimes or milliseconds since 1970.

        Raises BadTrack naming the first row that cannot be meant: arrays of unequal length, no fix at all,
        times that are naive or run backwards, accuracies that are negative.
        """
        x, y = (_numbers(values, name) for values, name in ((lon, "lon"), (lat, "lat")))
        times = _milliseconds(at)
        radius = np.full(len(x), np.nan) if accuracy_m is None else _numbers(accuracy_m, "accuracy_m")
        sizes = {"lon": len(x), "lat": len(y), "at": len(times), "accuracy_m": len(radius)}
        if len(set(sizes.values())) > 1:
            raise BadTrack(
                f"Panjang larik tidak sama: {sizes}", f"The arrays differ in length: {sizes}", sizes, 0
            )
        if len(x) == 0:
            raise BadTrack("Jejak tidak memuat satu titik pun", "The track holds no fix at all", 0, 0)
        _refuse_backwards(times)
        if (wrong := (radius < 0) | np.isinf(radius)).any():
            row = int(np.argmax(wrong))
            raise BadTrack(
                f"Ketelitian bukan jarak: {radius[row]} m (baris {row})",
                f"The accuracy is no distance: {radius[row]} m (row {row})",
                float(radius[row]),
                row,
            )
        return cls(x, y, times, radius, vehicle)

    def __len__(self) -> int:
        return len(self.lon)


def checked_track(track: Track, box: Box) -> Track:
    """The track, after the check its points pass; raises BadTrack (no place on earth, lon and lat swapped).

    `box` is the network's (west, south, east, north). One odd fix among many is the matcher's business:
    only coordinates that cannot be meant are refused.
    """
    try:
        checked_points(np.column_stack([track.lon, track.lat]), box)
    except BadPoint as error:
        raise BadTrack(error.message_id, error.message_en, error.value, error.index) from None
    return track


def read_tracks(path: Path) -> list[Track]:
    """Read the tracks in a file, one per vehicle (GPX: per `trkseg`), by its ending.

    `.csv` has a header naming `vehicle,time,lon,lat` and perhaps `accuracy`; `.jsonl` and `.ndjson` hold one
    object per line with `vehicle`, `at` (or `time`), `lon`, `lat` and perhaps `accuracy_m`; `.gpx` holds
    tracks of GPX 1.0 or 1.1. A time is ISO 8601 with an offset, or a number since 1970 (seconds, or
    milliseconds from 1e11 on). Raises BadTrack naming the file and the line.
    """
    readers = {".csv": _csv_rows, ".jsonl": _json_rows, ".ndjson": _json_rows}
    ending = path.suffix.lower()
    try:
        if ending == ".gpx":
            return _gather(path, _gpx_rows(path.read_bytes()))
        if ending in readers:
            with path.open(encoding="utf-8-sig", newline="") as file:
                return _gather(path, readers[ending](file))
    except (OSError, UnicodeDecodeError, expat.ExpatError, csv.Error) as error:
        raise _bad_file(path, f"tidak terbaca ({error})", f"cannot be read ({error})", path.name) from None
    raise _bad_file(
        path, "bukan .gpx, .csv, .jsonl, atau .ndjson", "is not .gpx, .csv, .jsonl or .ndjson", ending
    )


@dataclass(frozen=True, slots=True)
class _Row:
    """One fix as a file has it: its line, whose it is, and texts or numbers not looked at yet."""

    line: int
    vehicle: str
    at: object
    lon: object
    lat: object
    accuracy: object


def _gather(path: Path, rows: Iterable[_Row]) -> list[Track]:
    """Tracks per vehicle in the order in which the vehicles first appear."""
    fixes: dict[str, list[tuple[float, float, int, float]]] = {}
    for row in rows:
        try:
            fix = (_number(row.lon), _number(row.lat), _instant(row.at), _radius(row.accuracy))
        except ValueError as error:
            raise _bad_file(
                path, f"baris {row.line}: {error}", f"line {row.line}: {error}", row, row.line
            ) from None
        past = fixes.setdefault(row.vehicle, [])
        if past and fix[2] < past[-1][2]:
            raise _bad_file(
                path,
                f"baris {row.line}: waktu mundur ({_told(past[-1][2])} lalu {_told(fix[2])})",
                f"line {row.line}: time runs backwards ({_told(past[-1][2])}, then {_told(fix[2])})",
                row,
                row.line,
            )
        past.append(fix)
    if not fixes:
        raise _bad_file(path, "tidak memuat satu titik pun", "holds no fix at all", 0)
    tracks = []
    for vehicle, past in fixes.items():
        lon, lat, at, radius = zip(*past, strict=True)
        tracks.append(Track.of(lon, lat, np.array(at, np.int64), radius, vehicle))
    return tracks


def _csv_rows(lines: Iterable[str]) -> Iterator[_Row]:
    reader = csv.DictReader(lines)
    missing = [name for name in ("vehicle", "time", "lon", "lat") if name not in (reader.fieldnames or ())]
    if missing:
        raise csv.Error(f"kolom | columns: {', '.join(missing)}?")
    for row in reader:
        accuracy = row.get("accuracy")
        yield _Row(reader.line_num, row["vehicle"] or "", row["time"], row["lon"], row["lat"], accuracy)


def _json_rows(lines: Iterable[str]) -> Iterator[_Row]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            fix = json.loads(line)
        except json.JSONDecodeError:
            fix = None
        if not isinstance(fix, dict):
            raise csv.Error(f"baris {number} bukan objek JSON | line {number} is no JSON object")
        at, accuracy = fix.get("at", fix.get("time")), fix.get("accuracy_m")
        yield _Row(number, str(fix.get("vehicle", "")), at, fix.get("lon"), fix.get("lat"), accuracy)


class _Gpx:
    """Gathers the `trkpt` of a GPX document; every `trkseg` is a track of its own."""

    def __init__(self) -> None:
        self.rows: list[_Row] = []
        self.parser = expat.ParserCreate(namespace_separator=" ")
        self.parser.StartElementHandler = self.open
        self.parser.EndElementHandler = self.close
        self.parser.CharacterDataHandler = self.read
        self.parser.StartDoctypeDeclHandler = self.refuse
        self._name, self._segment, self._inside = "", 0, False
        self._place: tuple[object, object] = (None, None)
        self._texts: dict[str, str] = {}
        self._open: list[str] = []

    def open(self, tag: str, attributes: dict[str, str]) -> None:
        plain = tag.rpartition(" ")[2]
        self._open.append(plain)
        if plain == "trk":
            self._name, self._segment = "", 0
        elif plain == "trkseg":
            self._segment += 1
        elif plain == "trkpt":
            self._texts, self._place = {}, (attributes.get("lon"), attributes.get("lat"))

    def read(self, text: str) -> None:
        if self._open[-2:] == ["trk", "name"]:
            self._name += text
        elif self._open[-2:-1] == ["trkpt"]:
            self._texts[self._open[-1]] = self._texts.get(self._open[-1], "") + text

    def close(self, tag: str) -> None:
        if self._open.pop() == "trkpt":
            line = self.parser.CurrentLineNumber
            vehicle = f"{self._name.strip()}/{self._segment}"
            self.rows.append(_Row(line, vehicle, self._texts.get("time"), *self._place, None))

    def refuse(self, *declaration: object) -> None:
        """A document type can make a small file expand without end, and no GPX has one."""
        raise csv.Error(f"DOCTYPE tidak diterima | is not accepted: {declaration[0]}")


def _gpx_rows(content: bytes) -> list[_Row]:
    document = _Gpx()
    document.parser.Parse(content, True)
    return document.rows


def _number(value: object) -> float:
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        try:
            number = float(value)
        except ValueError:
            raise ValueError(f"bukan angka | no number: {value!r}") from None
        if math.isfinite(number):
            return number
    raise ValueError(f"bukan angka | no number: {value!r}")


def _radius(value: object) -> float:
    if value in (None, ""):
        return math.nan
    radius = _number(value)
    if radius < 0:
        raise ValueError(f"ketelitian negatif | negative accuracy: {radius}")
    return radius


def _instant(value: object) -> int:
    """Milliseconds since 1970 from what a file says."""
    text = str(value).strip() if isinstance(value, str | int | float) else ""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if math.isfinite(number):
        return round(number if abs(number) >= _SECONDS_END else number * 1000)
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"bukan waktu | no time: {value!r}") from None
    if at.tzinfo is None:
        raise ValueError(f"waktu tanpa zona | time without an offset: {value!r}")
    return round(at.timestamp() * 1000)


def _numbers(values: ArrayLike, name: str) -> Floats:
    try:
        numbers = np.ascontiguousarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise BadTrack(f"{name} bukan larik angka", f"{name} is no array of numbers", name, 0) from None
    if numbers.ndim != 1:
        raise BadTrack(
            f"{name} harus satu larik, bukan {numbers.shape}",
            f"{name} must be one array, not {numbers.shape}",
            name,
            0,
        )
    return numbers


def _milliseconds(at: ArrayLike | Sequence[datetime]) -> Longs:
    """Times as int64 milliseconds since 1970."""
    if isinstance(at, np.ndarray) and np.issubdtype(at.dtype, np.integer) and at.ndim == 1:
        return np.ascontiguousarray(at, dtype=np.int64)
    times: list[int] = []
    for row, value in enumerate(at if isinstance(at, Iterable) else [at]):
        if isinstance(value, datetime) and value.tzinfo is not None:
            times.append(round(value.timestamp() * 1000))
        elif isinstance(value, int | float | np.integer | np.floating) and math.isfinite(value):
            times.append(round(float(value)))
        else:
            raise BadTrack(
                f"Bukan waktu UTC: {value!r} (baris {row})",
                f"No UTC time: {value!r} (row {row})",
                value,
                row,
            )
    return np.array(times, np.int64)


def _refuse_backwards(at: Longs) -> None:
    back = np.diff(at) < 0
    if back.any():
        row = int(np.argmax(back)) + 1
        raise BadTrack(
            f"Waktu mundur pada baris {row}: {_told(int(at[row - 1]))} lalu {_told(int(at[row]))}",
            f"Time runs backwards at row {row}: {_told(int(at[row - 1]))}, then {_told(int(at[row]))}",
            int(at[row]),
            row,
        )


def _told(at: int) -> str:
    try:
        return datetime.fromtimestamp(at / 1000, UTC).isoformat()
    except (OverflowError, ValueError, OSError):
        return f"{at} ms"


def _bad_file(path: Path, wrong_id: str, wrong_en: str, value: object, line: int = 0) -> BadTrack:
    return BadTrack(f"Berkas jejak {path}: {wrong_id}", f"Track file {path}: {wrong_en}", value, line)
