"""Watches the runs' surroundings: what committed fixes speak for becomes a proposal to the crew."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID

import routing
from dispatch.domain.assignment import AssignmentState
from dispatch.domain.errors import Unavailable
from dispatch.domain.geofence import Proposal, Watch, WatchedRun
from dispatch.live.surroundings import Surroundings
from dispatch.services.centre import Centre
from dispatch.services.save_positions import Records
from dispatch.services.stamping import CLOCK_TOLERANCE
from dispatch.services.step_proposals import propose_step
from dispatch.services.tenants import TenantEntry
from dispatch.services.watch_runs import RunRow, fixes_of_runs, news_of_runs
from dispatch.storage.outages import DatabaseAway, database_needed

LOOK_EVERY_S = 1.0
RETRY_S = 1.0
_WATCHED = frozenset(
    {
        AssignmentState.ACCEPTED,
        AssignmentState.EN_ROUTE,
        AssignmentState.STAGED,
        AssignmentState.ON_SCENE,
        AssignmentState.AT_PATIENT,
        AssignmentState.LEFT_SCENE,
    }
)
_MOST_WAITING = 500
"""Batches; a minute of them. What is dropped then is read from the database again."""

log = logging.getLogger(__name__)


class Said(NamedTuple):
    """What positions speak for, and of which run."""

    assignment_id: UUID
    proposal: Proposal


class RunBook:
    """The watched runs of one tenant, by unit, followed by the log's events."""

    def __init__(self, centre: Centre, entry: TenantEntry) -> None:
        self.entry = entry
        self.units: set[bytes] = set()
        """Those that are on a watched run, by the bytes of their ids."""
        self._centre = centre
        self._seq: int | None = None
        self._rows: dict[UUID, RunRow] = {}
        self._watches = Surroundings()
        self._looked_at = float("-inf")
        self._forgot = 0

    def forget(self) -> None:
        """Begin anew: fixes were missed."""
        self._forgot += 1
        self._seq = None
        self._rows.clear()
        self._watches.clear()
        self.units.clear()
        self._looked_at = float("-inf")

    async def refresh(self) -> list[Said]:
        """Look, at most once a second, for runs that began, moved on or ended.

        Returns what the fixes so far of newly watched runs speak for: another process, or this one before a
        restart, may have seen them and written nothing down.
        """
        now = asyncio.get_running_loop().time()
        if now - self._looked_at < LOOK_EVERY_S:
            return []
        self._looked_at = now
        if self._began_ahead():
            self.forget()
        forgot = self._forgot
        news = await news_of_runs(self._centre, self.entry, self._seq)
        fresh = [row for row in news.runs if self._is_news(row)]
        roads = await self._metres_to_road(fresh)
        seen = await fixes_of_runs(self._centre, self.entry, {row.unit_id: row.since for row in fresh})
        if forgot != self._forgot:
            return []  # fixes were missed while this was read: the next look begins anew
        self._seq = news.seq
        for row, road_m in zip(fresh, roads, strict=True):
            self._rows[row.unit_id] = row
            self._watches.watch(row.unit_id.bytes, Watch(_watched(row, road_m)))
            self.units.add(row.unit_id.bytes)
        return [
            said
            for fix in seen
            for said in self._said(
                fix.unit_id.bytes, self._watches.take_one(fix.unit_id.bytes, fix.seen, fix.speed_ms)
            )
        ]

    def _began_ahead(self) -> bool:
        """Whether a run began later than it is now: the clock was ahead, and so are the fixes taken in."""
        latest = self._centre.clock() + CLOCK_TOLERANCE
        return any(row.since > latest for row in self._rows.values())

    def _is_news(self, row: RunRow) -> bool:
        """Whether a run is to be watched anew; one that is over is let go."""
        known = self._rows.get(row.unit_id)
        if row.ended or AssignmentState(row.state) not in _WATCHED:
            if known is not None and known.assignment_id == row.assignment_id:
                del self._rows[row.unit_id]
                self._watches.forget(row.unit_id.bytes)
                self.units.discard(row.unit_id.bytes)
            return False
        return known != row

    def take(self, batch: Records) -> list[Said]:
        """Take in committed fixes, records of `FIX`; return by run what they newly speak for."""
        return [said for unit, new in self._watches.take(batch) for said in self._said(unit, new)]

    def _said(self, unit: bytes, proposals: Iterable[Proposal]) -> list[Said]:
        run = self._rows.get(UUID(bytes=unit))
        return [] if run is None else [Said(run.assignment_id, proposal) for proposal in proposals]

    async def _metres_to_road(self, rows: Sequence[RunRow]) -> list[float]:
        """How far each scene lies from the roads; 0 where that is not known."""
        if not rows:
            return []
        try:
            network = await self._centre.roads.of(self.entry)
            return await asyncio.to_thread(_metres_to_road, network, rows)
        except Unavailable as missing:
            log.warning("%s: scenes without roads: %s", self.entry.tenant.slug, missing)
        except Exception:
            # the runs of this regency, and those of all others, are to be watched all the same
            log.exception("%s: scenes without roads", self.entry.tenant.slug)
        return [0.0] * len(rows)


