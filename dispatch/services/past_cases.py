"""Cases to look back at, newest first. Nothing personal: numbers, times, colours, villages and call signs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from dispatch.domain.incident import IncidentKind, IncidentState
from dispatch.domain.triage import Triage
from dispatch.services.centre import Centre
from dispatch.services.report_response_times import bounds_of
from dispatch.services.tenants import TenantEntry
from dispatch.storage.queries.past_cases import FoundCase, past_cases

MOST_CASES = 100
MOST_WORDS = 4


@dataclass(frozen=True, slots=True)
class PastCase:
    """One case, open or over. `call_signs`: who was asked to go, in that order."""

    id: UUID
    number: str
    kind: IncidentKind
    state: IncidentState
    triage: Triage | None
    village: str | None
    outside: bool
    reported_at: datetime
    ended_at: datetime | None
    closing_code: str | None
    call_signs: list[str]


@dataclass(frozen=True, slots=True)
class PastCases:
    """A page of cases. With `next_before` there are earlier ones: ask for those before it."""

    cases: list[PastCase]
    next_before: UUID | None


async def find_past_cases(
    centre: Centre,
    entry: TenantEntry,
    *,
    asked: str = "",
    day: date | None = None,
    before: UUID | None = None,
    most: int = 30,
) -> PastCases:
    """Return cases whose number or call signs hold every word of `asked`, of a local day if one is given.

    Words beyond the first four are not looked at.

    Raises:
        InvalidInput: the day is out of range.
    """
    zone = entry.tenant.zone
    async with centre.read(entry.tenant) as tx:
        rows = await past_cases(
            tx.session,
            tx.tenant.id,
            words=asked.split()[:MOST_WORDS],
            reported=None if day is None else bounds_of(day, day, zone),
            before=before,
            most=most + 1,
        )
    cases = [_shown(row) for row in rows[:most]]
    return PastCases(cases, cases[-1].id if len(rows) > most else None)


def _shown(row: FoundCase) -> PastCase:
    incident = row.incident
    return PastCase(
        id=incident.id,
        number=incident.number,
        kind=IncidentKind(incident.kind),
        state=IncidentState(incident.state),
        triage=Triage(incident.triage) if incident.triage else None,
        village=row.village,
        outside=incident.outside,
        reported_at=incident.reported_at,
        ended_at=incident.ended_at,
        closing_code=incident.closing_code,
        call_signs=list(dict.fromkeys(row.call_signs)),
    )
