"""The application over a real database with shipped regencies, and clients signed in as everybody."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
from fastapi import FastAPI

from dispatch.api.app import create_app
from dispatch.domain.roles import SYSTEM, Actor, ActorKind, Role
from dispatch.services.centre import Centre
from dispatch.services.crew import sign_on
from dispatch.services.load_regency import load_regency
from dispatch.services.roads import Roads
from dispatch.services.sessions import make_session
from dispatch.services.staff_accounts import NewStaff, add_staff
from dispatch.services.tenants import TenantEntry, Tenants
from dispatch.settings import Settings
from dispatch.storage.database import Database
from dispatch.storage.vault import Vault

REGENCIES = Path(__file__).resolve().parents[2] / "regencies"
FOLDERS = ("32.14-purwakarta", "33.25-batang")
PASSWORD = "sandi-contoh-9"
FRIDAY_NOON = datetime(2026, 11, 20, 5, 0, tzinfo=UTC)  # 12:00 in Jakarta: the morning shift is on
_STARTED = time.monotonic()

# Nagri Kaler in the town of Purwakarta, a kilometre from there, and Batang's town
TOWN = {"lon": 107.4400, "lat": -6.5500}
NEAR_TOWN = {"lon": 107.4450, "lat": -6.5460}
BATANG_TOWN = {"lon": 109.7300, "lat": -6.9080}


@dataclass(frozen=True)
class Urls:
    """Where a test's database is."""

    owner_url: str
    app_url: str


def clock() -> datetime:
    """Return a Friday noon that goes on."""
    return FRIDAY_NOON + timedelta(seconds=time.monotonic() - _STARTED)


def open_centre(database: Urls, stores: Path, redis_url: str = "") -> Centre:
    """Open a centre on the test's database, without a registry: every account stays unverified."""
    settings = Settings(
        database_url=database.owner_url,
        database_app_url=database.app_url,
        redis_url=redis_url,
        run_dir=stores,
    )
    app = Database(database.app_url, pool_size=5, name="test")
    return Centre(
        settings=settings,
        database=app,
        vault=Vault(bytes(range(32)), bytes(range(32, 64))),
        tenants=Tenants(app),
        roads=Roads(settings.stores_dir),
        registry=None,
        clock=clock,
    )


@dataclass
class Prepared:
    """A database with tenants, and a token for every user, by `<tenant>/<user name>`."""

    database: Urls
    stores: Path
    tokens: dict[str, str] = field(default_factory=dict)
    crews: dict[str, UUID] = field(default_factory=dict)


STAFF = (
    ("operator1", Role.OPERATOR),
    ("operator2", Role.OPERATOR),
    ("admin1", Role.ADMIN),
    ("dinkes1", Role.HEALTH_OFFICE),
    ("auditor1", Role.AUDITOR),
    ("pengemudi1", Role.DRIVER),
    ("pengemudi2", Role.DRIVER),
)
CREWED = {"pengemudi1": "A01", "pengemudi2": "A02"}


def prepare(database: Urls, stores: Path) -> Prepared:
    """Load the regencies and make one account of each role in each; takes some seconds."""
    prepared = Prepared(database, stores)

    async def work() -> None:
        centre = open_centre(database, stores)
        try:
            for folder in FOLDERS:
                report = await load_regency(centre, REGENCIES / folder)
                await _staff(centre, report.entry, prepared)
        finally:
            await centre.close()

    asyncio.run(work())
    return prepared


