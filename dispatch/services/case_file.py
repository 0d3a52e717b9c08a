"""One call or one case in full, with the personal data its handling needs; every reading is logged."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from geoalchemy2.functions import ST_DWithin
from sqlalchemy import select

import registry
from dispatch.domain.errors import NotFound
from dispatch.domain.roles import Actor
from dispatch.services.board import CallRow, IncidentRow, call_rows, incident_rows
from dispatch.services.centre import Centre
from dispatch.services.feed import EventView, events_after
from dispatch.services.register_resident import VerificationView, verification_view
from dispatch.services.tenants import TenantEntry
from dispatch.services.views_log import log_view
from dispatch.storage.tables.assignment import Assignment, ReportedFact
from dispatch.storage.tables.call import Call, Callback
from dispatch.storage.tables.incident import Incident, Patient
from dispatch.storage.tables.person import Resident
from dispatch.storage.transaction import Transaction
from dispatch.storage.vault import DataKey

NEARBY_DEG = 0.01  # about a kilometre: far enough for two callers of one crash, near enough to be read
NEARBY_WITHIN = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who called. None where it is unknown or erased; the NIK is shown masked."""

    name: str | None
    phone: str | None
    address: str | None
    nik_masked: str | None
    note: str | None
    verification: VerificationView | None
    erased: bool


@dataclass(frozen=True, slots=True)
class CallbackView:
    """One attempt to call back."""

    id: UUID
    attempted_at: datetime
    outcome: str
    note: str | None


@dataclass(frozen=True, slots=True)
class CallFile:
    """A call with its caller, its call-backs, and open incidents nearby it may belong to."""

    call: CallRow
    caller: Caller
    callbacks: list[CallbackView]
    nearby: list[IncidentRow]


@dataclass(frozen=True, slots=True)
class PatientView:
    """One patient; unknown fields are None."""

    id: UUID
    position: int
    name: str | None
    nik_masked: str | None
    guardian: str | None
    notes: str | None
    sex: str | None
    age_years: int | None
    minor: bool | None
    triage: str | None
    outcome: str | None
    outcome_at: datetime | None
    outcome_detail: str | None


@dataclass(frozen=True, slots=True)
class FactView:
    """A step that came too late to count, as the crew reported it."""

    assignment_id: UUID
    step: str
    state_then: str
    occurred_at: datetime
    received_at: datetime
    detail: dict[str, Any]


@dataclass(frozen=True, slots=True)
class CaseFile:
    """An incident with everything that belongs to it."""

    incident: IncidentRow
    place_note: str | None
    triage_answers: dict[str, Any] | None
    calls: list[CallFile]
    patients: list[PatientView]
    facts: list[FactView]
    events: list[EventView]


def _open(key: DataKey | None, sealed: bytes | None, field: str) -> str | None:
    return key.open(sealed, field) if key is not None and sealed is not None else None


async def read_call(
    centre: Centre, entry: TenantEntry, actor: Actor, call_id: UUID, reason: str, *, cause: str
) -> CallFile:
    """Return one call with its caller."""
    async with centre.begin(entry.tenant, actor, cause) as tx:
        call = await tx.get(Call, call_id)
        return await _call_file(tx, actor, call, reason)


async def _call_file(tx: Transaction, actor: Actor, call: Call, reason: str) -> CallFile:
    rows = await call_rows(tx, Call.id == call.id)
    caller = await _caller(tx, actor, call, reason)
    key = await tx.person(call.key_id)
    attempts = await tx.session.execute(
        select(Callback)
        .where(Callback.regency_id == tx.tenant.id, Callback.call_id == call.id)
        .order_by(Callback.attempted_at)
    )
    views = [
        CallbackView(c.id, c.attempted_at, c.outcome, _open(key, c.note_sealed, "callback.note"))
        for c in attempts.scalars()
    ]
    nearby: list[IncidentRow] = []
    if call.place is not None and call.incident_id is None:
        nearby = await incident_rows(
            tx,
            ST_DWithin(Incident.place, call.place, NEARBY_DEG)
            & Incident.state.in_(["reported", "confirmed"])
            & (Incident.reported_at > tx.now - NEARBY_WITHIN),
        )
    return CallFile(rows[0], caller, views, nearby)


