"""What the paper board needs beside what screens read: callers, crews, and places in words."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

# callers of calls that wait for a verdict, and of open cases; the earliest call of a case comes first
_CALLERS = text(
    """
    SELECT c.id AS call_id, c.incident_id, c.received_at, c.key_id, k.wrapped,
           coalesce(r.name_sealed, c.caller_name_sealed) AS name,
           coalesce(r.phone_sealed, c.caller_phone_sealed) AS phone,
           c.resident_id IS NOT NULL AS resident, c.content_sealed AS content,
           i.place_note_sealed AS place_note, i.key_id AS note_key_id, n.wrapped AS note_wrapped
    FROM call c
    JOIN person_key k ON k.id = c.key_id
    LEFT JOIN resident r ON r.id = c.resident_id
    LEFT JOIN incident i ON i.regency_id = c.regency_id AND i.id = c.incident_id
    LEFT JOIN person_key n ON n.id = i.key_id
    WHERE c.regency_id = :regency
      AND (c.state IN ('ringing', 'taken') OR i.state IN ('reported', 'confirmed'))
    ORDER BY c.received_at, c.id
    """
)

_CREWS = text(
    """
    SELECT s.unit_id, p.display_name, m.duty
    FROM shift s
    JOIN crew_membership m ON m.regency_id = s.regency_id AND m.shift_id = s.id AND m.left_at IS NULL
    JOIN staff_user p ON p.regency_id = m.regency_id AND p.id = m.staff_id
    WHERE s.regency_id = :regency AND s.unit_id IS NOT NULL
      AND s.opened_at IS NOT NULL AND s.closed_at IS NULL
    ORDER BY m.joined_at, m.id
    """
)

# the nearest village within about a kilometre: published outlines leave slivers between them
_VILLAGES = text(
    """
    SELECT p.n, v.name, d.name AS district
    FROM unnest(CAST(:lons AS double precision[]), CAST(:lats AS double precision[])) WITH ORDINALITY
        AS p(lon, lat, n)
    JOIN LATERAL (
        SELECT v.name, v.district_code FROM village v, ST_SetSRID(ST_MakePoint(p.lon, p.lat), 4326) AS g
        WHERE v.regency_id = :regency AND v.shape && ST_Expand(g, 0.01)
        ORDER BY v.shape <-> g LIMIT 1
    ) v ON true
    JOIN district d ON d.regency_id = :regency AND d.code = v.district_code
    """
)

_SEEN_BEFORE = text(
    """
    SELECT DISTINCT key_id FROM view_log
    WHERE key_id = ANY(:keys) AND viewer = :viewer AND reason = :reason AND at >= :since
    """
)


# by the times of a run itself: `created_at` to `released_at`, an open one lasts until now
_OVERLAPPING = text(
    """
    SELECT u.call_sign, i.number, a.created_at AS since, a.released_at AS until
    FROM assignment a
    JOIN incident i ON i.regency_id = a.regency_id AND i.id = a.incident_id
    JOIN unit u ON u.regency_id = a.regency_id AND u.id = a.unit_id
    WHERE a.regency_id = :regency AND a.unit_id = :unit AND a.created_at < :until
      AND coalesce(a.released_at, 'infinity') > :since
    ORDER BY a.created_at
    """
)


@dataclass(frozen=True, slots=True)
class OtherRun:
    """A run that the unit had at the same time."""

    call_sign: str
    number: str
    since: datetime
    until: datetime | None


@dataclass(frozen=True, slots=True)
class CallerRow:
    """Who called, sealed; `wrapped` is the person's key, None once erased.

    The place note of a case is sealed under the key of whoever's call opened it: often another caller's.
    """

    call_id: UUID
    incident_id: UUID | None
    received_at: datetime
    key_id: UUID
    wrapped: bytes | None
    name: bytes | None
    phone: bytes | None
    resident: bool
    content: bytes | None
    place_note: bytes | None
    note_key_id: UUID | None
    note_wrapped: bytes | None


async def open_callers(session: AsyncSession, regency_id: int) -> list[CallerRow]:
    """Return the callers of everything open, earliest first."""
    return [CallerRow(*row) for row in await session.execute(_CALLERS, {"regency": regency_id})]


async def crews(session: AsyncSession, regency_id: int) -> dict[UUID, list[str]]:
    """Return who is aboard each unit now, by unit."""
    aboard: dict[UUID, list[str]] = defaultdict(list)
    for unit_id, name, _duty in await session.execute(_CREWS, {"regency": regency_id}):
        aboard[unit_id].append(name)
    return aboard


async def villages_at(
    session: AsyncSession, regency_id: int, places: Sequence[tuple[float, float]]
) -> list[tuple[str, str] | None]:
    """Return (village, district) of each (lon, lat), None far from all of them."""
    if not places:
        return []
    asked = {"regency": regency_id, "lons": [p[0] for p in places], "lats": [p[1] for p in places]}
    found = {row.n: (row.name, row.district) for row in await session.execute(_VILLAGES, asked)}
    return [found.get(n) for n in range(1, len(places) + 1)]


async def printed_before(
    session: AsyncSession, keys: Sequence[UUID], viewer: str, reason: str, since: datetime
) -> set[UUID]:
    """Return the persons whose standing on paper has been logged since a moment."""
    asked = {"keys": list(keys), "viewer": viewer, "reason": reason, "since": since}
    return set((await session.execute(_SEEN_BEFORE, asked)).scalars())


async def overlapping_runs(
    session: AsyncSession, regency_id: int, unit_id: UUID, since: datetime, until: datetime
) -> list[OtherRun]:
    """Return the unit's runs that share a moment with `since` .. `until`, oldest first."""
    asked = {"regency": regency_id, "unit": unit_id, "since": since, "until": until}
    return [OtherRun(*row) for row in await session.execute(_OVERLAPPING, asked)]
