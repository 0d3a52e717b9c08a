"""The traffic of one trial: residents, operators and crews, all at once, until it is enough."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeVar
from uuid import uuid4

from chaos.cast import Cast
from chaos.clock_errors import ClockErrors
from chaos.crew import Crew
from chaos.dispatcher import Dispatcher
from chaos.door import Door
from chaos.ledger import CALL, EVENT, FIX, Ledger
from chaos.resident import Resident

STEADY_S, DRAINED_S, BACK_S = 60.0, 120.0, 90.0
_Wanted = TypeVar("_Wanted")


class Stuck(Exception):
    """The traffic does not get on: nobody acknowledges, or a case does not come to its end."""


@dataclass(frozen=True, slots=True)
class Doors:
    """The ways in: where residents and operators go, and where the crews' phones go."""

    http: str
    phones: str


@dataclass(slots=True)
class Traffic:
    """Everybody who speaks to the system during one trial, and their common book."""

    ledger: Ledger
    clocks: ClockErrors
    dispatchers: list[Dispatcher]
    crews: list[Crew]
    residents: list[Resident]
    unanswered: set[str]
    """Calls that the operators leave ringing."""
    _enough: asyncio.Event = field(default_factory=asyncio.Event)
    _calling: list[asyncio.Task[None]] = field(default_factory=list)

    @property
    def in_flight(self) -> int:
        """How many requests, steps and fixes are sent and wait for their answer now."""
        return self.ledger.in_flight + sum(crew.fixes_under_way for crew in self.crews)

    async def until_steady(self) -> None:
        """Wait until every kind of thing gets through, a whole case included."""
        fixes = self.ledger.fixes
        await _until(
            lambda: bool(self.ledger.closed) and len(fixes) == len(self.crews),
            STEADY_S,
            "steady traffic",
            self._unfinished,
        )

    async def until_in_flight(self, number: int = 4) -> None:
        """Wait for a moment at which several things are under way, one that changes a case among them."""
        await _until(
            lambda: self.ledger.changing > 0 and self.in_flight >= number, STEADY_S, "anything under way"
        )

    def recovery(self) -> dict[str, float | None]:
        """Return the seconds until each kind was served again: any call, all consoles, all crews."""
        return {
            CALL: self.ledger.recovered(CALL, 1),
            EVENT: self.ledger.recovered(EVENT, len(self.dispatchers)),
            FIX: self.ledger.recovered(FIX, len(self.crews)),
        }

    async def until_back(self) -> float:
        """Wait until all are served again, and return the seconds that took since the mark."""
        await _until(lambda: None not in self.recovery().values(), BACK_S, "service again", self.recovery)
        return max(seconds for seconds in self.recovery().values() if seconds is not None)

    async def drain(self) -> None:
        """Let nobody call any more, and wait until all that was begun has come to its end."""
        self._enough.set()
        await within(DRAINED_S, "acknowledgement of the last calls", asyncio.gather(*self._calling))
        await _until(self._quiet, DRAINED_S, "the end of all cases", self._unfinished)
        last_fixes = asyncio.gather(*(crew.last_fixes() for crew in self.crews))
        await within(DRAINED_S, "acknowledgement of the last fixes", last_fixes)

    def _quiet(self) -> bool:
        seen = all(call in self.ledger.incidents for call in self.ledger.calls)
        return seen and all(d.quiet for d in self.dispatchers) and all(c.quiet for c in self.crews)

    def _unfinished(self) -> dict[str, object]:
        return {
            "calls": len(self.ledger.calls),
            "incidents": len(self.ledger.incidents),
            "closed": len(self.ledger.closed),
            "dispatchers busy": [d.name for d in self.dispatchers if not d.quiet],
            "crews busy": [c.told for c in self.crews if not c.quiet],
            "refusals": dict(self.ledger.refusals),
            "retries": dict(self.ledger.retries),
            "refused fixes": self.ledger.refused_fixes[:2],
        }

    async def call_into_silence(self, number: int) -> list[str]:
        """Have so many calls made that nobody answers for now; return their ids."""
        ids = [str(uuid4()) for _ in range(number)]
        self.unanswered.update(ids)
        await asyncio.gather(*(self.residents[0].call(call_id) for call_id in ids))
        return ids

    def answer(self, calls: list[str]) -> None:
        """Let the operators take calls that were left ringing."""
        self.unanswered.difference_update(calls)

    async def until_stepped(self) -> None:
        """Wait until a step is acknowledged that was taken since a clock was set last."""
        since = self.clocks.setting

        def stepped() -> bool:
            return any(step.taken is not None and step.taken.setting == since for step in self.ledger.steps)

        await _until(stepped, BACK_S, "step by the clocks of now")

    def whole_cases(self, before: frozenset[str]) -> list[str]:
        """Return the calls whose case is closed, without these that were made before."""
        incidents, closed = self.ledger.incidents, self.ledger.closed
        return [call for call in self.ledger.calls - before if incidents.get(call) in closed]

    async def until_whole_case(self, before: frozenset[str]) -> None:
        """Wait until a call that is none of these has come to the end of its case."""
        await _until(lambda: bool(self.whole_cases(before)), BACK_S, "whole case", self._unfinished)

    async def until_heard(self, kind: str, subjects: list[str]) -> None:
        """Wait until every console was shown an event of this kind about each of these subjects."""

        def heard() -> bool:
            return all(
                {e["subject_id"] for e in d.console.events if e["kind"] == kind} >= set(subjects)
                for d in self.dispatchers
            )

        await _until(heard, BACK_S, f"{kind} at every console")

    def begin(self, tasks: asyncio.TaskGroup, every_s: float) -> list[asyncio.Task[None]]:
        """Start everybody; return the tasks that go on for ever."""
        self._calling = [
            tasks.create_task(resident.call_now_and_then(every_s, self._enough))
            for resident in self.residents
        ]
        lasting = [*(d.work() for d in self.dispatchers), *(c.work() for c in self.crews)]
        return [tasks.create_task(work) for work in lasting]


