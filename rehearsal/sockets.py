"""A WebSocket of the system: greets, keeps every frame, and waits for the one that is due."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from rehearsal.findings import Mismatch, Refused

Frame = dict[str, Any]
_OPEN_S = 10.0
_LARGEST = 8 * 1024 * 1024


class LiveSocket:
    """One open socket. `frames` are all frames that came, in their order."""

    def __init__(self, path: str, connection: ClientConnection) -> None:
        """Use `open_socket` instead."""
        self.path = path
        self.frames: list[Frame] = []
        self._connection = connection
        self._news = asyncio.Condition()
        self._ended: str | None = None
        self._reader = asyncio.create_task(self._read(), name=f"socket {path}")

    async def _read(self) -> None:
        try:
            async for message in self._connection:
                frame = msgspec.json.decode(message)
                async with self._news:
                    self.frames.append(frame)
                    self._news.notify_all()
            self._ended = "closed by the server"
        except (ConnectionClosed, msgspec.DecodeError) as broken:
            self._ended = str(broken)
        finally:
            async with self._news:
                self._ended = self._ended or "closed"
                self._news.notify_all()

    @property
    def mark(self) -> int:
        """A place in the stream: frames from now on have an index of at least this."""
        return len(self.frames)

    async def send(self, frame: Frame) -> None:
        """Send one frame."""
        await self._connection.send(msgspec.json.encode(frame).decode())

    async def wait(
        self, what: str, due: Callable[[Frame], bool], *, since: int = 0, within_s: float = 8.0
    ) -> Frame:
        """Return the first frame that is due, from index `since` on, whether it came already or is to come.

        Raises:
            Mismatch: it did not come in time, or the socket ended.
        """
        looked_at = since
        try:
            async with asyncio.timeout(within_s), self._news:
                while True:
                    while looked_at < len(self.frames):
                        frame = self.frames[looked_at]
                        looked_at += 1
                        if due(frame):
                            return frame
                    if self._ended is not None:
                        raise Mismatch(f"{self.path}: {what}", "the frame", f"socket {self._ended}")
                    await self._news.wait()
        except TimeoutError:
            came = dict(Counter(_name(frame) for frame in self.frames[since:]))
            raise Mismatch(
                f"{self.path}: {what}", f"the frame within {within_s:g} s", came or "nothing came"
            ) from None

    async def request(self, kind: str, *, within_s: float = 8.0, **fields: Any) -> Any:
        """Send a frame that is answered by `done` or `error`, and return the result.

        Raises:
            Refused: the answer is a problem document.
        """
        frame_id, since = str(uuid4()), self.mark
        await self.send({"t": kind, "id": frame_id, **fields})
        answer = await self.wait(
            f"answer to '{kind}'",
            lambda f: f.get("id") == frame_id and f.get("t") in ("done", "error"),
            since=since,
            within_s=within_s,
        )
        if answer["t"] == "error":
            problem = answer.get("problem") or {}
            raise Refused(f"{self.path} {kind}", int(problem.get("status", 0)), problem)
        return answer.get("result")

    async def close(self) -> None:
        """Close the socket. Closed already is harmless."""
        await self._connection.close()
        self._reader.cancel()
        await asyncio.wait({self._reader})


def _name(frame: Frame) -> str:
    if frame.get("t") == "error":
        return f"error {(frame.get('problem') or {}).get('code')}"
    return " ".join(str(frame[key]) for key in ("t", "kind", "progress") if key in frame)


async def open_socket(base: str, path: str, hello: Frame) -> LiveSocket:
    """Open a socket, greet, and return it once the server has welcomed us.

    Raises:
        Mismatch: no welcome came.
    """
    connection = await connect(
        f"{base}{path}", open_timeout=_OPEN_S, close_timeout=2.0, max_size=_LARGEST, proxy=None
    )
    socket = LiveSocket(path, connection)
    try:
        await socket.send({"t": "hello", **hello})
        await socket.wait("welcome", lambda f: f.get("t") == "welcome")
    except BaseException:
        await socket.close()
        raise
    return socket
