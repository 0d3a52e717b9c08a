"""The resident's socket: the state of one call, whenever it changes and while the ambulance moves."""

from __future__ import annotations

import time
from uuid import UUID

import msgspec
from starlette.websockets import WebSocket

from dispatch.domain.errors import Forbidden, NotFound
from dispatch.domain.roles import Actor, ActorKind
from dispatch.live import frames
from dispatch.live.connection import WRONG_ROLE, Connection, Goodbye, attend
from dispatch.live.fanout import Snapshot
from dispatch.live.hub import Delivery, Feed, log_head
from dispatch.live.switchboard import Switchboard
from dispatch.services.incident_of_call import incident_of_call
from dispatch.services.resident_status import call_status
from dispatch.services.sessions import SignedIn
from dispatch.services.tenant_of_call import tenant_of_call
from dispatch.services.tenants import TenantEntry

MOVING_EVERY_S = 2.0
"""While an ambulance moves the status is sent again at most this often."""
UNMOVED_EVERY_S = 15.0
"""With an ambulance on its way it is sent at least this often: minutes and age change by themselves."""

_hello = msgspec.json.Decoder(frames.ResidentHello)
_frame = msgspec.json.Decoder(frames.ResidentFrame)


def _may_watch(actor: Actor) -> bool:
    return actor.kind is ActorKind.RESIDENT


async def resident_socket(live: Switchboard, websocket: WebSocket) -> None:
    """Serve one resident's page until it leaves."""
    connection = Connection(websocket, live.centre, live.sessions)
    await attend(connection, _converse(live, connection))


async def _converse(live: Switchboard, connection: Connection) -> None:
    hello, who = await connection.hello(_hello, _may_watch)
    try:
        entry = await tenant_of_call(live.centre, who, hello.call_id)
        await incident_of_call(live.centre, entry, who.actor, hello.call_id)
    except (Forbidden, NotFound) as refusal:
        raise Goodbye(WRONG_ROLE, refusal) from None
    async with live.hub.following(entry, connection.wake) as feed:
        watch = _Watch(live, connection, who, entry, hello.call_id, feed)
        async with live.fanout.listening(entry.tenant.id, watch.positions):
            await watch.welcome()
            await connection.serve(watch.handle, watch.produce)


class _Watch:
    def __init__(
        self,
        live: Switchboard,
        connection: Connection,
        who: SignedIn,
        entry: TenantEntry,
        call_id: UUID,
        feed: Feed,
    ) -> None:
        self._live = live
        self._connection = connection
        self._who = who
        self._entry = entry
        self._call_id = call_id
        self._feed = feed
        self._incident_id: UUID | None = None
        self._last = 0
        self._beginnings = feed.beginnings
        self._changed = True
        self._moved = False
        self._on_its_way = False
        self._sent_at = 0.0

    async def welcome(self) -> None:
        """Greet; the status follows at once."""
        self._last = await log_head(self._live.centre, self._entry)
        await self._connection.write(
            frames.write(
                "welcome",
                seq=self._last,
                at=self._live.centre.clock(),
                training=self._entry.tenant.training,
                server=self._live.name,
            )
        )

    async def handle(self, text: str | bytes) -> None:
        """Answer a ping; there is nothing else a resident says here."""
        ping = frames.read(_frame, text)
        self._connection.send_pong(ping.id)

    def positions(self, snapshot: Snapshot) -> None:
        """Units have moved; is one of them this call's?"""
        if self._incident_id is None:
            return
        if any(unit.incident_id == self._incident_id for unit in snapshot.units.values()):
            self._moved = True
            self._connection.wake.set()

    async def produce(self) -> float | None:
        """Send the status when the case has changed, or the ambulance has moved and it is time again."""
        self._look_at_events()
        since = time.monotonic() - self._sent_at
        if self._changed or (self._moved and since >= MOVING_EVERY_S) or self._overdue(since):
            await self._send_status()
            since = 0.0
        self._connection.told = self._last
        if self._moved:
            return max(0.0, MOVING_EVERY_S - since)
        return max(0.0, UNMOVED_EVERY_S - since) if self._on_its_way else None

    def _overdue(self, since: float) -> bool:
        return self._on_its_way and since >= UNMOVED_EVERY_S

    async def _send_status(self) -> None:
        centre, actor = self._live.centre, self._who.actor
        changed, self._changed, self._moved = self._changed, False, False
        try:
            if changed:
                self._incident_id = await incident_of_call(centre, self._entry, actor, self._call_id)
            status = await call_status(centre, self._entry, actor, self._call_id)
        except BaseException:
            self._changed = True
            raise
        self._sent_at = time.monotonic()
        self._on_its_way = bool(status.ambulances)
        await self._connection.write(frames.write_view("status", status, seq=self._last))

    def _look_at_events(self) -> None:
        if self._beginnings != self._feed.beginnings:  # what was told may never have been
            self._beginnings = self._feed.beginnings
            self._last = self._feed.last
            self._changed = True
        while batch := self._feed.since(self._last):
            self._last = batch[-1].view.seq
            if any(self._touches(delivery) for delivery in batch):
                self._changed = True
        if batch is None:  # too far behind to say: what counts is the status as it is now
            self._last = self._feed.last
            self._changed = True

    def _touches(self, delivery: Delivery) -> bool:
        event = delivery.view
        if self._incident_id is not None and event.incident_id == self._incident_id:
            return True
        return event.subject_type == "call" and event.subject_id == str(self._call_id)
