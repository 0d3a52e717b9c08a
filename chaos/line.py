"""A WebSocket that comes back by itself, and whose commands are repeated until they are answered."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from chaos.door import Refused
from chaos.ledger import Ledger

Frame = dict[str, Any]
_OPEN_S = 3.0
_PING_EVERY_S, _PONG_WITHIN_S = 1.0, 3.0
"""A phone that hears nothing for so long takes the connection for dead, and opens another."""
_ANSWER_S = 5.0
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.05, 0.8
_LARGEST = 8 * 1024 * 1024
_PASSING = frozenset({429, 500, 503})


class Line:
    """One socket for as long as `run` runs.

    hello: makes the greeting of every new connection. hear: is told every frame that answers no command.
    """

    def __init__(
        self, address: str, ledger: Ledger, hello: Callable[[], Frame], hear: Callable[[Frame], None]
    ) -> None:
        self.address = address
        self.connected = asyncio.Event()
        self.welcomes = 0
        self._ledger = ledger
        self._hello = hello
        self._hear = hear
        self._connection: ClientConnection | None = None
        self._answers: dict[str, asyncio.Future[Frame]] = {}

    async def run(self) -> None:
        """Be connected, again and again, until cancelled."""
        pause = _FIRST_PAUSE_S
        while True:
            before = self.welcomes
            try:
                await self._one_connection()
            except (OSError, WebSocketException, TimeoutError) as failure:
                self._ledger.retries[f"socket {type(failure).__name__}"] += 1
            finally:
                self._connection = None
                self.connected.clear()
            pause = _FIRST_PAUSE_S if self.welcomes > before else min(pause * 2, _LONGEST_PAUSE_S)
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))

    async def _one_connection(self) -> None:
        async with connect(
            self.address,
            open_timeout=_OPEN_S,
            close_timeout=0.2,
            ping_interval=_PING_EVERY_S,
            ping_timeout=_PONG_WITHIN_S,
            max_size=_LARGEST,
            proxy=None,
        ) as connection:
            await connection.send(_text({"t": "hello", **self._hello()}))
            self._connection = connection
            async for message in connection:
                self._take(msgspec.json.decode(message))

    def _take(self, frame: Frame) -> None:
        if frame.get("t") == "welcome":
            self.welcomes += 1
            self.connected.set()
        answered = self._answers.get(str(frame.get("id"))) if frame.get("t") in ("done", "error") else None
        if answered is None:
            self._hear(frame)
        elif not answered.done():
            answered.set_result(frame)

    async def send(self, frame: Frame) -> bool:
        """Send a frame; false when there is no connection to send it on."""
        if self._connection is None or not self.connected.is_set():
            return False
        try:
            await self._connection.send(_text(frame))
        except ConnectionClosed:
            return False
        return True

    async def ask(self, what: str, frame: Callable[[], Frame]) -> Any:
        """Send a command until it is answered, each time under the same id, and return the result.

        `frame` makes it anew for each attempt: it says when it was sent.

        Raises:
            Refused: the answer is a refusal that no waiting changes.
        """
        frame_id, repeated = str(uuid4()), False
        while True:
            await self.connected.wait()
            with self._ledger.awaiting(what):
                answer = await self._once(frame_id, frame())
            if answer is not None and answer["t"] == "done":
                return answer.get("result")
            if answer is not None and answer["problem"].get("status") not in _PASSING:
                problem = answer["problem"]
                self._ledger.refusals[f"{what}: {problem.get('code')}"] += 1
                raise Refused(what, int(problem.get("status", 0)), problem, repeated=repeated)
            self._ledger.retries[f"{what} unanswered"] += 1
            repeated = True
            await asyncio.sleep(random.uniform(0.1, 0.3))

    async def _once(self, frame_id: str, frame: Frame) -> Frame | None:
        answer: asyncio.Future[Frame] = asyncio.get_running_loop().create_future()
        self._answers[frame_id] = answer
        connection = self._connection
        try:
            if not await self.send({**frame, "id": frame_id}):
                return None
            async with asyncio.timeout(_ANSWER_S):
                while not answer.done() and self._connection is connection:
                    await asyncio.wait({answer}, timeout=0.1)
            return answer.result() if answer.done() else None
        except TimeoutError:
            return None
        finally:
            self._answers.pop(frame_id, None)


def _text(frame: Frame) -> str:
    return msgspec.json.encode(frame).decode()
