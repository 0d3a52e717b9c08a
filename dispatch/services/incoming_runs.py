"""What a receiving facility sees: the runs on their way to it, and handovers not yet countersigned."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from uuid import UUID

from sqlalchemy import Select, select

import routing
from dispatch.domain.assignment import PROGRESS, AssignmentState
from dispatch.domain.stamps import Stamp
from dispatch.domain.triage import URGENCY, Triage
from dispatch.domain.unit import PositionQuality
from dispatch.services.centre import Centre
from dispatch.services.facility_desk import Answer, RefusalReason, require_desk
from dispatch.services.find_facilities import EmsStatus, minutes_text
from dispatch.services.live_roads import changes_in_force, roads_under
from dispatch.services.placing import Point, point_of
from dispatch.services.rank_units import access_kmh
from dispatch.services.sessions import SignedIn
from dispatch.services.unit_state import UnitView, view_unit
from dispatch.storage.queries.units import one_unit
from dispatch.storage.tables.assignment import Assignment, Leg, LegPatient
from dispatch.storage.tables.facility import Facility
from dispatch.storage.tables.incident import Incident, Patient
from dispatch.storage.tables.stamp import Stamp as StampRow
from dispatch.storage.tables.unit import Unit
from dispatch.storage.transaction import Transaction

S = AssignmentState


@dataclass(frozen=True, slots=True)
class IncomingRun:
    """One run on its way. Nothing here names the patient.

    `triage` is the gravest colour aboard, else the incident's. `predicted_s` is by road from the unit's
    latest place (`position_quality` says how far that can be trusted); before the unit is at the scene it
    goes by way of it, without the time spent there. `minutes` begins with `~` unless both ends are certain.
    Both are at life's pace; `expected_at` is a real moment, also where `speed_factor` makes time run faster.
    """

    leg_id: UUID
    assignment_id: UUID
    incident_id: UUID
    incident_number: str
    simulated: bool
    speed_factor: float | None
    call_sign: str
    run_state: AssignmentState
    leg_state: str
    triage: Triage | None
    patients: int
    answer: Answer | None
    refusal_reason: RefusalReason | None
    bed: str | None
    arrived: bool
    via_scene: bool
    predicted_s: float | None
    expected_at: datetime | None
    minutes: str | None
    position_quality: PositionQuality
    fix_age_s: float | None


@dataclass(frozen=True, slots=True)
class UnsignedHandover:
    """A handover as the crew reported it, which the facility has not countersigned."""

    leg_id: UUID
    incident_number: str
    call_sign: str
    handed_over_at: datetime | None
    receiver_name: str
    room: str


@dataclass(frozen=True, slots=True)
class FacilityDesk:
    """The facility's page: the soonest run first, the oldest handover first."""

    facility_id: UUID
    code: str
    name: str
    ems_status: EmsStatus
    beds: int | None
    approximate: bool
    roads_version: str
    incoming: list[IncomingRun]
    to_countersign: list[UnsignedHandover]


@dataclass(frozen=True, slots=True)
class _Way:
    """What a prediction is made from. `head_start` is the time on the road since leaving `origin`."""

    origin: Point | None
    via: Point | None
    quality: PositionQuality
    head_start: timedelta


async def incoming_runs(centre: Centre, who: SignedIn, facility_id: UUID) -> FacilityDesk:
    """Return what is on its way to a facility.

    Raises:
        NotFound: no such facility. Forbidden: neither an operator nor of this facility.
        Unavailable: the tenant's road network cannot be read.
    """
    require_desk(who, facility_id)
    tenant = who.entry.tenant
    async with centre.read(tenant) as tx:
        facility = await tx.get(Facility, facility_id)
        rows = await _runs_to(tx, facility_id)
        colours = await _colours(tx, [leg.id for leg, *_ in rows])
        units = {run.unit_id: await _unit(tx, run.unit_id) for _, run, *_ in rows}
        unsigned = await _unsigned(tx, facility_id)
        now = tx.now
        in_force = await changes_in_force(tx)
    network = await roads_under(centre, who.entry, in_force)
    goal = point_of(facility.place)
    assert goal is not None, "a facility has a place"
    speed = access_kmh(who.entry)
    ways = [_way(units[run.unit_id], run, incident, left_at, now) for _, run, incident, _, left_at in rows]
    predicted = await asyncio.to_thread(lambda: [_seconds(network, way, goal, speed, now) for way in ways])
    approximate = facility.position_quality == "approximate"
    runs = [
        _incoming(row, way, units[row[1].unit_id], colours.get(row[0].id, []), seconds, approximate, now)
        for row, way, seconds in zip(rows, ways, predicted, strict=True)
    ]
    return FacilityDesk(
        facility_id=facility.id,
        code=facility.code,
        name=facility.name,
        ems_status=EmsStatus(facility.ems_status),
        beds=facility.beds,
        approximate=approximate,
        roads_version=network.version,
        incoming=sorted(
            runs, key=lambda r: (r.predicted_s is None, r.predicted_s or 0.0, r.incident_number, r.leg_id)
        ),
        to_countersign=unsigned,
    )


_Found = tuple[Leg, Assignment, Incident, str, datetime | None]


