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
from dataclasses import dataclass, field
from itertools import compress
from typing import Protocol

import numpy as np

from dispatch.domain.errors import Unavailable
from dispatch.live.fanout import Fanout
from dispatch.live.geofencing import Geofencing
from dispatch.live.ordinary_fixes import OrdinaryFixes
from dispatch.live.road_match import RoadMatch
from dispatch.live.sender_cells import SenderTable
from dispatch.services.centre import Centre
from dispatch.services.save_positions import (
    Fix,
    Records,
    RoadPlaces,
    as_records,
    no_roads,
    save_positions,
)
from dispatch.services.tenants import TenantEntry
from dispatch.storage.outages import DatabaseAway, database_needed

FLUSH_EVERY_S = 0.1
"""While little comes in, nobody waits longer than this."""
BUSY_FLUSH_EVERY_S = 1.0
"""While much comes in: much of what a batch costs it costs once, and a screen is told once a second."""
BUSY = 50
"""Fixes in a batch from which on it is much."""
FULL = 6000
"""When so many fixes wait, they are written at once; most that one transaction writes.

Unread frames count by their length, a frame of one fix as about two: 5,000 phones fill it in 0.6 s, 1,000
wait for the full second.
"""
SLICE = 80
"""Senders that are dealt with in one go: a request needs a dozen turns, and waits for one go at each."""
MOST_WAITING = 20_000
_FRAME_BYTES = 200
"""What a frame of one fix has about, to say how many fixes an unread one may have."""

logger = logging.getLogger(__name__)


class Sender(Protocol):
    """Who waits for the answer."""

    def saved(self, seqs: Sequence[int]) -> None:
        """These fixes are committed."""

    def not_saved(self, seqs: Sequence[int]) -> None:
        """The database is away: these fixes must be sent again."""


class Source(Sender, Protocol):
    """A sender whose frames are read when a batch is made: many cost a part of what each costs alone."""

    @property
    def entry(self) -> TenantEntry:
        """Whose fixes they are."""

    @property
    def row(self) -> int:
        """Its row in the table of senders, -1 when it has none."""

    def read(self, text: bytes, received_at: float) -> Sequence[Fix]:
        """Return what is to be stored of one frame, which came at `received_at`, seconds since 1970."""


_Unread = tuple[int, float, bytes, Source, int, int]
"""A frame nobody has read: its number among all, when it came (monotonic clock), itself, whose it is, and
that source's row and tenant: to look those up later is to fetch thousands of sources from memory again."""


@dataclass(slots=True)
class _Batch:
    """Fixes of one tenant, and who waits for how many of them, in the same order."""

    entry: TenantEntry
    records: list[Records] = field(default_factory=list)
    waiting: list[tuple[Sender, int]] = field(default_factory=list)

    def add(self, sender: Sender, fixes: Sequence[Fix]) -> None:
        self.records.append(as_records(fixes))
        self.waiting.append((sender, len(fixes)))

    def parts(self) -> Iterator[tuple[Records, list[tuple[Sender, int]]]]:
        """Cut it into parts of about `FULL` fixes; what came in one frame stays together."""
        whole = np.concatenate(self.records)
        begin = end = 0
        part: list[tuple[Sender, int]] = []
        for sender, count in self.waiting:
            part.append((sender, count))
            end += count
            if end - begin >= FULL:
                yield whole[begin:end], part
                begin, part = end, []
        if part:
            yield whole[begin:end], part


