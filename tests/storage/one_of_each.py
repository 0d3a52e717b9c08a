"""Puts one row into every table of a tenant, with as many columns as can hold something."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import shapely
from geoalchemy2 import WKBElement
from geoalchemy2.shape import from_shape

from dispatch.domain.events import EventKind
from dispatch.domain.roles import SYSTEM
from dispatch.storage.database import Database, Tenant
from dispatch.storage.tables.assignment import Assignment, Leg, LegPatient, ReportedFact
from dispatch.storage.tables.base import Base
from dispatch.storage.tables.call import Call, Callback
from dispatch.storage.tables.facility import Facility
from dispatch.storage.tables.incident import Incident, IncidentCounter, Patient
from dispatch.storage.tables.jobs import Outbox, Timer
from dispatch.storage.tables.notice import CrewNotice, PushSubscription
from dispatch.storage.tables.paper import PaperPrint
from dispatch.storage.tables.person import Resident, ResidentCredential
from dispatch.storage.tables.position import LatestPosition, Position
from dispatch.storage.tables.road_change import RoadChange
from dispatch.storage.tables.session import Session, ViewLog
from dispatch.storage.tables.shift import CrewMembership, Shift
from dispatch.storage.tables.staff import StaffCredential, StaffUser
from dispatch.storage.tables.stamp import Stamp
from dispatch.storage.tables.tracker import Tracker
from dispatch.storage.tables.unit import Unavailability, Unit, UnitSilence
from dispatch.storage.transaction import Transaction, new_id, transaction
from dispatch.storage.vault import DataKey, Vault

NOON = datetime(2026, 11, 20, 5, 0, 0, 123456, tzinfo=UTC)
VAULT = Vault(bytes(range(32)), bytes(range(32, 64)))
VILLAGE = "99.01.01.2001"


@dataclass(frozen=True)
class Filled:
    """A tenant and the rows put into it, one of every table."""

    tenant: Tenant
    rows: dict[str, Base]
    token_hash: bytes

    @property
    def id(self) -> int:
        return self.tenant.id

    def key(self, table: str) -> UUID:
        """Return the id of the row in a table."""
        found = getattr(self.rows[table], "id", None)
        assert isinstance(found, UUID)
        return found


def point(lon: float, lat: float) -> WKBElement:
    return from_shape(shapely.Point(lon, lat), srid=4326, extended=True)


async def fill(database: Database, tenant: Tenant) -> Filled:
    """Put one row into every table, with as many columns as can hold something."""
    async with transaction(database, tenant, VAULT, SYSTEM, "scene", NOON) as tx:
        key = await tx.new_person()
        people = await _people(tx, key)
        fleet = await _fleet(tx)
        case = await _case(tx, key, people, fleet)
        await tx.record(EventKind.TENANT_LOADED, ("scene", "rows"), data={"all": True})
        apart = await _apart(tx, key, people, fleet)
    rows = {row.__tablename__: row for row in (*people, *fleet, *case, *apart)}
    session = rows["session"]
    assert isinstance(session, Session)
    return Filled(tenant, rows, session.token_hash)


async def _people(tx: Transaction, key: DataKey) -> list[Base]:
    regency, at = tx.tenant.id, tx.now
    resident = Resident(
        id=new_id(),
        realm=tx.tenant.realm,
        home_regency_id=regency,
        key_id=key.id,
        name_sealed=key.seal("Warga Contoh", "resident.name"),
        address_sealed=key.seal("Jl. Contoh 1", "resident.address"),
        email_sealed=key.seal("warga@example.com", "resident.email"),
        phone_sealed=key.seal("+628120000000", "resident.phone"),
        nik_sealed=key.seal("9901010101900001", "resident.nik"),
        home_point_sealed=key.seal("107.5,-6.5", "resident.home_point"),
        nik_hash=tx.vault.lookup_hash("nik", f"9901 {regency}"),
        phone_hash=tx.vault.lookup_hash("phone", f"+628120000000 {regency}"),
        email_hash=tx.vault.lookup_hash("email", f"warga@example.com {regency}"),
        verification="match",
        verification_detail={"nama": "Sesuai (97)", "bytes": "no bytes", "nested": {"a": [1, None, 2.5]}},
        verified_at=at,
        trust="verified",
        registered_at=at,
    )
    facility = Facility(
        regency_id=regency,
        id=new_id(),
        code=f"{tx.tenant.code}-F001",
        name="RSUD Contoh \"Ágnes\" / 'x' \\ ☃",
        kind="hospital",
        address="",
        phone="+62264000000",
        place=point(107.4434123456789, -6.5566999999999),
        position_quality="surveyed",
        capabilities=["igd24", "ponek"],
        beds=0,
        ems_status="normal",
        source="contoh",
        active=True,
    )
    staff = StaffUser(
        regency_id=regency,
        id=new_id(),
        username="faskes1",
        role="facility",
        display_name="Petugas",
        facility_id=facility.id,
        active=True,
        added_at=at,
    )
    await tx.add(resident, facility, staff)
    return [resident, facility, staff]


async def _fleet(tx: Transaction) -> list[Base]:
    regency, at = tx.tenant.id, tx.now
    facility_id = (await tx.session.execute(Facility.__table__.select())).one().id
    staff_id = (await tx.session.execute(StaffUser.__table__.select())).one().id
    unit = Unit(
        regency_id=regency,
        id=new_id(),
        call_sign="UJI-01",
        plate="T 0000 XX",
        kind="basic",
        tracking="app",
        capabilities=[],
        base_facility_id=facility_id,
        base=point(107.5, -6.5),
        phone=None,
        active=True,
    )
    shift = Shift(
        regency_id=regency,
        id=new_id(),
        unit_id=unit.id,
        starts_at=at,
        ends_at=at + timedelta(hours=7),
        opened_at=at,
        origin="roster",
        start_check={"oxygen": {"bar": 150.5}, "ok": True, "note": 'ban "depan"'},
    )
    crew = CrewMembership(
        regency_id=regency, id=new_id(), shift_id=shift.id, staff_id=staff_id, duty="driver", joined_at=at
    )
    out = Unavailability(
        regency_id=regency,
        id=new_id(),
        unit_id=unit.id,
        reason="fuel",
        note="sampai penuh",
        began_at=at,
        expected_until=at + timedelta(minutes=20),
        ended_at=at + timedelta(minutes=15),
    )
    tracker = Tracker(
        regency_id=regency,
        id=new_id(),
        unit_id=unit.id,
        name="Pelacak Uji",
        identifier_hash=regency.to_bytes(32, "big"),
        registered_at=at,
        revoked_at=at + timedelta(days=1),
    )
    flooded = RoadChange(
        regency_id=regency,
        id=new_id(),
        shape=from_shape(shapely.box(107.5, -6.6, 107.6, -6.5), srid=4326, extended=True),
        effect="slow",
        speed_factor=0.25,
        reason="flood",
        note="selutut orang dewasa",
        author_id=staff_id,
        made_at=at,
        starts_at=at,
        ends_at=at + timedelta(hours=4),
        lifted_at=at + timedelta(hours=1),
        lifted_by=staff_id,
    )
    silence = UnitSilence(
        regency_id=regency,
        id=new_id(),
        unit_id=unit.id,
        heard_at=at - timedelta(seconds=200),
        noticed_at=at,
        on_run=False,
        ended_at=at + timedelta(seconds=30),
        ended_why="heard",
    )
    await tx.add(unit, shift, crew, out, tracker, flooded, silence)
    return [unit, shift, crew, out, tracker, flooded, silence]


async def _case(tx: Transaction, key: DataKey, people: list[Base], fleet: list[Base]) -> list[Base]:
    regency, at, realm = tx.tenant.id, tx.now, tx.tenant.realm
    resident, facility, staff = people
    unit = fleet[0]
    assert isinstance(resident, Resident)
    assert isinstance(facility, Facility)
    assert isinstance(staff, StaffUser)
    assert isinstance(unit, Unit)
    incident = Incident(
        regency_id=regency,
        id=new_id(),
        realm=realm,
        number="UJI-20261120-0001",
        kind="emergency",
        state="confirmed",
        triage="red",
        triage_answers={"conscious": False},
        needs=["obstetric_kit"],
        key_id=key.id,
        place=point(107.51, -6.52),
        place_note_sealed=key.seal("di seberang warung", "incident.place_note"),
        village_code=VILLAGE,
        outside=False,
        reported_at=at,
        waiting_since=at,
        speed_factor=20.0 if realm == "training" else None,
    )
    call = Call(
        regency_id=regency,
        id=new_id(),
        realm=realm,
        channel="app",
        state="linked",
        resident_id=resident.id,
        key_id=key.id,
        caller_name_sealed=key.seal("Warga Contoh", "call.caller_name"),
        caller_phone_sealed=key.seal("+628120000000", "call.caller_phone"),
        caller_phone_hash=tx.vault.lookup_hash("phone", "+628120000000"),
        content_sealed=key.seal("{}", "call.content"),
        content_hash=tx.vault.lookup_hash("content", "{}"),
        caller_trust="verified",
        place=point(107.51, -6.52),
        place_accuracy_m=12.0,
        place_source="device",
        located_at=at,
        village_code=VILLAGE,
        outside=False,
        received_at=at,
        taken_by=staff.id,
        taken_at=at,
        incident_id=incident.id,
        speed_factor=20.0 if realm == "training" else None,
    )
    callback = Callback(
        regency_id=regency,
        id=new_id(),
        call_id=call.id,
        staff_id=staff.id,
        attempted_at=at,
        outcome="answered",
        key_id=key.id,
        note_sealed=key.seal("sadar", "callback.note"),
    )
    patient = Patient(
        regency_id=regency,
        id=new_id(),
        incident_id=incident.id,
        position=1,
        key_id=key.id,
        name_sealed=key.seal("Pasien Contoh", "patient.name"),
        notes_sealed=key.seal("-", "patient.notes"),
        sex="F",
        age_years=31,
        minor=False,
        triage="red",
        outcome="handed_over",
        outcome_at=at,
    )
    run = Assignment(
        regency_id=regency,
        id=new_id(),
        incident_id=incident.id,
        origin_incident_id=incident.id,
        unit_id=unit.id,
        state="en_route",
        origin="operator",
        rank=1,
        override_reason="lebih dekat",
        predicted_s=312.0625,
        predicted_m=0.1 + 0.2,
        roads_version="abc",
        created_at=at,
        acknowledged_at=at,
        freed_place=point(-0.0, 0.1 + 0.2),
    )
    leg = Leg(
        regency_id=regency,
        id=new_id(),
        assignment_id=run.id,
        position=1,
        facility_id=facility.id,
        state="handed_over",
        created_at=at,
        answer="accepted",
        receiver_name="Perawat Contoh",
        room="IGD",
        bed="3",
    )
    carried = LegPatient(regency_id=regency, leg_id=leg.id, patient_id=patient.id)
    fact = ReportedFact(
        regency_id=regency,
        id=new_id(),
        assignment_id=run.id,
        step="on_scene",
        state_then="cleared",
        occurred_at=at,
        received_at=at,
        detail={"late_s": 40.5},
    )
    stamp = Stamp(
        regency_id=regency,
        id=new_id(),
        incident_id=incident.id,
        assignment_id=run.id,
        leg_id=leg.id,
        name="handed_over_at",
        occurred_at=at,
        received_at=at,
        source="crew",
        clock_corrected=True,
    )
    notice = CrewNotice(
        regency_id=regency,
        id=new_id(),
        assignment_id=run.id,
        unit_id=unit.id,
        kind="offer",
        made_at=at,
        shown_at=at,
        push_at=at + timedelta(seconds=5),
        push_phones=2,
        sms_at=at + timedelta(seconds=15),
        sms_phones=1,
        call_at=at + timedelta(seconds=30),
        call_owner=staff.id,
        call_tries=1,
        ended_at=at + timedelta(seconds=50),
        ended_why="phoned",
    )
    rows: list[Base] = [incident, call, callback, patient, run, leg, carried, fact, stamp, notice]
    await tx.add(*rows)
    return rows


async def _apart(tx: Transaction, key: DataKey, people: list[Base], fleet: list[Base]) -> list[Base]:
    """Rows outside the event log."""
    regency, at = tx.tenant.id, tx.now
    resident, staff, unit = people[0], people[2], fleet[0]
    assert isinstance(resident, Resident)
    assert isinstance(staff, StaffUser)
    assert isinstance(unit, Unit)
    fix: dict[str, Any] = {
        "regency_id": regency,
        "installation_id": new_id(),
        "sequence": 1,
        "fixed_at": at,
        "unit_id": unit.id,
        "received_at": at,
        "lon": 107.5,
        "lat": -6.5,
        "source": "app",
    }
    session = Session(
        regency_id=regency,
        id=new_id(),
        token_hash=new_id().bytes * 2,
        staff_id=staff.id,
        device="uji",
        created_at=at,
        seen_at=at,
        expires_at=at + timedelta(days=1),
    )
    rows: list[Base] = [
        ResidentCredential(resident_id=resident.id, password_hash="x", changed_at=at),
        StaffCredential(regency_id=regency, staff_id=staff.id, password_hash="x", demo=False, changed_at=at),
        session,
        PushSubscription(
            regency_id=regency,
            id=new_id(),
            staff_id=staff.id,
            session_id=session.id,
            endpoint_hash=b"h" * 32,
            key_id=key.id,
            sealed=key.seal("{}", "push_subscription.sealed"),
            created_at=at,
        ),
        ViewLog(
            regency_id=regency,
            id=new_id(),
            at=at,
            viewer="staff",
            subject_type="call",
            subject_id=new_id(),
            key_id=key.id,
            fields=["name"],
            reason="uji",
        ),
        IncidentCounter(regency_id=regency, day=at.date(), last=1),
        PaperPrint(regency_id=regency, claimed_minute=at, made_at=at, trouble="penuh", trouble_since=at),
        Outbox(
            regency_id=regency,
            id=new_id(),
            channel="file",
            purpose="offer",
            subject_id=new_id(),
            recipient="+628120000000",
            text_="uji",
            created_at=at,
            due_at=at,
            attempts=0,
        ),
        Timer(
            regency_id=regency, id=new_id(), kind="uji", subject_id=new_id(), due_at=at, data={}, attempts=0
        ),
        Position(**fix, clock_offset_s=0.0, replayed=False, quality="coarse"),
        LatestPosition(**fix, road_lon=107.5, road_lat=-6.5),
    ]
    await tx.add(*rows)
    return rows
