"""What crews' phones show and are compared with, read for many of them in one statement each."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from dispatch.domain.position import Seen
from dispatch.storage.queries.positions import LastPlace

# --- where they are aboard, and what waits for them ---

# Every join is a look-up of one row (LIMIT 1): in the order they stand, each by its key. Left to choose, the
# planner begins with whole tables where it has no statistics yet, as after a regency was loaded.
_SCENES = text(
    """
    SELECT c.staff_id, h.seq, u.id AS unit_id, u.call_sign, s.id AS shift_id, s.ends_at, m.joined_at,
           r.id AS run_id, o.reason, o.note, o.began_at, o.expected_until, called_back.runs AS stood_down,
           slips.ids, slips.kinds, slips.runs, slips.made, slips.shown
    FROM unnest(CAST(:staff AS uuid[])) AS c(staff_id)
    LEFT JOIN event_head h ON h.regency_id = :regency
    LEFT JOIN LATERAL (
        SELECT shift_id, joined_at FROM crew_membership
        WHERE regency_id = :regency AND staff_id = c.staff_id AND left_at IS NULL LIMIT 1
    ) m ON true
    LEFT JOIN LATERAL (
        SELECT id, unit_id, ends_at FROM shift WHERE regency_id = :regency AND id = m.shift_id LIMIT 1
    ) s ON true
    LEFT JOIN LATERAL (
        SELECT id, call_sign FROM unit WHERE regency_id = :regency AND id = s.unit_id LIMIT 1
    ) u ON true
    LEFT JOIN LATERAL (
        SELECT id FROM assignment
        WHERE regency_id = :regency AND unit_id = u.id AND released_at IS NULL LIMIT 1
    ) r ON true
    LEFT JOIN LATERAL (
        SELECT reason, note, began_at, expected_until FROM unavailability
        WHERE regency_id = :regency AND unit_id = u.id AND ended_at IS NULL LIMIT 1
    ) o ON true
    LEFT JOIN LATERAL (
        -- an older shift's stand-downs are not this crew's to acknowledge; a crew that boarded at a time
        -- still to come did so by a clock that has been set back since: all are its own
        SELECT array_agg(id ORDER BY released_at, id) AS runs FROM assignment
        WHERE regency_id = :regency AND unit_id = u.id AND state = 'stood_down'
          AND stand_down_acknowledged_at IS NULL AND (released_at >= m.joined_at OR m.joined_at > :now)
    ) called_back ON true
    LEFT JOIN LATERAL (
        SELECT array_agg(n.id ORDER BY n.made_at, n.id) AS ids,
               array_agg(n.kind ORDER BY n.made_at, n.id) AS kinds,
               array_agg(n.assignment_id ORDER BY n.made_at, n.id) AS runs,
               array_agg(n.made_at ORDER BY n.made_at, n.id) AS made,
               array_agg(n.shown_at IS NOT NULL ORDER BY n.made_at, n.id) AS shown
        FROM crew_notice n
        WHERE n.regency_id = :regency AND n.unit_id = u.id AND n.ended_at IS NULL
          AND (n.kind <> 'stand_down' OR n.made_at >= m.joined_at OR m.joined_at > :now)
    ) slips ON true
    """
)


class Berth(NamedTuple):
    """Where somebody is signed on."""

    unit_id: UUID
    call_sign: str
    shift_id: UUID
    ends_at: datetime
    joined_at: datetime


class Outage(NamedTuple):
    """Why a unit cannot be sent."""

    reason: str
    note: str | None
    began_at: datetime
    expected_until: datetime | None


class Slip(NamedTuple):
    """A notice that the crew has to acknowledge."""

    id: UUID
    kind: str
    assignment_id: UUID
    made_at: datetime
    shown: bool


class CrewScene(NamedTuple):
    """What one driver's desk is made of, but for the run; all of it as of one moment.

    `seq` is the last event of the log then. Stand-downs and notices stand from the oldest on; they are those
    that this crew has to acknowledge.
    """

    seq: int
    berth: Berth | None
    run_id: UUID | None
    outage: Outage | None
    stood_down: Sequence[UUID]
    slips: Sequence[Slip]


async def crew_scenes(
    session: AsyncSession, regency_id: int, staff_ids: Sequence[UUID], now: datetime
) -> dict[UUID, CrewScene]:
    """Return what drivers' desks are made of, by driver; one who is signed on nowhere has only `seq`."""
    values = {"regency": regency_id, "staff": list(set(staff_ids)), "now": now}
    rows = await session.execute(_SCENES, values)
    return {
        row.staff_id: CrewScene(
            row.seq,
            Berth(row.unit_id, row.call_sign, row.shift_id, row.ends_at, row.joined_at)
            if row.unit_id is not None
            else None,
            row.run_id,
            Outage(row.reason, row.note, row.began_at, row.expected_until)
            if row.reason is not None
            else None,
            row.stood_down or (),
            [Slip(*slip) for slip in zip(row.ids, row.kinds, row.runs, row.made, row.shown, strict=True)]
            if row.ids
            else (),
        )
        for row in rows
    }


# --- the runs they are on ---

