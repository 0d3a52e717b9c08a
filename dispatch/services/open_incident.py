"""From call to incident: report, confirm with a verdict, and link further calls to it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from dispatch.domain.call import CallState, CallStep, step_call
from dispatch.domain.errors import FieldProblem, IllegalStep, InvalidInput
from dispatch.domain.events import EventKind
from dispatch.domain.incident import (
    FINAL_STATES,
    IncidentKind,
    IncidentState,
    IncidentStep,
    step_incident,
)
from dispatch.domain.roles import Actor
from dispatch.domain.stamps import Stamp, StampSource
from dispatch.domain.triage import Triage
from dispatch.services.centre import Centre
from dispatch.services.change_incident import insert_patient
from dispatch.services.deadlines import watch_call, watch_cancel, watch_incident
from dispatch.services.placing import Placement, Point, geometry, placement, point_of
from dispatch.services.stamping import Moment, stamp
from dispatch.services.tenants import TenantEntry
from dispatch.storage.tables.call import Call
from dispatch.storage.tables.incident import Incident, IncidentCounter
from dispatch.storage.tables.stamp import Stamp as StampRow
from dispatch.storage.transaction import Transaction

MOST_PATIENTS = 200


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the operator decides about a call. `confirmed` false opens the incident before the verdict: a red
    case needs only a place to be sent to.
    """

    confirmed: bool = True
    triage: Triage | None = None
    triage_answers: dict[str, Any] | None = None
    place: Point | None = None
    place_accuracy_m: float | None = None
    place_note: str | None = None
    kind: IncidentKind = IncidentKind.EMERGENCY
    needs: list[str] = field(default_factory=list)
    patients: int = 1


@dataclass(frozen=True, slots=True)
class IncidentOpened:
    """The incident a call led to."""

    incident_id: UUID
    number: str
    state: IncidentState
    outside: bool
    village: str | None
    has_place: bool


def check_judgement(judgement: Judgement) -> None:
    """Raise InvalidInput when a verdict lacks its colour, or the number of patients is impossible."""
    if judgement.confirmed and judgement.triage is None:
        raise InvalidInput(
            FieldProblem("triage", "Putusan memerlukan warna triase", "A verdict needs a triage colour")
        )
    if not 0 <= judgement.patients <= MOST_PATIENTS:
        raise InvalidInput(
            FieldProblem(
                "patients",
                f"Jumlah pasien {judgement.patients} di luar 0..{MOST_PATIENTS}",
                f"{judgement.patients} patients is outside 0..{MOST_PATIENTS}",
            )
        )


async def open_incident(
    centre: Centre, entry: TenantEntry, actor: Actor, call_id: UUID, judgement: Judgement, *, cause: str
) -> IncidentOpened:
    """Make the call's incident, with the verdict or before it.

    Raises:
        IllegalStep: the call is linked or disposed already.
        InvalidInput: see `check_judgement`.
    """
    check_judgement(judgement)
    async with centre.begin(entry.tenant, actor, cause) as tx:
        call = await tx.get(Call, call_id, lock=True)
        state = step_call(CallState(call.state), CallStep.LINK)
        place, where = await _where(tx, judgement, call)
        incident = await _insert(tx, call, judgement, place, where)
        await stamp(tx, Stamp.CALLED, Moment(call.received_at), StampSource.SYSTEM, incident_id=incident.id)
        if call.taken_at is not None:
            await stamp(tx, Stamp.TAKEN, Moment(call.taken_at), StampSource.OPERATOR, incident_id=incident.id)
        await tx.record(
            EventKind.INCIDENT_REPORTED,
            incident,
            incident_id=incident.id,
            data={**public(incident, place, where), "call_id": str(call.id)},
        )
        call.state = state.value
        call.incident_id = incident.id
        call.taken_by = call.taken_by or actor.id
        watch_call(tx, call)
        await watch_cancel(tx, call, incident)
        await tx.record(
            EventKind.CALL_LINKED, call, incident_id=incident.id, data={"number": incident.number}
        )
        for position in range(1, judgement.patients + 1):
            row = await insert_patient(tx, incident, position, judgement.triage)
            await tx.record(
                EventKind.PATIENT_ADDED, row, incident_id=incident.id, data={"position": position}
            )
        if judgement.confirmed:
            await _confirm(tx, incident, place, where)
        else:
            await watch_incident(tx, incident)
        return IncidentOpened(
            incident.id,
            incident.number,
            IncidentState(incident.state),
            where.outside,
            where.village,
            bool(place),
        )


