"""The phone in a virtual ambulance: its desk, fixes and steps, and what it keeps while there is no signal."""

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
from rehearsal.findings import Refused
from rehearsal.logbook import Overtaken
from rehearsal.phone_memory import Fix, KeptStep, PhoneMemory
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
        self._memory = PhoneMemory()
        self._told: desks.Desk | None = None
        self._all_told = asyncio.Event()
        self._all_told.set()
        self._lost_at = 0.0
        self._telling = asyncio.Lock()
        self.wire = Wire(f"{ensemble.connection.sockets}/ws/driver", self._hello, self._hear, player.sign_in)

    def _hello(self) -> Frame:
        return {"token": self.player.token, "installation_id": self._installation, "device_at": now()}

    def _hear(self, frame: Frame) -> None:
        kind = frame.get("t")
        if kind == "desk":
            self._told = msgspec.convert(frame, desks.Desk)
            self.desk = self._memory.ahead(self._told)
            self.news.set()
        elif kind == "welcome" and not self._all_told.is_set():
            self._all.spawn(self._tell_all(), f"backlog {self.player.by}")
        elif kind == "positions_saved":
            rejected = frame.get("rejected") or []
            self._all.log.counts["fixes_refused"] += len(rejected)
            self._memory.forget([*frame["seqs"], *(fix["seq"] for fix in rejected)])
        elif kind == "error":
            self._all.log.counts["socket_errors"] += 1

    def start_afresh(self) -> None:
        """Begin a shift: another crew's phone has nothing to tell."""
        self.desk = self._told = None
        self._memory = PhoneMemory()
        self._all_told.set()

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
        """Tell where the unit is; without a connection the fix is kept until there is one."""
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
        self._memory.fixes[self._sent] = fix
        if self._all_told.is_set():
            await self._send([fix], "fixes")

    async def _send(self, fixes: list[Fix], counted: str) -> bool:
        try:
            await self.wire.send({"t": "positions", "fixes": fixes, "sent_at": now()})
        except Disconnected:
            return False
        self._all.log.counts[counted] += len(fixes)
        return True

    # --- without a signal -------------------------------------------------------------------------

    async def lose_signal(self, real_s: float) -> None:
        """Be out of the network for so many real seconds; what is to be told meanwhile waits."""
        self._lost_at = time.monotonic()
        self._all_told.clear()
        self._all.log.counts["signal_lost"] += 1
        self._all.log.write("signal_lost", by=self.player.by, seconds=round(real_s, 3))
        await self.wire.cut(real_s)

    async def signal(self) -> None:
        """Wait until there is a signal, and the server knows everything that waited for it."""
        await self._all_told.wait()

    async def _tell_all(self) -> None:
        """Tell what has waited: the newest fix, then the steps in their order, then the older fixes."""
        async with self._telling:
            if self._all_told.is_set():
                return
            newest, fixes, steps = self._memory.newest(), len(self._memory.fixes), len(self._memory.steps)
            number = newest["seq"] if newest else 0
            told = newest is None or await self._send([newest], "fixes")
            while told and self._memory.steps:
                if not self._is_persons(self._memory.steps[0]):
                    await self._tell(self._memory.steps[0])
                del self._memory.steps[0]
            for frame in self._memory.backlog(number):
                told = told and await self._send(frame, "fixes_replayed")
            for fix in self._memory.since(number):
                told = told and await self._send([fix], "fixes")
            if not told:
                return  # gone again: the next welcome begins anew
            gone = round(time.monotonic() - self._lost_at, 3)
            self._all.log.write("signal_back", by=self.player.by, seconds=gone, fixes=fixes, steps=steps)
            self.desk = self._told
            self._all_told.set()
            self.news.set()

    def _is_persons(self, step: KeptStep) -> bool:
        """Whether a person steps this run by now: then what the crew did meanwhile is not told."""
        note = self._all.casebook.run(str(step.run_id))
        return note is not None and note.by_person

    async def _tell(self, step: KeptStep) -> None:
        """Report a step that was taken without a signal, with the moment at which it was."""

        async def report() -> shapes.StepTaken:
            result = await self.wire.request(
                "step",
                assignment_id=str(step.run_id),
                to=step.to,
                device_at=step.device_at,
                sent_at=now(),
                **step.fields,
            )
            return msgspec.convert(result, shapes.StepTaken)

        try:
            taken = await self._all.log.act(
                self.player.by,
                "step",
                report,
                lambda taken: {"reported": True} if taken.reported else {},
                happened=step.between,
                incident=str(step.incident_id),
                run=str(step.run_id),
                to=step.to,
            )
        except Overtaken:
            return  # the run went on without us: the desk will say how
        except Refused as refused:
            self._all.log.surprise(f"a step told late: {refused.words}")
            return
        self._all.log.counts["steps_late"] += 1
        self._told = _after(self._told, taken)

    def _keep_step(self, run: desks.RunSheet, to: str, fields: dict[str, Any]) -> None:
        before, device_at, after = datetime.now(UTC), now(), datetime.now(UTC)
        self._memory.steps.append(
            KeptStep(run.incident_id, run.assignment_id, to, fields, device_at, (before, after))
        )
        if self._told is not None:
            self.desk = self._memory.ahead(self._told)

    # --- steps ------------------------------------------------------------------------------------

    async def step(self, run: desks.RunSheet, to: str, **fields: Any) -> None:
        """Report a step; the desk shows it at once, before the server has said so."""
        if not self._all_told.is_set():
            self._keep_step(run, to, fields)
            return
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
        self.desk = _after(self.desk, taken)


def _after(desk: desks.Desk | None, taken: shapes.StepTaken) -> desks.Desk | None:
    """Return the desk after a step, for the time until the server shows it."""
    if desk is None or desk.run is None or desk.run.assignment_id != taken.assignment_id:
        return desk
    if not taken.moves:
        return replace(desk, run=None)
    return replace(desk, run=replace(desk.run, state=taken.state, moves=taken.moves))


def now() -> str:
    """Return the phone's time."""
    return datetime.now(UTC).isoformat()
