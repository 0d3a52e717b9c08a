"""The rehearsal's own reckoning of a report: the same figures, from facts it knows, by its own rules."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

ORDER = (
    *("offered", "accepted", "en_route", "staged", "on_scene"),
    *("at_patient", "left_scene", "at_facility", "handed_over", "cleared"),
)
_RELEASED = frozenset({"cleared", "declined", "timed_out", "stood_down", "completed_without_transport"})
_NOBODY_THERE = frozenset({"not_found", "no_patient"})


@dataclass(frozen=True, slots=True)
class Moment:
    """When something happened: not before `lo`, not after `hi`."""

    lo: datetime
    hi: datetime

    @staticmethod
    def earliest(moments: Sequence[Moment]) -> Moment | None:
        """Return when the first of them was."""
        if not moments:
            return None
        return Moment(min(m.lo for m in moments), min(m.hi for m in moments))

    @staticmethod
    def latest(moments: Sequence[Moment]) -> Moment | None:
        """Return when the last of them was."""
        if not moments:
            return None
        return Moment(max(m.lo for m in moments), max(m.hi for m in moments))


@dataclass(slots=True)
class LegRecord:
    """One leg. `reached` is the furthest of its stamps, in the order of a run."""

    stamps: dict[str, Moment] = field(default_factory=dict)


@dataclass(slots=True)
class RunRecord:
    """One run."""

    id: str
    tracking: str
    state: str = "offered"
    stamps: dict[str, Moment] = field(default_factory=dict)
    legs: list[LegRecord] = field(default_factory=list)

    @property
    def open(self) -> bool:
        """Whether the unit is bound by it."""
        return self.state not in _RELEASED

    @property
    def reached(self) -> int:
        """How far along the order of a run it has come."""
        stamped = [*self.stamps, *(name for leg in self.legs for name in leg.stamps)]
        places = [ORDER.index(name) for name in stamped if name in ORDER and name != "cleared"]
        if self.state == "completed_without_transport":
            places.append(ORDER.index("on_scene"))
        elif self.state in ORDER:
            places.append(ORDER.index(self.state))
        return max(places, default=-1)


@dataclass(slots=True)
class CaseRecord:
    """One incident."""

    id: str
    called: Moment
    taken: Moment | None = None
    confirmed: Moment | None = None
    state: str = "reported"
    closing_code: str | None = None
    simulated: bool = False
    runs: dict[str, RunRecord] = field(default_factory=dict)

    @property
    def open(self) -> bool:
        """Whether it has not ended."""
        return self.state in ("reported", "confirmed")

    @property
    def counted(self) -> bool:
        """Whether it is in the intervals of cases."""
        return self.state not in ("cancelled", "merged")


@dataclass(frozen=True, slots=True)
class Value:
    """One measured interval in seconds: between `lo` and `hi`."""

    lo: float
    hi: float


@dataclass(slots=True)
class Tally:
    """What is known of one interval."""

    values: list[Value] = field(default_factory=list)
    missing: int = 0
    missing_app: int = 0
    missing_manual: int = 0
    pending: int = 0
    backwards: int = 0

    @property
    def n(self) -> int:
        """How many were measured."""
        return len(self.values)

    def percentile(self, share: float) -> Value | None:
        """Return between which bounds a percentile (0..1) lies; exact, by linear interpolation."""
        if not self.values:
            return None
        return Value(
            _percentile(sorted(v.lo for v in self.values), share),
            _percentile(sorted(v.hi for v in self.values), share),
        )


_Row = tuple[str, str | None, Moment | None, Moment | None, bool, bool]
"""Interval, tracking, start, finish, whether the subject has gone past the finish, whether it is open."""


def reckon(cases: Sequence[CaseRecord]) -> dict[str, Tally]:
    """Return every interval of the report over these cases."""
    tallies: dict[str, Tally] = {}
    for case in cases:
        rows = [*_of_runs(case)]
        if case.counted:
            rows += _of_case(case)
        for name, tracking, start, finish, passed, still_open in rows:
            _count(tallies.setdefault(name, Tally()), tracking, start, finish, passed, still_open)
    return tallies


def _count(
    tally: Tally,
    tracking: str | None,
    start: Moment | None,
    finish: Moment | None,
    passed: bool,
    still_open: bool,
) -> None:
    if start is not None and finish is not None:
        if finish.hi < start.lo:
            tally.backwards += 1
        else:
            least = max(0.0, (finish.lo - start.hi).total_seconds())
            tally.values.append(Value(least, (finish.hi - start.lo).total_seconds()))
    elif passed:
        tally.missing += 1
        tally.missing_app += tracking == "app"
        tally.missing_manual += tracking == "manual"
    elif still_open:
        tally.pending += 1


def _of_case(case: CaseRecord) -> Iterator[_Row]:
    runs = list(case.runs.values())
    first = runs[0].tracking if runs else None
    reached = max((run.reached for run in runs), default=-1)
    closed = case.state == "closed"

    def stamped(name: str) -> list[Moment]:
        return [run.stamps[name] for run in runs if name in run.stamps]

    served = [run for run in runs if run.state in ("cleared", "completed_without_transport")]
    finished = not case.open and not any(run.open for run in runs) and bool(served)
    back = Moment.latest(stamped("available")) if finished else None
    there = reached >= ORDER.index("at_patient") or (closed and case.closing_code not in _NOBODY_THERE)
    arrived = reached >= ORDER.index("on_scene") or closed
    called, taken, confirmed = case.called, case.taken, case.confirmed
    sent = Moment.earliest(stamped("assigned"))
    yield "answer", first, called, taken, True, case.open
    yield "confirm", first, taken, confirmed, case.state in ("confirmed", "closed"), case.open
    yield "assign", first, confirmed, sent, bool(runs) or closed, case.open
    yield "response", first, called, Moment.earliest(stamped("on_scene")), arrived, case.open
    yield "to_patient", first, called, Moment.earliest(stamped("at_patient")), there, case.open
    yield "total", first, called, back, finished, case.open


def _of_runs(case: CaseRecord) -> Iterator[_Row]:
    for run in case.runs.values():
        left = run.legs[0].stamps.get("left_scene") if run.legs else None
        stamps = run.stamps | ({"left_scene": left} if left is not None else {})
        for name, start, finish in (
            ("accept", "offered", "accepted"),
            ("turnout", "accepted", "en_route"),
            ("travel", "en_route", "on_scene"),
            ("scene", "on_scene", "left_scene"),
        ):
            passed = run.reached >= ORDER.index(finish)
            yield name, run.tracking, stamps.get(start), stamps.get(finish), passed, run.open
        for leg in run.legs:
            reached = max((ORDER.index(stamp) for stamp in leg.stamps), default=-1)
            for name, start, finish in (
                ("transport", "left_scene", "at_facility"),
                ("handover", "at_facility", "handed_over"),
            ):
                passed = reached >= ORDER.index(finish)
                yield name, run.tracking, leg.stamps.get(start), leg.stamps.get(finish), passed, run.open


def _percentile(values: Sequence[float], share: float) -> float:
    place = share * (len(values) - 1)
    low = math.floor(place)
    if low + 1 >= len(values):
        return values[-1]
    return values[low] + (place - low) * (values[low + 1] - values[low])
