"""The watches of one tenant's runs: most fixes are far from what is watched, and are seen by the thousand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import isnan
from typing import Any

import numpy as np

from dispatch.domain.geofence import WIDER, Proposal, Watch
from dispatch.domain.position import METRES_PER_DEGREE, UNKNOWN_ACCURACY_M, Seen, Sighting
from dispatch.services.save_positions import NOT_GOOD, Records

Reals = np.ndarray[Any, np.dtype[np.float64]]
_NEVER = float("-inf")
_LON, _LAT, _REACH_M, _SINCE, _OUTSIDE_AT, _COLUMNS = range(6)


class Surroundings:
    """Watches by the bytes of their unit's id.

    A watch that waits for an arrival, with nobody near, only has to know until when that was so: this is
    noted here for all of them together, and told to the watch before the next fix that it has to look at.
    """

    def __init__(self) -> None:
        """Nothing is watched."""
        self._rows: dict[bytes, int] = {}
        self._watches: list[Watch | None] = []
        self._far = np.zeros((_COLUMNS, 0))
        """By row: the place, and within how many metres of it a fix is near (infinite: wherever it is), from
        when on fixes count, and when the last one was outside."""

    def watch(self, unit: bytes, watch: Watch) -> None:
        """Watch a unit from now on, or anew."""
        row = self._rows.setdefault(unit, len(self._rows))
        if row == len(self._watches):
            self._watches.append(None)
        if row == self._far.shape[1]:
            self._far = np.concatenate([self._far, np.zeros((_COLUMNS, max(64, row)))], axis=1)
        self._watches[row] = watch
        self._far[_SINCE, row], self._far[_OUTSIDE_AT, row] = watch.run.since, _NEVER
        self._note(row, watch)

    def forget(self, unit: bytes) -> None:
        """Watch a unit no more."""
        row = self._rows.get(unit)
        if row is not None:
            self._watches[row] = None
            self._far[_REACH_M, row] = _NEVER

    def clear(self) -> None:
        """Watch nothing any more."""
        self._rows.clear()
        self._watches.clear()

    def take(self, batch: Records) -> Iterator[tuple[bytes, Sequence[Proposal]]]:
        """Take in fixes, records of `FIX`; yields what they newly speak for, by unit."""
        if not self._rows:
            return
        batch = batch[batch["marks"] & NOT_GOOD == 0]
        known = self._rows
        rows = np.array([known.get(unit, -1) for unit in batch["unit_id"].tolist()], np.int64)
        batch, rows = batch[rows >= 0], rows[rows >= 0]
        far = self._far[:, rows]
        counts, near = batch["at"] >= far[_SINCE], _metres(batch, far) <= far[_REACH_M]
        looked_at = np.isin(rows, rows[counts & near])  # one after the other, as they came
        noted = counts & ~looked_at
        np.maximum.at(self._far[_OUTSIDE_AT], rows[noted], batch["at"][noted])
        seen = batch[counts & looked_at]
        columns = [seen[name].tolist() for name in ("unit_id", "lon", "lat", "accuracy_m", "at", "speed_ms")]
        for unit, lon, lat, accuracy_m, at, speed_ms in zip(*columns, strict=True):
            place = Seen(lon, lat, _known(accuracy_m), at)
            proposals = self.take_one(unit, place, _known(speed_ms))
            if proposals:
                yield unit, proposals

    def take_one(self, unit: bytes, seen: Sighting, speed_ms: float | None) -> Sequence[Proposal]:
        """Take in one good fix; returns what it newly speaks for."""
        row = self._rows.get(unit, -1)
        watch = self._watches[row] if row >= 0 else None
        if watch is None:
            return ()
        outside_at = float(self._far[_OUTSIDE_AT, row])
        if outside_at > _NEVER:
            watch.outside(outside_at)
            self._far[_OUTSIDE_AT, row] = _NEVER
        proposals = watch.take(seen, speed_ms)
        self._note(row, watch)
        return proposals

    def _note(self, row: int, watch: Watch) -> None:
        awaited = watch.awaited()
        if awaited is None:
            self._far[_REACH_M, row] = np.inf
        else:
            self._far[_LON, row], self._far[_LAT, row] = awaited.lon, awaited.lat
            self._far[_REACH_M, row] = awaited.radius_m * WIDER


def _metres(batch: Records, far: Reals) -> Reals:
    """How far fixes are from what is awaited at the least; as `metres_apart`."""
    east = (batch["lon"] - far[_LON] + 180.0) % 360.0 - 180.0
    east *= np.cos(np.radians((batch["lat"] + far[_LAT]) / 2))
    accuracy_m = np.where(np.isnan(batch["accuracy_m"]), UNKNOWN_ACCURACY_M, batch["accuracy_m"])
    metres: Reals = np.hypot(east, batch["lat"] - far[_LAT]) * METRES_PER_DEGREE - accuracy_m
    return metres


def _known(value: float) -> float | None:
    return None if isnan(value) else value
