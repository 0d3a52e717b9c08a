"""Turns matched tracks into observed driving: what took how long, by trip, road class and hour."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from routing.arrays import Bytes, Floats, Longs
from routing.match import Knots, Match
from routing.slots import slots_of

Mask = NDArray[np.bool_]

# A vehicle that moves less than this in that time loads a patient, waits or is parked; traffic lights and
# jams are shorter and belong to the journey.
STOP_S, STOP_M = 180.0, 40.0
# The first and last stretch of a journey are yards, turning and walking pace; so much is left out.
TRIM_S = 20.0
# What remains must be long enough to tell something, and not so odd that it cannot have been a drive.
_LEAST_MODEL_S = 60.0
_ODDEST_RATIO = 4.0
_LEAST_CONFIDENCE = 0.5


class Observed(NamedTuple):
    """Rows of driving, arrays (R,): which `trip` (0..) and which `interval` between two knots, road class
    number, `slot` of the week, `model_s` by the profile, `metres`. `elapsed_s` (intervals,) is what each
    interval really took; one may hold several classes. `started_at` (trips,) milliseconds since 1970."""

    trip: Longs
    interval: Longs
    road_class: Longs
    slot: Longs
    model_s: Floats
    metres: Floats
    elapsed_s: Floats
    started_at: Floats


@dataclass(frozen=True, slots=True)
class Observations:
    """All trips of many tracks; `dropped` counts what was left out, per reason: "short", "odd" (over four
    times too slow or too fast), "unsure" (matched with confidence below a half)."""

    rows: Observed
    dropped: dict[str, int]

    @property
    def trips(self) -> int:
        return len(self.rows.started_at)


def observe(matches: Iterable[Match], edge_class: Bytes, timezone: ZoneInfo) -> Observations:
    """The driving in matched tracks: journeys between breaks and stops, their ends cut off.

    `edge_class` (E,) class number per edge; hours are those of `timezone`.
    """
    parts: list[Observed] = []
    dropped: Counter[str] = Counter()
    trips = intervals = 0
    for match in matches:
        if match.confidence < _LEAST_CONFIDENCE:
            dropped["unsure"] += 1
            continue
        for first, last in journeys(match.knots):
            rows = _rows(match, first, last, edge_class, timezone)
            reason = _refused(rows)
            if reason:
                dropped[reason] += 1
                continue
            parts.append(rows._replace(trip=rows.trip + trips, interval=rows.interval + intervals))
            trips += 1
            intervals += len(rows.elapsed_s)
    return Observations(_joined(parts), dict(dropped))


def journeys(knots: Knots) -> list[tuple[int, int]]:
    """First and last knot (inclusive) of each journey: within one piece, between stops, ends cut off."""
    found = []
    count = len(knots.piece)
    stopped = _stopped(knots)
    begin = 0
    for k in range(1, count + 1):
        if k < count and knots.piece[k] == knots.piece[k - 1] and not stopped[k - 1]:
            continue
        trimmed = _trimmed(knots, begin, k - 1)
        if trimmed:
            found.append(trimmed)
        begin = k
    return found


def _stopped(knots: Knots) -> list[bool]:
    """Per knot but the last: whether the vehicle stood between this knot's arrival and the next one's."""
    count = len(knots.piece)
    stopped = [False] * count
    low = 0
    for k in range(count):
        while low < k and (
            knots.piece[low] != knots.piece[k] or knots.metres[k] - knots.metres[low] > STOP_M
        ):
            low += 1
        if knots.leave_at[k] - knots.arrive_at[low] >= STOP_S * 1000:
            # everything since then is one stop; it also ends what comes before and begins what follows
            stopped[max(low - 1, 0) : k + 1] = [True] * (k + 1 - max(low - 1, 0))
    return stopped


def _trimmed(knots: Knots, first: int, last: int) -> tuple[int, int] | None:
    """The journey without its first and last seconds (of the profile's); None when nothing remains."""
    model = knots.model_s[first : last + 1]
    inside = np.flatnonzero((model >= model[0] + TRIM_S) & (model <= model[-1] - TRIM_S))
    if len(inside) < 2:
        return None
    return first + int(inside[0]), first + int(inside[-1])


def _rows(match: Match, first: int, last: int, edge_class: Bytes, timezone: ZoneInfo) -> Observed:
    """One journey: cut where a knot lies or a passage begins, then summed per interval and class."""
    knots, passage = match.knots, match.passage
    clock = knots.model_s[first : last + 1]
    begins = np.concatenate([[0.0], np.cumsum(passage.model_s)])
    cuts = np.unique(np.concatenate([clock, begins[(begins > clock[0]) & (begins < clock[-1])]]))
    model = np.diff(cuts)
    middle = cuts[:-1] + model / 2
    interval = np.clip(np.searchsorted(clock, middle, side="right") - 1, 0, len(clock) - 2)
    row = np.clip(np.searchsorted(begins, middle, side="right") - 1, 0, len(passage.ref) - 1)
    share = model / np.maximum(passage.model_s[row], 1e-9)
    leave, arrive = knots.leave_at[first:last], knots.arrive_at[first + 1 : last + 1]
    slot = slots_of((leave + arrive) / 2, timezone)
    # what a knot in mid-journey stood for (a red light) is part of the journey
    stood = knots.leave_at[first + 1 : last] - knots.arrive_at[first + 1 : last]
    elapsed = (arrive - leave) / 1000
    elapsed[1:] += stood / 1000
    # intervals without progress count for the next one that has some
    elapsed, interval = _without_empty(elapsed, interval)
    return Observed(
        np.zeros(len(model), np.int64), interval, edge_class[passage.ref[row] >> 1].astype(np.int64),
        slot[np.clip(np.searchsorted(clock, middle, side="right") - 1, 0, len(clock) - 2)], model,
        passage.metres[row] * share, elapsed, np.array([knots.leave_at[first]]),
    )  # fmt: skip


def _without_empty(elapsed: Floats, interval: Longs) -> tuple[Floats, Longs]:
    """Intervals renumbered so that each has rows; the time of one that has none goes to the one after it."""
    used = np.unique(interval)
    owner = np.minimum(np.searchsorted(used, np.arange(len(elapsed))), len(used) - 1)
    return np.bincount(owner, elapsed, len(used)).astype(np.float64), np.searchsorted(used, interval)


def _refused(rows: Observed) -> str | None:
    """Why a journey tells nothing."""
    model, elapsed = rows.model_s.sum(), rows.elapsed_s.sum()
    if model < _LEAST_MODEL_S or elapsed <= 0:
        return "short"
    if not 1 / _ODDEST_RATIO <= elapsed / model <= _ODDEST_RATIO:
        return "odd"
    return None


def of_trips(rows: Observed, keep: Mask) -> Observed:
    """The rows of some trips (mask over all), renumbered."""
    own = keep[rows.trip]
    intervals, interval = np.unique(rows.interval[own], return_inverse=True)
    trip = (np.cumsum(keep) - 1)[rows.trip[own]]
    return Observed(
        trip, interval.astype(np.int64), rows.road_class[own], rows.slot[own],
        rows.model_s[own], rows.metres[own], rows.elapsed_s[intervals], rows.started_at[keep],
    )  # fmt: skip


def _joined(parts: list[Observed]) -> Observed:
    if not parts:
        none, nothing = np.empty(0, np.int64), np.empty(0)
        return Observed(none, none, none, none, nothing, nothing, nothing, nothing)
    return Observed(*(np.concatenate(column) for column in zip(*parts, strict=True)))
