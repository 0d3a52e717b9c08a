"""One client's socket: the hello, a reader that always runs, one writer, and the end of the session."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, Protocol, TypeVar

import msgspec
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from dispatch.domain.errors import DispatchError, Forbidden, NotSignedIn
from dispatch.domain.roles import Actor
from dispatch.live import frames
from dispatch.live.line import EXTENSION, Line
from dispatch.live.session_checks import SessionChecks
from dispatch.services.centre import Centre
from dispatch.services.sessions import SignedIn
from dispatch.storage.outages import DatabaseAway, database_needed

NOT_SIGNED_IN, WRONG_ROLE, TOO_SLOW, TRY_LATER, RESTART = 4401, 4403, 1008, 1013, 1012
NO_HELLO = 4408
"""Nothing said in time: a slow network, not a lost session; the client comes back."""
HELLO_WITHIN_S = 5.0
OUTBOX_LIMIT = 256
RETRY_S = 0.5

logger = logging.getLogger(__name__)


class SaysHello(Protocol):
    """A first frame: it carries the session's token."""

    token: str


H = TypeVar("H", bound=SaysHello)


class Goodbye(Exception):
    """The server ends the connection with this close code; `refusal` is told first."""

    def __init__(self, code: int, refusal: DispatchError | None = None) -> None:
        super().__init__(f"close {code}")
        self.code = code
        self.refusal = refusal


