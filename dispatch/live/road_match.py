"""Puts the newest fixes of moving units on the roads: one pass over a batch, given where each was before."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import numpy as np

import routing
from dispatch.domain.errors import Unavailable
from dispatch.services.centre import Centre
from dispatch.services.save_positions import Fix, RoadPlaces, no_roads
from dispatch.services.tenants import TenantEntry

MOVING_MS = 1.5
"""Slower than this a vehicle is parked, and beside the road as often as on it."""
NEAR_M = 35.0
"""Farther from every road the vehicle is in a yard or on a track that the map lacks: its place is the fix."""
_MOST_SENDERS = 50_000
_OPEN_WITHIN_S = 1.0
"""Roads that are open are there at once; only the first batch waits for others to be opened."""

log = logging.getLogger(__name__)


class RoadMatch:
    """Where each sender of one tenant was on the roads."""

    def __init__(self) -> None:
        self._rows: dict[UUID, int] = {}
        self._before = routing.nowhere(64)
        self._at = np.full(64, -np.inf)
        self._network: routing.Network | None = None
        """Whose edges the places before are on."""
        self._opening: asyncio.Task[routing.Network] | None = None
        self._without_roads = False

    async def places(
        self, centre: Centre, entry: TenantEntry, batch: Sequence[Fix], on_run: set[UUID]
    ) -> RoadPlaces:
        """Return one road place for each fix of the batch, in its order.

        Asked for are the newest good fixes of senders whose unit moves or is `on_run`. The search runs in a
        thread and lets go of the interpreter: it holds up no other socket.
        """
        places = no_roads(len(batch))
        chosen = self._chosen(batch, on_run)
        if not chosen:
            return places
        try:
            network = await self._opened(centre, entry)
        except Unavailable as missing:
            if not self._without_roads:
                log.warning("%s: fixes are not matched to roads: %s", entry.tenant.slug, missing)
            self._without_roads = True
            return places
        if network is None:
            return places
        if network is not self._network:
            # newer roads were loaded: the edges of the old ones are others there, or beyond the last one
            self._at[:] = -np.inf
            self._network = network
        asked = [batch[i] for i in chosen]
        rows = self._rows_of(asked)
        at = np.array([fix.at for fix in asked])
        fixes = _fixes(asked, at - self._at[rows])
        before = routing.Followed._make(column[rows] for column in self._before)
        found = await asyncio.to_thread(network.follow, before, fixes)
        kept: Any
        for kept, new in zip(self._before, found, strict=True):
            kept[rows] = new
        self._at[rows] = at
        near = found.metres <= NEAR_M  # false where there is no road
        for i, lies, lon, lat in zip(
            chosen, near.tolist(), found.lon.tolist(), found.lat.tolist(), strict=True
        ):
            if lies:
                places.lon[i], places.lat[i] = lon, lat
        return places

    async def _opened(self, centre: Centre, entry: TenantEntry) -> routing.Network | None:
        """Return the roads, None while they are being opened.

        That may take half a minute after an upgrade, in which the fixes of all regencies would wait.
        """
        opening = self._opening
        if opening is None:
            opening = self._opening = asyncio.create_task(centre.roads.of(entry))
            await asyncio.wait((opening,), timeout=_OPEN_WITHIN_S)
        if not opening.done():
            return None
        self._opening = None
        return opening.result()

    @staticmethod
    def _chosen(batch: Sequence[Fix], on_run: set[UUID]) -> list[int]:
        newest: dict[UUID, int] = {}
        for i, fix in enumerate(batch):
            if fix.quality != "good" or fix.replayed:
                continue
            if fix.unit_id not in on_run and (fix.speed_ms is None or fix.speed_ms < MOVING_MS):
                continue
            known = newest.get(fix.installation_id)
            if known is None or batch[known].sequence < fix.sequence:
                newest[fix.installation_id] = i
        return list(newest.values())

    def _rows_of(self, batch: Sequence[Fix]) -> np.ndarray[Any, np.dtype[np.int64]]:
        if len(self._rows) > _MOST_SENDERS:  # phones of years: what they knew is a minute's work
            self._rows.clear()
            self._at[:] = -np.inf
        rows = [self._rows.setdefault(fix.installation_id, len(self._rows)) for fix in batch]
        while len(self._rows) > len(self._at):
            more = routing.nowhere(len(self._at))
            self._before = routing.Followed._make(
                np.concatenate([column, more[number]]) for number, column in enumerate(self._before)
            )
            self._at = np.concatenate([self._at, np.full(len(self._at), -np.inf)])
        return np.array(rows, np.int64)


def _fixes(batch: Sequence[Fix], seconds: np.ndarray[Any, np.dtype[np.float64]]) -> routing.Fixes:
    # None becomes NaN, which is how the roads are told "unknown"
    return routing.Fixes(
        np.array([fix.lon for fix in batch], np.float64),
        np.array([fix.lat for fix in batch], np.float64),
        np.array([fix.accuracy_m for fix in batch], np.float64),
        np.array([fix.heading_deg for fix in batch], np.float64),
        np.array([fix.speed_ms for fix in batch], np.float64),
        seconds,
    )