class Ingest:
    """Collects the fixes of all sockets and writes them a few times a second, tenant by tenant."""

    def __init__(self, centre: Centre, fanout: Fanout, geofencing: Geofencing) -> None:
        """Nothing is written before `run`."""
        self._centre = centre
        self._fanout = fanout
        self._geofencing = geofencing
        self.senders = SenderTable()
        self.ordinary = OrdinaryFixes(self.senders)
        self._unread: deque[_Unread] = deque()
        self._announced = 0
        self._batches: dict[int, _Batch] = {}
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
        self._batch(entry).add(sender, fixes)
        self._grow(len(fixes))

    def _batch(self, entry: TenantEntry) -> _Batch:
        batch = self._batches.get(entry.tenant.id)
        if batch is None:
            batch = self._batches[entry.tenant.id] = _Batch(entry)
        return batch

    def announce(self, source: Source, text: bytes) -> int:
        """Have a source's frame read for the next batch; returns its number, 0 when there is no room."""
        count = 1 + len(text) // _FRAME_BYTES
        if self._count + count > MOST_WAITING:
            return 0
        self._announced += 1
        self._unread.append(
            (self._announced, time.monotonic(), text, source, source.row, source.entry.tenant.id)
        )
        self._grow(count)
        return self._announced

    def settle(self, source: Source, number: int) -> None:
        """Read now what a source has announced, up to the frame of this number."""
        if not self._unread or number < self._unread[0][0]:
            return
        whole, self._unread = self._unread, deque()
        mine: list[_Unread] = []
        for each in whole:
            (mine if each[3] is source else self._unread).append(each)
        now, moment = self._centre.clock().timestamp(), time.monotonic()
        for _, came, text, *_ in mine:
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

    async def prepare(self) -> None:
        """Have ordinary fixes taken by compiled code; until then, all go step by step."""
        try:
            await asyncio.to_thread(self.ordinary.prepare)
        except Exception:
            # whatever the compiler lacks on this machine, fixes are taken
            logger.exception("all fixes are read one by one")

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
            batches, self._batches = self._batches, {}
            written = 0
            for batch in batches.values():
                for records, waiting in batch.parts():
                    try:
                        written += await self._flush(batch.entry, records, waiting)
                    except Exception:
                        # its senders were told; the other parts, and other regencies, are not to wait for it
                        slug = batch.entry.tenant.slug
                        logger.exception("%d fixes of %s were not stored", len(records), slug)
            due = began + FLUSH_EVERY_S
            if written >= BUSY:
                # at even times, so that the screens' second falls behind a batch: see `fanout`
                due = (began // BUSY_FLUSH_EVERY_S + 1) * BUSY_FLUSH_EVERY_S
            with suppress(TimeoutError):
                await asyncio.wait_for(self._full.wait(), max(0.0, due - loop.time()))

    async def _read_all(self) -> None:
        if self.ordinary.ready and self._unread:
            try:
                self._take_ordinary()
            except Exception:
                # all that it takes the steps take, too
                logger.exception("ordinary fixes are read one by one from now on")
                self.ordinary.ready = False
        left = len(self._unread)
        while left > 0:
            now, moment = self._centre.clock().timestamp(), time.monotonic()
            for _ in range(min(SLICE, left, len(self._unread))):
                _, came, text, source, *_ = self._unread.popleft()
                self._read(source, text, now - (moment - came))
            left -= SLICE
            await asyncio.sleep(0)

    def _take_ordinary(self) -> None:
        """Take what is ordinary out of what is unread, all at once; the rest is read one by one."""
        _, came, texts, sources, rows, regencies = zip(*self._unread, strict=True)
        received_at = self._centre.clock().timestamp() - time.monotonic() + np.array(came)
        taken, records = self.ordinary.take(texts, rows, received_at)
        if not len(records):
            return
        self._unread = deque(compress(self._unread, ~taken))
        regency = np.array(regencies)[taken]
        senders = list(compress(sources, taken))
        for regency_id in dict.fromkeys(regencies):
            mine = regency == regency_id
            waiting = senders if mine.all() else list(compress(senders, mine))
            if waiting:
                batch = self._batch(waiting[0].entry)
                batch.records.append(records[mine])
                batch.waiting += [(sender, 1) for sender in waiting]

    def _read(self, source: Source, text: bytes, received_at: float) -> None:
        try:
            fixes = source.read(text, received_at)
        except Exception:
            # one phone's frames must not hold up all others'; it sends them again, unanswered
            logger.exception("a frame of a sender of %s could not be read", source.entry.tenant.slug)
            return
        if fixes:
            self._batch(source.entry).add(source, fixes)

    async def _flush(
        self, entry: TenantEntry, records: Records, waiting: Sequence[tuple[Sender, int]]
    ) -> int:
        """Store one batch and tell its senders; returns the number of its fixes."""
        places = await self._places(entry, records)
        sequences: list[int] = records["sequence"].tolist()
        stored = False
        try:
            with database_needed():
                moved = await save_positions(self._centre, entry, records, places)
            stored = True
        except DatabaseAway as failure:
            logger.warning(
                "%d fixes were not stored, the database is away: %s", len(records), failure.__cause__
            )
            return len(records)
        finally:
            if not stored:  # whatever went wrong, nobody waits for ever
                for sender, seqs in _answers(waiting, sequences):
                    sender.not_saved(seqs)
        self._fanout.moved(entry.tenant.id, moved)
        self._geofencing.committed(entry, records)
        for number, (sender, seqs) in enumerate(_answers(waiting, sequences), 1):
            sender.saved(seqs)
            if number % SLICE == 0:
                await asyncio.sleep(0)
        return len(records)

    async def _places(self, entry: TenantEntry, records: Records) -> RoadPlaces:
        on_run = self._geofencing.on_run(entry)
        try:
            return await self._roads[entry.tenant.id].places(self._centre, entry, records, on_run)
        except Exception:
            # a place on the road stands beside the fix: whatever is wrong with the roads, fixes are kept
            logger.exception("%d fixes of %s are not matched to roads", len(records), entry.tenant.slug)
            return no_roads(len(records))


def _answers(
    waiting: Sequence[tuple[Sender, int]], sequences: Sequence[int]
) -> Iterator[tuple[Sender, Sequence[int]]]:
    begin = 0
    for sender, count in waiting:
        yield sender, sequences[begin : begin + count]
        begin += count
