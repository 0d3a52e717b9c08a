"""Notices that the machine's clock was set back, and has what was timed ahead of it pulled in."""

from __future__ import annotations

import logging
import time

from dispatch.services.centre import Centre
from dispatch.services.clock_set_back import pull_in

log = logging.getLogger(__name__)

LOOK_EVERY_S = 1.0
_STEP_S = 1.0


class ClockWatch:
    """The clock against the time since the machine started. Every worker has one; twice is harmless."""

    def __init__(self, centre: Centre) -> None:
        """The first look always pulls in: the clock may have been set back while no worker ran."""
        self._centre = centre
        self._ahead_s: float | None = None

    async def pass_once(self) -> int:
        """Look at the clock; return how many timers, messages and markers had to be pulled in."""
        ahead_s = self._centre.clock().timestamp() - time.monotonic()
        pulled = 0
        if self._ahead_s is None or ahead_s < self._ahead_s - _STEP_S:
            for entry in await self._centre.tenants.all():
                pulled += await pull_in(self._centre, entry)
        self._ahead_s = ahead_s
        if pulled:
            log.warning("the clock was ahead: %d timers, messages and markers had too late a time", pulled)
        return pulled
