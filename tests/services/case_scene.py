"""A made-up regency along one straight road, small enough to know every answer, and a hand to play cases."""

from __future__ import annotations

import atexit
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Protocol
from uuid import UUID

import osmium
import shapely
from geoalchemy2.shape import from_shape
from osmium.osm.mutable import Node, Way
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

import routing
from dispatch.domain.assignment import AssignmentState
from dispatch.domain.call import Channel
from dispatch.domain.events import EventKind, chain_hash
from dispatch.domain.roles import SYSTEM, Actor, ActorKind, Role
from dispatch.domain.triage import Triage
from dispatch.jobs.timers import run_due_timers
from dispatch.services.centre import Centre
from dispatch.services.crew import sign_on
from dispatch.services.open_incident import Judgement, open_incident
from dispatch.services.placing import Point
from dispatch.services.request_help import CallReceipt, HelpRequest, request_help
from dispatch.services.roads import Roads
from dispatch.services.send_unit import AssignmentView, send_unit
from dispatch.services.step_run import Step, StepView, step_run
from dispatch.services.tenants import TenantEntry, Tenants
from dispatch.settings import Settings
from dispatch.storage.database import Database, Tenant, asyncpg_url
from dispatch.storage.regency_loading import (
    AreaRow,
    RegencyRow,
    begin_load,
    finish_load,
    loading,
    write_areas,
)
from dispatch.storage.tables.facility import Facility
from dispatch.storage.tables.shift import Shift
from dispatch.storage.tables.staff import StaffUser
from dispatch.storage.tables.unit import Unit
from dispatch.storage.transaction import new_id
from dispatch.storage.vault import Vault

NOON = datetime(2026, 11, 20, 5, 0, tzinfo=UTC)  # 12:00 in Jakarta
LON, LAT = 107.4, -6.5
METRE = 1 / 110_600  # degrees, good enough for a made-up place
CAUSE = "test"

# call sign: tracking, metres along the road, capabilities
FLEET = {
    "A-1": ("app", 1_000, ["transport", "basic"]),
    "A-2": ("app", 2_000, ["transport", "basic", "advanced"]),
    "A-3": ("app", 4_000, ["transport", "basic"]),
    "M-1": ("manual", 3_000, ["transport"]),
    "M-2": ("manual", 5_000, ["transport", "basic"]),
}
S = AssignmentState


def along(metres: float, aside: float = 0.0) -> Point:
    """A place so far along the road from its western end, and so far north of it."""
    return Point(LON + metres * METRE, LAT + aside * METRE)


SCENE = along(0)  # where the patients are: the nearest unit is A-1, then A-2, M-1, A-3, M-2
HOSPITAL, CLINIC = along(9_000), along(6_000)


class HasUrls(Protocol):
    """A test's database."""

    owner_url: str
    app_url: str


@cache
def stores() -> Path:
    """The folder with the road's store, made once in this process and removed with it."""
    folder = tempfile.TemporaryDirectory(prefix="semar-road-")
    atexit.register(folder.cleanup)
    extract = Path(folder.name) / "road.osm.pbf"
    with osmium.SimpleWriter(str(extract)) as writer:
        for n in range(21):
            place = along(n * 500)
            writer.add_node(Node(id=n + 1, version=1, location=(place.lon, place.lat)))
        writer.add_way(Way(id=1, version=1, nodes=list(range(1, 22)), tags={"highway": "secondary"}))
    routing.build_store(extract, Path(folder.name) / "road")
    return Path(folder.name)


