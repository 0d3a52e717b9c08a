"""The report on response times: every interval of a period, and how much of it is missing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select

from dispatch.domain.call import CallState, Disposal
from dispatch.domain.errors import FieldProblem, InvalidInput
from dispatch.domain.intervals import INTERVALS, RANKABLE_FROM, Interval, Level, wilson
from dispatch.domain.stamps import Stamp
from dispatch.domain.triage import Triage
from dispatch.services.centre import Centre
from dispatch.services.tenants import TenantEntry
from dispatch.storage.queries.judged_intervals import Choice
from dispatch.storage.queries.response_times import Figure, IncidentCounts, calls_by_end, response_times
from dispatch.storage.tables.regency import District
from dispatch.storage.transaction import Transaction

# settings name these targets by what is to be done, not by the interval
_SETTING = {"answer": "taken", "confirm": "verdict", "accept": "offer_accepted"}
_FIRST_DAY, _LAST_DAY = date(2000, 1, 1), date(2199, 12, 31)


@dataclass(frozen=True, slots=True)
class Share:
    """A share (0..1) with its Wilson 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class IntervalReport:
    """One interval. Seconds; percentiles are exact, over the raw values of the whole period.

    `missing` = `missing_app` + `missing_manual` + `missing_no_unit`, by the tracking of the run's unit, for
    incidents of the first unit sent. `pending` cases are still on their way to the end; `overdue` of them are
    past the target already. `implausible` (end before start) and `ahead` (a unit sent before the verdict)
    are in no figure. `paper_*` are those measured ones with a time kept on paper, known to the minute; they
    are in all other figures, too: the night that was worked from paper counts. `share_within_of_all` counts
    missing and overdue ones as late. `small`: too few to compare this place with another.
    """

    name: str
    level: Level
    start: Stamp
    end: Stamp
    n: int
    missing: int
    missing_app: int
    missing_manual: int
    missing_no_unit: int
    pending: int
    overdue: int
    implausible: int
    ahead: int
    mean_s: float | None
    p50_s: float | None
    p90_s: float | None
    paper_n: int
    paper_p50_s: float | None
    paper_p90_s: float | None
    paper_within: int | None
    target_s: float | None
    target_share: float | None
    within: int | None
    share_within_of_measured: Share | None
    share_within_of_all: Share | None
    small: bool


@dataclass(frozen=True, slots=True)
class CallCounts:
    """All calls received in the period, also those that never became an incident."""

    total: int
    linked: int
    waiting: int
    disposed: dict[Disposal, int]


@dataclass(frozen=True, slots=True)
class ResponseTimes:
    """The report. Days are local days of `timezone`, both included; `begins` and `ends` bound them in UTC.

    `incidents.simulated` were played faster than life: figures with any of them are no figures of service.
    `calls` is None when one colour is asked for: a call that was never judged has none.
    """

    regency: str
    regency_name: str
    training: bool
    timezone: str
    from_day: date
    to_day: date
    begins: datetime
    ends: datetime
    district_code: str | None
    district_name: str | None
    triage: Triage | None
    made_at: datetime
    incidents: IncidentCounts
    intervals: list[IntervalReport]
    calls: CallCounts | None


async def report_response_times(
    centre: Centre,
    entry: TenantEntry,
    from_day: date,
    to_day: date,
    district_code: str | None = None,
    triage: Triage | None = None,
) -> ResponseTimes:
    """Report the emergencies whose first contact lies within the local days, by district and colour or all.

    Raises:
        InvalidInput: the days are in the wrong order or out of range, or there is no such district.
    """
    begins, ends = bounds_of(from_day, to_day, entry.tenant.zone)
    targets = {i.name: target(entry.settings, i) for i in INTERVALS}
    choice = Choice(begins, ends, district_code, triage.value if triage else None)
    async with centre.read(entry.tenant) as tx:
        district_name = await district_named(tx, district_code) if district_code is not None else None
        incidents, figures = await response_times(tx.session, entry.tenant.id, choice, targets, tx.now)
        ended = await calls_by_end(tx.session, entry.tenant.id, choice) if triage is None else None
        made_at = tx.now
    return ResponseTimes(
        regency=entry.tenant.slug,
        regency_name=entry.tenant.name,
        training=entry.tenant.training,
        timezone=entry.tenant.timezone,
        from_day=from_day,
        to_day=to_day,
        begins=begins,
        ends=ends,
        district_code=district_code,
        district_name=district_name,
        triage=triage,
        made_at=made_at,
        incidents=incidents,
        intervals=[_interval(i, figures[i.name], targets[i.name], entry.settings) for i in INTERVALS],
        calls=_calls(ended) if ended is not None else None,
    )


