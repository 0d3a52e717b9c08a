"""A made-up regency on Purwakarta's real roads, with rows put straight into its tables."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any, Protocol
from uuid import UUID

import pytest
import shapely
from sqlalchemy.ext.asyncio import create_async_engine

import routing
from dispatch.domain.events import EventKind
from dispatch.domain.roles import SYSTEM, Actor, ActorKind, Role
from dispatch.domain.stamps import Stamp as StampName
from dispatch.services.centre import Centre
from dispatch.services.placing import Point, geometry
from dispatch.services.roads import Roads
from dispatch.services.sessions import SignedIn
from dispatch.services.tenants import TenantEntry, Tenants
from dispatch.settings import Settings
from dispatch.storage.database import Database, asyncpg_url
from dispatch.storage.regency_loading import AreaRow, RegencyRow, begin_load, write_areas
from dispatch.storage.tables.assignment import Assignment, Leg, LegPatient
from dispatch.storage.tables.base import Base
from dispatch.storage.tables.call import Call
from dispatch.storage.tables.facility import Facility
from dispatch.storage.tables.incident import Incident, Patient
from dispatch.storage.tables.stamp import Stamp
from dispatch.storage.tables.unit import Unit
from dispatch.storage.transaction import new_id
from dispatch.storage.vault import Vault

REPOSITORY = Path(__file__).resolve().parents[2]
STORE = "purwakarta"
NORTH, SOUTH = "99.01.01", "99.01.02"
NORTH_VILLAGE, SOUTH_VILLAGE = "99.01.01.2001", "99.01.02.2001"
TOWN = Point(107.4434, -6.5567)  # in the town of Purwakarta
NOON = datetime(2026, 11, 20, 5, 0, tzinfo=UTC)  # 12:00 in Jakarta

_built: dict[str, Path] = {}
_numbers = count(1)


def road_stores(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the store of Purwakarta's roads, built once in each test process."""
    if STORE not in _built:
        folder = tmp_path_factory.mktemp("stores")
        extract = REPOSITORY / "regencies" / "32.14-purwakarta" / "roads.osm.pbf"
        toll = frozenset({"motorway", "motorway_link"})
        routing.build_store(extract, folder / STORE, exclude_highway=toll)
        _built[STORE] = folder
    return _built[STORE]


class MadeDatabase(Protocol):
    """The test database, as the fixtures hand it out."""

    @property
    def owner_url(self) -> str: ...

    @property
    def app_url(self) -> str: ...


