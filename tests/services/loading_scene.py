"""A small regency folder that tests may damage, and a centre on the test's own database."""

from __future__ import annotations

import csv
import shutil
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from dispatch.domain.events import EventKind
from dispatch.domain.roles import SYSTEM
from dispatch.services.centre import Centre
from dispatch.services.roads import Roads
from dispatch.services.tenants import TenantEntry, Tenants
from dispatch.settings import Settings
from dispatch.storage.database import Database, asyncpg_url
from dispatch.storage.tables.assignment import Assignment
from dispatch.storage.tables.incident import Incident
from dispatch.storage.transaction import new_id
from dispatch.storage.vault import Vault

SHIPPED = Path(__file__).resolve().parents[2] / "regencies" / "33.25-batang"
FRIDAY_NOON = datetime(2026, 11, 20, 5, 0, tzinfo=UTC)  # 12:00 in Jakarta
HOSPITAL, PUSKESMAS = "33.25-F001", "33.25-F004"

ROSTER = """
[roster]
seed = 1
days_ahead = 1

[[roster.shifts]]
code = "pagi"
name = "Dinas pagi"
starts = 07:00:00
ends = 14:00:00
staffed_share = 1.0

[[roster.shifts]]
code = "siang"
name = "Dinas siang"
starts = 14:00:00
ends = 21:00:00
staffed_share = 1.0

[[roster.shifts]]
code = "malam"
name = "Dinas malam"
starts = 21:00:00
ends = 07:00:00
staffed_share = 1.0
"""


class HasUrls(Protocol):
    """A test's database."""

    owner_url: str
    app_url: str


@dataclass
class Folder:
    """A regency folder of Batang's villages and roads with a few facilities and units."""

    path: Path

    def table(self, name: str) -> list[dict[str, str]]:
        """Return the rows of one of its tables."""
        with (self.path / name).open(encoding="utf-8", newline="") as stream:
            return list(csv.DictReader(stream))

    def rewrite(self, name: str, rows: Iterable[dict[str, str]]) -> None:
        """Replace the rows of a table."""
        kept = list(rows)
        with (self.path / name).open("w", encoding="utf-8", newline="") as stream:
            writer = csv.DictWriter(stream, list(kept[0]))
            writer.writeheader()
            writer.writerows(kept)

    def edit(self, name: str, change: Callable[[dict[str, str]], dict[str, str] | None]) -> None:
        """Rewrite a table row by row; None leaves a row out."""
        changed = (change(row) for row in self.table(name))
        self.rewrite(name, [row for row in changed if row is not None])

    def roster(self, sheet: str) -> None:
        """Replace the roster in regency.toml."""
        toml = self.path / "regency.toml"
        head, _, rest = toml.read_text(encoding="utf-8").partition("[roster]")
        gaps = rest.partition("[[gaps]]")
        toml.write_text(head + sheet.strip() + "\n\n" + gaps[1] + gaps[2], encoding="utf-8")


def small_folder(at: Path) -> Folder:
    """Make a folder with two facilities, two tracked and three manual units, and every unit always manned."""
    shutil.copytree(SHIPPED, at)
    folder = Folder(at)
    facilities = [r for r in folder.table("facilities.csv") if r["code"] in (HOSPITAL, PUSKESMAS)]
    folder.rewrite("facilities.csv", facilities)
    fleet = folder.table("fleet.csv")
    few = [r for r in fleet if r["tracking"] == "app"][:2] + [r for r in fleet if r["tracking"] == "manual"][
        :3
    ]
    folder.rewrite("fleet.csv", [row | {"base_facility": HOSPITAL} for row in few])
    folder.roster(ROSTER)
    return folder