async def confirm_incident(
    centre: Centre, entry: TenantEntry, actor: Actor, incident_id: UUID, judgement: Judgement, *, cause: str
) -> IncidentOpened:
    """Give the verdict on an incident that was opened before it.

    Raises:
        InvalidInput: neither the verdict nor the incident has a colour.
        IllegalStep: the incident has its verdict, or has ended.
    """
    async with centre.begin(entry.tenant, actor, cause) as tx:
        incident = await tx.get(Incident, incident_id, lock=True)
        known = Triage(incident.triage) if incident.triage else None
        check_judgement(replace(judgement, confirmed=True, triage=judgement.triage or known))
        place, where = await _where(tx, judgement, incident)
        incident.triage = judgement.triage.value if judgement.triage else incident.triage
        incident.triage_answers = judgement.triage_answers or incident.triage_answers
        incident.needs = judgement.needs or incident.needs
        if judgement.place_note and (key := await tx.person(incident.key_id)):
            incident.place_note_sealed = key.seal(judgement.place_note, "incident.place_note")
        incident.place_accuracy_m = _accuracy(judgement, incident)
        _put_place(incident, place, where)
        await _confirm(tx, incident, place, where)
        return IncidentOpened(
            incident.id,
            incident.number,
            IncidentState(incident.state),
            where.outside,
            where.village,
            bool(place),
        )


async def link_call(
    centre: Centre, entry: TenantEntry, actor: Actor, call_id: UUID, incident_id: UUID, *, cause: str
) -> UUID:
    """Link another call about the same event to its incident.

    The earliest call decides `called_at`, and `taken_at` where it was taken first, too.

    An incident without a place takes over the call's.

    Raises:
        IllegalStep: the call is linked or disposed already, or the incident has ended: nobody would look at
            the call any more.
    """
    async with centre.begin(entry.tenant, actor, cause) as tx:
        call = await tx.get(Call, call_id, lock=True)
        incident = await tx.get(Incident, incident_id, lock=True)
        if IncidentState(incident.state) in FINAL_STATES:
            raise IllegalStep("incident", incident.state, "link", ())
        call.state = step_call(CallState(call.state), CallStep.LINK).value
        call.incident_id = incident.id
        call.taken_by = call.taken_by or actor.id
        if incident.place is None and call.place is not None:
            incident.place, incident.village_code = call.place, call.village_code
            incident.place_accuracy_m, incident.outside = call.place_accuracy_m, call.outside
        watch_call(tx, call)
        await watch_cancel(tx, call, incident)
        await tx.record(
            EventKind.CALL_LINKED, call, incident_id=incident.id, data={"number": incident.number}
        )
        await _first_contact(tx, incident, call)
        return incident.id


async def _first_contact(tx: Transaction, incident: Incident, call: Call) -> None:
    rows = await tx.session.execute(
        select(StampRow).where(
            StampRow.regency_id == tx.tenant.id,
            StampRow.incident_id == incident.id,
            StampRow.name.in_([Stamp.CALLED.value, Stamp.TAKEN.value]),
        )
    )
    stamps = {row.name: row for row in rows.scalars()}
    called, taken = stamps.get(Stamp.CALLED), stamps.get(Stamp.TAKEN)
    if called is None or call.received_at >= called.occurred_at:
        return
    # how long the first contact waited is told by its own taking, not by that of a call that came later
    first_taken = call.taken_at
    if first_taken is not None and taken is None and first_taken <= incident.reported_at:
        await stamp(tx, Stamp.TAKEN, Moment(first_taken), StampSource.OPERATOR, incident_id=incident.id)
    await _correct(tx, called, call.received_at)
    if first_taken is not None and taken is not None and first_taken < taken.occurred_at:
        await _correct(tx, taken, first_taken)


