"""A case that was kept on paper, entered afterwards: as it was written, and marked as such."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from dispatch.domain.errors import AlreadyEntered, ContentDiffers, FieldProblem, InvalidInput, UnitTaken
from dispatch.domain.events import EventKind, canonical
from dispatch.domain.incident import IncidentKind, IncidentState
from dispatch.domain.paper import PaperEnd, read_form_number
from dispatch.domain.patient import Outcome, closing_code
from dispatch.domain.roles import Actor
from dispatch.domain.stamps import Stamp, StampSource
from dispatch.services.centre import Centre
from dispatch.services.change_incident import insert_patient
from dispatch.services.deadlines import tracking_of, watch_cancel, watch_incident, watch_last_leg, watch_run
from dispatch.services.open_incident import public
from dispatch.services.paper_call import Written, judge_call, own_call, was_judged_by, with_what_is_known
from dispatch.services.paper_form import PaperCase, check_case
from dispatch.services.paper_runs import insert_run
from dispatch.services.paper_sheet import number_prefix
from dispatch.services.phones import e164
from dispatch.services.placing import Placement, geometry, placement
from dispatch.services.send_unit import ONE_OPEN
from dispatch.services.stamping import Moment, stamp
from dispatch.services.tenants import TenantEntry
from dispatch.services.waiting import wait_for_unit
from dispatch.storage.tables.assignment import Assignment
from dispatch.storage.tables.call import Call
from dispatch.storage.tables.incident import Incident, Patient
from dispatch.storage.tables.unit import Unit
from dispatch.storage.transaction import Transaction
from dispatch.storage.vault import DataKey


@dataclass(frozen=True, slots=True)
class PaperEntered:
    """The case that a form became. `repeated`: this very form was stored before."""

    incident_id: UUID
    call_id: UUID
    number: str
    state: IncidentState
    closing_code: str | None
    repeated: bool


async def enter_paper_case(
    centre: Centre, entry: TenantEntry, actor: Actor, case: PaperCase, *, cause: str
) -> PaperEntered:
    """Store the case of a form. The same id with the same content again is harmless.

    A call that the form names is judged by it: it is the case's call, with its own time, and no second one
    is counted.

    A case that has ended sets off nothing: no timer, no alarm, no message, no claim. One that is still open
    goes on live: its units are claimed, and it has an owner or a timer like every other.

    Raises:
        InvalidInput, IllegalStep: see `check_case`; or the call it names has its case, or was disposed of.
        AlreadyEntered: the form with this number has its case; the error names it.
        ContentDiffers: the id was used for another form.
        UnitOverlap: a unit had another run at the same time; may be confirmed.
        UnitTaken, UnitNotAvailable: a run is under way and its unit is not free.
    """
    zone = entry.tenant.zone
    number = read_form_number(case.number, number_prefix(entry.tenant), zone, centre.clock())
    check_case(case, number, centre.clock(), zone)
    phone = e164(case.caller_phone, "caller_phone") if case.caller_phone else None
    form = _as_text(case, str(number))
    written = Written(str(number), phone, form, centre.vault.lookup_hash("content", form))
    try:
        async with centre.begin(entry.tenant, actor, cause) as tx:
            call = await tx.get(Call, case.call_id, lock=True) if case.call_id else None
            stored = await _stored(tx, case, call, written)
            return stored or await _store(tx, actor, case, written, call)
    except IntegrityError as clash:
        # two desks, or two presses of one button, at the same moment
        async with centre.read(entry.tenant) as tx:
            call = await tx.get(Call, case.call_id) if case.call_id else None
            stored = await _stored(tx, case, call, written)
        if stored is not None:
            return stored
        if ONE_OPEN in str(clash.orig):
            raise UnitTaken("?", "?") from clash
        raise


def _as_text(case: PaperCase, number: str) -> str:
    """The form as it was entered; sealed with the call, as the raw content of the contact."""
    form = asdict(case)
    for name in ("id", "call_id", "confirm_overlap"):
        del form[name]
    for run in form["runs"]:
        run["stamps"] = {str(name): at.isoformat() for name, at in sorted(run["stamps"].items())}
        for name in ("unit_id", "facility_id"):
            run[name] = str(run[name]) if run[name] else None
    for name in ("called_at", "taken_at", "confirmed_at", "closed_at"):
        form[name] = form[name].isoformat() if form[name] else None
    return canonical({**form, "number": number})


async def _stored(
    tx: Transaction, case: PaperCase, call: Call | None, written: Written
) -> PaperEntered | None:
    """What this very form became before; None when it is new.

    Raises:
        ContentDiffers, AlreadyEntered: its id, or its number, is another form's.
    """
    own = await tx.find(Call, case.id)
    if own is not None:
        if own.content_hash != written.digest or own.incident_id is None:
            raise _differs(case.id)
        return _entered(await tx.get(Incident, own.incident_id), own.id, repeated=True)
    query = text("SELECT call_id_taken_elsewhere(:id)")
    if (await tx.session.execute(query, {"id": case.id})).scalar_one():
        raise _differs(case.id)
    query_known = select(Incident).where(
        Incident.regency_id == tx.tenant.id, Incident.number == written.number
    )
    known = (await tx.session.execute(query_known)).scalar_one_or_none()
    if known is None:
        return None
    if call is not None and await was_judged_by(tx, call, known, written):
        return _entered(known, call.id, repeated=True)
    raise AlreadyEntered(
        f"Formulir {written.number} sudah dimasukkan; buka kasusnya untuk memeriksa",
        f"Form {written.number} was entered before; open its case to check",
        incident_id=str(known.id),
        incident=known.number,
    )


def _differs(call_id: UUID) -> ContentDiffers:
    return ContentDiffers(
        "Formulir ini sudah tersimpan dengan isi lain; buka kasusnya",
        "This form is stored with other content; open its case",
        call_id=str(call_id),
    )


def _entered(incident: Incident, call_id: UUID, *, repeated: bool) -> PaperEntered:
    return PaperEntered(
        incident.id,
        call_id,
        incident.number,
        IncidentState(incident.state),
        incident.closing_code,
        repeated,
    )


async def _store(
    tx: Transaction, actor: Actor, case: PaperCase, written: Written, rung: Call | None
) -> PaperEntered:
    sources: dict[Stamp, StampSource] = {}
    if rung is not None:
        case, sources = with_what_is_known(case, rung)
    where = await placement(tx, case.place) if case.place else Placement(None, None, None, outside=False)
    if rung is None:
        key = await tx.new_person()
        incident = _incident(tx, case, written.number, key.id, key, where)
        call = own_call(tx, actor, case, written, incident, key, where)
        await tx.add(incident, call)
    else:
        callers = await tx.person(rung.key_id)
        incident = _incident(tx, case, written.number, rung.key_id, callers, where)
        incident.speed_factor = rung.speed_factor
        call = rung
        await tx.add(incident)
    for name, at in case.times().items():
        await stamp(tx, name, Moment(at), sources.get(name, StampSource.PAPER), incident_id=incident.id)
    patients = [await insert_patient(tx, incident, n, case.triage) for n in range(1, case.patients + 1)]
    await tx.record(
        EventKind.PAPER_CASE_ENTERED,
        incident,
        incident_id=incident.id,
        data={
            **public(incident, case.place, where),
            "call_id": str(call.id),
            "closed": case.closed,
            "gap": case.gap.value if case.gap else None,
            "patients": case.patients,
        },
        occurred_at=case.called_at,
    )
    if rung is not None:
        await judge_call(tx, actor, case, written, rung, incident)
    for unit_id in sorted({run.unit_id for run in case.runs}):  # locked in one order everywhere
        await tx.get(Unit, unit_id, lock=True)
    waiting = list(patients)
    runs = [
        await insert_run(
            tx,
            incident,
            run,
            case.called_at,
            waiting,
            confirm_overlap=case.confirm_overlap,
            live=not case.closed,
        )
        for run in case.runs
    ]
    if case.closed:
        await _close(tx, incident, case, patients)
    else:
        await _go_on(tx, incident, case, runs, patients)
    if rung is not None:
        await watch_cancel(tx, rung, incident)
    return _entered(incident, call.id, repeated=False)


def _incident(
    tx: Transaction, case: PaperCase, number: str, key_id: UUID, key: DataKey | None, where: Placement
) -> Incident:
    judged = case.closed or case.triage is not None
    return Incident(
        regency_id=tx.tenant.id,
        id=tx.id(),
        realm=tx.tenant.realm,
        number=number,
        kind=IncidentKind.EMERGENCY.value,
        state=(IncidentState.CONFIRMED if judged else IncidentState.REPORTED).value,
        triage=case.triage.value if case.triage else None,
        triage_answers=case.triage_answers,
        needs=case.needs,
        key_id=key_id,
        place=geometry(case.place) if case.place else None,
        place_accuracy_m=case.place_accuracy_m if case.place else None,
        place_note_sealed=key.seal(case.place_note, "incident.place_note")
        if case.place_note and key
        else None,
        village_code=where.village_code,
        outside=where.outside,
        reported_at=case.called_at,
        waiting_since=None,
        ended_at=None,
        closing_code=None,
        cancel_reason=None,
        merged_into=None,
        forwarded_to=None,
        speed_factor=None,
    )


async def _close(tx: Transaction, incident: Incident, case: PaperCase, patients: list[Patient]) -> None:
    last = max([case.called_at, *(at for run in case.runs for at in run.stamps.values())])
    incident.ended_at = case.closed_at or last
    data: dict[str, Any] = {"number": incident.number, "source": StampSource.PAPER.value}
    if case.cancel_reason is not None:
        incident.state = IncidentState.CANCELLED.value
        incident.cancel_reason = case.cancel_reason.value
        kind, data["reason"] = EventKind.INCIDENT_CANCELLED, incident.cancel_reason
    else:
        left = _outcome_of_the_rest(case)
        for patient in patients:
            if patient.outcome is None and left is not None:
                patient.outcome, patient.outcome_at = left.value, incident.ended_at
        without = [p.position for p in patients if p.outcome is None]
        if without:
            raise InvalidInput(
                FieldProblem(
                    "outcome",
                    f"Pasien {', '.join(map(str, without))} belum punya hasil akhir",
                    f"Patient {', '.join(map(str, without))} has no outcome yet",
                )
            )
        incident.state = IncidentState.CLOSED.value
        incident.closing_code = closing_code([Outcome(p.outcome) for p in patients if p.outcome])
        kind, data["closing_code"] = EventKind.INCIDENT_CLOSED, incident.closing_code
    await tx.record(kind, incident, incident_id=incident.id, data=data, occurred_at=incident.ended_at)


def _outcome_of_the_rest(case: PaperCase) -> Outcome | None:
    codes = [run.code for run in case.runs if run.end is PaperEnd.COMPLETED_WITHOUT_TRANSPORT and run.code]
    return case.outcome or (Outcome(codes[-1].value) if codes else None)


async def _go_on(
    tx: Transaction, incident: Incident, case: PaperCase, runs: list[Assignment], patients: list[Patient]
) -> None:
    """From here on the case is like every other: somebody, or a timer, has it."""
    running = [run for run in runs if run.released_at is None]
    for run in runs:
        watch_run(tx, run, incident, await tracking_of(tx, run.unit_id))
        await watch_last_leg(tx, run)
    if running:
        await watch_incident(tx, incident, sent=True)
        return
    left = _outcome_of_the_rest(case)
    for patient in patients:
        if patient.outcome is None and left is not None:
            patient.outcome, patient.outcome_at = left.value, tx.now
            data = {"position": patient.position, "outcome": patient.outcome, "triage": patient.triage}
            await tx.record(EventKind.PATIENT_CHANGED, patient, incident_id=incident.id, data=data)
    await wait_for_unit(tx, incident, "paper")
