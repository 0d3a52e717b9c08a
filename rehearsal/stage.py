"""The stage of a rehearsal: who is signed in, what is open, and so what has to be put away afterwards."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec

from rehearsal import shapes
from rehearsal.cast import Account, Accounts, DriverClaim
from rehearsal.client import Client, Connection, FacilityClient, OfficeClient, OperatorClient, ResidentClient
from rehearsal.crew import VirtualCrew
from rehearsal.scene import Plan
from rehearsal.sockets import Frame, LiveSocket, open_socket
from rehearsal.timeline import Timeline


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the one who starts a rehearsal asks for."""

    regency: str
    address: str
    accounts: Path
    bundle: Path
    speed: float
    seed: int
    unanswered: bool


@dataclass(slots=True)
class Console:
    """The operator: HTTP, the socket, and the last event before the play began."""

    client: OperatorClient
    socket: LiveSocket
    first_seq: int

    async def event(
        self,
        kind: str,
        due: Callable[[shapes.Event], bool] = lambda event: True,
        *,
        within_s: float = 8.0,
    ) -> shapes.Event:
        """Return the first event of this kind since the play began that is as it should be."""

        def matches(frame: Frame) -> bool:
            return (
                frame.get("t") == "event"
                and frame["kind"] == kind
                and due(msgspec.convert(frame, shapes.Event))
            )

        frame = await self.socket.wait(f"event {kind}", matches, within_s=within_s)
        return msgspec.convert(frame, shapes.Event)

    async def event_of(self, kind: str, subject_id: UUID) -> shapes.Event:
        """Return the event of this kind about this subject."""
        return await self.event(kind, lambda event: event.subject_id == str(subject_id))

    async def boarding(self, staff_id: UUID, unit_id: UUID) -> shapes.Event:
        """Return the last event by which this driver came aboard this unit, once it has come."""

        def matches(frame: Frame) -> bool:
            return (
                frame.get("t") == "event"
                and frame["kind"] in ("shift_opened", "crew_changed")
                and frame["data"].get("joined") == str(staff_id)
                and frame["data"].get("unit_id") == str(unit_id)
            )

        return msgspec.convert(await self.socket.wait("event of boarding", matches), shapes.Event)

    def places_of(self, unit_id: UUID, since: int) -> list[tuple[float, float]]:
        """Return the different places of a unit that the socket showed from frame `since` on."""
        places: list[tuple[float, float]] = []
        for frame in self.socket.frames[since:]:
            if frame.get("t") != "positions":
                continue
            for unit in frame["units"]:
                place = (unit["lon"], unit["lat"])
                if unit["id"] == str(unit_id) and place not in places[-1:]:
                    places.append(place)
        return places


@dataclass(frozen=True, slots=True)
class Resident:
    """The caller."""

    client: ResidentClient
    name: str
    phone: str


async def shown_status(
    socket: LiveSocket, what: str, due: Callable[[shapes.CallStatus], bool], *, since: int = 0
) -> shapes.CallStatus:
    """Return the first status that a resident's socket showed, from frame `since` on, that is due."""

    def matches(frame: Frame) -> bool:
        return frame.get("t") == "status" and due(msgspec.convert(frame, shapes.CallStatus))

    return msgspec.convert(await socket.wait(what, matches, since=since), shapes.CallStatus)


@dataclass(slots=True)
class Driver:
    """The driver: HTTP, the phone, and the unit while aboard."""

    account: Account
    client: Client
    staff_id: UUID
    crew: VirtualCrew
    unit: shapes.Unit | None = None


@dataclass(frozen=True, slots=True)
class Company:
    """Everybody who plays, signed in and ready."""

    tenant: shapes.Tenant
    console: Console
    facility: FacilityClient
    facility_id: UUID
    office: OfficeClient
    driver: Driver
    resident: Resident
    plan: Plan
    speed_factor: float

    @property
    def unit(self) -> shapes.Unit:
        """The unit the driver is aboard."""
        assert self.driver.unit is not None, "the driver is aboard"
        return self.driver.unit

    def desk_for(self, facility_id: UUID) -> FacilityClient:
        """Return the facility's own desk, or the operator's in its place where it has no account."""
        if facility_id == self.facility_id:
            return self.facility
        return FacilityClient(self.console.client.connection, self.console.client.token)


@dataclass(slots=True)
class Stage:
    """One rehearsal. What is open stays listed here until it is ended, so that leaving can end it."""

    connection: Connection
    timeline: Timeline
    wishes: Wishes
    dice: random.Random
    accounts: Accounts = field(init=False)
    sessions: list[Client] = field(default_factory=list)
    sockets: list[LiveSocket] = field(default_factory=list)
    claims: list[DriverClaim] = field(default_factory=list)
    console: Console | None = None
    driver: Driver | None = None
    open_calls: list[UUID] = field(default_factory=list)
    open_incidents: list[UUID] = field(default_factory=list)
    cases: list[str] = field(default_factory=list)

    def now(self) -> datetime:
        """Return the time now."""
        return datetime.now(UTC)

    async def sign_in(self, account: Account) -> shapes.SignedIn:
        """Sign a staff account in; its session is ended when the stage is left."""
        public = Client(self.connection)
        signed_in = await public.sign_in_staff(self.wishes.regency, account.username, account.password)
        self.sessions.append(Client(self.connection, signed_in.session.token))
        return signed_in

    async def open_socket(self, path: str, **hello: Any) -> LiveSocket:
        """Open a socket; it is closed when the stage is left."""
        socket = await open_socket(self.connection.sockets, path, hello)
        self.sockets.append(socket)
        return socket
