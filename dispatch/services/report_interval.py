"""One interval of the report in detail: its trend by day or week, and the spread of its measured values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from dispatch.domain.errors import FieldProblem, InvalidInput
from dispatch.domain.intervals import INTERVALS, RANKABLE_FROM, Interval
from dispatch.domain.triage import Triage
from dispatch.services.centre import Centre
from dispatch.services.report_response_times import bounds_of, district_named, target
from dispatch.services.tenants import TenantEntry
from dispatch.storage.queries.interval_course import StepFigure, interval_spread, interval_trend
from dispatch.storage.queries.judged_intervals import Choice

MOST_POINTS = 750
_MOST_BINS = 30
_WIDTHS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600)


class Step(StrEnum):
    """What one point of a trend stands for. Weeks begin on Monday."""

    DAY = "day"
    WEEK = "week"


@dataclass(frozen=True, slots=True)
class TrendPoint:
    """The interval in one day or week. Percentiles are exact over its raw values, None without one.

    `from_day` and `to_day` are the days of the period that lie in the step. `simulated` of the `n` measured
    values stem from cases played faster than life.
    """

    from_day: date
    to_day: date
    n: int
    missing: int
    missing_app: int
    missing_manual: int
    pending: int
    overdue: int
    within: int | None
    simulated: int
    p50_s: float | None
    p90_s: float | None
    small: bool


@dataclass(frozen=True, slots=True)
class Bin:
    """How many measured values lie in [from_s, to_s); the last bin of all is open (`to_s` is None)."""

    from_s: int
    to_s: int | None
    n: int


@dataclass(frozen=True, slots=True)
class IntervalCourse:
    """The course of one interval over the period: every step has a point, also one without a case."""

    interval: str
    timezone: str
    from_day: date
    to_day: date
    district_code: str | None
    triage: Triage | None
    made_at: datetime
    target_s: float | None
    step: Step
    points: list[TrendPoint]
    bins: list[Bin]


async def report_interval(
    centre: Centre,
    entry: TenantEntry,
    name: str,
    from_day: date,
    to_day: date,
    step: Step = Step.DAY,
    district_code: str | None = None,
    triage: Triage | None = None,
) -> IntervalCourse:
    """Report one interval of the cases that `report_response_times` counts, by the same definitions.

    Raises:
        InvalidInput: no such interval or district, days in the wrong order, or more steps than `MOST_POINTS`.
    """
    interval = _interval(name)
    begins, ends = bounds_of(from_day, to_day, entry.tenant.zone)
    steps = list(_steps(from_day, to_day, step))
    target_s = target(entry.settings, interval)
    choice = Choice(begins, ends, district_code, triage.value if triage else None)
    tenant = entry.tenant
    async with centre.snapshot(tenant) as tx:
        if district_code is not None:
            await district_named(tx, district_code)
        figures = await interval_trend(
            tx.session, tenant.id, choice, name, target_s, step.value, tenant.timezone, tx.now
        )
        seconds = await interval_spread(tx.session, tenant.id, choice, name, tx.now)
        made_at = tx.now
    found = {figure.day: figure for figure in figures}
    return IntervalCourse(
        interval=name,
        timezone=tenant.timezone,
        from_day=from_day,
        to_day=to_day,
        district_code=district_code,
        triage=triage,
        made_at=made_at,
        target_s=target_s,
        step=step,
        points=[_point(first, from_day, to_day, step, found, target_s) for first in steps],
        bins=bins_of(seconds, target_s),
    )


def _interval(name: str) -> Interval:
    for interval in INTERVALS:
        if interval.name == name:
            return interval
    names = ", ".join(i.name for i in INTERVALS)
    raise InvalidInput(
        FieldProblem(
            "interval",
            f"Tidak ada selang '{name}'; pilihan: {names}",
            f"There is no interval '{name}'; known are: {names}",
        )
    )


def _steps(from_day: date, to_day: date, step: Step) -> Iterator[date]:
    """Return the first day of every step that the period touches; a week's may lie before the period."""
    first = from_day - timedelta(days=from_day.weekday()) if step is Step.WEEK else from_day
    length = 7 if step is Step.WEEK else 1
    count = max(0, (to_day - first).days // length + 1)
    if count > MOST_POINTS:
        raise InvalidInput(
            FieldProblem(
                "step",
                f"{count} titik terlalu banyak (paling banyak {MOST_POINTS}): pilih per minggu",
                f"{count} points are too many (at most {MOST_POINTS}): choose weeks",
            )
        )
    return (first + timedelta(days=length * number) for number in range(count))


def _point(
    first: date,
    from_day: date,
    to_day: date,
    step: Step,
    found: Mapping[date, StepFigure],
    target_s: float | None,
) -> TrendPoint:
    figure = found.get(first, StepFigure(first))
    last = first + timedelta(days=6 if step is Step.WEEK else 0)
    return TrendPoint(
        from_day=max(first, from_day),
        to_day=min(last, to_day),
        n=figure.n,
        missing=figure.missing,
        missing_app=figure.missing_app,
        missing_manual=figure.missing_manual,
        pending=figure.pending,
        overdue=figure.overdue,
        within=None if target_s is None else figure.within,
        simulated=figure.simulated,
        p50_s=figure.p50_s,
        p90_s=figure.p90_s,
        small=figure.n < RANKABLE_FROM,
    )


def bins_of(seconds: Sequence[tuple[int, int]], target_s: float | None) -> list[Bin]:
    """Gather (whole second, count) pairs, ascending, into bins of a round width that all together hold all.

    The bins reach beyond the target and over 98 % of the values; what lies further is in the open last one.
    """
    total = sum(n for _, n in seconds)
    if total == 0:
        return []
    reach, passed = 1, 0
    for second, n in seconds:
        passed += n
        reach = second + 1
        if passed >= 0.98 * total:
            break
    reach = max(reach, round(1.2 * target_s) if target_s is not None else 1)
    width = next((w for w in _WIDTHS_S if w * _MOST_BINS >= reach), _WIDTHS_S[-1])
    count = min(_MOST_BINS, -(-reach // width))
    counts = [0] * (count + 1)
    for second, n in seconds:
        counts[min(second // width, count)] += n
    ends = [width * (place + 1) for place in range(count)]
    bins = [Bin(end - width, end, n) for end, n in zip(ends, counts[:-1], strict=True)]
    return [*bins, Bin(ends[-1], None, counts[-1])]
