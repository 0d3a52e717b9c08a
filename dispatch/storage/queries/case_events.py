"""The events of one case in order, those of its calls from before the incident included."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

# Both halves are ranges of the index `event_incident`: one of the incident, one of events without an incident
# between two sequence numbers, in which the calls and callers of the case are looked for.
_EVENTS = text(
    """
    SELECT * FROM (
        (SELECT seq, kind, subject_type, subject_id, actor, cause, occurred_at, recorded_at, body
         FROM event WHERE regency_id = :regency AND incident_id = :incident AND seq > :after
         ORDER BY seq LIMIT :most)
        UNION ALL
        (SELECT seq, kind, subject_type, subject_id, actor, cause, occurred_at, recorded_at, body
         FROM event WHERE regency_id = :regency AND incident_id IS NULL
           AND seq > greatest(:after, :first) AND seq <= :last AND subject_id = ANY(:subjects)
         ORDER BY seq LIMIT :most)
    ) AS events ORDER BY seq LIMIT :most
    """
)
_FIRST = text(
    """
    SELECT min(seq) FROM event WHERE regency_id = :regency AND incident_id IS NULL
      AND seq > :after AND seq < :before AND subject_id = ANY(:subjects)
    """
)
_BOUNDS = text(
    """
    SELECT min(seq) AS first, max(seq) AS last FROM event
    WHERE regency_id = :regency AND incident_id = :incident
    """
)


@dataclass(frozen=True, slots=True)
class CaseEvent:
    """One event with its body: the text that holds the rows it changed."""

    seq: int
    kind: str
    subject_type: str
    subject_id: str
    actor: str
    cause: str
    occurred_at: datetime
    recorded_at: datetime
    body: str


async def case_bounds(session: AsyncSession, regency_id: int, incident_id: UUID) -> tuple[int, int] | None:
    """Return the first and last event that name the incident; None when none does."""
    row = (await session.execute(_BOUNDS, {"regency": regency_id, "incident": incident_id})).one()
    return None if row.first is None else (int(row.first), int(row.last))


async def first_event_about(
    session: AsyncSession, regency_id: int, subjects: Sequence[str], after: int, before: int
) -> int | None:
    """Return the first event between two sequences that names no incident and is about one of `subjects`."""
    values = {"regency": regency_id, "subjects": list(subjects), "after": after, "before": before}
    found: int | None = (await session.execute(_FIRST, values)).scalar_one()
    return found


async def case_events(
    session: AsyncSession,
    regency_id: int,
    incident_id: UUID,
    *,
    subjects: Sequence[str],
    first: int,
    last: int,
    after: int,
    most: int,
) -> list[CaseEvent]:
    """Return up to `most` events of the case that follow `after`.

    `subjects` are ids of its calls, call-backs and callers; events about them that name no incident count
    when they lie between `first` (without it) and `last`.
    """
    rows = await session.execute(
        _EVENTS,
        {
            "regency": regency_id,
            "incident": incident_id,
            "subjects": list(subjects),
            "first": first,
            "last": last,
            "after": after,
            "most": most,
        },
    )
    return [CaseEvent(*row) for row in rows]