_RUNS = text(
    """
    SELECT r.id, r.state, r.created_at, r.predicted_s, i.id AS incident_id, i.number, i.triage,
           ST_X(i.place) AS lon, ST_Y(i.place) AS lat, i.place_accuracy_m, v.name AS village,
           d.name AS district, i.speed_factor, i.key_id, k.wrapped, i.place_note_sealed,
           (SELECT count(*) FROM patient p
            WHERE p.regency_id = :regency AND p.incident_id = i.id) AS patients,
           (SELECT max(s.occurred_at) FROM stamp s WHERE s.regency_id = :regency
            AND s.incident_id = i.id AND s.assignment_id = r.id) AS stamped_at,
           EXISTS (SELECT FROM leg l
                   WHERE l.regency_id = :regency AND l.assignment_id = r.id) AS has_legs,
           EXISTS (SELECT FROM event e WHERE e.regency_id = :regency AND e.incident_id = i.id
                   AND e.kind = 'step_proposed') AS has_proposals,
           c.id AS call_id, c.key_id AS caller_key_id, ck.wrapped AS caller_wrapped, c.resident_id,
           c.caller_name_sealed, c.caller_phone_sealed, w.name_sealed, w.phone_sealed
    FROM assignment r
    JOIN incident i ON i.regency_id = r.regency_id AND i.id = r.incident_id
    LEFT JOIN village v ON v.regency_id = i.regency_id AND v.code = i.village_code
    LEFT JOIN district d ON d.regency_id = v.regency_id AND d.code = v.district_code
    LEFT JOIN person_key k ON k.id = i.key_id
    LEFT JOIN LATERAL (
        SELECT id, key_id, resident_id, caller_name_sealed, caller_phone_sealed FROM call
        WHERE regency_id = :regency AND incident_id = i.id ORDER BY received_at LIMIT 1
    ) c ON true
    LEFT JOIN person_key ck ON ck.id = c.key_id
    LEFT JOIN resident w ON w.id = c.resident_id
    WHERE r.regency_id = :regency AND r.id = ANY(CAST(:runs AS uuid[])) AND r.released_at IS NULL
    """
)


class RunRow(NamedTuple):
    """An open run with its case and the case's first call. Keys are wrapped, None where destroyed.

    `stamped_at` is the run's last stamp. What is sealed of a caller with an account stands in the account.
    """

    id: UUID
    state: str
    created_at: datetime
    predicted_s: float | None
    incident_id: UUID
    number: str
    triage: str | None
    lon: float | None
    lat: float | None
    place_accuracy_m: float | None
    village: str | None
    district: str | None
    speed_factor: float | None
    key_id: UUID
    wrapped: bytes | None
    place_note_sealed: bytes | None
    patients: int
    stamped_at: datetime | None
    has_legs: bool
    has_proposals: bool
    call_id: UUID | None
    caller_key_id: UUID | None
    caller_wrapped: bytes | None
    resident_id: UUID | None
    caller_name_sealed: bytes | None
    caller_phone_sealed: bytes | None
    name_sealed: bytes | None
    phone_sealed: bytes | None


async def open_runs(session: AsyncSession, regency_id: int, run_ids: Sequence[UUID]) -> list[RunRow]:
    """Return those of these runs that are still open."""
    rows = await session.execute(_RUNS, {"regency": regency_id, "runs": list(run_ids)})
    return [RunRow(*row) for row in rows]


# --- whose fixes their phones' are ---

_TURNS = text(
    """
    SELECT c.staff_id, h.seq, t.unit_id, t.joined_at, t.left_at,
           l.installation_id, l.sequence, l.lon, l.lat, l.accuracy_m, l.fixed_at
    FROM unnest(CAST(:staff AS uuid[])) AS c(staff_id)
    LEFT JOIN event_head h ON h.regency_id = :regency
    LEFT JOIN (
        SELECT m.staff_id, s.unit_id, m.joined_at, m.left_at
        FROM crew_membership m JOIN shift s ON s.regency_id = m.regency_id AND s.id = m.shift_id
        WHERE m.regency_id = :regency AND m.staff_id = ANY(CAST(:staff AS uuid[])) AND m.left_at IS NULL
          AND s.unit_id IS NOT NULL
        UNION ALL
        SELECT m.staff_id, s.unit_id, m.joined_at, m.left_at
        FROM crew_membership m JOIN shift s ON s.regency_id = m.regency_id AND s.id = m.shift_id
        WHERE m.regency_id = :regency AND m.staff_id = ANY(CAST(:staff AS uuid[])) AND m.left_at > :since
          AND s.unit_id IS NOT NULL
    ) t ON t.staff_id = c.staff_id
    LEFT JOIN latest_position l
        ON l.regency_id = :regency AND l.unit_id = t.unit_id AND t.left_at IS NULL
    ORDER BY t.joined_at DESC
    """
)


class TurnRow(NamedTuple):
    """One stay of a driver aboard a unit, and of the present one where the unit's marker is.

    A driver without any has one row with `unit_id` None. `seq` is the last event of the log.
    """

    staff_id: UUID
    seq: int
    unit_id: UUID | None
    joined_at: datetime | None
    left_at: datetime | None
    marker: LastPlace | None


async def crew_turn_rows(
    session: AsyncSession, regency_id: int, staff_ids: Sequence[UUID], since: datetime
) -> list[TurnRow]:
    """Return the turns of these drivers that had not ended at `since`, newest first."""
    values = {"regency": regency_id, "staff": list(set(staff_ids)), "since": since}
    return [
        TurnRow(
            row.staff_id,
            row.seq,
            row.unit_id,
            row.joined_at,
            row.left_at,
            LastPlace(
                row.installation_id,
                row.sequence,
                Seen(row.lon, row.lat, row.accuracy_m, row.fixed_at.timestamp()),
            )
            if row.installation_id is not None
            else None,
        )
        for row in await session.execute(_TURNS, values)
    ]
