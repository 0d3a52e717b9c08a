"""The console's socket: every event in order, and the moved units once a second."""

from __future__ import annotations

from datetime import datetime

import msgspec
from starlette.websockets import WebSocket

from dispatch.domain.roles import Actor, Role
from dispatch.live import frames
from dispatch.live.connection import Connection, attend
from dispatch.live.fanout import Snapshot
from dispatch.live.hub import BATCH, Delivery, Feed
from dispatch.live.switchboard import Switchboard
from dispatch.services.feed import LogEnd, events_after, has_event, log_end
from dispatch.services.sessions import SignedIn
from dispatch.services.unit_state import list_units

_hello = msgspec.json.Decoder(frames.Hello)
_frame = msgspec.json.Decoder(frames.OperatorFrame)


def _may_operate(actor: Actor) -> bool:
    return actor.role in (Role.OPERATOR, Role.ADMIN)


async def operator_socket(live: Switchboard, websocket: WebSocket) -> None:
    """Serve one console until it leaves."""
    connection = Connection(websocket, live.centre, live.sessions)
    await attend(connection, _converse(live, connection))


async def _converse(live: Switchboard, connection: Connection) -> None:
    hello, who = await connection.hello(_hello, _may_operate)
    async with live.hub.following(who.entry, connection.wake) as feed:
        console = _Console(live, connection, who, feed)
        async with live.fanout.listening(who.entry.tenant.id, console.positions):
            await console.welcome(hello.after, hello.after_recorded_at)
            await connection.serve(console.handle, console.produce)


def _reset(end: LogEnd) -> str:
    """Tell a console to read everything anew, and after which event to go on."""
    return frames.write("reset", seq=end.seq, recorded_at=end.recorded_at)


class _Console:
    def __init__(self, live: Switchboard, connection: Connection, who: SignedIn, feed: Feed) -> None:
        self._live = live
        self._connection = connection
        self._entry = who.entry
        self._feed = feed
        self._last = 0
        self._beginnings = feed.beginnings
        self._positions: Snapshot | None = None
        self._all_units_due = False

    async def welcome(self, after: int | None, recorded_at: datetime | None) -> None:
        """Greet, and start after the console's last event or at the head."""
        end = await log_end(self._live.centre, self._entry)
        stranger = after is not None and await self._is_of_another_log(after, recorded_at, end)
        await self._connection.write(
            frames.write(
                "welcome",
                seq=end.seq,
                at=self._live.centre.clock(),
                training=self._entry.tenant.training,
                server=self._live.name,
                redis=self._live.fanout.redis_connected,
            )
        )
        self._place(end.seq if after is None else after, end, stranger=stranger)
        # what stood still since the board was read would otherwise not be shown before it moves again
        await self._show_all_units()

    async def _is_of_another_log(self, after: int, recorded_at: datetime | None, end: LogEnd) -> bool:
        """Whether the console's last event lies within the log, and is not the one of that number in it."""
        if recorded_at is None or not 0 < after <= end.seq:
            return False
        known = LogEnd(after, recorded_at)
        return known != end and not await has_event(self._live.centre, self._entry, known)

    def _place(self, after: int, end: LogEnd, *, stranger: bool = False) -> None:
        anew = stranger or after > end.seq
        self._last = self._connection.told = end.seq if anew else after
        if anew:
            self._connection.send(_reset(end))
        self._connection.wake.set()

    async def _show_all_units(self) -> None:
        now = self._live.centre.clock()
        units = await list_units(self._live.centre, self._entry)
        known = [
            {
                "id": unit.id,
                "lon": unit.lon,
                "lat": unit.lat,
                "age_s": round(unit.fix_age_s or 0.0, 1),
                "speed_ms": unit.speed_ms,
                "heading_deg": unit.heading_deg,
                "quality": unit.position_quality,
                "road_lon": unit.road_lon,
                "road_lat": unit.road_lat,
            }
            for unit in units
            if unit.place_source == "fix"
        ]
        if known:
            await self._connection.write(frames.write("positions", at=now, units=known))

    def positions(self, snapshot: Snapshot) -> None:
        """Units have moved; a console that lags gets the newest place of each, not all of them."""
        self._positions = self._positions.followed_by(snapshot) if self._positions else snapshot
        self._connection.wake.set()

    async def handle(self, text: str | bytes) -> None:
        """Answer one frame of the console."""
        match frames.read(_frame, text):
            case frames.Ping(id=ping):
                self._connection.send_pong(ping, redis=self._live.fanout.redis_connected)
            case frames.Resume(after=after, after_recorded_at=recorded_at, id=asked):
                end = await log_end(self._live.centre, self._entry)
                stranger = await self._is_of_another_log(after, recorded_at, end)
                self._connection.send(
                    frames.write("resumed", id=asked, after=min(after, end.seq), seq=end.seq)
                )
                self._place(after, end, stranger=stranger)
                self._all_units_due = True  # what was missed may have been a place

    async def produce(self) -> float | None:
        """Send what is due: moved units, then the next events."""
        if self._beginnings != self._feed.beginnings:
            await self._begin_anew()
        if self._all_units_due:
            self._all_units_due = False
            await self._show_all_units()
        if self._positions is not None:
            snapshot, self._positions = self._positions, None
            await self._connection.write(snapshot.frame)
        place = self._last
        batch = await self._following(place)
        for delivery in batch:
            if self._last != place:
                break  # the console asked for other events meanwhile
            place = self._last = delivery.view.seq
            await self._connection.write(delivery.frame)
            self._connection.told = place
        if batch:
            self._connection.wake.set()
        return None

    async def _begin_anew(self) -> None:
        """What the console was told may never have been: it reads everything anew."""
        self._beginnings = self._feed.beginnings
        self._last = self._connection.told = self._feed.last
        await self._connection.write(_reset(self._feed.end))
        self._all_units_due = True

    async def _following(self, seq: int) -> list[Delivery]:
        batch = self._feed.since(seq)
        if batch is None:
            views = await events_after(self._live.centre, self._entry, seq, BATCH)
            batch = [Delivery(view) for view in views]
        return batch