async def _staff(centre: Centre, entry: TenantEntry, prepared: Prepared) -> None:
    slug = entry.tenant.slug
    hospital = f"{entry.tenant.code}-F001"
    accounts = [NewStaff(name, role, f"Contoh {name}", PASSWORD) for name, role in STAFF]
    accounts.append(NewStaff("faskes1", Role.FACILITY, "Contoh faskes1", PASSWORD, hospital))
    for account in accounts:
        view = await add_staff(centre, entry, SYSTEM, account, cause="scene")
        actor = Actor(ActorKind.STAFF, view.id, account.role)
        async with centre.begin(entry.tenant, actor, "scene") as tx:
            session = await make_session(tx, "scene", staff_id=view.id)
        prepared.tokens[f"{slug}/{account.username}"] = session.token
        if account.username in CREWED:
            sign = f"{entry.tenant.number_prefix}-{CREWED[account.username]}"
            aboard = await sign_on(centre, entry, actor, sign, None, cause="scene")
            prepared.crews[sign] = aboard.unit_id


@dataclass
class Api:
    """The application and the way to speak to it."""

    app: FastAPI
    centre: Centre
    prepared: Prepared
    client: httpx.AsyncClient
    slug: str = "32.14-latihan"

    def signed_in(self, token: str) -> Client:
        """Return a client that sends this token."""
        return Client(self.client, token)

    def staff(self, username: str, slug: str | None = None) -> Client:
        """Return a client signed in as a staff user."""
        return self.signed_in(self.prepared.tokens[f"{slug or self.slug}/{username}"])

    @property
    def anybody(self) -> Client:
        """Return a client without a session."""
        return Client(self.client, None)

    async def resident(self, number: int, slug: str | None = None) -> Client:
        """Register a made-up resident and return a client signed in as them."""
        answer = await self.anybody.post("/residents", resident(number, slug or self.slug))
        assert answer.status_code == 201, answer.text
        return self.signed_in(answer.json()["session"]["token"])


@dataclass
class Client:
    """Speaks to `/api/v1` with one token."""

    http: httpx.AsyncClient
    token: str | None

    async def _ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        return await self.http.request(
            method, f"/api/v1{path}", headers=headers | more.pop("headers", {}), **more
        )

    async def get(self, path: str, **query: Any) -> httpx.Response:
        """GET."""
        return await self._ask("GET", path, params=query)

    async def post(self, path: str, body: Any = None, **more: Any) -> httpx.Response:
        """POST a JSON body, or none."""
        return await self._ask("POST", path, **({} if body is None else {"json": body}), **more)

    async def put(self, path: str, body: Any) -> httpx.Response:
        """PUT a JSON body."""
        return await self._ask("PUT", path, json=body)

    async def patch(self, path: str, body: Any) -> httpx.Response:
        """PATCH with a JSON body."""
        return await self._ask("PATCH", path, json=body)

    async def delete(self, path: str) -> httpx.Response:
        """DELETE."""
        return await self._ask("DELETE", path)


def resident(number: int, slug: str = "32.14-latihan") -> dict[str, Any]:
    """Return the registration of a made-up resident."""
    return {
        "regency": slug,
        "name": f"Contoh Melati {number}",
        "address": f"Jalan Contoh {number}",
        "email": f"contoh.{number:05d}@example.org",
        "phone": f"+628900001{number:05d}",
        "nik": f"32140101019{number % 10}{9000 + number:04d}",
        "device": "uji",
    }


def problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """Return the problem document of a refusal after looking at what every one must have."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    document: dict[str, Any] = answer.json()
    assert document["code"] == code
    assert document["status"] == status
    assert document["type"] == f"urn:semar:problem:{code}"
    assert document["title"]
    assert document["title_en"]
    assert document["detail"]
    assert document["detail_en"]
    assert document["detail"] != document["detail_en"]
    return document


def fields(document: dict[str, Any]) -> dict[str, tuple[str, str]]:
    """Return the fields that a refusal names, each with its reasons in Indonesian and English."""
    return {f["field"]: (f["id"], f["en"]) for f in document["fields"]}


@asynccontextmanager
async def serving(prepared: Prepared, redis_url: str = "") -> AsyncIterator[Api]:
    """Run the application in this event loop."""
    centre = open_centre(prepared.database, prepared.stores, redis_url)
    app = create_app(centre)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://semar.test") as client,
    ):
        yield Api(app, centre, prepared, client)
