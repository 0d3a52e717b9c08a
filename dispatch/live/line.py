"""The WebSocket protocol of the server: a straight way for small frames, and no patience with the deaf."""

from __future__ import annotations

from asyncio import WriteTransport
from collections.abc import Callable
from typing import Any, cast

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame
from websockets.http11 import Request
from websockets.protocol import OPEN

from dispatch.live.plain_frames import FrameEnds, plain_text, whole_text

EXTENSION = "semar.line"
"""Under this name a socket's scope has its protocol among the `extensions`."""
_LARGEST = 0xFFFF
_ASK_EVERY = 3


class Line(WebSocketsSansIOProtocol):
    """As uvicorn's, but for frames that take the straight way, and for clients that have stopped reading.

    Each frame costs uvicorn a queue, a task's waking and two system calls that pause and resume reading, and
    the library's parser as much again. That is several times what a fix costs in all that counts, and fixes
    are nearly all there is: who is `offered` a whole text frame first, when no earlier one waits, says
    whether it is dealt with. Thousands of connections lie all over the memory: a frame's way touches as few
    objects as it can.
    """

    # two of them are uvicorn's: in the object itself, for all that a frame needs lies side by side then
    __slots__ = ("_between", "_ends", "_flows", "_heard", "_spared", "_take", "close_sent", "transport")

    def __init__(self, *given: Any, **named: Any) -> None:
        """Made by uvicorn for each connection."""
        super().__init__(*given, **named)
        self._take: Callable[[bytes], bool] | None = None
        """Set only while no earlier frame waits or is dealt with."""
        self._flows = True
        """Whether the client takes what it is told."""
        self._ends: FrameEnds | None = None  # none before the handshake
        self._heard = False
        self._spared = 0
        self._between = False
        """Whether the library waits for the first frame of a message on an open connection."""

    def data_received(self, data: bytes) -> None:
        """Take what came: a plain frame past the library, all else through it."""
        take = self._take
        if take is not None and self._between and not self.close_sent:
            text = plain_text(data)
            if text is not None and take(text):
                self._heard = True
                return
        if self._ends is None:
            self._ends = FrameEnds()  # the request; whatever follows is frames
        else:
            self._ends.follow(data)
        super().data_received(data)
        self._between = self._ends.between and self.conn.current_size is None and self.conn.state is OPEN

    def handle_connect(self, event: Request) -> None:
        """Let the application find this protocol."""
        super().handle_connect(event)
        if hasattr(self, "scope"):
            cast(dict[str, object], self.scope["extensions"])[EXTENSION] = self

    def offered(self, take: Callable[[bytes], bool]) -> None:
        """Offer frames to `take` from now on, until one goes the ordinary way."""
        self._take = take if self.queue.empty() else None

    def withdrawn(self) -> None:
        """Have all frames go the ordinary way."""
        self._take = None

    def handle_text(self, event: Frame) -> None:
        """Offer a frame to the straight way; queue it when that does not take it."""
        take = self._take if event.fin and not self.close_sent else None
        if take is None or not take(bytes(event.data)):
            super().handle_text(event)

    def send_receive_event_to_app(self) -> None:
        """Queue a message; what comes after it waits its turn."""
        self._take = None
        super().send_receive_event_to_app()

    def queue_again(self, text: bytes) -> None:
        """Have a text that was taken go the ordinary way after all."""
        if not self.disconnected:
            self.curr_msg_data_type = "text"
            self.frames = [text]
            self.send_receive_event_to_app()

    def say(self, text: bytes) -> bool:
        """Write a text frame at once, or return False: it is large, or the client is slow, or gone."""
        if not self._flows or self.close_sent or self.transport.is_closing() or len(text) > _LARGEST:
            return False
        self.transport.write(whole_text(text))
        return True

    def pause_writing(self) -> None:
        """Told by the transport that the client is slow."""
        self._flows = False
        super().pause_writing()

    def resume_writing(self) -> None:
        """Told by the transport that the client has caught up."""
        self._flows = True
        super().resume_writing()

    def send_keepalive_ping(self) -> None:
        """Ask whether the client lives; one that talks, and takes what it is told, every third time."""
        talks, self._heard = self._heard, False
        self._spared += 1
        if talks and self._spared < _ASK_EVERY and self.transport.get_write_buffer_size() == 0:
            self.schedule_ping()
            return
        self._spared = 0
        super().send_keepalive_ping()

    def keepalive_timeout(self) -> None:
        """No pong came in time: cut the line. A client that lives comes back and resumes.

        A closing transport first waits until everything is sent. A client that takes nothing would hold its
        connection, and all that follows the log for it, until its machine is switched off.
        """
        self.pong_timer = None
        self.pending_ping_payload = None
        cast(WriteTransport, self.transport).abort()