async def _caller(tx: Transaction, actor: Actor, call: Call, reason: str) -> Caller:
    key = await tx.person(call.key_id)
    resident = (
        (
            await tx.session.execute(select(Resident).where(Resident.id == call.resident_id))
        ).scalar_one_or_none()
        if call.resident_id
        else None
    )
    fields = ["name", "phone", "note"] + (["address", "nik_masked"] if resident else [])
    await log_view(tx, actor, "call", call.id, call.key_id, fields, reason)
    note = None
    if key is not None and call.content_sealed is not None:
        note = _note(key.open(call.content_sealed, "call.content"))
    if resident is not None:
        nik = _open(key, resident.nik_sealed, "resident.nik")
        return Caller(
            name=_open(key, resident.name_sealed, "resident.name"),
            phone=_open(key, resident.phone_sealed, "resident.phone"),
            address=_open(key, resident.address_sealed, "resident.address"),
            nik_masked=registry.mask_nik(nik) if nik else None,
            note=note,
            verification=verification_view(resident),
            erased=key is None,
        )
    return Caller(
        name=_open(key, call.caller_name_sealed, "call.caller_name"),
        phone=_open(key, call.caller_phone_sealed, "call.caller_phone"),
        address=None,
        nik_masked=None,
        note=note,
        verification=None,
        erased=key is None,
    )


def _note(content: str) -> str | None:
    note = json.loads(content).get("note")
    return str(note) if note is not None else None


async def read_case(
    centre: Centre, entry: TenantEntry, actor: Actor, incident_id: UUID, reason: str, *, cause: str
) -> CaseFile:
    """Return one case in full."""
    async with centre.begin(entry.tenant, actor, cause) as tx:
        incident = await tx.get(Incident, incident_id)
        rows = await incident_rows(tx, Incident.id == incident_id)
        if not rows:
            raise NotFound("incident", incident_id)
        key = await tx.person(incident.key_id)
        calls = (
            await tx.session.execute(
                select(Call)
                .where(Call.regency_id == tx.tenant.id, Call.incident_id == incident_id)
                .order_by(Call.received_at)
            )
        ).scalars()
        case = CaseFile(
            incident=rows[0],
            place_note=_open(key, incident.place_note_sealed, "incident.place_note"),
            triage_answers=incident.triage_answers,
            calls=[await _call_file(tx, actor, call, reason) for call in list(calls)],
            patients=await _patients(tx, actor, incident_id, reason),
            facts=await _facts(tx, incident_id),
            events=[],
        )
    events = await events_after(centre, entry, 0, 1000, incident_id)
    return replace(case, events=events)


async def _patients(tx: Transaction, actor: Actor, incident_id: UUID, reason: str) -> list[PatientView]:
    rows = await tx.session.execute(
        select(Patient)
        .where(Patient.regency_id == tx.tenant.id, Patient.incident_id == incident_id)
        .order_by(Patient.position)
    )
    views = []
    for p in rows.scalars():
        key = await tx.person(p.key_id)
        await log_view(
            tx, actor, "patient", p.id, p.key_id, ["name", "nik_masked", "guardian", "notes"], reason
        )
        nik = _open(key, p.nik_sealed, "patient.nik")
        views.append(
            PatientView(
                id=p.id,
                position=p.position,
                name=_open(key, p.name_sealed, "patient.name"),
                nik_masked=registry.mask_nik(nik) if nik else None,
                guardian=_open(key, p.guardian_sealed, "patient.guardian"),
                notes=_open(key, p.notes_sealed, "patient.notes"),
                sex=p.sex,
                age_years=p.age_years,
                minor=p.minor,
                triage=p.triage,
                outcome=p.outcome,
                outcome_at=p.outcome_at,
                outcome_detail=_open(key, p.outcome_detail_sealed, "patient.outcome_detail"),
            )
        )
    return views


async def _facts(tx: Transaction, incident_id: UUID) -> list[FactView]:
    rows = await tx.session.execute(
        select(ReportedFact)
        .join(
            Assignment,
            (Assignment.regency_id == ReportedFact.regency_id)
            & (Assignment.id == ReportedFact.assignment_id),
        )
        .where(Assignment.regency_id == tx.tenant.id, Assignment.incident_id == incident_id)
        .order_by(ReportedFact.received_at)
    )
    return [
        FactView(f.assignment_id, f.step, f.state_then, f.occurred_at, f.received_at, f.detail)
        for f in rows.scalars()
    ]
