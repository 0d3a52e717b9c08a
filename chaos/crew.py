"""A crew's phone: takes its offers, walks through its runs, and keeps what was not acknowledged."""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from chaos.clock_errors import ClockErrors, FixTime
from chaos.door import Refused
from chaos.ledger import FIX, STEP, Ledger, RefusedFix, Step
from chaos.line import Frame, Line
from chaos.memory import FixMemory

WALK: tuple[tuple[str, dict[str, str]], ...] = (
    ("accepted", {}),
    ("en_route", {}),
    ("on_scene", {}),
    ("at_patient", {}),
    ("left_scene", {"outside_name": "Klinik Contoh"}),
    ("at_facility", {}),
    ("handed_over", {"receiver": "Perawat Contoh", "room": "Ruang Contoh"}),
    ("cleared", {}),
)
_STATES = ["offered", *(to for to, _ in WALK)]
FIX_EVERY_S = 0.5
STEP_EVERY_S = 0.25
HIDDEN_BACKLOG = 5


class Crew:
    """One driver aboard one unit. `clocks` tells by how much the phone's clock is wrong.

    `phone` is its installation.
    """

    def __init__(
        self,
        address: str,
        ledger: Ledger,
        clocks: ClockErrors,
        name: str,
        token: str,
        phone: str,
        unit: dict[str, Any],
    ) -> None:
        self.name = name
        self.unit_id: str = unit["id"]
        self.call_sign: str = unit["call_sign"]
        self.installation = phone
        self.line = Line(f"ws{address.removeprefix('http')}/ws/driver", ledger, self._hello, self._hear)
        self._token = token
        self._ledger = ledger
        self._clocks = clocks
        self._base = (float(unit["lon"]), float(unit["lat"]))
        # the phone has been in other trials: its numbers go on, and time is ahead of any count of fixes
        self._memory = FixMemory(made=time.time_ns() // 1_000_000)
        self._fix_times: dict[int, FixTime] = {}
        self._aboard = asyncio.Event()
        self._steps: deque[tuple[Step, dict[str, str]]] = deque()
        self._news = asyncio.Event()
        self._run: str | None = None
        self._state = "offered"
        self._ended: set[str] = set()

    def _hello(self) -> Frame:
        return {"token": self._token, "installation_id": self.installation, "device_at": self._clocks.phone()}

    @property
    def quiet(self) -> bool:
        """Whether nothing of this phone waits to be acknowledged, and no run is under way."""
        return not self._steps and self._run is None and len(self._memory.kept) <= HIDDEN_BACKLOG

    @property
    def fixes_under_way(self) -> int:
        """How many fixes are sent, on a connection that is still there, and not acknowledged."""
        return len(self._memory.sent_at) if self.line.connected.is_set() else 0

    @property
    def told(self) -> str:
        """What this phone is about, for whoever wonders why it does not get on."""
        signal = "connected" if self.line.connected.is_set() else "no connection"
        waiting = f"{len(self._steps)} steps and {len(self._memory.kept)} fixes wait"
        return f"{self.name} ({signal}): run {self._run} {self._state}, {waiting}"

    async def work(self) -> None:
        """Be at work until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for part in (
                self.line.run,
                self._board,
                self._make_fixes,
                self._send_fixes,
                self._walk,
                self._tell,
            ):
                tasks.create_task(part())

    async def last_fixes(self) -> None:
        """Wait until every fix made so far is acknowledged."""
        last = self._memory.made
        while any(seq <= last for seq in self._memory.kept):
            await asyncio.sleep(0.05)

    async def _board(self) -> None:
        check = {"vehicle": True, "oxygen": True, "kit": True}
        boarding = {"t": "sign_on", "call_sign": self.call_sign, "check": check}
        await self.line.ask("sign on", lambda: boarding)
        self._aboard.set()

    # --- what the phone hears --------------------------------------------------------------------

    def _hear(self, frame: Frame) -> None:
        match frame.get("t"):
            case "welcome":
                self._memory.unsent()
            case "desk":
                self._see(frame.get("run"))
            case "positions_saved":
                self._saved(frame)
            case "error" if "seqs" in frame.get("problem", {}):
                for seq in frame["problem"]["seqs"]:
                    self._memory.sent_at.pop(seq, None)

    def _see(self, run: dict[str, Any] | None) -> None:
        if run is None or run["assignment_id"] in self._ended:
            return
        if run["assignment_id"] != self._run:
            self._run, self._state = run["assignment_id"], run["state"]
        self._news.set()

    def _saved(self, frame: Frame) -> None:
        for refused in frame.get("rejected", []):
            seq = refused["seq"]
            self._memory.forget(seq)
            set_back = frozenset(self._fix_times[seq].set_back)
            self._ledger.refused_fixes.append(RefusedFix(self.name, seq, refused["reason_en"], set_back))
        for seq in frame["seqs"]:
            sent = self._memory.forget(seq)
            if sent is not None:
                self._ledger.fixes[self.installation].add(seq)
                self._ledger.acknowledged(FIX, self.name, sent)
                made = self._fix_times[seq].made
                if self._clocks.stood(made):
                    self._ledger.fix_times[self.installation][seq] = made.server_at

    # --- where the unit is -----------------------------------------------------------------------

    async def _make_fixes(self) -> None:
        await self._aboard.wait()
        while True:
            angle = time.monotonic() / 20.0
            place = (self._base[0] + 0.002 * math.cos(angle), self._base[1] + 0.002 * math.sin(angle))
            made = self._clocks.look()
            fix = {"at": self._clocks.phone(), "lon": round(place[0], 6), "lat": round(place[1], 6)}
            seq = self._memory.add({**fix, "accuracy_m": 8.0, "speed_ms": 11.0})
            self._fix_times[seq] = FixTime(made)
            await asyncio.sleep(FIX_EVERY_S)

    async def _send_fixes(self) -> None:
        while True:
            await self.line.connected.wait()
            for fixes in self._memory.due():
                for fix in fixes:
                    self._fix_times[fix["seq"]].sent(self._clocks.phones)
                frame = {"t": "positions", "fixes": fixes, "sent_at": self._clocks.phone()}
                if not await self.line.send(frame):
                    self._memory.unsent()
                    break
            await asyncio.sleep(FIX_EVERY_S / 2)

    # --- what the crew does ----------------------------------------------------------------------

    async def _walk(self) -> None:
        """Take step after step, whether there is a connection or not: the phone keeps them."""
        while True:
            await self._until(lambda: self._run is not None)
            run = self._run
            assert run is not None, "waited for"
            for to, fields in WALK[max(0, _STATES.index(self._state)) :]:
                step = Step(run, to, self._clocks.phone(), self._clocks.look())
                self._steps.append((step, fields))
                self._news.set()
                await asyncio.sleep(STEP_EVERY_S)
                if run in self._ended:
                    break
            self._ended.add(run)
            if self._run == run:  # else the next one was offered while the last step was taken
                self._run = None

    async def _tell(self) -> None:
        """Report the steps in their order, each until it is acknowledged."""
        while True:
            await self._until(lambda: bool(self._steps))
            step, fields = self._steps[0]
            frame = {
                "t": "step",
                "assignment_id": step.assignment_id,
                "to": step.to,
                "device_at": step.device_at,
                **fields,
            }
            try:
                await self.line.ask(STEP, partial(self._sent_now, frame))
            except Refused:
                self._give_up(step.assignment_id)
            else:
                stood = step.taken is not None and self._clocks.stood(step.taken)
                self._ledger.steps.append(step if stood else replace(step, taken=None))
                self._steps.popleft()

    def _sent_now(self, frame: Frame) -> Frame:
        return {**frame, "sent_at": self._clocks.phone()}

    def _give_up(self, assignment_id: str) -> None:
        """The run is no longer this crew's: an offer that was not answered in time went to others."""
        self._ended.add(assignment_id)
        self._steps = deque(kept for kept in self._steps if kept[0].assignment_id != assignment_id)
        if self._run == assignment_id:
            self._run = None

    async def _until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            await self._news.wait()
            self._news.clear()
