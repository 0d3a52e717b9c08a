"""A loaded regency, servers on free ports, and clients that read frames: what the socket tests play with."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, Protocol
from uuid import UUID

import uvicorn
import uvloop
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from dispatch.api.app import create_app
from dispatch.domain.call import Channel
from dispatch.domain.roles import SYSTEM, Actor, ActorKind, Role
from dispatch.domain.triage import Triage
from dispatch.live import SERVER_OPTIONS
from dispatch.services.centre import Centre, open_centre
from dispatch.services.crew import sign_on
from dispatch.services.open_incident import Judgement, open_incident
from dispatch.services.placing import Point
from dispatch.services.request_help import CallReceipt, HelpRequest, request_help
from dispatch.services.send_unit import AssignmentView, send_unit
from dispatch.services.sessions import make_session
from dispatch.services.staff_accounts import list_staff
from dispatch.services.tenants import TenantEntry
from dispatch.services.unit_state import UnitView, list_units
from dispatch.settings import Settings
from dispatch.storage.database import asyncpg_url
from dispatch.storage.transaction import new_id

HOME, AWAY = "32.14-latihan", "33.25-latihan"
TOWN = Point(107.4434, -6.5567)
PATIENCE_S = 15.0
Frame = dict[str, Any]


class ServerThread:
    """One serving process's worth of application, in a thread with a loop of its own."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._ready = threading.Event()
        self._server: uvicorn.Server | None = None
        self._thread = threading.Thread(target=self._run, name="server")

    def __enter__(self) -> ServerThread:
        self._thread.start()
        assert self._ready.wait(60), "the server did not start"
        assert self._server is not None, "the server failed to start"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def connected(self) -> int:
        """How many connections the server holds."""
        assert self._server is not None
        return len(self._server.server_state.connections)

    def stop(self) -> None:
        """Stop as Ctrl-C does."""
        if self._server is not None:
            self._server.should_exit = True
        self._thread.join(30)
        assert not self._thread.is_alive(), "the server does not stop"

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        try:
            app = create_app(open_centre(self._settings, name="semar serve"))
            config = uvicorn.Config(
                app, lifespan="on", log_config=None, timeout_graceful_shutdown=1, **SERVER_OPTIONS
            )
            server = _Announcing(config, self._ready)
            self._server = server
            await server.serve(sockets=[self._socket])
        finally:
            self._ready.set()


class _Announcing(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, ready: threading.Event) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready.set()


class HasPort(Protocol):
    """Whatever clients connect to on this machine."""

    @property
    def port(self) -> int:
        """Where it listens."""
        ...


