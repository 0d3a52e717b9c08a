"""The pace of a rehearsal: waits that shrink by the speed factor, and the time of day it plays at."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo


class Pace:
    """Simulated time: it begins at the real local time and runs `factor` times faster."""

    def __init__(self, factor: float, zone: ZoneInfo) -> None:
        self.factor = factor
        self.zone = zone
        self.began = datetime.now(UTC)
        self._began = time.monotonic()

    @property
    def speed_factor(self) -> float | None:
        """What cases carry: None at life's own pace, so that their figures count as figures of service."""
        return None if self.factor == 1.0 else self.factor

    @property
    def elapsed_s(self) -> float:
        """Simulated seconds since the beginning."""
        return (time.monotonic() - self._began) * self.factor

    def now(self) -> datetime:
        """Return the simulated local time."""
        return (self.began + timedelta(seconds=self.elapsed_s)).astimezone(self.zone)

    def real(self, seconds: float, at_least: float = 0.0) -> float:
        """Return how many real seconds so many simulated ones take, not fewer than `at_least`."""
        return max(seconds / self.factor, at_least)

    async def wait(self, seconds: float, at_least: float = 0.0) -> None:
        """Wait simulated seconds, and no fewer than `at_least` real ones."""
        await asyncio.sleep(self.real(seconds, at_least))