@dataclass
class Case:
    """One tenant with its people and units. The clock stands still until it is moved."""

    centre: Centre
    owner: AsyncEngine
    now: datetime = NOON
    entry: TenantEntry = field(init=False)
    units: dict[str, UUID] = field(default_factory=dict)
    crew: dict[str, Actor] = field(default_factory=dict)
    relief: Actor = SYSTEM
    operator: Actor = SYSTEM
    colleague: Actor = SYSTEM
    facilities: dict[str, UUID] = field(default_factory=dict)

    def pass_time(self, seconds: float) -> None:
        """Move the clock on."""
        self.now += timedelta(seconds=seconds)

    async def work(self) -> int:
        """Run all timers that are due, as the worker does; return how many ran."""
        return await run_due_timers(self.centre, self.entry)

    async def later(self, seconds: float) -> int:
        """Let time pass, second by second, with the worker at work; return how many timers ran."""
        ran = 0
        end = self.now + timedelta(seconds=seconds)
        while self.now < end:
            self.now = min(end, self.now + timedelta(seconds=1))
            ran += await self.work()
        return ran

    # --- moves ---

    async def ring(self, place: Point | None = SCENE, **given: Any) -> CallReceipt:
        """A caller without an account, entered by the operator."""
        request = HelpRequest(given.pop("id", new_id()), Channel.PHONE, place, **given)
        return await request_help(self.centre, self.entry, self.operator, request, cause=CAUSE)

    async def incident(self, triage: Triage = Triage.RED, patients: int = 1, **judged: Any) -> UUID:
        """A confirmed incident of a new call."""
        call = await self.ring()
        judgement = Judgement(triage=triage, patients=patients, **judged)
        opened = await open_incident(
            self.centre, self.entry, self.operator, call.call_id, judgement, cause=CAUSE
        )
        return opened.incident_id

    async def send(self, sign: str, incident_id: UUID, reason: str | None = "uji") -> AssignmentView:
        """The operator sends a unit."""
        return await send_unit(
            self.centre, self.entry, self.operator, incident_id, self.units[sign], reason, cause=CAUSE
        )

    async def step(self, run_id: UUID, to: S, by: Actor | None = None, **given: Any) -> StepView:
        """A step, by the operator unless somebody else is named; fields it needs are filled in."""
        if to in (S.LEFT_SCENE, S.AT_FACILITY) and not given.get("outside_name"):
            given.setdefault("facility_id", self.facilities["hospital"])
        if to is S.HANDED_OVER:
            given = {"receiver": "Perawat Uji", "room": "IGD 1"} | given
        actor = by or self.operator
        return await step_run(self.centre, self.entry, actor, run_id, Step(to, **given), cause=CAUSE)

    async def steps(self, run_id: UUID, *through: S, by: Actor | None = None) -> None:
        """Several steps, ten seconds apart."""
        for to in through:
            self.pass_time(10)
            await self.step(run_id, to, by)

    # --- looks ---

    async def rows(self, query: str, **values: Any) -> list[Any]:
        """Ask the database as its owner."""
        async with self.owner.connect() as connection:
            return list((await connection.execute(text(query), values)).all())

    async def value(self, query: str, **values: Any) -> Any:
        """The one value that a query gives."""
        ((value,),) = await self.rows(query, **values)
        return value

    async def kinds(self, after: int = 0) -> list[str]:
        """The kinds of events after a sequence number."""
        return [
            r.kind for r in await self.rows("SELECT kind FROM event WHERE seq > :n ORDER BY seq", n=after)
        ]

    async def head(self) -> int:
        """The last sequence number."""
        return int(
            await self.value("SELECT seq FROM event_head WHERE regency_id = :r", r=self.entry.tenant.id)
        )

    async def events(self, kind: EventKind) -> list[dict[str, Any]]:
        """The data of all events of a kind, in order."""
        rows = await self.rows("SELECT data FROM event WHERE kind = :k ORDER BY seq", k=kind.value)
        return [row.data for row in rows]

    async def stamps(self, incident_id: UUID) -> dict[str, tuple[datetime, str]]:
        """When and by whom, by name; of several runs or legs the last."""
        rows = await self.rows(
            "SELECT name, occurred_at, source FROM stamp WHERE incident_id = :i ORDER BY occurred_at",
            i=incident_id,
        )
        return {row.name: (row.occurred_at, row.source) for row in rows}

    async def state(self, run_id: UUID) -> str:
        """A run's state."""
        return str(await self.value("SELECT state FROM assignment WHERE id = :i", i=run_id))

    async def open_runs(self, incident_id: UUID) -> dict[str, str]:
        """Call sign and state of an incident's open runs."""
        rows = await self.rows(
            "SELECT u.call_sign, a.state FROM assignment a JOIN unit u ON u.id = a.unit_id "
            "WHERE a.incident_id = :i AND a.released_at IS NULL",
            i=incident_id,
        )
        return {row.call_sign: row.state for row in rows}

    async def timers(self, subject: UUID) -> dict[str, float]:
        """The open timers of something: kind, and in how many seconds they are due."""
        rows = await self.rows(
            "SELECT kind, due_at FROM timer WHERE subject_id = :s AND done_at IS NULL", s=subject
        )
        return {row.kind: (row.due_at - self.now).total_seconds() for row in rows}

    async def check_log(self) -> None:
        """The log has no gap, and every hash follows from the one before it."""
        rows = await self.rows("SELECT * FROM event ORDER BY regency_id, seq")
        previous = bytes(32)
        for n, row in enumerate(rows, start=1):
            assert row.seq == n
            assert row.previous_hash == previous
            previous = chain_hash(previous, row.regency_id, row.seq, row.recorded_at, row.body)
            assert row.hash == previous
        head = await self.rows("SELECT seq, hash FROM event_head")
        assert [tuple(r) for r in head] == [(len(rows), previous)]