def _metres_to_road(network: routing.Network, rows: Sequence[RunRow]) -> list[float]:
    metres = []
    for row in rows:
        away = 0.0
        if row.scene_lon is not None and row.scene_lat is not None:
            with suppress(routing.RoutingError):  # far outside of the map
                away = network.snap([(row.scene_lon, row.scene_lat)])[0].access_m
        metres.append(away)
    return metres


def _watched(row: RunRow, road_m: float) -> WatchedRun:
    scene, goal = (row.scene_lon, row.scene_lat), (row.goal_lon, row.goal_lat)
    return WatchedRun(
        state=AssignmentState(row.state),
        since=row.since.timestamp(),
        scene=None if scene[0] is None or scene[1] is None else (scene[0], scene[1]),
        scene_m=row.scene_m,
        road_m=road_m,
        destination=None if goal[0] is None or goal[1] is None else (goal[0], goal[1]),
        pace=row.speed_factor or 1.0,
    )


class Geofencing:
    """The geofences of one process. They come after the answer to the phone, and hold up no fix."""

    def __init__(self, centre: Centre) -> None:
        """Nothing is watched before `run`."""
        self._centre = centre
        self._books: dict[int, RunBook] = {}
        self._waiting: deque[tuple[TenantEntry, Records]] = deque()
        self._unsaid: dict[tuple[int, UUID, AssignmentState], Proposal] = {}
        self._work = asyncio.Event()

    def on_run(self, entry: TenantEntry) -> set[bytes]:
        """Return the units on a watched run, by the bytes of their ids, as far as this process knows."""
        return self._book(entry).units

    def committed(self, entry: TenantEntry, batch: Records) -> None:
        """These fixes are stored."""
        if len(self._waiting) >= _MOST_WAITING:
            self._waiting.clear()
            for book in self._books.values():
                book.forget()
        self._waiting.append((entry, batch))
        self._work.set()

    def _book(self, entry: TenantEntry) -> RunBook:
        book = self._books.get(entry.tenant.id)
        if book is None:
            book = self._books[entry.tenant.id] = RunBook(self._centre, entry)
        book.entry = entry
        return book

    async def run(self) -> None:
        """Watch and propose until cancelled; while the database is away, fixes wait."""
        while True:
            await self._work.wait()
            try:
                with database_needed():
                    await self._look()
            except DatabaseAway as away:
                log.warning("geofences wait, the database is away: %s", away.__cause__)
                await asyncio.sleep(RETRY_S)

    async def _look(self) -> None:
        while self._waiting:
            entry, batch = self._waiting[0]
            book = self._book(entry)
            said = await book.refresh()
            if not self._waiting or self._waiting[0][1] is not batch:
                continue  # too many had come meanwhile, and it was dropped with them
            self._waiting.popleft()
            for run, proposal in (*said, *book.take(batch)):
                self._unsaid[entry.tenant.id, run, proposal.to] = proposal
        while self._unsaid:
            key, proposal = next(iter(self._unsaid.items()))
            regency_id, run, to = key
            at = datetime.fromtimestamp(proposal.at, UTC)
            del self._unsaid[key]
            try:
                with database_needed():
                    await propose_step(self._centre, self._books[regency_id].entry, run, to, at)
            except DatabaseAway:
                self._unsaid.setdefault(key, proposal)
                raise
        if not self._waiting:
            self._work.clear()
