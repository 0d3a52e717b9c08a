"""The driver's socket: the desk whenever it changes, commands, and the stream of positions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from starlette.websockets import WebSocket

from dispatch.domain.errors import Forbidden, Unavailable
from dispatch.domain.roles import Actor, Role
from dispatch.live import frames
from dispatch.live.broken_frames import FRAME_LIMIT, BrokenFrame, in_indonesian
from dispatch.live.connection import Connection, attend
from dispatch.live.driver_commands import carry_out
from dispatch.live.fix_steps import Phone, Refusal, sift
from dispatch.live.hub import Feed
from dispatch.live.switchboard import Switchboard
from dispatch.services.driver_desk import DriverDesk
from dispatch.services.save_positions import Fix, trail_from
from dispatch.services.sessions import SignedIn

_hello = msgspec.json.Decoder(frames.DriverHello)
_POSITIONS = b'{"t":"positions"'
_fixes = msgspec.json.Decoder(frames.Positions)
_frame: msgspec.json.Decoder[frames.DriverFrame] = msgspec.json.Decoder(frames.DriverFrame)


def _may_drive(actor: Actor) -> bool:
    return actor.role is Role.DRIVER


async def driver_socket(live: Switchboard, websocket: WebSocket) -> None:
    """Serve one driver's phone until it leaves."""
    connection = Connection(websocket, live.centre, live.sessions)
    await attend(connection, _converse(live, connection))


async def _converse(live: Switchboard, connection: Connection) -> None:
    hello, who = await connection.hello(_hello, _may_drive)
    with live.ingest.senders.row() as row:
        phone = Phone(hello.installation_id, row=row)
        if frames.plausible(hello.device_at):
            phone.clock.measure(live.centre.clock().timestamp(), hello.device_at.timestamp())
        async with live.hub.following(who.entry, None) as feed:
            cab = _Cab(live, connection, who, feed, phone)
            await cab.welcome()
            connection.take_straight(cab.take_straight)
            try:
                await connection.serve(cab.handle, cab.produce)
            finally:
                cab.leave()


