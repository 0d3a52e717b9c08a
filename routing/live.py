"""Live changes of the roads: what a dispatcher closes or slows down, from when until when."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from typing import Final, Literal, NamedTuple

import numpy as np
from shapely import LineString, MultiLineString, MultiPolygon, Point, Polygon, to_wkb

from routing.arrays import Floats, Ints
from routing.errors import BadChange

Drawing = Point | LineString | MultiLineString | Polygon | MultiPolygon
CLOSE: Final = "close"
# A speed below this share of the usual one is no road any more: close it.
LEAST_FACTOR = 0.02
_CLOSED = 0.0


@dataclass(frozen=True, slots=True)
class RoadChange:
    """One change, drawn on the map in degrees WGS84 (lon, lat).

    A point hits 30 m of the road nearest to it, a line the stretches it follows, a polygon what lies in it.
    `effect` is "close", or what is left of the speed (0.02..1). `direction`, for a line, says whether only
    traffic `along` or `against` the line is meant. In force from `starts_at` on, until `ends_at` (None: until
    further notice), both aware. Raises BadChange for what makes no sense.
    """

    id: str
    geometry: Drawing
    effect: Literal["close"] | float
    starts_at: datetime
    ends_at: datetime | None = None
    reason: str = ""
    author: str = ""
    direction: Literal["both", "along", "against"] = "both"

    def __post_init__(self) -> None:
        for value, wrong_id, wrong_en in self._faults():
            raise BadChange(wrong_id, wrong_en, value, self.id)

    def _faults(self) -> Iterable[tuple[object, str, str]]:
        shape: object = self.geometry
        kind = getattr(shape, "geom_type", type(shape).__name__)
        if not isinstance(shape, Drawing):
            yield kind, f"gambar {kind} tidak dikenal", f"a drawing of type {kind} is not known"
            return
        if shape.is_empty:
            yield kind, "gambar kosong", "the drawing is empty"
        elif not shape.is_valid:
            yield (
                kind,
                "garis tepi gambar memotong dirinya sendiri",
                "the outline of the drawing crosses itself",
            )
        if self.effect != CLOSE and not _is_factor(self.effect):
            yield (
                self.effect,
                f"pengaruh {self.effect!r}: harus 'close' atau faktor {LEAST_FACTOR}..1",
                f"effect {self.effect!r}: must be 'close' or a factor {LEAST_FACTOR}..1",
            )
        if self.direction not in ("both", "along", "against"):
            yield (
                self.direction,
                f"arah {self.direction!r} tidak dikenal",
                f"direction {self.direction!r} is unknown",
            )
        elif self.direction != "both" and not isinstance(shape, LineString | MultiLineString):
            yield self.direction, "satu arah hanya untuk garis", "one direction can be meant for a line only"
        for moment in (self.starts_at, self.ends_at):
            if moment is not None and moment.tzinfo is None:
                yield moment, f"waktu {moment} tanpa zona waktu", f"time {moment} lacks a time zone"
                return
        if self.ends_at is not None and self.ends_at <= self.starts_at:
            yield (
                self.ends_at,
                f"berakhir {self.ends_at} sebelum mulai",
                f"ends at {self.ends_at} before it starts",
            )

    def in_force(self, now: datetime) -> bool:
        return self.starts_at <= now and (self.ends_at is None or now < self.ends_at)

    @property
    def factor(self) -> float:
        """What is left of the speed; 0 when closed."""
        return _CLOSED if self.effect == CLOSE else float(self.effect)


def _is_factor(effect: object) -> bool:
    return isinstance(effect, int | float) and not isinstance(effect, bool) and LEAST_FACTOR <= effect <= 1


def next_change_at(changes: Iterable[RoadChange], now: datetime) -> datetime | None:
    """When the next of the changes begins or ends; None when none will."""
    moments = (moment for change in changes for moment in (change.starts_at, change.ends_at))
    return min((moment for moment in moments if moment is not None and moment > now), default=None)


def digest(changes: Iterable[RoadChange]) -> str:
    """A short hash of what the changes do to the roads, whatever their order; empty without changes."""
    effects = sorted((change.factor, change.direction, to_wkb(change.geometry)) for change in changes)
    if not effects:
        return ""
    made_of = hashlib.sha256()
    for factor, direction, shape in effects:
        made_of.update(f"{factor!r} {direction} {len(shape)} ".encode() + shape)
    return made_of.hexdigest()[:12]


@dataclass(frozen=True, slots=True)
class ChangeReport:
    """What one change hits: so many `edges`, `km` of road and `km_by_class`, the `streets` by name (in order
    of length), and the `lines` themselves in lon, lat. `off_road_m` is the length of a drawn line that no
    road follows. `refused` says why a change hits nothing here."""

    id: str
    edges: int
    km: float
    km_by_class: dict[str, float]
    streets: tuple[str, ...]
    lines: MultiLineString
    off_road_m: float = 0.0
    refused: BadChange | None = field(default=None, compare=False)


class Stretches(NamedTuple):
    """Stretches of edges, each (n,): `ref` the edge times two, plus one for the direction against it; from
    fraction `low` to fraction `high` of the edge's length."""

    ref: Ints
    low: Floats
    high: Floats


class Hits(NamedTuple):
    """The changed stretches of a network, sorted by `ref` and place, none overlapping, each (n,): from
    fraction `low` to `high` of the edge, the `factor` left of the speed, 0 where closed."""

    ref: Ints
    low: Floats
    high: Floats
    factor: Floats


NO_HITS = Hits(np.empty(0, np.int32), np.empty(0), np.empty(0), np.empty(0))


def overlaid(parts: Sequence[tuple[Stretches, float]]) -> Hits:
    """All stretches with their factors, laid over each other: where several overlap the slowest counts."""
    by_ref: dict[int, list[tuple[float, float, float]]] = {}
    for stretches, factor in parts:
        columns = stretches.ref.tolist(), stretches.low.tolist(), stretches.high.tolist()
        for ref, low, high in zip(*columns, strict=True):
            by_ref.setdefault(ref, []).append((low, high, factor))
    rows = [
        (ref, low, high, factor)
        for ref in sorted(by_ref)
        for low, high, factor in _flat(by_ref[ref])
        if factor != 1.0
    ]
    if not rows:
        return NO_HITS
    refs = np.array([ref for ref, _, _, _ in rows], np.int32)
    low, high, factor = np.array([row[1:] for row in rows]).T.copy()
    return Hits(refs, low, high, factor)


def _flat(pieces: list[tuple[float, float, float]]) -> Iterable[tuple[float, float, float]]:
    """Pieces (low, high, factor) of one edge as disjoint ones in order, the least factor winning."""
    marks = sorted({mark for low, high, _ in pieces for mark in (low, high)})
    flat: list[tuple[float, float, float]] = []
    for low, high in pairwise(marks):
        factors = [factor for start, stop, factor in pieces if start <= low and high <= stop]
        if not factors:
            continue
        least = min(factors)
        if flat and flat[-1][1] == low and flat[-1][2] == least:
            flat[-1] = (flat[-1][0], high, least)
        else:
            flat.append((low, high, least))
    return flat
