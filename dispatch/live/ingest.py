"""The way of fixes from all senders: matched to roads, written in a batch, answered, then shown and watched.

A fix is acknowledged when it is committed, never before; the phone keeps it until then. What comes before the
batch is in `fix_steps`, what follows the commit in `geofencing` and `fanout`.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Sequence
from typing import Protocol

from dispatch.domain.errors import Unavailable
from dispatch.live.fanout import Fanout
from dispatch.live.fix_steps import Sifted
from dispatch.live.geofencing import Geofencing
from dispatch.live.road_match import RoadMatch
from dispatch.services.centre import Centre
from dispatch.services.save_positions import save_positions
from dispatch.services.tenants import TenantEntry
from dispatch.storage.outages import DatabaseAway, database_needed

FLUSH_EVERY_S = 0.1
MOST_WAITING = 20_000

logger = logging.getLogger(__name__)


class Sender(Protocol):
    """Who waits for the answer."""

    def saved(self, seqs: list[int]) -> None:
        """These fixes are committed."""

    def not_saved(self, seqs: list[int]) -> None:
        """The database is away: these fixes must be sent again."""


class Ingest:
    """Collects the fixes of all sockets and writes them, at most every 100 ms, tenant by tenant."""

    def __init__(self, centre: Centre, fanout: Fanout, geofencing: Geofencing) -> None:
        """Nothing is written before `run`."""
        self._centre = centre
        self._fanout = fanout
        self._geofencing = geofencing
        self._waiting: defaultdict[int, list[tuple[Sender, Sequence[Sifted]]]] = defaultdict(list)
        self._entries: dict[int, TenantEntry] = {}
        self._roads: defaultdict[int, RoadMatch] = defaultdict(RoadMatch)
        self._count = 0
        self._work = asyncio.Event()

    def submit(self, entry: TenantEntry, sender: Sender, fixes: Sequence[Sifted]) -> None:
        """Have fixes stored; the sender is told when that is committed.

        Raises:
            Unavailable: too many wait already, for the database is away or too slow.
        """
        if not self.has_room(len(fixes)):
            raise Unavailable(
                "Terlalu banyak posisi menunggu disimpan; kirim lagi nanti",
                "Too many positions wait to be stored; send again later",
            )
        self._entries[entry.tenant.id] = entry
        self._waiting[entry.tenant.id].append((sender, fixes))
        self._count += len(fixes)
        self._work.set()

    def has_room(self, count: int) -> bool:
        """Whether that many fixes would be taken now."""
        return self._count + count <= MOST_WAITING

    async def run(self) -> None:
        """Write until cancelled."""
        while True:
            await self._work.wait()
            began = time.monotonic()
            self._work.clear()
            waiting, self._waiting, self._count = self._waiting, defaultdict(list), 0
            for regency_id, batch in waiting.items():
                await self._flush(self._entries[regency_id], batch)
            await asyncio.sleep(max(0.0, began + FLUSH_EVERY_S - time.monotonic()))

    async def _flush(self, entry: TenantEntry, batch: Sequence[tuple[Sender, Sequence[Sifted]]]) -> None:
        sifted = [one for _, fixes in batch for one in fixes]
        on_run = self._geofencing.on_run(entry)
        places = await self._roads[entry.tenant.id].places(self._centre, entry, sifted, on_run)
        stored = False
        try:
            with database_needed():
                moved = await save_positions(self._centre, entry, [one.fix for one in sifted], places)
            stored = True
        except DatabaseAway as failure:
            logger.warning(
                "%d fixes were not stored, the database is away: %s", len(sifted), failure.__cause__
            )
            return
        finally:  # whatever went wrong, nobody waits for ever
            for sender, fixes in batch:
                tell = sender.saved if stored else sender.not_saved
                tell([one.fix.sequence for one in fixes])
        self._fanout.moved(entry.tenant.id, moved)
        self._geofencing.committed(entry, sifted)
