"""The scene of the pages' measurements: a regency with 300 units that move once a second, and calls."""

from __future__ import annotations

import asyncio
import csv
import math
import shutil
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx

from bench.private_system import BUNDLE, SLUG, PrivateSystem, resident_tokens, staff_tokens
from dispatch.domain.call import Channel
from dispatch.domain.roles import SYSTEM, Actor, ActorKind, Role
from dispatch.domain.triage import Triage
from dispatch.live.fanout import Fanout
from dispatch.services.centre import Centre, open_centre
from dispatch.services.crew import sign_on
from dispatch.services.open_incident import Judgement, open_incident
from dispatch.services.passwords import generate_password, hash_password
from dispatch.services.placing import Point
from dispatch.services.request_help import HelpRequest, request_help
from dispatch.services.save_positions import Fix, as_records, no_roads, save_positions
from dispatch.services.staff_accounts import NewStaff, add_staff
from dispatch.services.tenants import TenantEntry
from dispatch.services.unit_state import list_units
from dispatch.storage.transaction import new_id

UNITS = 300
INCIDENTS = 12
TOWN = Point(107.4434, -6.5567)
REACH_DEG = 0.13
SPEED_MS = 11.0
STRETCH_S = 120
CALL_EVERY_S = 2.0
_METRES_PER_DEGREE = 111_195


def fleet_bundle(folder: Path, units: int = UNITS) -> Path:
    """Copy the regency's folder with a fleet of that many tracked units, and return the copy."""
    shutil.copytree(BUNDLE, folder)
    with (folder / "fleet.csv").open(newline="") as shipped:
        rows = list(csv.DictReader(shipped))
    with (folder / "fleet.csv").open("w", newline="") as grown:
        writer = csv.DictWriter(grown, rows[0].keys())
        writer.writeheader()
        for number in range(units):
            row = rows[number % len(rows)]
            names = {"call_sign": f"UJI-{number + 1:03d}", "plate": f"T {number + 1:04d} UJI"}
            writer.writerow(row | names | {"tracking": "app", "phone": ""})
    return folder


@dataclass
class Scene:
    """A running system with everybody on duty."""

    system: PrivateSystem
    centre: Centre
    entry: TenantEntry
    fanout: Fanout
    units: Sequence[UUID]
    operator: str
    resident: str
    incidents: int
    _phones: Sequence[UUID] = field(default_factory=lambda: [uuid4() for _ in range(UNITS)])
    _second: int = 0

    @property
    def address(self) -> str:
        """Where the system answers."""
        return f"http://127.0.0.1:{self.system.port}"

    async def step(self) -> None:
        """Let every unit drive for one second; the consoles hear of it by Redis, as from another process."""
        self._second += 1
        now = datetime.now(UTC)
        fixes = [self._fix(number, now.timestamp()) for number in range(UNITS)]
        moved = await save_positions(self.centre, self.entry, as_records(fixes), no_roads(UNITS))
        self.fanout.moved(self.entry.tenant.id, moved)

    def _fix(self, number: int, now: float) -> Fix:
        ahead = (self._second + number) % (2 * STRETCH_S)  # a stretch of road, up and down
        back = ahead > STRETCH_S
        course = number * 37 % 360
        driven = SPEED_MS / _METRES_PER_DEGREE * (2 * STRETCH_S - ahead if back else ahead)
        angle = number * 2.399963  # the golden angle spreads them evenly
        far = REACH_DEG * math.sqrt((number + 0.5) / UNITS)
        return Fix(
            installation_id=self._phones[number],
            sequence=self._second,
            device_at=now,
            at=now,
            unit_id=self.units[number],
            received_at=now,
            lon=TOWN.lon + far * math.cos(angle) + driven * math.sin(math.radians(course)),
            lat=TOWN.lat + far * math.sin(angle) + driven * math.cos(math.radians(course)),
            accuracy_m=8.0,
            speed_ms=SPEED_MS,
            heading_deg=float((course + 180 * back) % 360),
            battery=80.0,
        )

    @asynccontextmanager
    async def moving(self) -> AsyncIterator[None]:
        """Let all units move once a second for as long as the context lasts."""
        async with _running(self._drive()):
            yield

    @asynccontextmanager
    async def calling(self) -> AsyncIterator[None]:
        """Let calls for help come in for as long as the context lasts."""
        async with _running(self._call()):
            yield

    async def _drive(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            await self.step()
            due += 1.0
            await asyncio.sleep(max(0.0, due - loop.time()))

    async def _call(self) -> None:
        headers = {"Authorization": f"Bearer {self.resident}"}
        async with httpx.AsyncClient(base_url=self.address, headers=headers, trust_env=False) as client:
            while True:
                request = {"id": str(uuid4()), "place": {"lon": TOWN.lon, "lat": TOWN.lat}}
                (await client.post("/api/v1/calls", json=request)).raise_for_status()
                await asyncio.sleep(CALL_EVERY_S)


@asynccontextmanager
async def _running(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    task = asyncio.create_task(work)
    try:
        yield
        if task.done():
            task.result()
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@asynccontextmanager
async def open_scene(system: PrivateSystem) -> AsyncIterator[Scene]:
    """Bring 300 crews on duty and a dozen cases onto the board."""
    centre = open_centre(system.settings, name="bench")
    try:
        entry = await centre.tenants.by_slug(SLUG)
        units = [unit.id for unit in await list_units(centre, entry)]
        await _man(centre, entry)
        for _ in range(INCIDENTS):
            await _open_case(centre, entry)
        operator = (await staff_tokens(centre, entry, Role.OPERATOR, ["uji-operator"]))[0]
        resident = (await resident_tokens(centre, entry, 1))[0]
        fanout = Fanout(system.settings.redis_url, "bench", centre.clock)
        scene = Scene(system, centre, entry, fanout, units, operator, resident, INCIDENTS)
        await scene.step()
        async with _running(fanout.tick()), _running(fanout.publish()):
            yield scene
    finally:
        await centre.close()


async def _man(centre: Centre, entry: TenantEntry) -> None:
    password = generate_password()
    known = await hash_password(password)  # one for all: hashing is meant to take its time
    for number in range(1, UNITS + 1):
        account = NewStaff(f"awak-{number:03d}", Role.DRIVER, f"Awak Uji {number}", password, demo=True)
        crew = await add_staff(centre, entry, SYSTEM, account, cause="bench", password_hash=known)
        actor = Actor(ActorKind.STAFF, crew.id, Role.DRIVER)
        await sign_on(centre, entry, actor, f"UJI-{number:03d}", None, cause="bench")


async def _open_case(centre: Centre, entry: TenantEntry) -> None:
    request = HelpRequest(new_id(), Channel.PHONE, TOWN)
    await request_help(centre, entry, SYSTEM, request, cause="bench")
    await open_incident(centre, entry, SYSTEM, request.id, Judgement(triage=Triage.YELLOW), cause="bench")
