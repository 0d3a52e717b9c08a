"""The way of fixes from all senders: matched to roads, written in a batch, answered, then shown and watched.

A fix is acknowledged when it is committed, never before; the phone keeps it until then. What comes before the
batch is in `fix_steps`, what follows the commit in `geofencing` and `fanout`.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Protocol

from dispatch.domain.errors import Unavailable
from dispatch.live.fanout import Fanout
from dispatch.live.geofencing import Geofencing
from dispatch.live.road_match import RoadMatch
from dispatch.services.centre import Centre
from dispatch.services.save_positions import Fix, RoadPlaces, no_roads, save_positions
from dispatch.services.tenants import TenantEntry
from dispatch.storage.outages import DatabaseAway, database_needed

FLUSH_EVERY_S = 0.1
"""While little comes in, nobody waits longer than this."""
BUSY_FLUSH_EVERY_S = 1.0
"""While much comes in: much of what a batch costs it costs once, and a screen is told once a second."""
BUSY = 50
"""Fixes in a batch from which on it is much."""
FULL = 1500
"""Fixes that are written in one transaction; when so many wait, little is gained by waiting for more."""
SLICE = 250
"""Senders that are dealt with in one go: no request waits for more than a few milliseconds."""
MOST_WAITING = 20_000
_FRAME_BYTES = 200
"""What a frame of one fix has about, to say how many fixes an unread one may have."""

logger = logging.getLogger(__name__)


class Sender(Protocol):
    """Who waits for the answer."""

    def saved(self, seqs: list[int]) -> None:
        """These fixes are committed."""

    def not_saved(self, seqs: list[int]) -> None:
        """The database is away: these fixes must be sent again."""


class Source(Sender, Protocol):
    """A sender whose frames are read when a batch is made: in a row they cost half as much."""

    @property
    def entry(self) -> TenantEntry:
        """Whose fixes they are."""

    def read(self, text: bytes, received_at: float) -> Sequence[Fix]:
        """Return what is to be stored of one frame, which came at `received_at`, seconds since 1970."""


class Ingest:
    """Collects the fixes of all sockets and writes them a few times a second, tenant by tenant."""

    def __init__(self, centre: Centre, fanout: Fanout, geofencing: Geofencing) -> None:
        """Nothing is written before `run`."""
        self._centre = centre
        self._fanout = fanout
        self._geofencing = geofencing
        self._unread: deque[tuple[Source, bytes, float]] = deque()
        self._waiting: defaultdict[int, list[tuple[Sender, Sequence[Fix]]]] = defaultdict(list)
        self._entries: dict[int, TenantEntry] = {}
        self._roads: defaultdict[int, RoadMatch] = defaultdict(RoadMatch)
        self._count = 0
        self._work = asyncio.Event()
        self._full = asyncio.Event()

    def submit(self, entry: TenantEntry, sender: Sender, fixes: Sequence[Fix]) -> None:
        """Have fixes stored; the sender is told when that is committed.

        Raises:
            Unavailable: too many wait already, for the database is away or too slow.
        """
        if not self.has_room(len(fixes)):
            raise Unavailable(
                "Terlalu banyak posisi menunggu disimpan; kirim lagi nanti",
                "Too many positions wait to be stored; send again later",
            )
        self.add(entry, sender, fixes)
        self._grow(len(fixes))

    def add(self, entry: TenantEntry, sender: Sender, fixes: Sequence[Fix]) -> None:
        """Have fixes stored that are counted already: those of announced frames."""
        self._entries[entry.tenant.id] = entry
        self._waiting[entry.tenant.id].append((sender, fixes))

    def announce(self, source: Source, text: bytes) -> bool:
        """Have a source's frame read for the next batch; False when there is no room for it."""
        count = 1 + len(text) // _FRAME_BYTES
        if self._count + count > MOST_WAITING:
            return False
        self._unread.append((source, text, time.monotonic()))
        self._grow(count)
        return True

    def settle(self, source: Source) -> None:
        """Read what a source has announced, now."""
        whole, self._unread = self._unread, deque()
        mine: list[tuple[Source, bytes, float]] = []
        for each in whole:
            (mine if each[0] is source else self._unread).append(each)
        now, moment = self._centre.clock().timestamp(), time.monotonic()
        for _, text, came in mine:
            self._read(source, text, now - (moment - came))

    def _grow(self, count: int) -> None:
        if self._count == 0:
            self._work.set()
        self._count += count
        if self._count >= FULL:
            self._full.set()

    def has_room(self, count: int) -> bool:
        """Whether that many fixes would be taken now."""
        return self._count + count <= MOST_WAITING

    async def run(self) -> None:
        """Write until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            await self._work.wait()
            began = loop.time()
            self._work.clear()
            self._full.clear()
            self._count = 0
            await self._read_all()
            waiting, self._waiting = self._waiting, defaultdict(list)
            written = 0
            for regency_id, batch in waiting.items():
                for part in _parts(batch):
                    try:
                        written += await self._flush(self._entries[regency_id], part)
                    except Exception:
                        # its senders were told; the other parts, and other regencies, are not to wait for it
                        slug = self._entries[regency_id].tenant.slug
                        logger.exception("%d fixes of %s were not stored", len(part), slug)
            due = began + FLUSH_EVERY_S
            if written >= BUSY:
                # at even times, so that the screens' second falls behind a batch: see `fanout`
                due = (began // BUSY_FLUSH_EVERY_S + 1) * BUSY_FLUSH_EVERY_S
            with suppress(TimeoutError):
                await asyncio.wait_for(self._full.wait(), max(0.0, due - loop.time()))

    async def _read_all(self) -> None:
        left = len(self._unread)
        while left > 0:
            now, moment = self._centre.clock().timestamp(), time.monotonic()
            for _ in range(min(SLICE, left, len(self._unread))):
                source, text, came = self._unread.popleft()
                self._read(source, text, now - (moment - came))
            left -= SLICE
            await asyncio.sleep(0)

    def _read(self, source: Source, text: bytes, received_at: float) -> None:
        try:
            fixes = source.read(text, received_at)
        except Exception:
            # one phone's frames must not hold up all others'; it sends them again, unanswered
            logger.exception("a frame of a sender of %s could not be read", source.entry.tenant.slug)
            return
        if fixes:
            self.add(source.entry, source, fixes)

    async def _flush(self, entry: TenantEntry, batch: Sequence[tuple[Sender, Sequence[Fix]]]) -> int:
        """Store one batch and tell its senders; returns the number of its fixes."""
        whole = [fix for _, fixes in batch for fix in fixes]
        places = await self._places(entry, whole)
        stored = False
        try:
            with database_needed():
                moved = await save_positions(self._centre, entry, whole, places)
            stored = True
        except DatabaseAway as failure:
            logger.warning(
                "%d fixes were not stored, the database is away: %s", len(whole), failure.__cause__
            )
            return len(whole)
        finally:
            if not stored:  # whatever went wrong, nobody waits for ever
                for sender, fixes in batch:
                    sender.not_saved([fix.sequence for fix in fixes])
        self._fanout.moved(entry.tenant.id, moved)
        self._geofencing.committed(entry, whole)
        for number, (sender, fixes) in enumerate(batch, 1):
            sender.saved([fix.sequence for fix in fixes] if len(fixes) > 1 else [fixes[0].sequence])
            if number % SLICE == 0:
                await asyncio.sleep(0)
        return len(whole)

    async def _places(self, entry: TenantEntry, whole: Sequence[Fix]) -> RoadPlaces:
        on_run = self._geofencing.on_run(entry)
        try:
            return await self._roads[entry.tenant.id].places(self._centre, entry, whole, on_run)
        except Exception:
            # a place on the road stands beside the fix: whatever is wrong with the roads, fixes are kept
            logger.exception("%d fixes of %s are not matched to roads", len(whole), entry.tenant.slug)
            return no_roads(len(whole))


def _parts(
    batch: Sequence[tuple[Sender, Sequence[Fix]]],
) -> Iterator[Sequence[tuple[Sender, Sequence[Fix]]]]:
    """Cut a batch into parts of about `FULL` fixes; what came in one frame stays together."""
    part: list[tuple[Sender, Sequence[Fix]]] = []
    count = 0
    for sender, fixes in batch:
        part.append((sender, fixes))
        count += len(fixes)
        if count >= FULL:
            yield part
            part, count = [], 0
    if part:
        yield part
