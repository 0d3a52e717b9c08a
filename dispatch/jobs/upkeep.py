"""What keeps a deployment going by itself: rosters, shifts, and room for tomorrow's positions."""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

from sqlalchemy import text

from dispatch.domain.errors import Conflict
from dispatch.domain.roles import SYSTEM
from dispatch.services.centre import Centre
from dispatch.services.checkpoint_log import write_checkpoint
from dispatch.services.erase_person import finish_erasures, replay_erasures
from dispatch.services.open_due_shifts import open_due_shifts
from dispatch.services.renew_rosters import renew_rosters
from dispatch.services.tenants import TenantEntry
from dispatch.storage.checkpoints import Signer

log = logging.getLogger(__name__)

PARTITIONS_EVERY = timedelta(hours=1)
CHECKPOINTS_EVERY = timedelta(minutes=5)
STEADY_FOR = timedelta(minutes=10)
"""How long the clock has to have gone on steadily before crews are signed off by it."""
DAYS_AHEAD = 10
_LEAP_S = 60.0
_LOCK = 7_362_718  # one worker at a time does the upkeep


class Upkeep:
    """The upkeep of all tenants. Any number of workers may call `pass_once`; one at a time does the work."""

    def __init__(self, centre: Centre, since_boot: Callable[[], float] = time.monotonic) -> None:
        """Do nothing yet; `since_boot` gives seconds that go on whatever the clock is set to."""
        self._centre = centre
        self._since_boot = since_boot
        self._seen: tuple[datetime, float] | None = None
        self._steady_since_s = 0.0
        self._partitions_at: datetime | None = None
        self._checkpoints_at: datetime | None = None

    async def pass_once(self) -> bool:
        """Do what is due, and return whether this worker was the one to do it."""
        async with self._alone() as mine:
            if not mine:
                return False
            now = self._centre.clock()
            steady = self._steady(now)
            if _is_due(self._partitions_at, PARTITIONS_EVERY, now):
                await self._make_partitions(now)
                self._partitions_at = now
                await _whatever_becomes_of(self._erase_again(), "erasing again")
            for entry in await self._centre.tenants.all():
                await self._of_tenant(entry, sign_off=steady)
            unfinished = finish_erasures(self._centre, SYSTEM, cause="upkeep")
            await _whatever_becomes_of(unfinished, "finishing erasures")
            if _is_due(self._checkpoints_at, CHECKPOINTS_EVERY, now):
                await _whatever_becomes_of(self._write_checkpoints(), "signing checkpoints")
                self._checkpoints_at = now
        return True

    def _steady(self, now: datetime) -> bool:
        """Whether the clock has gone on for a while as time does, neither set nor just started by."""
        seconds = self._since_boot()
        before, self._seen = self._seen, (now, seconds)
        if before is None or abs((now - before[0]).total_seconds() - (seconds - before[1])) > _LEAP_S:
            self._steady_since_s = seconds
        return seconds - self._steady_since_s >= STEADY_FOR.total_seconds()

    async def _of_tenant(self, entry: TenantEntry, *, sign_off: bool) -> None:
        try:
            planned = await renew_rosters(self._centre, entry)
            shifts = await open_due_shifts(self._centre, entry, sign_off=sign_off)
        # one tenant's trouble must not leave the other tenants' units off shift; it is tried again in 30 s
        except Exception:
            log.exception("%s: upkeep failed", entry.tenant.slug)
            return
        if planned.planned or planned.withdrawn:
            log.info(
                "%s: %d shifts planned, %d withdrawn", entry.tenant.slug, planned.planned, planned.withdrawn
            )
        if shifts.opened or shifts.closed:
            log.info(
                "%s: %d shifts opened, %d closed", entry.tenant.slug, len(shifts.opened), len(shifts.closed)
            )

    async def _write_checkpoints(self) -> None:
        signer = Signer.from_file(self._centre.settings.checkpoint_key_path)
        for entry in await self._centre.tenants.all():
            try:
                made = await write_checkpoint(self._centre, entry, signer)
            except (OSError, Conflict) as trouble:
                log.error("%s: no checkpoint of the event log: %s", entry.tenant.slug, trouble)
                continue
            if made is not None and made.other_key is not None:
                log.warning("checkpoints are signed by another key now; the former: %s", made.other_key)

    async def _erase_again(self) -> None:
        """A database that was restored brings erased persons back; some wait for the end of their case."""
        waiting: list[str] = []
        again = await replay_erasures(self._centre, SYSTEM, cause="upkeep", waiting=waiting)
        if again or waiting:
            log.warning("%d persons erased again, %d wait for the end of their case", again, len(waiting))

    async def _make_partitions(self, now: datetime) -> None:
        async with self._centre.database.sessions() as session, session.begin():
            made = await session.scalar(
                text("SELECT make_position_partitions(CAST(:first AS date), :days)"),
                {"first": now.date() - timedelta(days=1), "days": DAYS_AHEAD},
            )
        if made:
            log.info("%d partitions for positions made", made)

    @asynccontextmanager
    async def _alone(self) -> AsyncIterator[bool]:
        """Hold the upkeep's lock for as long as the transaction that took it: it ends with the connection."""
        async with self._centre.database.sessions() as session, session.begin():
            query = text("SELECT pg_try_advisory_xact_lock(:lock)")
            yield bool(await session.scalar(query, {"lock": _LOCK}))


def _is_due(last: datetime | None, every: timedelta, now: datetime) -> bool:
    """Whether something done `last` is to be done again; a clock that was set back does not put it off."""
    return last is None or not last <= now < last + every


async def _whatever_becomes_of(part: Awaitable[object], what: str) -> None:
    """Do one part: a damaged file of one must not keep the others from being done, it is said each time."""
    try:
        await part
    except Exception:
        log.exception("%s failed", what)
