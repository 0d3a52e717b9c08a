"""The runs that geofences watch, as they are now and as they change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from dispatch.services.centre import Centre
from dispatch.services.feed import head
from dispatch.services.stamping import CLOCK_TOLERANCE
from dispatch.services.tenants import TenantEntry
from dispatch.storage.queries.positions import PastFix, fixes_since
from dispatch.storage.queries.run_watch import RunRow, watched_runs

__all__ = ["PastFix", "RunNews", "RunRow", "fixes_of_runs", "news_of_runs"]


@dataclass(frozen=True, slots=True)
class RunNews:
    """Runs as of event `seq`: all open ones, or all of the cases that changed."""

    seq: int
    runs: list[RunRow]


async def news_of_runs(centre: Centre, entry: TenantEntry, after: int | None) -> RunNews:
    """Return every open run, or, with `after`, the runs of the cases that later events are about."""
    async with centre.read(entry.tenant) as tx:
        seq = await head(tx)  # first: what comes in between is told once more, and not missed
        if seq == after:
            return RunNews(seq, [])
        if after is not None and seq < after:
            after = None  # another log than before, as of a backup: what was known of it may never have been
        return RunNews(seq, await watched_runs(tx.session, entry.tenant.id, tx.now, after))


async def fixes_of_runs(centre: Centre, entry: TenantEntry, since: Mapping[UUID, datetime]) -> list[PastFix]:
    """Return the good fixes of units since a moment each: what was seen before this process watched."""
    if not since:
        return []
    async with centre.read(entry.tenant) as tx:
        believed_s = CLOCK_TOLERANCE.total_seconds()
        return await fixes_since(tx.session, entry.tenant.id, since, tx.now, believed_s)
