"""Cases of a regency, the newest first, found by what people remember of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, ScalarSelect, func, select, tuple_
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncSession

from dispatch.storage.tables.assignment import Assignment
from dispatch.storage.tables.incident import Incident
from dispatch.storage.tables.regency import Village
from dispatch.storage.tables.unit import Unit


@dataclass(frozen=True, slots=True)
class FoundCase:
    """An incident, its village, and the call signs that were sent, each as often as it was."""

    incident: Incident
    village: str | None
    call_signs: list[str]


async def past_cases(
    session: AsyncSession,
    regency_id: int,
    *,
    words: Sequence[str],
    reported: tuple[datetime, datetime] | None,
    before: UUID | None,
    most: int,
) -> list[FoundCase]:
    """Return up to `most` incidents by one statement.

    Every word must stand in the number or in one of the call signs that were sent. `reported`: from the first
    moment, up to the second without it. `before`: the id of an incident; what was reported before it follows.
    """
    wanted = [Incident.regency_id == regency_id, *(_has(regency_id, word) for word in words)]
    if reported is not None:
        wanted += [Incident.reported_at >= reported[0], Incident.reported_at < reported[1]]
    if before is not None:
        wanted += _earlier(regency_id, before)
    rows = await session.execute(
        select(Incident, Village.name, _signs())
        .outerjoin(
            Village, (Village.regency_id == Incident.regency_id) & (Village.code == Incident.village_code)
        )
        .where(*wanted)
        # the index `incident_reported` read backwards, as far as the page needs it
        .order_by(Incident.reported_at.desc(), Incident.id.desc())
        .limit(most)
    )
    return [FoundCase(incident, village, signs or []) for incident, village, signs in rows]


def _signs() -> ScalarSelect[list[str]]:
    return (
        select(func.array_agg(aggregate_order_by(Unit.call_sign, Assignment.created_at, Assignment.id)))
        .select_from(Assignment)
        .join(Unit, (Unit.regency_id == Assignment.regency_id) & (Unit.id == Assignment.unit_id))
        .where(Assignment.regency_id == Incident.regency_id, Assignment.incident_id == Incident.id)
        .scalar_subquery()
    )


def _has(regency_id: int, word: str) -> ColumnElement[bool]:
    # the few units with such a call sign are looked up once, not once for every case
    sent = (
        select(Assignment.incident_id)
        .join(Unit, (Unit.regency_id == Assignment.regency_id) & (Unit.id == Assignment.unit_id))
        .where(Assignment.regency_id == regency_id, Unit.call_sign.icontains(word, autoescape=True))
    )
    return Incident.number.icontains(word, autoescape=True) | Incident.id.in_(sent)


def _earlier(regency_id: int, before: UUID) -> list[ColumnElement[bool]]:
    then = (
        select(Incident.reported_at)
        .where(Incident.regency_id == regency_id, Incident.id == before)
        .correlate(None)
        .scalar_subquery()
    )
    # the first one bounds the index, the second says which of the same moment come after
    return [Incident.reported_at <= then, tuple_(Incident.reported_at, Incident.id) < tuple_(then, before)]