@asynccontextmanager
async def traffic(cast: Cast, doors: Doors, *, every_s: float) -> AsyncIterator[Traffic]:
    """Have everybody at work within the context; `every_s` is a resident's pause between calls."""
    ledger, clocks, sent_at, unanswered = Ledger(), ClockErrors(), dict[str, float](), set[str]()
    units = {unit["id"] for unit in cast.units}
    async with AsyncExitStack() as open_doors:

        async def door(token: str) -> Door:
            return await open_doors.enter_async_context(Door(doors.http, ledger, token))

        dispatchers = [
            Dispatcher(await door(o.token), o.name, units, sent_at, unanswered) for o in cast.operators
        ]
        residents = [Resident(await door(r.token), r.name, sent_at) for r in cast.residents]
        crews = [
            Crew(doors.phones, ledger, clocks, driver.name, driver.token, phone, unit)
            for driver, phone, unit in zip(cast.drivers, cast.phones, cast.units, strict=True)
        ]
        all_of_it = Traffic(ledger, clocks, dispatchers, crews, residents, unanswered)
        for dispatcher in dispatchers:
            await within(STEADY_S, "first board", dispatcher.console.open())
        async with asyncio.TaskGroup() as tasks:
            lasting = all_of_it.begin(tasks, every_s)
            try:
                yield all_of_it
            finally:
                all_of_it._enough.set()
                for task in lasting:
                    task.cancel()


async def within(seconds: float, what: str, wanted: Awaitable[_Wanted]) -> _Wanted:
    """Wait for something for so long at most.

    Raises:
        Stuck: it did not come.
    """
    try:
        return await asyncio.wait_for(wanted, seconds)
    except TimeoutError as never:
        raise Stuck(f"no {what} within {seconds:g} s") from never


async def _until(
    condition: Callable[[], bool], seconds: float, what: str, told: Callable[[], object] = dict
) -> None:
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            raise Stuck(f"no {what} within {seconds:g} s: {told()}")
        await asyncio.sleep(0.005)
