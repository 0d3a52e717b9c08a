"""`dispatch rehearsal check`: the system's report on response times against the rehearsal's own log."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from rehearsal import desks, shapes
from rehearsal.client import OfficeClient, OperatorClient
from rehearsal.facts import Fact, fact_of_act, fact_of_event, keys_of_act, keys_of_event, sure_keys
from rehearsal.findings import Mismatch
from rehearsal.ledger import Ledger
from rehearsal.logbook import Line, read_lines
from rehearsal.reckoning import Tally, Value, reckon

TOLERANCE_S = 0.25
_PAGE = 500
_TRIES = 8
_AGAIN_AFTER_S = 1.5
_BEFORE = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Finding:
    """One comparison: what, by the rehearsal, by the system, and whether they agree."""

    what: str
    own: str
    system: str
    agrees: bool


@dataclass(frozen=True, slots=True)
class Audit:
    """A whole comparison. `own_acts` and `others` are the facts it rests on."""

    from_day: date
    to_day: date
    cases: int
    own_acts: int
    others: int
    findings: list[Finding]

    @property
    def agrees(self) -> bool:
        """Whether everything does, and there was something to compare."""
        return bool(self.findings) and all(finding.agrees for finding in self.findings)


async def audit(
    folder: Path,
    operator: OperatorClient,
    office: OfficeClient,
    zone: ZoneInfo,
    days: tuple[date, date],
    tolerance_s: float = TOLERANCE_S,
) -> Audit:
    """Compare the report of some local days with the own log, completed by what others did.

    While the rehearsal plays on, it is asked again until nothing was under way when the report was made.

    Raises:
        Mismatch: there was always something under way.
    """
    begins = datetime.combine(days[0], time.min, zone).astimezone(UTC)
    ends = datetime.combine(days[1] + timedelta(days=1), time.min, zone).astimezone(UTC)
    for _ in range(_TRIES):
        report = await office.report(*days)
        events = await _events_since(operator, begins - _BEFORE)
        lines = list(read_lines(folder, begins))
        sorted_out = _sort_out(lines, events, report.made_at)
        if sorted_out is None:
            await asyncio.sleep(_AGAIN_AFTER_S)
            continue
        ledger = Ledger()
        ledger.enter_all([*sorted_out.own, *sorted_out.others])
        ledger.cases = {k: c for k, c in ledger.cases.items() if begins <= c.called.lo < ends}
        ledger.calls = {k: c for k, c in ledger.calls.items() if begins <= c.called.lo < ends}
        findings = [*_compare(ledger, report, tolerance_s), *_faithful(sorted_out)]
        return Audit(*days, len(ledger.cases), len(sorted_out.own), len(sorted_out.others), findings)
    raise Mismatch("a moment without anything under way", "one", f"none of {_TRIES}")


@dataclass(frozen=True, slots=True)
class _SortedOut:
    """Own facts, others' facts, own ones that the system does not know, and its own ones that we do not."""

    own: list[Fact]
    others: list[Fact]
    unknown_there: list[str]
    unknown_here: list[str]


def _sort_out(lines: list[Line], events: list[shapes.Event], made_at: datetime) -> _SortedOut | None:
    """Put own acts and events side by side, as of the report; None when an act was under way then."""
    own = [fact for line in lines if (fact := fact_of_act(line)) is not None]
    unsure = {key for line in lines if line.get("t") == "unanswered" for key in keys_of_act(line)}
    actors = {str(line["by"]) for line in lines if "by" in line}
    if any(fact.when.lo <= made_at < (fact.known or fact.when.hi) for fact in own):
        return None
    own = [fact for fact in own if fact.when.lo <= made_at]
    told = {key for fact in own for key in keys_of_act({"what": fact.what, **fact.about})}
    others, happened, unknown_here = [], set(), []
    for event in events:
        fact = fact_of_event(event)
        if fact is None or event.recorded_at > made_at:
            continue
        keys = keys_of_event(event, fact)
        happened |= keys
        if event.actor in actors:
            if keys & told:
                continue
            if not keys & unsure:
                unknown_here.append(f"{event.seq} {event.kind}")
        others.append(fact)
    since = events[0].recorded_at if events else made_at
    unknown_there = [
        f"{fact.what} {fact.when.lo:%H:%M:%S}"
        for fact in own
        if fact.when.lo > since and (keys := sure_keys(fact)) and not keys <= happened
    ]
    return _SortedOut(own, others, unknown_there, unknown_here)


async def _events_since(operator: OperatorClient, since: datetime) -> list[shapes.Event]:
    """Return the log from a moment on; where it begins is found by halving."""
    low, high = 0, 1
    while page := await operator.events(high, 1):
        if page[0].recorded_at >= since:
            break
        low, high = high, high * 2
    while low + 1 < high:
        middle = (low + high) // 2
        page = await operator.events(middle, 1)
        if page and page[0].recorded_at < since:
            low = middle
        else:
            high = middle
    found: list[shapes.Event] = []
    after = low
    while page := await operator.events(after, _PAGE):
        found += page
        after = page[-1].seq
    return [event for event in found if event.recorded_at >= since]


def _compare(ledger: Ledger, report: desks.Report, tolerance_s: float) -> Iterator[Finding]:
    cases = list(ledger.cases.values())
    yield _same("cases / kejadian", len(cases), report.incidents.total)
    yield _same("cancelled / batal", sum(c.state == "cancelled" for c in cases), report.incidents.cancelled)
    yield _same("open / terbuka", sum(c.open for c in cases), report.incidents.open)
    yield _same("simulated / simulasi", sum(c.simulated for c in cases), report.incidents.simulated)
    if report.calls is not None:
        counts = ledger.call_counts()
        yield _same("calls / panggilan", len(ledger.calls), report.calls.total)
        yield _same("calls linked", counts["linked"], report.calls.linked)
        for disposal, n in report.calls.disposed.items():
            yield _same(f"calls {disposal}", counts[disposal], n)
    tallies = reckon(cases)
    for interval in report.intervals:
        own = tallies.get(interval.name, Tally())
        figures = (own.n, own.missing, own.missing_app, own.missing_manual, own.pending, own.backwards)
        theirs = (
            *(interval.n, interval.missing, interval.missing_app, interval.missing_manual),
            *(interval.pending, interval.implausible + interval.ahead),
        )
        what = f"{interval.name} n, missing (app, manual), pending, backwards"
        yield Finding(what, str(figures), str(theirs), figures == theirs)
        for name, share, system in (("P50", 0.5, interval.p50_s), ("P90", 0.9, interval.p90_s)):
            value = own.percentile(share)
            agrees = _within(value, system, tolerance_s)
            yield Finding(f"{interval.name} {name}", _words(value), _words_of(system), agrees)


def _faithful(found: _SortedOut) -> Iterator[Finding]:
    """Whether each own act is in the system's log, and each event of ours is in the own one."""
    yield Finding(
        "own acts the system does not know",
        "; ".join(found.unknown_there) or "-",
        "-",
        not found.unknown_there,
    )
    yield Finding(
        "own events the log does not know", "-", "; ".join(found.unknown_here) or "-", not found.unknown_here
    )


def _same(what: str, own: int, system: int) -> Finding:
    return Finding(what, str(own), str(system), own == system)


def _within(value: Value | None, system: float | None, tolerance_s: float) -> bool:
    if value is None or system is None:
        return value is None and system is None
    return value.lo - tolerance_s <= system <= value.hi + tolerance_s


def _words(value: Value | None) -> str:
    return "-" if value is None else f"{value.lo:.3f}..{value.hi:.3f} s"


def _words_of(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds:.3f} s"
