"""Puts the newest fixes of moving units on the roads: one pass over a batch, given where each was before."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Container
from typing import Any

import numpy as np

import routing
from dispatch.domain.errors import Unavailable
from dispatch.services.centre import Centre
from dispatch.services.save_positions import NOT_GOOD, REPLAYED, Records, RoadPlaces, no_roads
from dispatch.services.tenants import TenantEntry

MOVING_MS = 1.5
"""Slower than this a vehicle is parked, and beside the road as often as on it."""
NEAR_M = 35.0
"""Farther from every road the vehicle is in a yard or on a track that the map lacks: its place is the fix."""
_MOST_SENDERS = 50_000
_TOLD = ("lon", "lat", "accuracy_m", "heading_deg", "speed_ms")
_OPEN_WITHIN_S = 1.0
"""Roads that are open are there at once; only the first batch waits for others to be opened."""

Numbers = np.ndarray[Any, np.dtype[np.int64]]

log = logging.getLogger(__name__)


class RoadMatch:
    """Where each sender of one tenant was on the roads."""

    def __init__(self) -> None:
        self._rows: dict[bytes, int] = {}
        self._before = routing.nowhere(64)
        self._at = np.full(64, -np.inf)
        self._network: routing.Network | None = None
        """Whose edges the places before are on."""
        self._opening: asyncio.Task[routing.Network] | None = None
        self._without_roads = False

    async def places(
        self, centre: Centre, entry: TenantEntry, batch: Records, on_run: Container[bytes]
    ) -> RoadPlaces:
        """Return one road place for each fix of the batch, in its order.

        batch: records of `FIX`. Asked for are the newest good ones of senders whose unit moves or is `on_run`
        (by the bytes of its id). The search runs in a thread and lets go of the interpreter: it holds up no
        other socket.
        """
        places = no_roads(len(batch))
        chosen = _chosen(batch, on_run)
        if not len(chosen):
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
        asked = batch[chosen]
        rows = self._rows_of(asked)
        columns = {name: asked[name].copy() for name in _TOLD}  # as the network wants them: dense
        fixes = routing.Fixes(**columns, seconds=asked["at"] - self._at[rows])
        before = routing.Followed._make(column[rows] for column in self._before)
        found = await asyncio.to_thread(network.follow, before, fixes)
        kept: Any
        for kept, new in zip(self._before, found, strict=True):
            kept[rows] = new
        self._at[rows] = asked["at"]
        near = found.metres <= NEAR_M  # false where there is no road
        places.lon[chosen[near]], places.lat[chosen[near]] = found.lon[near], found.lat[near]
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

    def _rows_of(self, batch: Records) -> Numbers:
        if len(self._rows) > _MOST_SENDERS:  # phones of years: what they knew is a minute's work
            self._rows.clear()
            self._at[:] = -np.inf
        known = self._rows
        rows = [known.setdefault(sender, len(known)) for sender in batch["installation_id"].tolist()]
        while len(known) > len(self._at):
            more = routing.nowhere(len(self._at))
            self._before = routing.Followed._make(
                np.concatenate([column, more[number]]) for number, column in enumerate(self._before)
            )
            self._at = np.concatenate([self._at, np.full(len(self._at), -np.inf)])
        return np.array(rows, np.int64)


def _chosen(batch: Records, on_run: Container[bytes]) -> Numbers:
    good = batch["marks"] & (NOT_GOOD | REPLAYED) == 0
    moving = good & (batch["speed_ms"] >= MOVING_MS)  # false where the speed is not known
    for i in np.flatnonzero(good & ~moving):
        moving[i] = batch["unit_id"][i].item() in on_run
    chosen = np.flatnonzero(moving)
    senders = batch["installation_id"][chosen].tolist()
    if len(set(senders)) == len(senders):
        return chosen
    newest = dict[bytes, int]()
    for i in chosen[np.argsort(batch["sequence"][chosen], kind="stable")].tolist():
        newest[batch["installation_id"][i].item()] = i
    return np.array(list(newest.values()), np.int64)
