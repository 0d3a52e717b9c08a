"""The phone in a virtual ambulance: the desk it shows, the fixes it sends, the steps it reports."""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import msgspec

from rehearsal import desks, shapes
from rehearsal.driving import as_received
from rehearsal.ensemble import Ensemble
from rehearsal.player import Player
from rehearsal.track import Spot
from rehearsal.wire import Disconnected, Frame, Wire

IDLE_S, ON_RUN_S = 60.0, 5.0
LEAST_IDLE_S, LEAST_ON_RUN_S = 10.0, 1.0
"""Real seconds between fixes that no speed factor goes below."""


class Cab:
    """One driver's phone. `desk` is the newest one shown; `news` is set whenever it may have changed."""

    def __init__(self, ensemble: Ensemble, player: Player, spot: Spot) -> None:
        self.desk: desks.Desk | None = None
        self.news = asyncio.Event()
        self.spot = spot
        self.player = player
        self._all = ensemble
        self._installation = str(uuid4())
        self._sent = 0
        self._next_fix = 0.0
        self.wire = Wire(f"{ensemble.connection.sockets}/ws/driver", self._hello, self._hear, player.sign_in)

    def _hello(self) -> Frame:
        return {"token": self.player.token, "installation_id": self._installation, "device_at": now()}

    def _hear(self, frame: Frame) -> None:
        kind = frame.get("t")
        if kind == "desk":
            self.desk = msgspec.convert(frame, desks.Desk)
            self.news.set()
        elif kind == "positions_saved" and frame.get("rejected"):
            self._all.log.counts["fixes_refused"] += len(frame["rejected"])
        elif kind == "error":
            self._all.log.counts["socket_errors"] += 1

    async def until_news(self, seconds: float) -> None:
        """Wait real seconds, or until the desk may have changed."""
        if seconds > 0:
            try:
                async with asyncio.timeout(seconds):
                    await self.news.wait()
            except TimeoutError:
                return
        self.news.clear()

    def fix_due_in(self) -> float:
        """Return the real seconds until the next fix is due."""
        return self._next_fix - time.monotonic()

    async def send_fix(self, speed_ms: float, noise: random.Random, *, on_run: bool) -> None:
        """Send where the unit is; without a connection the fix is lost."""
        every, least = (ON_RUN_S, LEAST_ON_RUN_S) if on_run else (IDLE_S, LEAST_IDLE_S)
        self._next_fix = time.monotonic() + self._all.pace.real(every, least)
        told, accuracy = as_received(self.spot, noise)
        self._sent += 1
        at = now()
        fix = {
            "seq": self._sent,
            "at": at,
            "lon": round(told.lon, 7),
            "lat": round(told.lat, 7),
            "accuracy_m": accuracy,
            "speed_ms": round(min(speed_ms, 140.0), 1),
            "heading_deg": round(told.heading_deg, 1) % 360.0,
            "battery": 0.87,
        }
        try:
            await self.wire.send({"t": "positions", "fixes": [fix], "sent_at": at})
        except Disconnected:
            return
        self._all.log.counts["fixes"] += 1

    async def step(self, run: desks.RunSheet, to: str, **fields: Any) -> None:
        """Report a step; the desk shows it at once, before the server has said so."""
        at: list[str] = []

        async def report() -> shapes.StepTaken:
            if not at:
                at.append(now())  # told again, it is still the same moment
            result = await self.wire.request(
                "step", assignment_id=str(run.assignment_id), to=to, device_at=at[0], sent_at=now(), **fields
            )
            return msgspec.convert(result, shapes.StepTaken)

        taken = await self._all.log.act(
            self.player.by,
            "step",
            report,
            incident=str(run.incident_id),
            run=str(run.assignment_id),
            to=to,
        )
        desk = self.desk
        if desk is not None and desk.run is not None and desk.run.assignment_id == run.assignment_id:
            if taken.moves:
                self.desk = replace(desk, run=replace(desk.run, state=taken.state, moves=taken.moves))
            else:
                self.desk = replace(desk, run=None)


def now() -> str:
    """Return the phone's time."""
    return datetime.now(UTC).isoformat()