@asynccontextmanager
async def open_case(
    database: HasUrls, run_dir: Path, *, code: str = "99.01", live: bool = False, now: datetime = NOON
) -> AsyncIterator[Case]:
    """Make the regency with everybody on duty, and open a centre on it."""
    async with _opened(database, run_dir, now) as case:
        case.entry = await _tenant(case.centre, database.owner_url, code, live=live)
        await _people(case)
        await _facilities(case)
        await _fleet(case)
        yield case


@asynccontextmanager
async def copied_case(database: HasUrls, run_dir: Path, original: Case) -> AsyncIterator[Case]:
    """Open a centre on a copy of the database in which `original` was made and not played."""
    async with _opened(database, run_dir, original.now) as case:
        case.entry = original.entry
        case.units, case.crew = dict(original.units), dict(original.crew)
        case.relief, case.operator, case.colleague = original.relief, original.operator, original.colleague
        case.facilities = dict(original.facilities)
        yield case


@asynccontextmanager
async def _opened(database: HasUrls, run_dir: Path, now: datetime) -> AsyncIterator[Case]:
    """Open a centre by a clock that the test moves; there is no tenant yet."""
    app = Database(database.app_url, pool_size=10, name="test")
    settings = Settings(database_url=database.owner_url, database_app_url=database.app_url, run_dir=run_dir)
    centre = Centre(
        settings=settings,
        database=app,
        vault=Vault(bytes(range(32)), bytes(range(32, 64))),
        tenants=Tenants(app),
        roads=Roads(stores()),
        registry=None,
    )
    owner = create_async_engine(asyncpg_url(database.owner_url), pool_size=1)
    try:
        case = Case(centre, owner, now)
        centre.clock = lambda: case.now
        yield case
    finally:
        await owner.dispose()
        await centre.close()


def regency_row(code: str = "99.01", *, live: bool = False) -> tuple[RegencyRow, AreaRow, AreaRow]:
    """The regency, its one district and its one village as a load writes them."""
    corner, far = along(-500, -2_000), along(11_000, 2_000)
    shape = shapely.MultiPolygon([shapely.box(corner.lon, corner.lat, far.lon, far.lat)])
    realm, slug = ("live", code) if live else ("training", f"{code}-latihan")
    return (
        RegencyRow(code, realm, slug, "Kabupaten Uji", "UJI", "Asia/Jakarta", shape, {}, "road"),
        AreaRow(f"{code}.01", "Kecamatan Uji", None, shape),
        AreaRow(f"{code}.01.2001", "Desa Uji", f"{code}.01", shape),
    )


