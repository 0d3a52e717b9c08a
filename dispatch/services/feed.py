"""The event log as screens read it: in order, from any sequence number on, with nothing personal."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select, text

from dispatch.services.centre import Centre
from dispatch.services.tenants import TenantEntry
from dispatch.storage.tables.event import Event, EventHead
from dispatch.storage.transaction import Transaction


@dataclass(frozen=True, slots=True)
class EventView:
    """One event without its sealed parts."""

    seq: int
    kind: str
    subject_type: str
    subject_id: str
    incident_id: UUID | None
    actor: str
    occurred_at: datetime
    recorded_at: datetime
    data: dict[str, Any]


_COLUMNS = (
    Event.seq,
    Event.kind,
    Event.subject_type,
    Event.subject_id,
    Event.incident_id,
    Event.actor,
    Event.occurred_at,
    Event.recorded_at,
    Event.data,
)


async def head(tx: Transaction) -> int:
    """Return the last sequence number of the tenant's log."""
    return (
        await tx.session.execute(select(EventHead.seq).where(EventHead.regency_id == tx.tenant.id))
    ).scalar_one()


@dataclass(frozen=True, slots=True)
class LogEnd:
    """The last event of a log. When it was recorded tells it from another one of the same number."""

    seq: int
    recorded_at: datetime


async def log_end(centre: Centre, entry: TenantEntry) -> LogEnd:
    """Return where the tenant's log ends now."""
    async with centre.read(entry.tenant) as tx:
        return await log_end_within(tx)


async def log_end_within(tx: Transaction) -> LogEnd:
    """Return where the tenant's log ends, as a transaction sees it."""
    query = select(EventHead.seq, EventHead.recorded_at).where(EventHead.regency_id == tx.tenant.id)
    return LogEnd(*(await tx.session.execute(query)).one())


async def has_event(centre: Centre, entry: TenantEntry, known: LogEnd) -> bool:
    """Whether the tenant's log has this very event, and not another one of its number."""
    query = select(Event.recorded_at).where(Event.regency_id == entry.tenant.id, Event.seq == known.seq)
    async with centre.read(entry.tenant) as tx:
        return (await tx.session.execute(query)).scalar_one_or_none() == known.recorded_at


async def events_after(
    centre: Centre, entry: TenantEntry, after: int, limit: int = 500, incident_id: UUID | None = None
) -> list[EventView]:
    """Return the events that follow sequence number `after`, in order, at most `limit`."""
    query = select(*_COLUMNS).where(Event.regency_id == entry.tenant.id, Event.seq > after)
    if incident_id is not None:
        query = query.where(Event.incident_id == incident_id)
    async with centre.read(entry.tenant) as tx:
        rows = await tx.session.execute(query.order_by(Event.seq).limit(limit))
        return [EventView(*row) for row in rows]


async def heads(centre: Centre) -> dict[int, int]:
    """Return the last sequence number of every tenant: the one question that pollers ask twice a second."""
    async with centre.database.sessions() as session:
        rows = await session.execute(text("SELECT regency_id, seq FROM event_heads()"))
        return {row.regency_id: row.seq for row in rows}
