"""How a vehicle goes along a track: now faster, now slower, and what its receiver makes of its place."""

from __future__ import annotations

import math
import random
from itertools import accumulate

from rehearsal.track import Spot, Track

_STRETCH_S = 40.0
_METRES_PER_DEGREE = 111_195.0


class Drive:
    """One drive along a track in `duration_s`, at a speed that changes from stretch to stretch."""

    def __init__(self, track: Track, duration_s: float, throws: random.Random) -> None:
        self.track = track
        self.duration_s = max(duration_s, 1.0)
        stretches = max(3, round(self.duration_s / _STRETCH_S))
        eager = [throws.uniform(0.55, 1.45) for _ in range(stretches)]
        eager[0], eager[-1] = 0.5, 0.5  # setting off, and looking for the house
        whole = sum(eager)
        self._shares = list(accumulate((e / whole for e in eager), initial=0.0))
        self._step_s = self.duration_s / stretches

    def at(self, elapsed_s: float) -> tuple[Spot, float]:
        """Return the place and the speed (m/s) after so many seconds."""
        if elapsed_s >= self.duration_s:
            return self.track.at_share(1.0), 0.0
        index = min(int(max(elapsed_s, 0.0) / self._step_s), len(self._shares) - 2)
        gained = self._shares[index + 1] - self._shares[index]
        share = self._shares[index] + gained * (elapsed_s / self._step_s - index)
        return self.track.at_share(min(share, 1.0)), gained * self.track.length_m / self._step_s


def as_received(spot: Spot, throws: random.Random) -> tuple[Spot, float]:
    """Return the place as a phone tells it, with its accuracy in metres."""
    accuracy = 4.0 + throws.expovariate(1 / 5.0)
    east, north = throws.gauss(0.0, accuracy / 2), throws.gauss(0.0, accuracy / 2)
    narrower = max(0.1, math.cos(math.radians(spot.lat)))
    lon = spot.lon + east / (_METRES_PER_DEGREE * narrower)
    return Spot(lon, spot.lat + north / _METRES_PER_DEGREE, spot.heading_deg), round(accuracy, 1)
