"""Operators: they take calls, call back, confirm, send, and close, each step until it is acknowledged."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Any
from uuid import uuid4

from chaos.board import Event
from chaos.console import Console
from chaos.door import Door, Refused
from chaos.ledger import CLOSE, SEND, TAKE, VERDICT, Ledger

_LOOK_AGAIN_S = 0.3
_REASON = "uji gangguan"


class Dispatcher:
    """One operator at one console. Several see the same call; the first to take it handles it."""

    def __init__(
        self, door: Door, name: str, units: set[str], sent_at: dict[str, float], unanswered: set[str]
    ) -> None:
        """`unanswered` are calls to be left ringing for as long as they are in it."""
        self.name = name
        self.console = Console(door, name, sent_at, self._hear)
        self._door = door
        self._units = units
        self._unanswered = unanswered
        self._ringing: asyncio.Queue[str] = asyncio.Queue()
        self._cases: set[asyncio.Task[None]] = set()
        self._ended_runs: dict[str, asyncio.Event] = {}

    @property
    def _ledger(self) -> Ledger:
        return self._door.ledger

    @property
    def quiet(self) -> bool:
        """Whether nothing rings here, and no case is in hand."""
        return self._ringing.empty() and not self._cases

    def _hear(self, event: Event) -> None:
        if event["kind"] == "call_received":
            self._ringing.put_nowait(event["subject_id"])

    async def work(self) -> None:
        """Be at work until cancelled; what goes wrong in a case goes wrong here."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.console.line.run())
            while True:
                call_id = await self._ringing.get()
                case = tasks.create_task(self._handle(call_id))
                self._cases.add(case)
                case.add_done_callback(self._cases.discard)

    async def _handle(self, call_id: str) -> None:
        await asyncio.sleep(random.uniform(0.0, 0.1))  # a hand is not always the same on the button
        await self._until(lambda: call_id not in self._unanswered)
        if not await self._took(call_id):
            return
        await self._call_back(call_id)
        incident_id = await self._opened(call_id)
        await self._sent(incident_id)
        await self._closed(incident_id)

    async def _took(self, call_id: str) -> bool:
        try:
            await self._door.ask(TAKE, "POST", f"/operator/calls/{call_id}/take")
        except Refused as refused:
            if refused.code == "conflict":
                return False  # a colleague was first
            raise
        self._ledger.taken.add(call_id)
        return True

    async def _call_back(self, call_id: str) -> None:
        body = {"id": str(uuid4()), "outcome": "answered"}
        await self._door.ask("call back", "POST", f"/operator/calls/{call_id}/callbacks", body)
        self._ledger.callbacks[call_id] += 1

    async def _opened(self, call_id: str) -> str:
        verdict = {"triage": random.choice(["red", "yellow"]), "patients": 1}
        try:
            opened = await self._door.ask(VERDICT, "POST", f"/operator/calls/{call_id}/incident", verdict)
            incident_id = str(opened["incident_id"])
        except Refused as refused:
            if not refused.repeated:
                raise
            # it got through the first time, and only the answer was lost
            file = await self._door.ask("call file", "GET", f"/operator/calls/{call_id}")
            incident_id = str(file["call"]["incident_id"])
        self._ledger.incidents[call_id] = incident_id
        return incident_id

    async def _sent(self, incident_id: str) -> None:
        """Send one of our crews, the nearest that is free."""
        while True:
            ranking = await self._door.ask(
                "candidates", "GET", f"/operator/incidents/{incident_id}/candidates"
            )
            free = [c["unit"]["id"] for c in ranking["candidates"] if c["unit"]["id"] in self._units]
            if free and await self._claimed(incident_id, free[0]):
                return
            await asyncio.sleep(_LOOK_AGAIN_S * random.uniform(0.5, 1.5))

    async def _claimed(self, incident_id: str, unit_id: str) -> bool:
        body = {"id": str(uuid4()), "unit_id": unit_id, "reason": _REASON}
        path = f"/operator/incidents/{incident_id}/assignments"
        try:
            run = await self._door.ask(SEND, "POST", path, body)
        except Refused as refused:
            if refused.code in ("unit_taken", "unit_not_available"):
                return False
            raise
        self._ledger.sends[run["id"]] = incident_id
        return True

    async def _closed(self, incident_id: str) -> None:
        """Close the incident once its crew is through; stand down whoever was alerted beside it."""
        while True:
            await self._until(lambda: not self._running(incident_id) or self._strangers(incident_id) != [])
            for run in self._strangers(incident_id):
                await self._stood_down(run)
            if self._running(incident_id):
                await asyncio.sleep(_LOOK_AGAIN_S)
                continue
            if not self._cared_for(incident_id):
                await self._sent(incident_id)  # nobody answered the offer: the case still needs a unit
                continue
            if await self._shut(incident_id):
                return

    async def _shut(self, incident_id: str) -> bool:
        try:
            await self._door.ask(CLOSE, "POST", f"/operator/incidents/{incident_id}/closure")
        except Refused as refused:
            if refused.code != "conflict":  # one more unit was alerted at this very moment
                raise
            await asyncio.sleep(_LOOK_AGAIN_S)
            return False
        self._ledger.closed.add(incident_id)
        return True

    async def _stood_down(self, run: str) -> None:
        try:
            await self._door.ask(
                "stand down", "POST", f"/operator/assignments/{run}/stand-down", {"reason": _REASON}
            )
        except Refused as refused:
            if refused.code != "illegal_step":  # its offer has run out meanwhile
                raise

    def _runs(self, incident_id: str) -> dict[str, tuple[str, str]]:
        """The incident's runs as this console knows them: unit and state."""
        known = self.console.picture.runs.items()
        return {run: (unit, state) for run, (incident, unit, state) in known if incident == incident_id}

    def _running(self, incident_id: str) -> list[str]:
        sent = {run for run, incident in self._ledger.sends.items() if incident == incident_id}
        known = self._runs(incident_id)
        unseen = sent - known.keys()
        return [*unseen, *(run for run, (_, state) in known.items() if state not in _ENDED)]

    def _strangers(self, incident_id: str) -> list[str]:
        runs = self._runs(incident_id).items()
        return [run for run, (unit, state) in runs if unit not in self._units and state not in _ENDED]

    def _cared_for(self, incident_id: str) -> bool:
        return any(state == "cleared" for _, state in self._runs(incident_id).values())

    async def _until(self, condition: Callable[[], Any]) -> None:
        while not condition():
            await asyncio.sleep(0.05)


_ENDED = frozenset(
    {"cleared", "completed_without_transport", "declined", "timed_out", "stood_down", "diverted"}
)