@dataclass
class Scene:
    """One tenant and what was put into it. The clock stands still until it is set."""

    centre: Centre
    entry: TenantEntry
    now: datetime = NOON
    key_id: UUID = field(default_factory=new_id)

    @property
    def regency_id(self) -> int:
        return self.entry.tenant.id

    async def put(self, *groups: Sequence[Base]) -> None:
        """Insert rows, one group after the other, carried by one event."""
        async with self.centre.begin(self.entry.tenant, SYSTEM, "scene") as tx:
            for group in groups:
                tx.session.add_all(group)
                await tx.session.flush()
            await tx.record(EventKind.TENANT_LOADED, ("scene", "rows"))

    async def new_key(self) -> None:
        """Make the one person whose key seals everything here."""
        async with self.centre.begin(self.entry.tenant, SYSTEM, "scene") as tx:
            self.key_id = (await tx.new_person()).id

    def facility(self, code: str, place: Point, **different: Any) -> Facility:
        row: dict[str, Any] = {
            "regency_id": self.regency_id,
            "id": new_id(),
            "code": code,
            "name": f"Faskes {code}",
            "kind": "hospital",
            "address": "Jl. Contoh 1",
            "phone": None,
            "place": geometry(place),
            "position_quality": "surveyed",
            "capabilities": ["igd24"],
            "beds": None,
            "ems_status": "normal",
            "source": "contoh",
            "active": True,
        }
        return Facility(**row | different)

    def unit(self, call_sign: str, tracking: str, base: Point = TOWN) -> Unit:
        return Unit(
            regency_id=self.regency_id,
            id=new_id(),
            call_sign=call_sign,
            plate="T 0000 XX",
            kind="basic",
            tracking=tracking,
            capabilities=["basic"],
            base_facility_id=None,
            base=geometry(base),
            phone=None,
            active=True,
        )

    def incident(self, reported_at: datetime, **different: Any) -> Incident:
        row: dict[str, Any] = {
            "regency_id": self.regency_id,
            "id": new_id(),
            "realm": self.entry.tenant.realm,
            "number": f"UJI-{next(_numbers):06d}",
            "kind": "emergency",
            "state": "confirmed",
            "triage": "red",
            "triage_answers": None,
            "needs": [],
            "key_id": self.key_id,
            "place": geometry(TOWN),
            "place_accuracy_m": None,
            "place_note_sealed": None,
            "village_code": NORTH_VILLAGE,
            "outside": False,
            "reported_at": reported_at,
            "waiting_since": None,
            "ended_at": None,
            "closing_code": None,
            "cancel_reason": None,
            "merged_into": None,
            "forwarded_to": None,
            "speed_factor": None,
        }
        return Incident(**row | different)

    def assignment(self, incident: Incident, unit: Unit, state: str, **different: Any) -> Assignment:
        released = state in (
            "cleared",
            "declined",
            "timed_out",
            "stood_down",
            "diverted",
            "completed_without_transport",
        )
        row: dict[str, Any] = {
            "regency_id": self.regency_id,
            "id": new_id(),
            "incident_id": incident.id,
            "origin_incident_id": incident.id,
            "unit_id": unit.id,
            "state": state,
            "origin": "operator",
            "rank": 1,
            "override_reason": None,
            "predicted_s": None,
            "predicted_m": None,
            "roads_version": None,
            "created_at": incident.reported_at,
            "acknowledged_at": None,
            "stand_down_acknowledged_at": None,
            "exit_reason": None,
            "released_at": incident.reported_at + timedelta(hours=2) if released else None,
            "freed_place": None,
        }
        return Assignment(**row | different)

    def leg(self, run: Assignment, state: str, **different: Any) -> Leg:
        row: dict[str, Any] = {
            "regency_id": self.regency_id,
            "id": new_id(),
            "assignment_id": run.id,
            "position": 1,
            "facility_id": None,
            "outside_name": None,
            "state": state,
            "created_at": run.created_at,
            "answer": None,
            "answer_reason": None,
            "answered_at": None,
            "bed": None,
            "receiver_name": "Penerima Contoh" if state == "handed_over" else None,
            "room": "IGD" if state == "handed_over" else None,
            "countersigned_at": None,
            "countersigned_by": None,
        }
        return Leg(**row | different)

    def stamp(
        self,
        name: StampName | str,
        at: datetime,
        incident: Incident,
        run: Assignment | None = None,
        leg: Leg | None = None,
    ) -> Stamp:
        return Stamp(
            regency_id=self.regency_id,
            id=new_id(),
            incident_id=incident.id,
            assignment_id=run.id if run else None,
            leg_id=leg.id if leg else None,
            name=str(name),
            occurred_at=at,
            received_at=at,
            source="system",
            clock_corrected=False,
        )

    def patient(self, incident: Incident, position: int, triage: str | None) -> Patient:
        return Patient(
            regency_id=self.regency_id,
            id=new_id(),
            incident_id=incident.id,
            position=position,
            key_id=self.key_id,
            triage=triage,
        )

    def aboard(self, leg: Leg, patient: Patient) -> LegPatient:
        return LegPatient(regency_id=self.regency_id, leg_id=leg.id, patient_id=patient.id)

    def call(self, received_at: datetime, state: str, **different: Any) -> Call:
        row: dict[str, Any] = {
            "regency_id": self.regency_id,
            "id": new_id(),
            "realm": self.entry.tenant.realm,
            "channel": "phone",
            "state": state,
            "key_id": self.key_id,
            "caller_trust": "unknown",
            "village_code": NORTH_VILLAGE,
            "outside": False,
            "received_at": received_at,
        }
        return Call(**row | different)

    def signed_in(self, role: Role, facility: Facility | None = None) -> SignedIn:
        actor = Actor(ActorKind.STAFF, new_id(), role)
        return SignedIn(new_id(), self.entry, actor, facility.id if facility else None)


@asynccontextmanager
async def open_scene(
    database: MadeDatabase,
    stores: Path,
    *,
    code: str = "99.01",
    settings: dict[str, Any] | None = None,
    realm: str = "training",
) -> AsyncIterator[Scene]:
    """Make a tenant with two districts of one village each, and open a centre on it."""
    slug = code if realm == "live" else f"{code}-latihan"
    square = [
        shapely.MultiPolygon([shapely.box(107.3, south, 107.6, south + 0.15)]) for south in (-6.65, -6.8)
    ]
    row = RegencyRow(
        code=code,
        realm=realm,
        slug=slug,
        name="Kabupaten Contoh",
        number_prefix="CTH",
        timezone="Asia/Jakarta",
        boundary=shapely.MultiPolygon([shapely.box(107.3, -6.8, 107.6, -6.5)]),
        settings=settings or {},
        roads_store=STORE,
    )
    districts = [
        AreaRow(NORTH, "Kecamatan Utara", None, square[0]),
        AreaRow(SOUTH, "Kecamatan Selatan", None, square[1]),
    ]
    villages = [
        AreaRow(NORTH_VILLAGE, "Desa Utara", NORTH, square[0]),
        AreaRow(SOUTH_VILLAGE, "Desa Selatan", SOUTH, square[1]),
    ]
    owner = create_async_engine(asyncpg_url(database.owner_url))
    async with owner.begin() as connection:
        regency_id = await begin_load(connection, row, NOON - timedelta(days=400))
        await write_areas(connection, regency_id, districts, villages)
    await owner.dispose()
    pool = Database(database.app_url, pool_size=3, name="report-scene")
    centre = Centre(
        settings=Settings(database_url=database.owner_url, database_app_url=database.app_url),
        database=pool,
        vault=Vault(b"m" * 32, b"l" * 32),
        tenants=Tenants(pool),
        roads=Roads(stores),
        registry=None,
    )
    scene = Scene(centre, await centre.tenants.by_slug(slug))
    centre.clock = lambda: scene.now
    await scene.new_key()
    try:
        yield scene
    finally:
        await centre.close()