@dataclass
class Scene:
    """A centre whose clock stands still until it is set."""

    centre: Centre
    owner_url: str
    now: datetime = FRIDAY_NOON
    entries: dict[str, TenantEntry] = field(default_factory=dict)

    def pass_time(self, **span: float) -> None:
        """Move the clock on."""
        self.now += timedelta(**span)

    async def rows(self, query: str, **values: Any) -> list[Any]:
        """Ask the database as its owner, who sees every tenant."""
        engine = create_async_engine(asyncpg_url(self.owner_url))
        try:
            async with engine.connect() as connection:
                return list((await connection.execute(text(query), values)).all())
        finally:
            await engine.dispose()

    async def one(self, query: str, **values: Any) -> Any:
        """Return the single value that a query gives."""
        ((value,),) = await self.rows(query, **values)
        return value

    async def execute(self, statement: str, **values: Any) -> None:
        """Change something as the owner."""
        engine = create_async_engine(asyncpg_url(self.owner_url))
        try:
            async with engine.begin() as connection:
                await connection.execute(text(statement), values)
        finally:
            await engine.dispose()

    async def kinds(self, slug: str) -> list[str]:
        """Return the kinds of all events of a tenant, in order."""
        rows = await self.rows(
            "SELECT e.kind FROM event e JOIN regency r ON r.id = e.regency_id "
            "WHERE slug = :slug ORDER BY seq",
            slug=slug,
        )
        return [row.kind for row in rows]

    async def open_incident(self, entry: TenantEntry, *, waiting: bool = False) -> UUID:
        """Insert a confirmed red incident."""
        async with self.centre.begin(entry.tenant, SYSTEM, "scene") as tx:
            key = await tx.new_person()
            village = await self.one("SELECT min(code) FROM village WHERE regency_id = :r", r=entry.tenant.id)
            row = Incident(
                regency_id=entry.tenant.id,
                id=new_id(),
                realm=entry.tenant.realm,
                number=f"UJI-{new_id()}",
                kind="emergency",
                state="confirmed",
                triage="red",
                needs=[],
                key_id=key.id,
                village_code=village,
                outside=False,
                reported_at=tx.now,
                waiting_since=tx.now if waiting else None,
            )
            await tx.add(row)
            await tx.record(EventKind.INCIDENT_CONFIRMED, row, incident_id=row.id)
            return row.id

    async def put_on_run(self, entry: TenantEntry, unit_id: UUID) -> UUID:
        """Send a unit to a new incident; return the assignment."""
        incident_id = await self.open_incident(entry)
        async with self.centre.begin(entry.tenant, SYSTEM, "scene") as tx:
            row = Assignment(
                regency_id=entry.tenant.id,
                id=new_id(),
                incident_id=incident_id,
                origin_incident_id=incident_id,
                unit_id=unit_id,
                state="en_route",
                origin="operator",
                rank=1,
                created_at=tx.now,
            )
            await tx.add(row)
            await tx.record(EventKind.UNIT_ASSIGNED, row, incident_id=incident_id)
            return row.id

    async def release(self, entry: TenantEntry, assignment_id: UUID) -> None:
        """End a run."""
        async with self.centre.begin(entry.tenant, SYSTEM, "scene") as tx:
            row = await tx.get(Assignment, assignment_id, lock=True)
            row.state, row.released_at = "cleared", tx.now
            await tx.record(EventKind.UNIT_CLEARED, row, incident_id=row.incident_id)


@asynccontextmanager
async def open_scene(database: HasUrls, run_dir: Path) -> AsyncIterator[Scene]:
    """Open a centre on the test's database; road stores and accounts lie under `run_dir`."""
    app = Database(database.app_url, pool_size=5, name="test")
    settings = Settings(database_url=database.owner_url, database_app_url=database.app_url, run_dir=run_dir)
    centre = Centre(
        settings=settings,
        database=app,
        vault=Vault(bytes(range(32)), bytes(range(32, 64))),
        tenants=Tenants(app),
        roads=Roads(settings.stores_dir),
        registry=None,
    )
    scene = Scene(centre, database.owner_url)
    centre.clock = lambda: scene.now
    try:
        yield scene
    finally:
        await centre.close()
