"""A console in Python that keeps to the rules of the pages' link: it counts, asks again and comes back."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

PING_EVERY_S, SILENT_S, ASK_AGAIN_S = 0.3, 1.5, 1.0


class Follower:
    """Follows one tenant's events from `after` on, whatever the way does. `got` is what it handed on."""

    def __init__(self, port: int, token: str, after: int) -> None:
        self._address = f"ws://127.0.0.1:{port}/ws/operator"
        self._token = token
        self.last = after
        self.last_recorded_at: str | None = None
        self.got: list[int] = []
        self.connections = 0
        self.asked = 0
        self.resets: list[int] = []
        self._count = 0
        self._asked_at: float | None = None
        self._heard = 0.0

    async def until(self, reached: Callable[[], bool], patience_s: float = 60.0) -> None:
        """Follow until a condition holds, over as many connections as it takes."""
        async with asyncio.timeout(patience_s):
            while not reached():
                with suppress(OSError, ConnectionClosed, InvalidHandshake, TimeoutError):
                    async with connect(self._address, max_size=None, proxy=None, open_timeout=3) as socket:
                        await self._follow(socket, reached)

    async def _follow(self, socket: ClientConnection, reached: Callable[[], bool]) -> None:
        self.connections += 1
        self._count, self._asked_at = 0, None
        self._heard = time.monotonic()
        pinging = asyncio.create_task(self._ping(socket))
        try:
            hello = {"t": "hello", "token": self._token, "after": self.last}
            await socket.send(json.dumps({**hello, "after_recorded_at": self.last_recorded_at}))
            while not reached() and time.monotonic() - self._heard < SILENT_S:
                with suppress(TimeoutError):
                    text = await asyncio.wait_for(socket.recv(), 0.2)
                    self._heard = time.monotonic()
                    if not await self._take(socket, json.loads(text)):
                        return
        finally:
            pinging.cancel()
            await asyncio.gather(pinging, return_exceptions=True)

    async def _ping(self, socket: ClientConnection) -> None:
        while True:
            await asyncio.sleep(PING_EVERY_S)
            await socket.send(json.dumps({"t": "ping"}))

    async def _take(self, socket: ClientConnection, frame: dict[str, Any]) -> bool:
        number, before = frame["n"], self._count
        self._count = max(number, before)
        if frame["t"] == "welcome" and before == 0 and number == 1:
            return True
        if before == 0:
            return False  # what came before this frame was the welcome
        if number > before + 1:
            await self._ask(socket)
        if frame["t"] == "pong" and frame["seq"] > self.last:
            await self._ask(socket)
        elif frame["t"] == "resumed":
            self._asked_at = None
        elif frame["t"] == "reset" and number > before:
            self.resets.append(frame["seq"])
            self.last, self.last_recorded_at = frame["seq"], frame["recorded_at"]
        elif frame["t"] == "event" and frame["seq"] > self.last:
            if frame["seq"] == self.last + 1:
                self.last, self.last_recorded_at = frame["seq"], frame["recorded_at"]
                self.got.append(self.last)
            else:
                await self._ask(socket)
        return True

    async def _ask(self, socket: ClientConnection) -> None:
        if self._asked_at is not None and time.monotonic() - self._asked_at < ASK_AGAIN_S:
            return
        self._asked_at = time.monotonic()
        self.asked += 1
        known = {"after": self.last, "after_recorded_at": self.last_recorded_at}
        await socket.send(json.dumps({"t": "resume", **known, "id": self.asked}))


class Viewer:
    """Shows the newest whole picture of one socket, as the pages' link does. `shown` is all it showed."""

    def __init__(self, port: int, path: str, kind: str, hello: Callable[[], dict[str, Any]]) -> None:
        self._address = f"ws://127.0.0.1:{port}{path}"
        self._kind = kind
        self._hello = hello
        self.shown: list[dict[str, Any]] = []
        self.connections = 0
        self._count = 0

    async def until(self, reached: Callable[[], bool], patience_s: float = 60.0) -> None:
        """Look until a condition holds, over as many connections as it takes."""
        async with asyncio.timeout(patience_s):
            while not reached():
                with suppress(OSError, ConnectionClosed, InvalidHandshake, TimeoutError):
                    async with connect(self._address, max_size=None, proxy=None, open_timeout=3) as socket:
                        await self._look(socket, reached)

    async def _look(self, socket: ClientConnection, reached: Callable[[], bool]) -> None:
        self.connections += 1
        self._count = 0
        heard = asked = time.monotonic()
        await socket.send(json.dumps({"t": "hello", **self._hello()}))
        while not reached() and time.monotonic() - heard < SILENT_S:
            if time.monotonic() - asked > PING_EVERY_S:
                asked = time.monotonic()
                await socket.send(json.dumps({"t": "ping"}))
            with suppress(TimeoutError):
                frame = json.loads(await asyncio.wait_for(socket.recv(), 0.2))
                heard = time.monotonic()
                before, self._count = self._count, max(self._count, frame["n"])
                if frame["n"] > before + 1:
                    return  # something is missing: the next connection brings the whole picture
                if frame["n"] == before + 1 and frame["t"] == self._kind:
                    assert not self.shown or frame["seq"] >= self.shown[-1]["seq"], "an older picture"
                    self.shown.append(frame)