async def _correct(tx: Transaction, row: StampRow, occurred_at: datetime) -> None:
    was, row.occurred_at = row.occurred_at, occurred_at
    await tx.record(
        EventKind.STAMP_CORRECTED,
        row,
        incident_id=row.incident_id,
        data={"name": row.name, "was": was.isoformat(), "why": "an earlier call was linked"},
        occurred_at=occurred_at,
    )


async def _where(
    tx: Transaction, judgement: Judgement, known: Call | Incident
) -> tuple[Point | None, Placement]:
    place = judgement.place or point_of(known.place)
    if place is None:
        return None, Placement(None, None, None, outside=False)
    return place, await placement(tx, place)


def _accuracy(judgement: Judgement, known: Call | Incident) -> float | None:
    return judgement.place_accuracy_m if judgement.place else known.place_accuracy_m


def _put_place(incident: Incident, place: Point | None, where: Placement) -> None:
    incident.place = geometry(place) if place else None
    incident.village_code = where.village_code
    incident.outside = where.outside


async def next_number(tx: Transaction) -> str:
    """Return the next case number of the tenant's local day, like `PWK-20261120-0007`."""
    day = tx.now.astimezone(tx.tenant.zone).date()
    last = await _count_on(tx, day, 1)
    prefix = f"{tx.tenant.number_prefix}-L" if tx.tenant.training else tx.tenant.number_prefix
    return f"{prefix}-{day:%Y%m%d}-{last:04d}"


async def skip_numbers(tx: Transaction, number: int) -> None:
    """Leave out the next case numbers of the tenant's local day: cases that are lost may have had them."""
    await _count_on(tx, tx.now.astimezone(tx.tenant.zone).date(), number)


async def _count_on(tx: Transaction, day: date, number: int) -> int:
    row = insert(IncidentCounter).values(regency_id=tx.tenant.id, day=day, last=number)
    counted = row.on_conflict_do_update(
        index_elements=["regency_id", "day"], set_={"last": IncidentCounter.last + number}
    )
    return int((await tx.session.execute(counted.returning(IncidentCounter.last))).scalar_one())


async def _insert(
    tx: Transaction, call: Call, judgement: Judgement, place: Point | None, where: Placement
) -> Incident:
    key = await tx.person(call.key_id)
    note = judgement.place_note
    incident = Incident(
        regency_id=tx.tenant.id,
        id=tx.id(),
        realm=tx.tenant.realm,
        number=await next_number(tx),
        kind=judgement.kind.value,
        state=IncidentState.REPORTED.value,
        triage=judgement.triage.value if judgement.triage else None,
        triage_answers=judgement.triage_answers,
        needs=judgement.needs,
        key_id=call.key_id,
        place=None,
        place_accuracy_m=_accuracy(judgement, call),
        place_note_sealed=key.seal(note, "incident.place_note") if note and key else None,
        village_code=None,
        outside=False,
        reported_at=tx.now,
        waiting_since=None,
        ended_at=None,
        closing_code=None,
        cancel_reason=None,
        merged_into=None,
        forwarded_to=None,
        speed_factor=call.speed_factor,
    )
    _put_place(incident, place, where)
    await tx.add(incident)
    return incident


async def _confirm(tx: Transaction, incident: Incident, place: Point | None, where: Placement) -> None:
    incident.state = step_incident(
        IncidentKind(incident.kind), IncidentState(incident.state), IncidentStep.CONFIRM
    ).value
    await stamp(tx, Stamp.CONFIRMED, Moment(tx.now), StampSource.OPERATOR, incident_id=incident.id)
    await watch_incident(tx, incident)
    await tx.record(
        EventKind.INCIDENT_CONFIRMED, incident, incident_id=incident.id, data=public(incident, place, where)
    )


def public(incident: Incident, place: Point | None, where: Placement) -> dict[str, Any]:
    """Return what events say of an incident: nothing personal."""
    return {
        "number": incident.number,
        "kind": incident.kind,
        "state": incident.state,
        "triage": incident.triage,
        "lon": place.lon if place else None,
        "lat": place.lat if place else None,
        "village": where.village,
        "district": where.district,
        "outside": where.outside,
        "speed_factor": incident.speed_factor,
    }