class Screen:
    """A client: says frames, waits for frames, and remembers all it got."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self.seen: list[Frame] = []

    async def say(self, kind: str, **members: Any) -> None:
        # without spaces, as browsers write: frames of fixes then take the straight way
        await self.connection.send(json.dumps({"t": kind, **members}, separators=(",", ":")))

    async def next(self, patience_s: float = PATIENCE_S) -> Frame:
        """Return the next frame, whatever it is."""
        async with asyncio.timeout(patience_s):
            frame: Frame = json.loads(await self.connection.recv())
        self.seen.append(frame)
        return frame

    async def until(
        self, kind: str, where: Callable[[Frame], bool] = lambda _: True, patience_s: float = PATIENCE_S
    ) -> Frame:
        """Return the next frame of this kind that meets the condition; others are passed over."""
        until = time.monotonic() + patience_s
        while True:
            frame = await self.next(until - time.monotonic())
            if frame["t"] == kind and where(frame):
                return frame

    async def desk(self, where: Callable[[Frame], bool]) -> Frame:
        """Return the driver's desk once it is like this.

        It may have come before the answer to the command that made it so, and have been passed over then.
        """
        shown = self.of("desk")
        return shown[-1] if shown and where(shown[-1]) else await self.until("desk", where)

    async def closed(self) -> int:
        """Return the close code, reading to the end."""
        with suppress(ConnectionClosed):
            while True:
                await self.next()
        await self.connection.wait_closed()
        assert self.connection.close_code is not None
        return self.connection.close_code

    def of(self, kind: str) -> list[Frame]:
        """Return the frames of a kind that were read so far."""
        return [f for f in self.seen if f["t"] == kind]


@dataclass
class World:
    """A loaded database, and the test's own hand on it."""

    centre: Centre
    entry: TenantEntry
    settings: Settings
    admin_url: str
    staff: dict[str, UUID] = field(default_factory=dict)

    def serving(self, redis_url: str = "") -> ServerThread:
        """Return a server on this database, to be entered."""
        return ServerThread(self.settings.model_copy(update={"redis_url": redis_url}))

    def operator(self, name: str = "operator1") -> Actor:
        return Actor(ActorKind.STAFF, self.staff[name], Role.OPERATOR)

    def driver(self, name: str = "pengemudi1") -> Actor:
        return Actor(ActorKind.STAFF, self.staff[name], Role.DRIVER)

    async def token(self, name: str, slug: str = HOME) -> str:
        """Sign a staff user in without the password's 140 ms."""
        entry = await self.centre.tenants.by_slug(slug)
        staff = {s.username: s.id for s in await list_staff(self.centre, entry)}
        async with self.centre.begin(entry.tenant, SYSTEM, "test") as tx:
            return (await make_session(tx, "test", staff_id=staff[name])).token

    async def units(self) -> list[UnitView]:
        """Return the units that are tracked by app."""
        return [u for u in await list_units(self.centre, self.entry) if u.tracking == "app"]

    async def call(self, actor: Actor | None = None, place: Point | None = TOWN) -> CallReceipt:
        """A call by a caller without an account, or by a resident."""
        channel = Channel.APP if actor and actor.kind is ActorKind.RESIDENT else Channel.PHONE
        request = HelpRequest(id=new_id(), channel=channel, place=place)
        return await request_help(self.centre, self.entry, actor or self.operator(), request, cause="test")

    async def send(self, unit_id: UUID, call: CallReceipt | None = None) -> AssignmentView:
        """Confirm a call as red and send this unit."""
        call = call or await self.call()
        opened = await open_incident(
            self.centre, self.entry, self.operator(), call.call_id, Judgement(triage=Triage.RED), cause="test"
        )
        return await send_unit(
            self.centre, self.entry, self.operator(), opened.incident_id, unit_id, "uji", cause="test"
        )

    async def as_admin(self, sql: str, **values: Any) -> list[Any]:
        """Run a statement as the cluster's superuser."""
        engine = create_async_engine(asyncpg_url(self.admin_url), isolation_level="AUTOCOMMIT")
        try:
            async with engine.connect() as connection:
                rows = await connection.execute(text(sql), values)
                return list(rows.all()) if rows.returns_rows else []
        finally:
            await engine.dispose()

    async def head(self) -> int:
        """Return the last sequence of the home tenant's log."""
        rows = await self.as_admin("SELECT seq FROM event_head WHERE regency_id = :r", r=self.entry.tenant.id)
        return int(rows[0][0])

    async def sign_on_earlier(self, driver: str, unit: UnitView, ago: timedelta) -> None:
        """Have a driver aboard a unit since a while ago."""
        earlier = replace(self.centre, clock=lambda: datetime.now(UTC) - ago)
        await sign_on(earlier, self.entry, self.driver(driver), unit.call_sign, None, cause="test")

    async def positions(self) -> list[Any]:
        """Return all stored fixes."""
        return await self.as_admin("SELECT * FROM position ORDER BY installation_id, sequence")

    async def marker(self, unit_id: UUID) -> Any:
        """Return a unit's latest position, or None."""
        rows = await self.as_admin("SELECT * FROM latest_position WHERE unit_id = :u", u=unit_id)
        return rows[0] if rows else None


@asynccontextmanager
async def open_world(settings: Settings, admin_url: str) -> AsyncIterator[World]:
    """Open the test's own centre on a loaded database."""
    centre = open_centre(settings, name="test")
    try:
        entry = await centre.tenants.by_slug(HOME)
        world = World(centre, entry, settings, admin_url)
        world.staff = {s.username: s.id for s in await list_staff(centre, entry)}
        yield world
    finally:
        await centre.close()


@asynccontextmanager
async def raw_screen(server: HasPort, path: str) -> AsyncIterator[Screen]:
    """Connect without saying anything."""
    async with connect(f"ws://127.0.0.1:{server.port}{path}", max_size=None, proxy=None) as connection:
        yield Screen(connection)


@asynccontextmanager
async def operator_screen(
    server: ServerThread, token: str, after: int | None = None
) -> AsyncIterator[Screen]:
    """Connect as a console; the welcome is read."""
    async with raw_screen(server, "/ws/operator") as screen:
        await screen.say("hello", token=token, **({} if after is None else {"after": after}))
        await screen.until("welcome")
        yield screen


@asynccontextmanager
async def driver_screen(
    server: HasPort,
    token: str,
    *,
    aboard: str | None = None,
    installation: UUID | None = None,
    device_at: datetime | None = None,
) -> AsyncIterator[Screen]:
    """Connect as a phone, signed on to the unit `aboard`; welcome and first desk are read."""
    async with raw_screen(server, "/ws/driver") as screen:
        device_at = device_at or datetime.now(UTC)
        await screen.say(
            "hello",
            token=token,
            installation_id=str(installation or new_id()),
            device_at=device_at.isoformat(),
        )
        await screen.until("welcome")
        await screen.until("desk")
        if aboard is not None:
            await screen.say("sign_on", id="on", call_sign=aboard)
            await screen.until("done")
            await screen.desk(lambda f: f["aboard"] is not None)
        yield screen


def fix(seq: int, at: datetime | None = None, lon: float = 107.44, lat: float = -6.55, **more: Any) -> Frame:
    """Return one fix as a phone writes it."""
    return {"seq": seq, "at": (at or datetime.now(UTC)).isoformat(), "lon": lon, "lat": lat, **more}
