"""What a driver's phone shows: the unit, the run in progress, where to go, and the legal moves."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select

from dispatch.domain.assignment import AssignmentState, crew_moves
from dispatch.domain.roles import Actor
from dispatch.domain.unit import UnavailabilityReason
from dispatch.services.board import LegView, incident_rows
from dispatch.services.centre import Centre
from dispatch.services.crew import Aboard, aboard
from dispatch.services.feed import head
from dispatch.services.notice_views import CrewSlip, slips_for_crew
from dispatch.services.placing import Point
from dispatch.services.step_proposals import ProposalView
from dispatch.services.tenants import TenantEntry
from dispatch.services.views_log import log_view
from dispatch.storage.tables.assignment import Assignment
from dispatch.storage.tables.call import Call
from dispatch.storage.tables.incident import Incident
from dispatch.storage.tables.person import Resident
from dispatch.storage.tables.unit import Unavailability
from dispatch.storage.transaction import Transaction


@dataclass(frozen=True, slots=True)
class RunSheet:
    """The run a crew is on. `moves` are the steps the page may offer; nothing else is legal.

    `proposals` are steps that its positions speak for and that await the crew's word.
    """

    assignment_id: UUID
    incident_id: UUID
    incident_number: str
    state: AssignmentState
    moves: list[AssignmentState]
    offered_at: datetime
    triage: str | None
    place: Point | None
    place_accuracy_m: float | None
    village: str | None
    district: str | None
    place_note: str | None
    caller_name: str | None
    caller_phone: str | None
    patients: int
    predicted_s: float | None
    legs: list[LegView]
    speed_factor: float | None
    proposals: list[ProposalView]


@dataclass(frozen=True, slots=True)
class OutOfService:
    """Why the crew's unit cannot be sent, since when, and until when as far as known."""

    reason: UnavailabilityReason
    note: str | None
    since: datetime
    expected_until: datetime | None


@dataclass(frozen=True, slots=True)
class DriverDesk:
    """The driver's whole screen. `seq` is the last event it contains."""

    seq: int
    at: datetime
    training: bool
    aboard: Aboard | None
    run: RunSheet | None
    stood_down: list[UUID]
    unavailable: OutOfService | None
    notices: list[CrewSlip]


async def read_desk(centre: Centre, entry: TenantEntry, actor: Actor) -> DriverDesk:
    """Return the desk of the signed-in driver; opening an offer's contact data is logged as a view."""
    async with centre.begin(entry.tenant, actor, "driver desk") as tx:
        present = await aboard(tx, actor.id) if actor.id else None
        run = await _run(tx, actor, present.unit_id) if present else None
        stood_down = await _unacknowledged(tx, present) if present else []
        out = await _out_of_service(tx, present.unit_id) if present else None
        slips = await slips_for_crew(tx, present.unit_id, present.joined_at) if present else []
        seq = await head(tx)
        return DriverDesk(seq, tx.now, entry.tenant.training, present, run, stood_down, out, slips)


async def _out_of_service(tx: Transaction, unit_id: UUID) -> OutOfService | None:
    row = (
        await tx.session.execute(
            select(Unavailability).where(
                Unavailability.regency_id == tx.tenant.id,
                Unavailability.unit_id == unit_id,
                Unavailability.ended_at.is_(None),
            )
        )
    ).scalar_one_or_none()
    if row is None:
        return None
    return OutOfService(UnavailabilityReason(row.reason), row.note, row.began_at, row.expected_until)


async def _unacknowledged(tx: Transaction, present: Aboard) -> list[UUID]:
    rows = await tx.session.execute(
        select(Assignment.id).where(
            Assignment.regency_id == tx.tenant.id,
            Assignment.unit_id == present.unit_id,
            Assignment.state == AssignmentState.STOOD_DOWN.value,
            Assignment.stand_down_acknowledged_at.is_(None),
            # an older shift's stand-downs are not this crew's to acknowledge
            Assignment.released_at >= present.joined_at,
        )
    )
    return list(rows.scalars())


async def _run(tx: Transaction, actor: Actor, unit_id: UUID) -> RunSheet | None:
    run = (
        await tx.session.execute(
            select(Assignment).where(
                Assignment.regency_id == tx.tenant.id,
                Assignment.unit_id == unit_id,
                Assignment.released_at.is_(None),
            )
        )
    ).scalar_one_or_none()
    if run is None:
        return None
    row = (await incident_rows(tx, Incident.id == run.incident_id))[0]
    incident = await tx.get(Incident, run.incident_id)
    key = await tx.person(incident.key_id)
    note = incident.place_note_sealed
    name, phone = await _contact(tx, actor, incident)
    state = AssignmentState(run.state)
    here = next(r for r in row.runs if r.id == run.id)
    return RunSheet(
        assignment_id=run.id,
        incident_id=incident.id,
        incident_number=incident.number,
        state=state,
        moves=list(crew_moves(state)),
        offered_at=run.created_at,
        triage=incident.triage,
        place=row.place,
        place_accuracy_m=row.place_accuracy_m,
        village=row.village,
        district=row.district,
        place_note=key.open(note, "incident.place_note") if key and note else None,
        caller_name=name,
        caller_phone=phone,
        patients=row.patients,
        predicted_s=run.predicted_s,
        legs=here.legs,
        speed_factor=incident.speed_factor,
        proposals=here.proposals,
    )


async def _contact(tx: Transaction, actor: Actor, incident: Incident) -> tuple[str | None, str | None]:
    call = (
        await tx.session.execute(
            select(Call)
            .where(Call.regency_id == tx.tenant.id, Call.incident_id == incident.id)
            .order_by(Call.received_at)
            .limit(1)
        )
    ).scalar_one_or_none()
    if call is None:
        return None, None
    key = await tx.person(call.key_id)
    await log_view(tx, actor, "call", call.id, call.key_id, ["name", "phone"], "crew on the run")
    if key is None:
        return None, None
    if call.resident_id is not None:
        resident = (
            await tx.session.execute(select(Resident).where(Resident.id == call.resident_id))
        ).scalar_one()
        name, phone = resident.name_sealed, resident.phone_sealed
        fields = ("resident.name", "resident.phone")
    else:
        name, phone = call.caller_name_sealed, call.caller_phone_sealed
        fields = ("call.caller_name", "call.caller_phone")
    return (
        key.open(name, fields[0]) if name else None,
        key.open(phone, fields[1]) if phone else None,
    )
