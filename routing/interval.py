"""How far a road time may be off: the interval in which 80 of 100 real times lie."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from routing.arrays import Floats

# The standard normal's 90 % point: 80 % lie between minus and plus this.
Z80 = 1.2815515655446004
# A leg off the network is a straight line at a guessed speed: half to twice the time is well possible.
ACCESS_SD = 0.5
# Within a single minute, one light more or less makes this much; it averages out over a longer way.
PRIOR_MINUTE_SD = 0.35
_MOST_SD = 1.2


@dataclass(frozen=True, slots=True)
class Interval:
    """Spread of the logarithm of real over modelled time.

    `trip_sd` what a whole trip is slower or faster by, `minute_sd` what one minute is and n minutes are less
    by the root of n, `model_sd` how unsure the class factors themselves are on the mean of roads,
    `class_sd` the same by class number (empty: not known apart). The 10 % and 90 % points lie at `low_z` and
    `high_z` of the resulting spread. `calibrated` is false for a prior that nobody has measured.
    """

    trip_sd: float
    minute_sd: float
    model_sd: float
    low_z: float
    high_z: float
    calibrated: bool
    class_sd: tuple[float, ...] = ()

    def road_sd(self, road_s: ArrayLike, class_s: ArrayLike | None = None) -> Floats:
        """The spread for ways of `road_s` (...,) seconds; `class_s` (..., classes) says on which classes."""
        road = np.asarray(road_s, np.float64)
        minutes = np.maximum(road, 1.0) / 60
        model = self._model_variance(class_s) if class_s is not None and self.class_sd else self.model_sd**2
        spread = self.trip_sd**2 + self.minute_sd**2 / minutes + model
        return np.minimum(np.sqrt(spread), _MOST_SD)

    def _model_variance(self, class_s: ArrayLike) -> Floats:
        """The classes' factors err together (all of them hang on one general level), so spreads add up."""
        seconds = np.asarray(class_s, np.float64)
        known = np.asarray(self.class_sd)[: seconds.shape[-1]]
        total = np.maximum(seconds.sum(axis=-1), 1e-9)
        spread: Floats = (seconds[..., : len(known)] @ known) / total
        return spread**2


def of_profile(low_factor: float, high_factor: float) -> Interval:
    """The interval of an uncalibrated profile that says between which factors of its long times 80 % lie."""
    low, high = math.log(low_factor), math.log(high_factor)
    trip_sd = max((high - low) / (2 * Z80), 0.01)
    return Interval(trip_sd, PRIOR_MINUTE_SD, 0.0, low / trip_sd, high / trip_sd, False)


# Nobody has measured anything: from a third less to four fifths more, and wider for short ways.
PRIOR_INTERVAL = of_profile(0.67, 1.8)


def bounds(
    road_s: ArrayLike,
    access_s: ArrayLike,
    interval: Interval = PRIOR_INTERVAL,
    *,
    class_s: ArrayLike | None = None,
) -> tuple[Floats, Floats]:
    """Low and high seconds between which 80 of 100 real times lie, for `road_s` on roads plus `access_s` off.

    Scalars or arrays that go together; infinite in, infinite out. `class_s` (..., classes) seconds by road
    class sharpens it where the way is known. The two parts are taken as independent and the sum as
    log-normal. low <= road + access <= high.
    """
    road, access = np.asarray(road_s, np.float64), np.asarray(access_s, np.float64)
    total = road + access
    known = np.isfinite(total) & (total > 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        off = np.hypot(road * interval.road_sd(road, class_s), access * ACCESS_SD)
        sd = np.where(known, off / np.where(known, total, 1.0), 0.0)
    low, high = min(interval.low_z, 0.0), max(interval.high_z, 0.0)
    return total * np.exp(low * sd), total * np.exp(high * sd)
