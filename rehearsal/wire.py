"""A WebSocket that lasts: it comes back by itself, keeps no history, and tells its owner what arrives."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any
from uuid import uuid4

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from rehearsal.findings import FAILURES, Refused

Frame = dict[str, Any]

_OPEN_S = 10.0
_ANSWER_S = 20.0
_PAUSES_S = (0.3, 1.0, 2.0, 4.0, 8.0, 15.0)
_NOT_SIGNED_IN = 4401


class Disconnected(Exception):
    """There is no connection now, or it ended before the answer came."""


class Wire:
    """One socket that is opened again whenever it breaks.

    hello: makes the greeting for every new connection.
    hear: is told every frame but answers to requests.
    renew: is asked for a new session when the server says that ours has ended.
    """

    def __init__(
        self,
        address: str,
        hello: Callable[[], Frame],
        hear: Callable[[Frame], None],
        renew: Callable[[], Awaitable[None]],
    ) -> None:
        self.connected = asyncio.Event()
        self._address = address
        self._hello = hello
        self._hear = hear
        self._renew = renew
        self._connection: ClientConnection | None = None
        self._answers: dict[str, asyncio.Future[Frame]] = {}
        self._away_until = 0.0

    @property
    def away(self) -> bool:
        """Whether there is no signal now; see `cut`."""
        return time.monotonic() < self._away_until

    async def cut(self, seconds: float) -> None:
        """Be without a signal for so many real seconds: the connection ends, and comes back after them."""
        self._away_until = time.monotonic() + seconds
        connection, self._connection = self._connection, None
        self.connected.clear()
        if connection is not None:
            await connection.close()

    async def run(self) -> None:
        """Keep the connection up until cancelled."""
        failures = 0
        while True:
            await asyncio.sleep(max(self._away_until - time.monotonic(), 0.0))
            try:
                if await self._converse():
                    failures = 0
            except (OSError, TimeoutError, WebSocketException):
                pass
            pause_s = _PAUSES_S[min(failures, len(_PAUSES_S) - 1)]
            failures += 1
            await asyncio.sleep(pause_s)

    async def _converse(self) -> bool:
        """Hold one connection until it ends; whether it was welcomed."""
        welcomed = False
        # no compression: it costs more memory for a connection than all its frames
        connection = await connect(
            self._address, open_timeout=_OPEN_S, close_timeout=2.0, compression=None, proxy=None
        )
        try:
            await connection.send(msgspec.json.encode(self._hello()).decode())
            async for message in connection:
                frame = msgspec.json.decode(message)
                if self.away:
                    return False  # out of the network before it had begun
                if frame.get("t") == "welcome":
                    welcomed = True
                    self._connection = connection
                    self.connected.set()
                waiting = self._answers.pop(str(frame.get("id")), None)
                if waiting is not None and not waiting.done():
                    waiting.set_result(frame)
                else:
                    self._hear(frame)
        finally:
            self._connection = None
            self.connected.clear()
            for waiting in self._answers.values():
                if not waiting.done():
                    waiting.set_exception(Disconnected())
            self._answers.clear()
            await connection.close()
        if connection.close_code == _NOT_SIGNED_IN:
            with suppress(*FAILURES):
                await self._renew()
        return welcomed

    async def send(self, frame: Frame) -> None:
        """Send one frame.

        Raises:
            Disconnected: there is no connection.
        """
        if self._connection is None:
            raise Disconnected
        try:
            await self._connection.send(msgspec.json.encode(frame).decode())
        except ConnectionClosed as closed:
            raise Disconnected from closed

    async def request(self, kind: str, **fields: Any) -> Any:
        """Send a frame that is answered by `done` or `error`, and return the result.

        Raises:
            Refused: the answer is a problem document.
            Disconnected: no answer came.
        """
        frame_id = str(uuid4())
        waiting: asyncio.Future[Frame] = asyncio.get_running_loop().create_future()
        self._answers[frame_id] = waiting
        try:
            await self.send({"t": kind, "id": frame_id, **fields})
            async with asyncio.timeout(_ANSWER_S):
                answer = await waiting
        except TimeoutError as silence:
            raise Disconnected from silence
        finally:
            self._answers.pop(frame_id, None)
        if answer.get("t") == "error":
            problem = answer.get("problem") or {}
            raise Refused(f"socket {kind}", int(problem.get("status", 0)), problem)
        return answer.get("result")
