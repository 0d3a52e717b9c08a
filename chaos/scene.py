"""What a fault finds when it strikes: the system, its traffic, and the ways between them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from chaos.link import Link
from chaos.proxy import Proxy
from chaos.stage import Stage
from chaos.traffic import Traffic

WORKER_S = SERVE_S = 5.0
DATABASE_S = 10.0
STANDBY_S = 30.0


@dataclass(slots=True)
class Scene:
    """One trial as a fault sees it. `short` asks for seconds where the long form takes minutes."""

    stage: Stage
    traffic: Traffic
    proxy: Proxy
    link: Link
    short: bool
    in_flight: int = 0
    parts: dict[str, float | None] = field(default_factory=dict)
    """Further things that had to come back, with the seconds that each took."""
    notes: list[str] = field(default_factory=list)
    means: str = ""
    """How the fault was made, where machines differ in what they allow."""

    async def moment(self) -> float:
        """Wait for a moment at which much is under way, count it, and return the moment (monotonic s).

        What is sent from then on counts for the recovery.
        """
        await self.traffic.until_in_flight()
        self.in_flight += self.traffic.in_flight
        now = time.monotonic()
        self.traffic.ledger.mark(now)
        return now

    async def last(self, short_s: float, long_s: float) -> None:
        """Let a state last for so many seconds."""
        await asyncio.sleep(short_s if self.short else long_s)


async def _nothing(stage: Stage) -> None:
    """Leave the system as it is."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One way in which a centre breaks.

    strike: breaks it, mends what nobody but us would mend, and returns the moment (monotonic seconds) from
    which the recovery counts. limit_s: how long that may take. through_proxy: everybody goes through the
    reverse proxy. over_link: the crews' phones go through a network that can be cut. prepare, restore: what
    the system needs before and after the trial.
    """

    name: str
    limit_s: float
    strike: Callable[[Scene], Awaitable[float]]
    through_proxy: bool = False
    over_link: bool = False
    prepare: Callable[[Stage], Awaitable[None]] = _nothing
    restore: Callable[[Stage], Awaitable[None]] = _nothing
