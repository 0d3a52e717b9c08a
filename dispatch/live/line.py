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


class Line(WebSocketsSansIOProtocol):
    """As uvicorn's, but for frames that take the straight way, and for clients that have stopped reading.

    Each frame costs uvicorn a queue, a task's waking and two system calls that pause and resume reading, and
    the library's parser as much again. That is several times what a fix costs in all that counts, and fixes
    are nearly all there is: `take` gets a whole text frame first, when no earlier one waits, and says whether
    it has dealt with it.
    """

    take: Callable[[bytes], bool] | None = None

    def __init__(self, *given: Any, **named: Any) -> None:
        """Made by uvicorn for each connection."""
        super().__init__(*given, **named)
        self._ends: FrameEnds | None = None  # none before the handshake

    def data_received(self, data: bytes) -> None:
        """Take what came: a plain frame past the library, all else through it."""
        if self._ends is None:
            self._ends = FrameEnds()  # the request; whatever follows is frames
        elif self.take is None or not self._between() or not self._taken(data):
            self._ends.follow(data)
        else:
            return
        super().data_received(data)

    def _between(self) -> bool:
        """Whether the library waits for the first frame of a message."""
        return self._ends is not None and self._ends.between and self.conn.current_size is None

    def _taken(self, data: bytes) -> bool:
        text = plain_text(data) if self._may_take() else None
        return text is not None and self.take is not None and self.take(text)

    def _may_take(self) -> bool:
        return self.queue.empty() and not self.close_sent and self.conn.state is OPEN

    def handle_connect(self, event: Request) -> None:
        """Let the application find this protocol."""
        super().handle_connect(event)
        if hasattr(self, "scope"):
            cast(dict[str, object], self.scope["extensions"])[EXTENSION] = self

    def handle_text(self, event: Frame) -> None:
        """Offer a frame to the straight way; queue it when that does not take it."""
        straight = event.fin and self.take is not None and self._may_take()
        if not (straight and self.take is not None and self.take(bytes(event.data))):
            super().handle_text(event)

    def queue_again(self, text: bytes) -> None:
        """Have a text that was taken go the ordinary way after all."""
        if not self.disconnected:
            self.curr_msg_data_type = "text"
            self.frames = [text]
            self.send_receive_event_to_app()

    def say(self, text: bytes) -> bool:
        """Write a text frame at once, or return False: it is large, or the client is slow, or gone."""
        if not self.writable.is_set() or self.close_sent or self.disconnected or self.transport.is_closing():
            return False
        if self.conn.state is not OPEN or len(text) > _LARGEST:
            return False
        self.transport.write(whole_text(text))
        return True

    def keepalive_timeout(self) -> None:
        """No pong came in time: cut the line. A client that lives comes back and resumes.

        A closing transport first waits until everything is sent. A client that takes nothing would hold its
        connection, and all that follows the log for it, until its machine is switched off.
        """
        self.pong_timer = None
        self.pending_ping_payload = None
        cast(WriteTransport, self.transport).abort()