def target(settings: Mapping[str, Any], interval: Interval) -> float | None:
    """Return the seconds the tenant aims at, else the interval's own default."""
    return _setting(settings, interval, "s", interval.target_s)


def _setting(
    settings: Mapping[str, Any], interval: Interval, unit: str, default: float | None
) -> float | None:
    value = settings.get("targets", {}).get(f"{_SETTING.get(interval.name, interval.name)}_{unit}")
    return default if value is None else float(value)


def bounds_of(from_day: date, to_day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Return the moments between which the local days lie, in UTC, the second one no longer included.

    Raises:
        InvalidInput: the days are in the wrong order or out of range.
    """
    for name, day in (("from_day", from_day), ("to_day", to_day)):
        if not _FIRST_DAY <= day <= _LAST_DAY:
            raise InvalidInput(
                FieldProblem(
                    name,
                    f"Tanggal {day} di luar {_FIRST_DAY}..{_LAST_DAY}",
                    f"Day {day} is outside {_FIRST_DAY}..{_LAST_DAY}",
                )
            )
    if to_day < from_day:
        raise InvalidInput(
            FieldProblem(
                "to_day",
                f"Tanggal akhir {to_day} mendahului tanggal awal {from_day}",
                f"The last day {to_day} is before the first day {from_day}",
            )
        )
    begins = datetime.combine(from_day, time.min, zone)
    ends = datetime.combine(to_day + timedelta(days=1), time.min, zone)
    return begins.astimezone(UTC), ends.astimezone(UTC)


async def district_named(tx: Transaction, code: str) -> str:
    """Return a district's name.

    Raises:
        InvalidInput: the regency has none with this code.
    """
    name = (
        await tx.session.execute(
            select(District.name).where(District.regency_id == tx.tenant.id, District.code == code)
        )
    ).scalar_one_or_none()
    if name is None:
        raise InvalidInput(
            FieldProblem(
                "district_code",
                f"Tidak ada kecamatan dengan kode '{code}' di {tx.tenant.name}",
                f"There is no district with code '{code}' in {tx.tenant.name}",
            )
        )
    return name


def _interval(
    interval: Interval, figure: Figure, target_s: float | None, settings: Mapping[str, Any]
) -> IntervalReport:
    aimed = target_s is not None
    of_all = figure.n + figure.missing + figure.overdue
    return IntervalReport(
        name=interval.name,
        level=interval.level,
        start=interval.start,
        end=interval.end,
        n=figure.n,
        missing=figure.missing,
        missing_app=figure.missing_app,
        missing_manual=figure.missing_manual,
        missing_no_unit=figure.missing - figure.missing_app - figure.missing_manual,
        pending=figure.pending,
        overdue=figure.overdue,
        implausible=figure.implausible,
        ahead=figure.ahead,
        mean_s=figure.mean_s,
        p50_s=figure.p50_s,
        p90_s=figure.p90_s,
        paper_n=figure.paper_n,
        paper_p50_s=figure.paper_p50_s,
        paper_p90_s=figure.paper_p90_s,
        paper_within=figure.paper_within if aimed else None,
        target_s=target_s,
        target_share=_setting(settings, interval, "share", None),
        within=figure.within if aimed else None,
        share_within_of_measured=_share(figure.within, figure.n) if aimed else None,
        share_within_of_all=_share(figure.within, of_all) if aimed else None,
        small=figure.n < RANKABLE_FROM,
    )


def _share(within: int, n: int) -> Share | None:
    bounds = wilson(within, n)
    return Share(within / n, *bounds) if bounds else None


def _calls(ended: dict[str, int]) -> CallCounts:
    return CallCounts(
        total=sum(ended.values()),
        linked=ended.get(CallState.LINKED, 0),
        waiting=ended.get(CallState.RINGING, 0) + ended.get(CallState.TAKEN, 0),
        disposed={d: ended.get(d, 0) for d in Disposal},
    )
