"""Everybody who plays in a rehearsal, and what they share: pace, log, casebook, and the tasks they run in."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from rehearsal import shapes
from rehearsal.casebook import Casebook
from rehearsal.client import Client, Connection
from rehearsal.findings import FAILURES, describe
from rehearsal.logbook import Line, Logbook, Overtaken, persist
from rehearsal.outline import Village
from rehearsal.pace import Pace
from rehearsal.player import Player
from rehearsal.scenario import Scenario
from rehearsal.wire import Disconnected

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class PlayWishes:
    """How a rehearsal is to be. `hours` are simulated ones, None is without end; `curve` weighs 24 hours."""

    regency: str
    address: str
    accounts: Path
    bundle: Path
    speed: float
    rate: float
    seed: int
    hours: float | None
    operators: int
    crews: int
    curve: tuple[float, ...]


@dataclass(slots=True)
class Ensemble:
    """What the actors of one rehearsal share.

    scenario_of_call, scenario_of_case: what is behind the calls that the rehearsal itself makes.
    radio: destinations told to crews by voice, by run.
    own_units: units that a virtual crew is aboard now.
    gate: lets few crews board at once, so that a change of shifts does not keep calls waiting.
    """

    wishes: PlayWishes
    connection: Connection
    pace: Pace
    log: Logbook
    casebook: Casebook
    villages: dict[str, Village]
    facilities: dict[str, shapes.Facility]
    scenario_of_call: dict[str, Scenario] = field(default_factory=dict)
    scenario_of_case: dict[str, Scenario] = field(default_factory=dict)
    radio: dict[str, shapes.Facility] = field(default_factory=dict)
    own_units: set[str] = field(default_factory=set)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
    gate: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(3))

    @property
    def seed(self) -> int:
        """The seed of all dice."""
        return self.wishes.seed

    async def act(
        self,
        player: Player,
        what: str,
        work: Callable[[], Awaitable[Result]],
        see: Callable[[Result], Line] | None = None,
        **about: Any,
    ) -> Result:
        """Have a player do something, and log it; see `Logbook.act`."""
        return await self.log.act(player.by, what, player.again(work), see, **about)

    async def look(self, player: Player, work: Callable[[], Awaitable[Result]]) -> Result:
        """Have a player look something up: nothing changes, and nothing is logged."""
        return await persist(player.again(work))

    def spawn(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        """Run work as a task of its own; how it ends is looked at."""
        task = asyncio.create_task(work, name=name)
        self.tasks.add(task)
        task.add_done_callback(self._look_at)
        return task

    def _look_at(self, task: asyncio.Task[None]) -> None:
        self.tasks.discard(task)
        if task.cancelled():
            return
        failure = task.exception()
        if failure is None or isinstance(failure, Overtaken):
            return
        if isinstance(failure, (*FAILURES, Disconnected)):
            self.log.surprise("; ".join(describe(failure)), task=task.get_name())
        else:
            trace = "".join(traceback.format_exception(failure))
            self.log.surprise(f"{type(failure).__name__}: {failure}", task=task.get_name(), trace=trace)

    async def quit(self, but: asyncio.Task[None] | None = None) -> None:
        """Cancel all tasks, or all but one, and wait for their ends."""
        tasks = [task for task in self.tasks if not task.done() and task is not but]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=5.0)


async def all_facilities(client: Client, place: shapes.Place) -> dict[str, shapes.Facility]:
    """Return the facilities of the regency by id."""
    query = {"lon": place.lon, "lat": place.lat, "limit": 500}
    found = await client.ask(shapes.Facilities, "GET", "/facilities", params=query)
    return {str(facility.id): facility for facility in found.facilities}