def _legs(
    tx: Transaction, facility_id: UUID, moment: Stamp
) -> Select[Leg, Assignment, Incident, str, datetime]:
    """Legs to a facility, each with its run, incident, call sign and the time of one of its own stamps."""
    return (
        select(Leg, Assignment, Incident, Unit.call_sign, StampRow.occurred_at)
        .join(
            Assignment,
            (Assignment.regency_id == Leg.regency_id) & (Assignment.id == Leg.assignment_id),
        )
        .join(
            Incident,
            (Incident.regency_id == Assignment.regency_id) & (Incident.id == Assignment.incident_id),
        )
        .join(Unit, (Unit.regency_id == Assignment.regency_id) & (Unit.id == Assignment.unit_id))
        .outerjoin(
            StampRow,
            (StampRow.regency_id == Leg.regency_id)
            & (StampRow.incident_id == Assignment.incident_id)
            & (StampRow.assignment_id == Assignment.id)
            & (StampRow.leg_id == Leg.id)
            & (StampRow.name == moment.value),
        )
        .where(Leg.regency_id == tx.tenant.id, Leg.facility_id == facility_id)
        .order_by(Leg.created_at, Leg.id)
    )


async def _runs_to(tx: Transaction, facility_id: UUID) -> list[_Found]:
    query = _legs(tx, facility_id, Stamp.LEFT_SCENE).where(
        Leg.state.in_(["planned", "transporting", "at_facility"]), Assignment.released_at.is_(None)
    )
    return [
        (leg, run, incident, sign, at) for leg, run, incident, sign, at in await tx.session.execute(query)
    ]


async def _unsigned(tx: Transaction, facility_id: UUID) -> list[UnsignedHandover]:
    query = _legs(tx, facility_id, Stamp.HANDED_OVER).where(
        Leg.state == S.HANDED_OVER.value, Leg.countersigned_at.is_(None)
    )
    return [
        UnsignedHandover(leg.id, incident.number, sign, at, leg.receiver_name or "", leg.room or "")
        for leg, _, incident, sign, at in await tx.session.execute(query)
    ]


async def _colours(tx: Transaction, leg_ids: Sequence[UUID]) -> dict[UUID, list[Triage | None]]:
    rows = await tx.session.execute(
        select(LegPatient.leg_id, Patient.triage)
        .join(Patient, (Patient.regency_id == LegPatient.regency_id) & (Patient.id == LegPatient.patient_id))
        .where(LegPatient.regency_id == tx.tenant.id, LegPatient.leg_id.in_(leg_ids))
    )
    colours: dict[UUID, list[Triage | None]] = {leg_id: [] for leg_id in leg_ids}
    for leg_id, colour in rows:
        colours[leg_id].append(Triage(colour) if colour else None)
    return colours


async def _unit(tx: Transaction, unit_id: UUID) -> UnitView | None:
    row = await one_unit(tx.session, tx.tenant.id, tx.now, unit_id)
    return view_unit(row, tx.now) if row else None


def _way(
    unit: UnitView | None, run: Assignment, incident: Incident, left_at: datetime | None, now: datetime
) -> _Way:
    """Return where a run is coming from, by its unit's fix, or else by the last place it was stamped at."""
    scene = point_of(incident.place)
    reached_scene = PROGRESS.index(S(run.state)) >= PROGRESS.index(S.ON_SCENE)
    if unit is not None and unit.place_source == "fix":
        via = None if reached_scene else scene
        return _Way(Point(unit.lon, unit.lat), via, unit.position_quality, timedelta(0))
    if reached_scene:
        gone = (now - left_at) * _pace(incident) if left_at else timedelta(0)
        return _Way(scene, None, PositionQuality.ASSUMED, gone)
    origin = Point(unit.lon, unit.lat) if unit is not None else None
    return _Way(origin, scene, PositionQuality.ASSUMED, timedelta(0))


def _pace(incident: Incident) -> float:
    return incident.speed_factor or 1.0


def _seconds(network: routing.Network, way: _Way, goal: Point, speed: float, at: datetime) -> float | None:
    stops = [p for p in (way.origin, way.via, goal) if p is not None]
    if way.origin is None:
        return None
    total = 0.0
    for start, end in pairwise(stops):
        start_at, end_at = (start.lon, start.lat), [(end.lon, end.lat)]
        try:
            travel = network.from_one(start_at, end_at, at=at, access_kmh=speed)[0]
        except routing.BadPoint:  # far from all roads: there are no minutes to give
            return None
        if not travel.reachable:
            return None
        total += travel.total_s
    return max(0.0, total - way.head_start.total_seconds())


def _incoming(
    row: _Found,
    way: _Way,
    unit: UnitView | None,
    colours: list[Triage | None],
    seconds: float | None,
    approximate: bool,
    now: datetime,
) -> IncomingRun:
    leg, run, incident, call_sign, _ = row
    arrived = leg.state == S.AT_FACILITY
    seconds = 0.0 if arrived else seconds
    uncertain = approximate or way.quality is not PositionQuality.LIVE
    own = Triage(incident.triage) if incident.triage else None
    return IncomingRun(
        leg_id=leg.id,
        assignment_id=run.id,
        incident_id=incident.id,
        incident_number=incident.number,
        simulated=incident.speed_factor is not None,
        speed_factor=incident.speed_factor,
        call_sign=call_sign,
        run_state=S(run.state),
        leg_state=leg.state,
        triage=min(colours, key=URGENCY.__getitem__) if any(colours) else own,
        patients=len(colours),
        answer=Answer(leg.answer) if leg.answer else None,
        refusal_reason=RefusalReason(leg.answer_reason) if leg.answer_reason else None,
        bed=leg.bed,
        arrived=arrived,
        via_scene=way.via is not None,
        predicted_s=seconds,
        expected_at=None
        if arrived or seconds is None
        else now + timedelta(seconds=seconds / _pace(incident)),
        minutes=None if seconds is None else minutes_text(seconds, approximate=uncertain and not arrived),
        position_quality=way.quality,
        fix_age_s=unit.fix_age_s if unit is not None else None,
    )
