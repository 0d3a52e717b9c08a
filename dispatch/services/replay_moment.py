"""What the board showed at a past moment: every unit's status and place, how old they were, closed roads."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import shapely
from sqlalchemy import select

from dispatch.domain.errors import FieldProblem, InvalidInput
from dispatch.domain.events import EventKind
from dispatch.domain.unit import PositionQuality, Tracking, UnitStatus, position_quality, unit_status
from dispatch.services.centre import Centre
from dispatch.services.replay_without_persons import bare_moment
from dispatch.services.tenants import TenantEntry
from dispatch.storage.images import ewkb
from dispatch.storage.queries.log_moments import last_event_up_to, recorded_at
from dispatch.storage.queries.units_then import (
    RECENT,
    FixThen,
    Row,
    RunThen,
    UnitThen,
    changed_lately,
    fixes_then,
    freed_before,
    positions_kept,
    runs_then,
    standing_then,
    units_with_rest,
)
from dispatch.storage.tables.incident import Incident
from dispatch.storage.tables.road_change import RoadChange
from dispatch.storage.transaction import Transaction

STALE_ON_RUN_S, STALE_IDLE_S = 15.0, 180.0
"""Three times the interval in which a phone tells its place."""

_KINDS = (
    EventKind.SHIFT_PLANNED,
    EventKind.SHIFT_OPENED,
    EventKind.SHIFT_CLOSED,
    EventKind.CREW_CHANGED,
    EventKind.UNIT_MADE_UNAVAILABLE,
    EventKind.UNIT_MADE_AVAILABLE,
    EventKind.ROAD_CHANGED,
    EventKind.ROAD_CHANGE_EXTENDED,
    EventKind.ROAD_CHANGE_LIFTED,
)


@dataclass(frozen=True, slots=True)
class UnitAtMoment:
    """One unit as the board had it. `stale`: its tracker was silent for longer than it should have been.

    `fixed_at` is when the place was true by the server's clock, `received_at` when it arrived, `age_s` the
    seconds from the former to the moment.
    """

    id: UUID
    call_sign: str
    tracking: Tracking
    status: UnitStatus
    unavailable_reason: str | None
    assignment_id: UUID | None
    assignment_state: str | None
    incident_id: UUID | None
    incident_number: str | None
    lon: float
    lat: float
    place_source: str
    position_quality: PositionQuality
    fixed_at: datetime | None
    received_at: datetime | None
    age_s: float | None
    stale: bool
    speed_ms: float | None
    heading_deg: float | None


@dataclass(frozen=True, slots=True)
class RoadAtMoment:
    """A road that was closed or slow; `shape` is GeoJSON as it was drawn."""

    id: UUID
    effect: str
    reason: str
    note: str | None
    starts_at: datetime
    ends_at: datetime | None
    shape: dict[str, Any]


@dataclass(frozen=True, slots=True)
class ReplayMoment:
    """The board at `at`, after event `seq`. Without `positions_kept` the raw tracks of that day are gone."""

    at: datetime
    seq: int
    positions_kept: bool
    units: list[UnitAtMoment]
    roads: list[RoadAtMoment]


async def replay_moment(
    centre: Centre,
    entry: TenantEntry,
    incident_id: UUID,
    *,
    at: datetime | None = None,
    seq: int | None = None,
    persons: bool = True,
) -> ReplayMoment:
    """Return units and roads as they were known at a moment, or right after an event.

    Without `persons` places are told to about a kilometre.

    Raises:
        NotFound: there is no such incident.
        InvalidInput: neither or both were given, or the log has no such event.
    """
    async with centre.snapshot(entry.tenant) as tx:
        await tx.get(Incident, incident_id)
        session, regency_id = tx.session, tx.tenant.id
        at, seq = await _moment(tx, at, seq)
        first = await last_event_up_to(session, regency_id, at - RECENT)
        changed = await changed_lately(session, regency_id, first, seq, [kind.value for kind in _KINDS])
        standing = await standing_then(session, regency_id, at)
        shifts, absences = _open(changed, standing, "shift"), _open(changed, standing, "unavailability")
        units = await units_with_rest(session, regency_id, at)
        moved = [unit.id for unit in units if unit.fix is None]
        fixes = await fixes_then(session, regency_id, moved, at)
        fixes |= {unit.id: unit.fix for unit in units if unit.fix is not None}
        runs = await runs_then(session, regency_id, seq, at)
        known = _Known(at, shifts, absences, runs, fixes, await freed_before(session, regency_id, at))
        moment = ReplayMoment(
            at=at,
            seq=seq,
            positions_kept=await positions_kept(session, regency_id, at),
            units=[known.of(unit) for unit in units],
            roads=await _roads(tx, at, changed.get("road_change", [])),
        )
    return moment if persons else bare_moment(moment)


async def _moment(tx: Transaction, at: datetime | None, seq: int | None) -> tuple[datetime, int]:
    if (at is None) == (seq is None):
        raise InvalidInput(
            FieldProblem("at", "Beri waktu atau nomor urut", "Give a time or a sequence number")
        )
    if at is not None:
        return at, await last_event_up_to(tx.session, tx.tenant.id, at)
    assert seq is not None
    moment = await recorded_at(tx.session, tx.tenant.id, seq)
    if moment is None:
        raise InvalidInput(FieldProblem("seq", f"Tidak ada peristiwa {seq}", f"There is no event {seq}"))
    return moment, seq


def _open(changed: dict[str, list[Row]], standing: dict[str, list[Row]], table: str) -> dict[str, Row]:
    """Return by unit the row that was open: as the log left it lately, else as it has long stood."""
    told = {row["id"]: row for row in changed.get(table, [])}
    rows = [row for row in standing.get(table, []) if row["id"] not in told]
    if table == "shift":
        rows += [r for r in told.values() if r["unit_id"] and r["opened_at"] and not r["closed_at"]]
    else:
        rows += [row for row in told.values() if row["ended_at"] is None]
    return {row["unit_id"]: row for row in rows}


class _Known:
    """What was known of the units at one moment."""

    def __init__(
        self,
        at: datetime,
        shifts: dict[str, Row],
        absences: dict[str, Row],
        runs: list[RunThen],
        fixes: dict[UUID, FixThen],
        freed: dict[UUID, tuple[datetime, float, float]],
    ) -> None:
        self._at = at
        self._shifts = shifts
        self._absences = absences
        self._fixes = fixes
        self._freed = dict(freed)
        self._runs: dict[str, RunThen] = {}
        for run in runs:
            if run.row["released_at"] is None:
                self._runs[run.row["unit_id"]] = run
            elif run.row["freed_place"] is not None:
                self._free(run.row)

    def _free(self, row: Row) -> None:
        unit_id, when = UUID(row["unit_id"]), datetime.fromisoformat(row["released_at"])
        if unit_id not in self._freed or when > self._freed[unit_id][0]:
            place = shapely.from_wkb(row["freed_place"]["ewkb"])
            self._freed[unit_id] = when, place.x, place.y

    def of(self, unit: UnitThen) -> UnitAtMoment:
        run, absence = self._runs.get(str(unit.id)), self._absences.get(str(unit.id))
        status = unit_status(
            open_shift=str(unit.id) in self._shifts,
            open_unavailability=absence is not None,
            open_assignment=run is not None,
        )
        lon, lat, source, fix = self._place(unit)
        age = None if fix is None else max(0.0, (self._at - fix.fixed_at).total_seconds())
        limit = STALE_IDLE_S if run is None else STALE_ON_RUN_S
        return UnitAtMoment(
            id=unit.id,
            call_sign=unit.call_sign,
            tracking=Tracking(unit.tracking),
            status=status,
            unavailable_reason=absence["reason"] if absence else None,
            assignment_id=UUID(run.row["id"]) if run else None,
            assignment_state=run.row["state"] if run else None,
            incident_id=UUID(run.row["incident_id"]) if run else None,
            incident_number=run.number if run else None,
            lon=lon,
            lat=lat,
            place_source=source,
            position_quality=position_quality(
                fix.fixed_at if fix else None, self._at, on_run=run is not None
            ),
            fixed_at=fix.fixed_at if fix else None,
            received_at=fix.received_at if fix else None,
            age_s=age,
            stale=age is not None
            and age > limit
            and unit.tracking == Tracking.APP
            and status is not UnitStatus.OFF_SHIFT,
            speed_ms=fix.speed_ms if fix else None,
            heading_deg=fix.heading_deg if fix else None,
        )

    def _place(self, unit: UnitThen) -> tuple[float, float, str, FixThen | None]:
        fix, freed = self._fixes.get(unit.id), self._freed.get(unit.id)
        if fix is not None and (freed is None or unit.tracking == Tracking.APP or freed[0] <= fix.fixed_at):
            return fix.lon, fix.lat, "fix", fix
        if freed is not None:
            return freed[1], freed[2], "last_cleared", None
        return unit.base_lon, unit.base_lat, "base", None


async def _roads(tx: Transaction, at: datetime, changed: list[Row]) -> list[RoadAtMoment]:
    told = {row["id"]: row for row in changed}
    standing = await tx.session.execute(
        select(RoadChange).where(
            RoadChange.regency_id == tx.tenant.id,
            RoadChange.made_at <= at - RECENT,
            RoadChange.starts_at <= at,
            RoadChange.ends_at.is_(None) | (RoadChange.ends_at > at),
            RoadChange.lifted_at.is_(None) | (RoadChange.lifted_at > at - RECENT),
        )
    )
    roads = [
        _road(row.id, row.effect, row.reason, row.note, row.starts_at, row.ends_at, ewkb(row.shape))
        for row in standing.scalars()
        if str(row.id) not in told
    ]
    for row in told.values():
        starts, ends = _when(row["starts_at"]), _when(row["ends_at"])
        if row["lifted_at"] is None and starts is not None and starts <= at and (ends is None or ends > at):
            roads.append(
                _road(
                    UUID(row["id"]),
                    row["effect"],
                    row["reason"],
                    row["note"],
                    starts,
                    ends,
                    row["shape"]["ewkb"],
                )
            )
    return roads


def _road(
    road_id: UUID,
    effect: str,
    reason: str,
    note: str | None,
    starts: datetime,
    ends: datetime | None,
    shape: str,
) -> RoadAtMoment:
    drawn = shapely.geometry.mapping(shapely.from_wkb(shape))
    return RoadAtMoment(road_id, effect, reason, note, starts, ends, drawn)


def _when(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