class _Cab:
    """One phone in an ambulance, or of a driver who is not aboard one."""

    __slots__ = (
        "_announced",
        "_answer_due",
        "_connection",
        "_desk",
        "_desk_is_sent",
        "_desk_is_stale",
        "_feed",
        "_live",
        "_not_saved",
        "_phone",
        "_refused",
        "_saved",
        "_to_answer",
        "_watched",
        "_who",
        "entry",
        "row",
    )

    def __init__(
        self, live: Switchboard, connection: Connection, who: SignedIn, feed: Feed, phone: Phone
    ) -> None:
        self._live = live
        self._connection = connection
        self._who = who
        self.entry = who.entry
        self.row = phone.row.number
        self._feed = feed
        self._phone = phone
        self._watched: set[str] = set()
        self._desk: DriverDesk | None = None
        self._desk_is_stale = True
        self._desk_is_sent = False
        self._announced = 0
        """The number of the last frame that was taken the straight way."""
        self._saved: list[int] = []
        self._refused: list[Refusal] = []
        self._to_answer = False
        """Whether there is any of the two: an answer is to name them, too."""
        self._answer_due = False
        self._not_saved: list[int] = []

    async def welcome(self) -> None:
        """Greet, and read whose fixes the phone's are."""
        seq = await self._read_turns()
        self._watch()
        await self._connection.write(
            frames.write(
                "welcome",
                seq=seq,
                at=self._live.centre.clock(),
                clock_offset_s=round(self._phone.clock.offset_s, 3),
                training=self._who.entry.tenant.training,
                server=self._live.name,
            )
        )

    async def _read_turns(self) -> int:
        before = self._phone.aboard
        found = await self._live.crews.boarding(self._who.entry, self._who.id)
        self._phone.turned(found.turns)
        unit = self._phone.aboard
        if unit is not None and unit != before:
            self._phone.trail = trail_from(found.marker, self._phone.installation_id)
        return found.seq

    # --- what the phone says ---------------------------------------------------------------------

    async def handle(self, text: str | bytes) -> None:
        """Answer one frame of the phone."""
        # whose fixes the phone's last ones are may depend on what it says next
        self._live.ingest.settle(self, self._announced)
        try:
            frame: frames.DriverFrame = frames.read(_frame, text)
        except BrokenFrame:
            salvaged = self._salvaged(text)
            if salvaged is None:
                raise
            frame = salvaged
        if isinstance(frame, frames.Positions):
            self._take_positions(frame)
        elif isinstance(frame, frames.Ping):
            self._tell_how_far()
            self._connection.send_pong(frame.id)
        else:
            result = await carry_out(self._live.centre, self._who, frame, self._phone)
            if isinstance(frame, frames.SignOn | frames.SignOff):
                await self._read_turns()
                self._watch()
                self._desk_is_stale = True  # also when nothing has changed: the phone asked
            self._connection.send(frames.write("done", id=frame.id, result=result))

    def take_straight(self, text: bytes) -> bool:
        """Take a frame of fixes without waking anybody; return False for all else.

        It is read with those of all other phones, or before whatever this one says otherwise.
        """
        if not text.startswith(_POSITIONS) or len(text) > FRAME_LIMIT or self._phone.aboard is None:
            return False
        number = self._live.ingest.announce(self, text)
        if not number:
            return False
        self._announced = number
        return True

    def read(self, text: bytes, received_at: float) -> list[Fix]:
        """Read a frame that was taken the straight way; return what is to be stored."""
        try:
            frame = _fixes.decode(text)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            salvaged = self._salvaged(text)
            if salvaged is None:
                self._connection.queue_again(text)
                return []
            frame = salvaged
        if self._phone.aboard is None:
            self._connection.queue_again(text)
            return []
        return self._sifted(frame, received_at)

    def _salvaged(self, text: str | bytes) -> frames.Positions | None:
        salvaged = frames.salvage_fixes(text)
        if salvaged is None:
            return None
        frame, unreadable = salvaged
        self._refused.extend(Refusal(seq, in_indonesian(why), why) for seq, why in unreadable)
        self._to_answer = True
        return frame

    def _take_positions(self, frame: frames.Positions) -> None:
        if self._phone.aboard is None:
            self._refused.clear()
            raise Forbidden(
                "Masuk dinas di sebuah unit dulu; posisi di luar dinas tidak disimpan",
                "Sign on to a unit first; positions off duty are not kept",
            )
        good = self._sifted(frame, self._live.centre.clock().timestamp())
        if good:
            self._live.ingest.submit(self._who.entry, self, good)

    def _sifted(self, frame: frames.Positions, received_at: float) -> list[Fix]:
        if frame.sent_at is not None and frames.plausible(frame.sent_at):
            self._phone.clock.measure(received_at, frame.sent_at.timestamp())
        good, refused = sift(frame.fixes, self._phone, received_at)
        if refused:
            self._refused.extend(refused)
            self._to_answer = True
        if not good:
            self._answer_due = True
            self._connection.wake.set()
        return good

    def saved(self, seqs: Sequence[int]) -> None:
        """The intake has committed these fixes."""
        if not self._to_answer and self._connection.write_straight(frames.write_saved(seqs)):
            return
        self._saved.extend(seqs)
        self._to_answer = self._answer_due = True
        self._connection.wake.set()

    def not_saved(self, seqs: Sequence[int]) -> None:
        """The intake could not store these fixes."""
        self._not_saved.extend(seqs)
        self._connection.wake.set()

    # --- what the phone is told ------------------------------------------------------------------

    async def produce(self) -> float | None:
        """Send what is due: answers to fixes first, then the desk when something has touched it."""
        await self._answer_fixes()
        if self._desk_is_stale:
            self._desk_is_stale = False
            self._desk_is_sent = False
            try:
                await self._send_desk()
            except BaseException:
                self._desk_is_stale = True
                raise
            self._desk_is_sent = True
        return None

    def _tell_how_far(self) -> None:
        """Note up to which event the phone knows all that concerns it: the pump touches the desk at once."""
        if self._desk_is_sent and not self._desk_is_stale:
            self._connection.told = max(self._connection.told, self._feed.last)

    async def _answer_fixes(self) -> None:
        if self._answer_due:
            self._answer_due = self._to_answer = False
            answer = frames.write_saved(self._saved, self._shown()).decode()
            self._saved, self._refused = [], []
            await self._connection.write(answer)
        if self._not_saved:
            lost, self._not_saved = self._not_saved, []
            refusal = Unavailable(
                "Posisi belum tersimpan; kirim lagi", "The fixes are not stored; send them again", seqs=lost
            )
            await self._connection.write(frames.write_error(refusal))

    def _shown(self) -> list[dict[str, Any]]:
        return [refused.shown() for refused in self._refused]

    def _touched(self) -> None:
        self._desk_is_stale = True
        self._connection.wake.set()

    def _watch(self) -> None:
        """Have the desk read again after events about the driver, the unit or the run that it shows."""
        run = self._desk.run if self._desk else None
        about = (self._who.id, self._phone.aboard, run.incident_id if run else None)
        watched = {str(each) for each in about if each is not None}
        if watched == self._watched:
            return
        self._feed.watch(self._touched, self._watched, watched)
        self._watched = watched
        if self._desk is not None and self._feed.last > self._desk.seq:
            self._touched()  # an event that nobody watched for may have come in between

    def leave(self) -> None:
        """Watch nothing any more, and have nothing unread."""
        self._live.ingest.settle(self, self._announced)
        self._feed.watch(self._touched, self._watched, set())

    async def _send_desk(self) -> None:
        shown = self._desk is not None
        self._desk = await self._live.crews.desk(self._who.entry, self._who.actor, shown=shown)
        if self._desk.run is not None:  # after its end, the way home is driven at the same pace
            self._phone.pace = self._desk.run.speed_factor or 1.0
        if (self._desk.aboard.unit_id if self._desk.aboard else None) != self._phone.aboard:
            await self._read_turns()
        self._watch()
        await self._connection.write(frames.write_view("desk", self._desk))
