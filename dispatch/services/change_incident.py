"""Corrections of an open incident: its place, colour, needs, and its patients."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from sqlalchemy import func, select

import registry
from dispatch.domain.errors import ContentDiffers, FieldProblem, IllegalStep, InvalidInput
from dispatch.domain.events import EventKind
from dispatch.domain.incident import FINAL_STATES, IncidentState
from dispatch.domain.patient import Outcome, closing_code
from dispatch.domain.roles import Actor
from dispatch.domain.triage import Triage
from dispatch.services.centre import Centre
from dispatch.services.deadlines import in_need, watch_incident
from dispatch.services.placing import Placement, Point, geometry, placement, point_of
from dispatch.services.tenants import TenantEntry
from dispatch.storage.tables.incident import Incident, Patient
from dispatch.storage.transaction import Transaction


@dataclass(frozen=True, slots=True)
class IncidentChange:
    """What is to be different; None leaves a field as it is."""

    place: Point | None = None
    place_accuracy_m: float | None = None
    place_note: str | None = None
    triage: Triage | None = None
    triage_answers: dict[str, Any] | None = None
    needs: list[str] | None = None


@dataclass(frozen=True, slots=True)
class PatientChange:
    """What became known of a patient; None leaves a field as it is."""

    name: str | None = None
    nik: str | None = None
    guardian: str | None = None
    notes: str | None = None
    sex: str | None = None
    age_years: int | None = None
    minor: bool | None = None
    triage: Triage | None = None
    outcome: Outcome | None = None
    outcome_detail: str | None = None


async def change_incident(
    centre: Centre, entry: TenantEntry, actor: Actor, incident_id: UUID, change: IncidentChange, *, cause: str
) -> Placement:
    """Correct the incident and return where it lies now.

    Raises:
        IllegalStep: the incident has ended.
    """
    async with centre.begin(entry.tenant, actor, cause) as tx:
        incident = await _open(tx, incident_id)
        if change.place is not None:
            where = await placement(tx, change.place)
            incident.place = geometry(change.place)
            incident.place_accuracy_m = change.place_accuracy_m
            incident.village_code = where.village_code
            incident.outside = where.outside
        if change.place_note is not None:
            key = await tx.person(incident.key_id)
            incident.place_note_sealed = key.seal(change.place_note, "incident.place_note") if key else None
        if change.triage is not None:
            incident.triage = change.triage.value
        if change.triage_answers is not None:
            incident.triage_answers = change.triage_answers
        if change.needs is not None:
            incident.needs = change.needs
        place = point_of(incident.place)
        where = await placement(tx, place) if place else Placement(None, None, None, outside=False)
        await tx.record(
            EventKind.INCIDENT_CHANGED,
            incident,
            incident_id=incident.id,
            data={
                "number": incident.number,
                "triage": incident.triage,
                "lon": place.lon if place else None,
                "lat": place.lat if place else None,
                "village": where.village,
                "district": where.district,
                "outside": where.outside,
            },
        )
        return where


async def _open(tx: Transaction, incident_id: UUID) -> Incident:
    incident = await tx.get(Incident, incident_id, lock=True)
    _still_open(incident)
    return incident


def _still_open(incident: Incident) -> None:
    if IncidentState(incident.state) in FINAL_STATES:
        raise IllegalStep("incident", incident.state, "change", ())


async def add_patient(
    centre: Centre,
    entry: TenantEntry,
    actor: Actor,
    incident_id: UUID,
    change: PatientChange,
    *,
    cause: str,
    patient_id: UUID | None = None,
) -> UUID:
    """Add a patient to an open incident and return the id.

    With an id made by the client, the same patient told again is added once.

    Raises:
        IllegalStep: the incident has ended. InvalidInput: the NIK cannot be one.
        ContentDiffers: the id was used for a patient of another incident.
    """
    change = _checked(change)
    async with centre.begin(entry.tenant, actor, cause) as tx:
        incident = await tx.get(Incident, incident_id, lock=True)
        if patient_id is not None and (told := await tx.find(Patient, patient_id)) is not None:
            if told.incident_id != incident.id:
                raise ContentDiffers(
                    f"Nomor pasien {patient_id} sudah dipakai untuk yang lain; buat nomor baru",
                    f"Patient id {patient_id} was used for another one; make a new id",
                )
            return told.id
        _still_open(incident)
        last = await tx.session.execute(
            select(func.max(Patient.position)).where(
                Patient.regency_id == tx.tenant.id, Patient.incident_id == incident.id
            )
        )
        row = await insert_patient(tx, incident, (last.scalar_one() or 0) + 1, change.triage, patient_id)
        await _apply(tx, row, change)
        await watch_incident(tx, incident)
        await tx.record(
            EventKind.PATIENT_ADDED, row, incident_id=incident.id, data={"position": row.position}
        )
        return row.id


async def insert_patient(
    tx: Transaction, incident: Incident, position: int, triage: Triage | None, patient_id: UUID | None = None
) -> Patient:
    """Insert a patient of whom nothing is known yet; the caller records the event."""
    key = await tx.new_person()
    row = Patient(
        regency_id=tx.tenant.id,
        id=patient_id or tx.id(),
        incident_id=incident.id,
        position=position,
        key_id=key.id,
        name_sealed=None,
        nik_sealed=None,
        guardian_sealed=None,
        notes_sealed=None,
        sex=None,
        age_years=None,
        minor=None,
        triage=triage.value if triage else None,
        outcome=None,
        outcome_at=None,
        outcome_detail_sealed=None,
    )
    await tx.add(row)
    return row


async def change_patient(
    centre: Centre, entry: TenantEntry, actor: Actor, patient_id: UUID, change: PatientChange, *, cause: str
) -> None:
    """Write down what became known of a patient, or how their care ended.

    An outcome corrected after the case was closed corrects its closing code, by which reports go.

    Raises:
        InvalidInput: the NIK cannot be one.
    """
    change = _checked(change)
    async with centre.begin(entry.tenant, actor, cause) as tx:
        row = await tx.get(Patient, patient_id)
        incident = await tx.get(Incident, row.incident_id, lock=True)
        row = await tx.get(Patient, patient_id, lock=True)
        await _apply(tx, row, change)
        if not tx.session.is_modified(row):
            return  # nothing is different: told before
        if incident.state == IncidentState.CLOSED:
            incident.closing_code = closing_code(await _outcomes(tx, incident.id))
        if incident.waiting_since is not None and not await in_need(tx, incident.id):
            incident.waiting_since = None
        await watch_incident(tx, incident)
        await tx.record(
            EventKind.PATIENT_CHANGED,
            row,
            incident_id=row.incident_id,
            data={"position": row.position, "outcome": row.outcome, "triage": row.triage},
        )


async def _outcomes(tx: Transaction, incident_id: UUID) -> list[Outcome]:
    rows = await tx.session.execute(
        select(Patient.outcome).where(Patient.regency_id == tx.tenant.id, Patient.incident_id == incident_id)
    )
    return [Outcome(outcome) for outcome in rows.scalars() if outcome]


def _checked(change: PatientChange) -> PatientChange:
    if change.nik is None:
        return change
    try:
        return replace(change, nik=registry.parse_nik(change.nik).value)
    except registry.NikError as wrong:
        raise InvalidInput(FieldProblem("nik", wrong.message_id, wrong.message_en)) from wrong


async def _apply(tx: Transaction, row: Patient, change: PatientChange) -> None:
    key = await tx.person(row.key_id)
    if key is not None:
        for name in ("name", "nik", "guardian", "notes", "outcome_detail"):
            value = getattr(change, name)
            if value is not None:
                setattr(row, f"{name}_sealed", key.seal(value, f"patient.{name}"))
    for name in ("sex", "age_years", "minor"):
        value = getattr(change, name)
        if value is not None:
            setattr(row, name, value)
    if change.triage is not None:
        row.triage = change.triage.value
    if change.outcome is not None and row.outcome != change.outcome.value:
        row.outcome = change.outcome.value
        row.outcome_at = tx.now