class Connection:
    """A client that has connected. What is written goes through one writer, in order.

    `produce` is called by the writer whenever `wake` is set, to send what the kind of socket has to say; it
    returns after how many seconds at the latest it wants to be called again, or None.

    Every frame carries `n`, its number on this connection from 1 on, so that the client sees what it missed
    and what came late; a pong carries `seq`, the event up to which the client has been told everything.
    """

    __slots__ = (
        "_database_away",
        "_line",
        "_outbox",
        "_sent",
        "_sessions",
        "_take",
        "_token",
        "_unwritten",
        "_websocket",
        "centre",
        "told",
        "wake",
    )

    def __init__(self, websocket: WebSocket, centre: Centre, sessions: SessionChecks) -> None:
        self._websocket = websocket
        self._sessions = sessions
        self.centre = centre
        self.wake = asyncio.Event()
        self.told = 0
        """Up to which event of the log all that concerns this client has been written."""
        self._outbox: deque[str] = deque()
        self._sent = 0
        self._token = ""
        self._database_away = False
        line = websocket.scope.get("extensions", {}).get(EXTENSION)
        self._line: Line | None = line if isinstance(line, Line) else None
        self._take: Callable[[bytes], bool] | None = None
        self._unwritten = 0
        """Frames that are queued or on their way into the socket."""

    # --- the beginning ---------------------------------------------------------------------------

    async def hello(
        self, decoder: msgspec.json.Decoder[H], allowed: Callable[[Actor], bool]
    ) -> tuple[H, SignedIn]:
        """Accept the socket and read who it is.

        Raises:
            Goodbye: no hello in time, no session, or not for this role.
            WebSocketDisconnect: the client left.
        """
        await self._websocket.accept()
        try:
            async with asyncio.timeout(HELLO_WITHIN_S):
                first = await self._first_frame(decoder)
        except TimeoutError:
            raise Goodbye(
                NO_HELLO,
                NotSignedIn(
                    f"Tidak ada bingkai hello dalam {HELLO_WITHIN_S:.0f} detik",
                    f"No hello frame within {HELLO_WITHIN_S:.0f} seconds",
                ),
            ) from None
        try:
            who = await self._sessions.find(first.token)
        except NotSignedIn as refusal:
            raise Goodbye(NOT_SIGNED_IN, refusal) from None
        if not allowed(who.actor):
            raise Goodbye(
                WRONG_ROLE,
                Forbidden("Saluran ini bukan untuk peran Anda", "This channel is not for your role"),
            )
        self._token = first.token
        return first, who

    async def _first_frame(self, decoder: msgspec.json.Decoder[H]) -> H:
        while True:
            text = await self._receive()
            try:
                return frames.read(decoder, text)
            except DispatchError as refusal:
                await self.write(frames.write_error(refusal, frames.frame_id(text)))

    async def _receive(self) -> str | bytes:
        message = await self._websocket.receive()
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code", 1005))
        text: str | bytes | None = message.get("text")
        return text if text is not None else message.get("bytes") or b""

    # --- while it lives --------------------------------------------------------------------------

    def send(self, frame: str) -> None:
        """Queue a frame for the writer.

        Raises:
            Goodbye: the client does not take what it asked for; it comes back and resumes.
        """
        if len(self._outbox) >= OUTBOX_LIMIT:
            raise Goodbye(TOO_SLOW)
        self._outbox.append(frame)
        self._unwritten += 1
        self.wake.set()

    def send_error(self, refusal: DispatchError, answered: frames.FrameId | None = None) -> None:
        """Queue an error frame."""
        self.send(frames.write_error(refusal, answered))

    def send_pong(self, answered: frames.FrameId | None, **members: Any) -> None:
        """Queue the answer to a ping: the time, and how much of the log the client has been told by now."""
        self.send(frames.write("pong", id=answered, at=self.centre.clock(), seq=self.told, **members))

    async def write(self, frame: str) -> None:
        """Send a frame now, waiting while the client is slow; from within `produce` only."""
        self._sent += 1
        self._unwritten += 1
        try:
            await self._websocket.send_text(frames.numbered(frame, self._sent))
        finally:
            self._unwritten -= 1

    def write_straight(self, frame: bytes) -> bool:
        """Send a frame at once, past the writer; False when it has to wait its turn or the client is slow."""
        if self._unwritten or self._line is None:
            return False
        if not self._line.say(b'{"n":%d,%b' % (self._sent + 1, frame[1:])):
            return False
        self._sent += 1
        return True

    def take_straight(self, take: Callable[[bytes], bool]) -> None:
        """Offer the client's frames to `take` as they come in, except while an earlier one is being handled.

        What it returns False for goes the ordinary way; it must not have had an effect then.
        """
        self._take = take
        if self._line is not None:
            self._line.offered(take)

    def queue_again(self, text: bytes) -> None:
        """Have a frame that was taken the straight way go the ordinary one."""
        if self._line is not None:
            self._line.queue_again(text)

    async def serve(
        self,
        handle: Callable[[str | bytes], Awaitable[None]],
        produce: Callable[[], Awaitable[float | None]],
    ) -> None:
        """Run until the client leaves or is sent away.

        `handle` gets every frame of the client; the refusals it raises are answered.

        Raises:
            Goodbye: the session has ended, or the client is too slow.
            WebSocketDisconnect: the client left.
        """
        self.wake.set()
        tasks = {asyncio.create_task(self._read(handle)), asyncio.create_task(self._write(produce))}
        with self._sessions.watching(self._token) as session_ended:
            try:
                done, _ = await asyncio.wait({*tasks, session_ended}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                if self._line is not None:
                    self._line.withdrawn()
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
        if session_ended in done:
            raise Goodbye(
                NOT_SIGNED_IN,
                NotSignedIn("Sesi tidak dikenal atau sudah berakhir", "Session unknown or ended"),
            )
        for task in tasks & done:
            task.result()

    async def _read(self, handle: Callable[[str | bytes], Awaitable[None]]) -> None:
        while True:
            text = await self._receive()
            try:
                with database_needed():
                    await handle(text)
            except DispatchError as refusal:
                self.send_error(refusal, frames.frame_id(text))
            if self._line is not None and self._take is not None:
                self._line.offered(self._take)

    async def _write(self, produce: Callable[[], Awaitable[float | None]]) -> None:
        while True:
            self.wake.clear()
            while self._outbox:
                await self.write(self._outbox.popleft())
                self._unwritten -= 1
            pause = await self._produced(produce)
            try:
                await asyncio.wait_for(self.wake.wait(), pause)
            except TimeoutError:
                continue

    async def _produced(self, produce: Callable[[], Awaitable[float | None]]) -> float | None:
        try:
            with database_needed():
                pause = await produce()
        except DatabaseAway as away:
            if not self._database_away:
                self._database_away = True
                await self.write(frames.write_error(away))
            return RETRY_S
        self._database_away = False
        return pause

    # --- the end ---------------------------------------------------------------------------------

    async def leave(self, goodbye: Goodbye) -> None:
        """Tell the refusal and close."""
        if self._websocket.application_state is not WebSocketState.CONNECTED:
            return
        try:
            if goodbye.refusal is not None:
                await self.write(frames.write_error(goodbye.refusal))
            await self._websocket.close(goodbye.code)
        except (WebSocketDisconnect, RuntimeError):
            logger.debug("the client left before it could be sent away")


async def attend(connection: Connection, conversation: Awaitable[None]) -> None:
    """Hold a conversation to its end, whoever ends it."""
    try:
        with database_needed():
            await conversation
    except WebSocketDisconnect:
        return
    except Goodbye as goodbye:
        await connection.leave(goodbye)
    except DatabaseAway as away:
        await connection.leave(Goodbye(TRY_LATER, away))
