"""How far up the ladder each notice to a crew has come, as operators and the crew itself see it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import select

from dispatch.domain.deadlines import NoticeKind
from dispatch.storage.tables.notice import CrewNotice
from dispatch.storage.transaction import Transaction


@dataclass(frozen=True, slots=True)
class NoticeView:
    """One notice with its rungs: shown on the crew's page, sent by push and SMS to so many phones, a call.

    A rung that found no phone has its time and 0 phones. `ended_why` is `acknowledged`, `phoned` or `moot`.
    """

    id: UUID
    kind: NoticeKind
    made_at: datetime
    shown_at: datetime | None
    push_at: datetime | None
    push_phones: int
    sms_at: datetime | None
    sms_phones: int
    call_at: datetime | None
    ended_at: datetime | None
    ended_why: str | None


@dataclass(frozen=True, slots=True)
class CrewSlip:
    """One notice as the crew's page shows it, until it is acknowledged."""

    id: UUID
    kind: NoticeKind
    assignment_id: UUID
    made_at: datetime
    shown: bool


async def notices_of_runs(tx: Transaction, run_ids: Sequence[UUID]) -> dict[UUID, list[NoticeView]]:
    """Return the notices of runs, by run, the oldest first."""
    rows = await tx.session.execute(
        select(CrewNotice)
        .where(CrewNotice.regency_id == tx.tenant.id, CrewNotice.assignment_id.in_(run_ids))
        .order_by(CrewNotice.made_at, CrewNotice.id)
    )
    found: dict[UUID, list[NoticeView]] = defaultdict(list)
    for row in rows.scalars():
        found[row.assignment_id].append(
            NoticeView(
                row.id,
                NoticeKind(row.kind),
                row.made_at,
                row.shown_at,
                row.push_at,
                row.push_phones,
                row.sms_at,
                row.sms_phones,
                row.call_at,
                row.ended_at,
                row.ended_why,
            )
        )
    return found


async def slips_for_crew(tx: Transaction, unit_id: UUID, joined_at: datetime) -> list[CrewSlip]:
    """Return what the crew aboard the unit has to acknowledge, the oldest first.

    An older crew's stand-downs are not this one's to acknowledge; a run in progress is, with all about it. A
    crew that boarded at a time still to come did so by a clock that has been set back since: all are its own.
    """
    since = joined_at if joined_at <= tx.now else datetime.min.replace(tzinfo=UTC)
    rows = await tx.session.execute(
        select(CrewNotice)
        .where(
            CrewNotice.regency_id == tx.tenant.id,
            CrewNotice.unit_id == unit_id,
            CrewNotice.ended_at.is_(None),
            (CrewNotice.kind != NoticeKind.STAND_DOWN.value) | (CrewNotice.made_at >= since),
        )
        .order_by(CrewNotice.made_at, CrewNotice.id)
    )
    return [
        CrewSlip(row.id, NoticeKind(row.kind), row.assignment_id, row.made_at, row.shown_at is not None)
        for row in rows.scalars()
    ]
