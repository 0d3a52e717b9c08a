"""The event pump: one reader of each tenant's log for all sockets of the process.

Every connection keeps its own place in the log. The pump fills a ring of recent events and wakes whoever
follows; a connection that fell behind the ring reads the database by itself and holds up nobody.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import islice

from dispatch.live.frames import write_view
from dispatch.services.centre import Centre
from dispatch.services.feed import EventView, LogEnd, events_after, head, heads, log_end
from dispatch.services.tenants import TenantEntry
from dispatch.storage.outages import DatabaseAway, database_needed

RING = 2000
BATCH = 500
POLL_S = 0.5

logger = logging.getLogger(__name__)


class Delivery:
    """One event, written as a frame at most once for all consoles."""

    __slots__ = ("_frame", "view")

    def __init__(self, view: EventView) -> None:
        self.view = view
        self._frame: str | None = None

    @property
    def frame(self) -> str:
        """The event as consoles get it."""
        if self._frame is None:
            self._frame = write_view("event", self.view)
        return self._frame


class Feed:
    """The recent events of one tenant, and who waits for more."""

    def __init__(self, entry: TenantEntry, end: LogEnd) -> None:
        """`end` is the event after which the ring begins."""
        self.entry = entry
        self.end = end
        self.beginnings = 0
        """How often the log was found to be another one: whoever follows has to begin anew, too."""
        self.wakes: set[asyncio.Event] = set()
        self.followers = 0
        self._touched: defaultdict[str, set[Callable[[], None]]] = defaultdict(set)
        self._ring: deque[Delivery] = deque(maxlen=RING)

    @property
    def last(self) -> int:
        """The sequence of the last event known."""
        return self.end.seq

    def begin_anew(self, end: LogEnd) -> None:
        """Know nothing before `end` any more; all who follow look: what they know may never have been."""
        self._ring.clear()
        self.end = end
        self.beginnings += 1
        for touches in self._touched.values():
            for touch in touches:
                touch()
        for wake in self.wakes:
            wake.set()

    def extend(self, views: list[EventView]) -> None:
        """Append the events that follow `last`, and wake all who follow."""
        for view in views:
            if view.seq != self.last + 1:  # sequences have no gaps; if one had, the database is asked
                self._ring.clear()
            self._ring.append(Delivery(view))
            self.end = LogEnd(view.seq, view.recorded_at)
            for key in _subjects(view) & self._touched.keys():
                for touch in self._touched[key]:
                    touch()
        for wake in self.wakes:
            wake.set()

    def watch(self, touch: Callable[[], None], before: set[str], now: set[str]) -> None:
        """Call `touch` on events about the units, crew members and cases of `now`, no longer of `before`.

        Thousands of phones follow one log, and an event is about one or two of them.
        """
        for key in before - now:
            self._touched[key].discard(touch)
            if not self._touched[key]:
                del self._touched[key]
        for key in now - before:
            self._touched[key].add(touch)

    def since(self, seq: int) -> list[Delivery] | None:
        """Return up to 500 events that follow `seq`; None when the ring does not reach back so far."""
        if seq >= self.last:
            return []
        if not self._ring or self._ring[0].view.seq > seq + 1:
            return None
        start = seq + 1 - self._ring[0].view.seq
        return list(islice(self._ring, start, start + BATCH))


def _subjects(view: EventView) -> set[str]:
    """The units, crew members and cases that an event is about."""
    data = view.data
    named = {data.get("unit_id"), data.get("joined"), data.get("left"), view.incident_id}
    return {str(each) for each in named if each is not None}


class Hub:
    """The pump of one process."""

    def __init__(self, centre: Centre) -> None:
        """Read nothing yet: `run` does."""
        self._centre = centre
        self._feeds: dict[int, Feed] = {}
        self._opening: defaultdict[int, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._heads: dict[int, int] = {}
        self._work = asyncio.Event()
        self._poll_at = 0.0

    def hint(self, regency_id: int, seq: int) -> None:
        """A tenant's log has come to `seq`, says a notification."""
        if regency_id in self._feeds and seq > self._heads.get(regency_id, 0):
            self._heads[regency_id] = seq
            self._work.set()

    def poll_now(self) -> None:
        """Ask every log how far it has come: hints may have been missed."""
        self._poll_at = 0.0
        self._work.set()

    @asynccontextmanager
    async def following(self, entry: TenantEntry, wake: asyncio.Event | None) -> AsyncIterator[Feed]:
        """Set `wake` on every new event of the tenant, for as long as the context lasts.

        Without it only what is watched in the feed is told.
        """
        feed = await self._open(entry)
        feed.followers += 1
        if wake is not None:
            feed.wakes.add(wake)
        try:
            yield feed
        finally:
            feed.followers -= 1
            if wake is not None:
                feed.wakes.discard(wake)
            if not feed.followers:
                self._feeds.pop(entry.tenant.id, None)

    async def _open(self, entry: TenantEntry) -> Feed:
        regency_id = entry.tenant.id
        async with self._opening[regency_id]:
            if regency_id not in self._feeds:
                end = await log_end(self._centre, entry)
                self._heads[regency_id] = end.seq
                self._feeds[regency_id] = Feed(entry, end)
                self.poll_now()
            return self._feeds[regency_id]

    async def run(self) -> None:
        """Deliver until cancelled; a database that is away is asked again."""
        away = False
        while True:
            await self._something_to_do()
            try:
                with database_needed():
                    await self._look()
                if away:
                    logger.warning("the database is back; events flow again")
                away = False
            except DatabaseAway as failure:
                if not away:
                    logger.warning("the database is away, events wait: %s", failure.__cause__)
                away = True
                await asyncio.sleep(POLL_S)
                self.poll_now()

    async def _something_to_do(self) -> None:
        pause = max(0.0, self._poll_at - time.monotonic()) if self._feeds else None
        try:
            await asyncio.wait_for(self._work.wait(), pause)
        except TimeoutError:
            return

    async def _look(self) -> None:
        self._work.clear()
        if not self._feeds:
            return
        if time.monotonic() >= self._poll_at:
            self._poll_at = time.monotonic() + POLL_S
            known = {feed: feed.last for feed in self._feeds.values()}
            polled = await heads(self._centre)
            for regency_id, seq in polled.items():
                self._heads[regency_id] = max(seq, self._heads.get(regency_id, 0))
            for feed, last in known.items():
                if polled.get(feed.entry.tenant.id, last) < last:
                    await self._begin_anew(feed)
        for feed in list(self._feeds.values()):
            while feed.followers and feed.last < self._heads.get(feed.entry.tenant.id, 0):
                if not await self._read_on(feed):
                    break

    async def _read_on(self, feed: Feed) -> bool:
        """Read the events that follow; False when there are none. They must follow the very event we know.

        A standby that was promoted at a loss, or a restored backup, goes on with numbers that we know as
        others: whoever went on from there would miss calls without a gap to show for it.
        """
        views = await events_after(self._centre, feed.entry, max(feed.last - 1, 0), BATCH)
        if feed.last > 0:
            known = [LogEnd(view.seq, view.recorded_at) for view in views[:1]]
            if known != [feed.end]:
                await self._begin_anew(feed)
                return True
            del views[0]
        feed.extend(views)
        return bool(views)

    async def _begin_anew(self, feed: Feed) -> None:
        end = await log_end(self._centre, feed.entry)
        logger.warning(
            "%s: the log is another one than was known up to event %d; it ends at %d, all screens begin anew",
            feed.entry.tenant.slug,
            feed.last,
            end.seq,
        )
        self._heads[feed.entry.tenant.id] = end.seq
        feed.begin_anew(end)


async def log_head(centre: Centre, entry: TenantEntry) -> int:
    """Return the last sequence number of the tenant's log as the database has it."""
    async with centre.read(entry.tenant) as tx:
        return await head(tx)