async def _tenant(centre: Centre, owner_url: str, code: str, *, live: bool) -> TenantEntry:
    row, district, village = regency_row(code, live=live)
    async with loading(owner_url, row.slug) as connection:
        regency_id = await begin_load(connection, row, NOON)
        await write_areas(connection, regency_id, [district], [village])
        await finish_load(connection, regency_id, "made up", NOON)
        await connection.commit()
    tenant = Tenant(regency_id, row.slug, row.code, row.realm, row.name, row.number_prefix, row.timezone)
    return TenantEntry(tenant, {}, "road", "made up")


async def _people(case: Case) -> None:
    roles = [("operator1", Role.OPERATOR), ("operator2", Role.OPERATOR), ("relief", Role.DRIVER)]
    roles += [(sign.lower(), Role.DRIVER) for sign, (tracking, _, _) in FLEET.items() if tracking == "app"]
    actors = {}
    async with case.centre.begin(case.entry.tenant, SYSTEM, CAUSE) as tx:
        for name, role in roles:
            row = StaffUser(
                regency_id=case.entry.tenant.id,
                id=new_id(),
                username=name,
                role=role.value,
                display_name=f"{name} Uji",
                facility_id=None,
                active=True,
                added_at=tx.now,
            )
            await tx.add(row)
            await tx.record(EventKind.STAFF_ADDED, row)
            actors[name] = Actor(ActorKind.STAFF, row.id, role)
    case.operator, case.colleague = actors["operator1"], actors["operator2"]
    case.relief = actors["relief"]
    case.crew = {sign: actors[sign.lower()] for sign in FLEET if sign.lower() in actors}


async def _facilities(case: Case) -> None:
    async with case.centre.begin(case.entry.tenant, SYSTEM, CAUSE) as tx:
        for name, kind, place in (("hospital", "hospital", HOSPITAL), ("clinic", "clinic", CLINIC)):
            row = Facility(
                regency_id=case.entry.tenant.id,
                id=new_id(),
                code=name,
                name=f"{name} uji",
                kind=kind,
                address="Jalan Uji 1",
                phone=None,
                place=_point(place),
                position_quality="surveyed",
                capabilities=[],
                beds=None,
                ems_status="normal",
                source="made up",
                active=True,
            )
            await tx.add(row)
            await tx.record(EventKind.FACILITY_LOADED, row)
            case.facilities[name] = row.id


async def _fleet(case: Case) -> None:
    async with case.centre.begin(case.entry.tenant, SYSTEM, CAUSE) as tx:
        for sign, (tracking, metres, capabilities) in FLEET.items():
            row = Unit(
                regency_id=case.entry.tenant.id,
                id=new_id(),
                call_sign=sign,
                plate=f"T {9000 + metres} UJI",
                kind="transport",
                tracking=tracking,
                capabilities=capabilities,
                base_facility_id=None,
                base=_point(along(metres)),
                phone=None if tracking == "app" else f"+62800000{metres}",
                active=True,
            )
            await tx.add(row)
            await tx.record(EventKind.UNIT_LOADED, row)
            case.units[sign] = row.id
            shift = Shift(
                regency_id=case.entry.tenant.id,
                id=new_id(),
                unit_id=row.id,
                desk=None,
                starts_at=tx.now - timedelta(hours=1),
                ends_at=tx.now + timedelta(days=30),
                opened_at=None if tracking == "app" else tx.now,
                closed_at=None,
                origin="roster",
                start_check=None,
            )
            await tx.add(shift)
            await tx.record(EventKind.SHIFT_PLANNED, shift)
    for sign, driver in case.crew.items():
        await sign_on(case.centre, case.entry, driver, sign, {"ok": True}, cause=CAUSE)


def _point(place: Point) -> Any:
    return from_shape(shapely.Point(place.lon, place.lat), srid=4326, extended=True)
