"""The report against an independent count: random cases, figured once more in plain Python and numpy."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from report_scene import NORTH, NORTH_VILLAGE, SOUTH_VILLAGE, MadeDatabase, Scene, open_scene

from dispatch.domain.intervals import wilson
from dispatch.domain.triage import Triage
from dispatch.services.report_response_times import IntervalReport, report_response_times
from dispatch.storage.tables.base import Base

ORDER = (
    "offered",
    "accepted",
    "en_route",
    "staged",
    "on_scene",
    "at_patient",
    "left_scene",
    "at_facility",
    "handed_over",
    "cleared",
)
GONE = ["declined", "timed_out", "stood_down", "diverted"]
FIRST, LAST = date(2026, 11, 2), date(2026, 11, 4)
BEGINS = datetime(2026, 11, 1, 17, tzinfo=UTC)  # midnight of 2 November in Jakarta
ENDS = datetime(2026, 11, 4, 17, tzinfo=UTC)
NOW = datetime(2026, 11, 5, 3, tzinfo=UTC)
TARGETS = {"answer": 15.0, "confirm": 60.0, "accept": 60.0, "turnout": 60.0, "to_patient": 600.0}
TARGETS |= {"handover": 900.0}

Times = dict[str, datetime]


@dataclass
class LegPlan:
    state: str
    times: Times = field(default_factory=dict)


@dataclass
class RunPlan:
    tracking: str
    state: str
    created_at: datetime
    times: Times = field(default_factory=dict)
    legs: list[LegPlan] = field(default_factory=list)

    def went_past(self, step: str) -> bool:
        stamped = [n for times in (self.times, *(leg.times for leg in self.legs)) for n in times]
        been = [ORDER.index(n[:-3]) for n in stamped if n[:-3] in ORDER]
        if self.state in ORDER:
            been.append(ORDER.index(self.state))
        if self.state == "completed_without_transport":
            been.append(ORDER.index("on_scene"))
        return max(been, default=-1) >= ORDER.index(step)

    @property
    def open(self) -> bool:
        return self.state in ORDER[:-1]


@dataclass
class CasePlan:
    kind: str
    state: str
    closing_code: str | None
    triage: str | None
    village: str | None
    speed: float | None
    called: datetime
    reported: datetime
    times: Times
    runs: list[RunPlan] = field(default_factory=list)


class Dice:
    """Makes cases up: every stamp may be missing, and a few clocks lie."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def walk(self, start: datetime, names: Iterable[str], keep: float) -> Times:
        times: Times = {}
        at = start
        for name in names:
            at += timedelta(seconds=round(self.random.expovariate(1 / 200), 3))
            lie = timedelta(seconds=self.random.choice([0] * 12 + [-900]))
            if self.random.random() < keep:
                times[f"{name}_at"] = at + lie
        return times

    def case(self) -> CasePlan:
        r = self.random
        called = BEGINS + timedelta(seconds=r.uniform(-86_400, 4 * 86_400))
        if r.random() < 0.15:  # at the very borders
            called = r.choice([BEGINS, ENDS]) + timedelta(microseconds=r.choice([-1, 0, 1]))
        state = r.choice(["reported", "confirmed", *["closed"] * 6, "cancelled", "merged", "forwarded"])
        times = self.walk(called, ["taken", "confirmed"], 0.85)
        if r.random() < 0.97:
            times["called_at"] = called
        return CasePlan(
            kind=r.choice(["emergency"] * 9 + ["scheduled"]),
            state=state,
            closing_code=r.choice(["handed_over", "not_found", "no_patient"]) if state == "closed" else None,
            triage=r.choice(["red", "yellow", "green", "black", None]),
            village=r.choice([NORTH_VILLAGE, NORTH_VILLAGE, SOUTH_VILLAGE, None]),
            speed=r.choice([None, None, None, 20.0]),
            called=called,
            reported=called + timedelta(seconds=r.uniform(0, 120)),
            times=times,
            runs=[self.run(called, state) for _ in range(r.choice([0, 1, 1, 1, 2, 3]))],
        )

    def run(self, called: datetime, case_state: str) -> RunPlan:
        r = self.random
        ended = case_state in ("closed", "cancelled", "merged", "forwarded")
        states = ["cleared"] * 5 + ["completed_without_transport", *GONE]
        state = r.choice(states if ended else [*states, *ORDER[:-1]])
        reached = ORDER.index(state) if state in ORDER else r.randrange(len(ORDER) - 3)
        walked = [n for n in ORDER[: reached + 1] if n not in ("left_scene", "at_facility", "handed_over")]
        created = called + timedelta(seconds=r.uniform(0, 300))
        run = RunPlan(r.choice(["app", "manual"]), state, created)
        names = ["assigned", *[n for n in walked if n != "cleared"]]
        if state in ("cleared", "completed_without_transport"):
            names.append("available")
        run.times = self.walk(created, names, 0.85)
        if reached >= ORDER.index("left_scene"):
            self.legs(run, created, reached)
        return run

    def legs(self, run: RunPlan, created: datetime, reached: int) -> None:
        if self.random.random() < 0.25:
            stopped = self.walk(created + timedelta(hours=1), ["left_scene", "at_facility"], 0.8)
            run.legs.append(LegPlan("diverted", stopped))
        last = min(reached, ORDER.index("handed_over"))
        names = ORDER[ORDER.index("left_scene") : last + 1]
        state = {"left_scene": "transporting"}.get(ORDER[last], ORDER[last])
        run.legs.append(LegPlan(state, self.walk(created + timedelta(hours=2), names, 0.8)))


# --- the independent count -----------------------------------------------------------------------


@dataclass
class Count:
    values: list[float] = field(default_factory=list)
    missing: dict[str, int] = field(default_factory=lambda: {"app": 0, "manual": 0, "none": 0})
    waits: list[float] = field(default_factory=list)
    implausible: int = 0
    ahead: int = 0

    def judge(
        self, start: datetime | None, end: datetime | None, past: bool, still_open: bool, tracking: str
    ) -> None:
        if start is not None and end is not None:
            seconds = (end - start).total_seconds()
            if seconds >= 0:
                self.values.append(seconds)
            else:
                self.implausible += 1
        elif past:
            self.missing[tracking] += 1
        elif still_open:
            self.waits.append((NOW - start).total_seconds() if start else 0.0)


def earliest(runs: list[RunPlan], name: str) -> datetime | None:
    return min((r.times[name] for r in runs if name in r.times), default=None)


def count_case(counts: dict[str, Count], case: CasePlan) -> None:
    runs = case.runs
    still_open = case.state in ("reported", "confirmed")
    closed = case.state == "closed"
    first = min(runs, key=lambda r: r.created_at).tracking if runs else "none"
    called, taken, confirmed = (case.times.get(f"{n}_at") for n in ("called", "taken", "confirmed"))

    def judge(name: str, start: datetime | None, end: datetime | None, past: bool) -> None:
        counts[name].judge(start, end, past, still_open, first)

    judge("answer", called, taken, True)
    judge("confirm", taken, confirmed, case.state in ("confirmed", "closed"))
    judge("assign", confirmed, earliest(runs, "assigned_at"), bool(runs) or closed)
    past = closed or any(r.went_past("on_scene") for r in runs)
    judge("response", called, earliest(runs, "on_scene_at"), past)
    somebody = case.closing_code not in ("not_found", "no_patient")
    past = (closed and somebody) or any(r.went_past("at_patient") for r in runs)
    judge("to_patient", called, earliest(runs, "at_patient_at"), past)
    served = [r for r in runs if r.state in ("cleared", "completed_without_transport")]
    finished = not still_open and bool(served) and not any(r.open for r in runs)
    back = [r.times.get("available_at") for r in served]
    known = [b for b in back if b is not None]
    last = max(known) if finished and len(known) == len(back) else None
    judge("total", called, last, finished)


def count_run(counts: dict[str, Count], run: RunPlan) -> None:
    def judge(name: str, start: str, end: str) -> None:
        there = run.legs[0].times.get("left_scene_at") if run.legs else None
        ends = there if end == "left_scene" else run.times.get(f"{end}_at")
        counts[name].judge(run.times.get(f"{start}_at"), ends, run.went_past(end), run.open, run.tracking)

    judge("accept", "offered", "accepted")
    judge("turnout", "accepted", "en_route")
    judge("travel", "en_route", "on_scene")
    judge("scene", "on_scene", "left_scene")
    for leg in run.legs:
        for name, start, end in (
            ("transport", "left_scene", "at_facility"),
            ("handover", "at_facility", "handed_over"),
        ):
            stamped = max((ORDER.index(n[:-3]) for n in leg.times), default=-1)
            state = {"transporting": "left_scene", "diverted": None}.get(leg.state, leg.state)
            been = max(stamped, ORDER.index(state) if state else -1)
            counts[name].judge(
                leg.times.get(f"{start}_at"),
                leg.times.get(f"{end}_at"),
                been >= ORDER.index(end),
                run.open,
                run.tracking,
            )


NAMES = (
    "answer",
    "confirm",
    "assign",
    "accept",
    "turnout",
    "travel",
    "response",
    "to_patient",
    "scene",
    "transport",
    "handover",
    "total",
)


def counted(cases: Iterable[CasePlan]) -> dict[str, Count]:
    counts = {name: Count() for name in NAMES}
    for case in cases:
        if case.state not in ("cancelled", "merged"):
            count_case(counts, case)
        for run in case.runs:
            count_run(counts, run)
    # a unit sent before the verdict is no lying clock
    counts["assign"].ahead, counts["assign"].implausible = counts["assign"].implausible, 0
    return counts


def same(found: IntervalReport, count: Count) -> None:
    values = count.values
    assert found.n == len(values)
    assert (found.missing_app, found.missing_manual) == (count.missing["app"], count.missing["manual"])
    assert found.missing_no_unit == count.missing["none"]
    assert found.missing == sum(count.missing.values())
    assert found.implausible == count.implausible
    assert found.ahead == count.ahead
    assert found.pending == len(count.waits)
    assert found.small == (len(values) < 100)
    if values:
        assert found.mean_s == pytest.approx(np.mean(values))
        assert found.p50_s == pytest.approx(np.percentile(values, 50, method="linear"))
        assert found.p90_s == pytest.approx(np.percentile(values, 90, method="linear"))
    else:
        assert (found.mean_s, found.p50_s, found.p90_s) == (None, None, None)
    target = TARGETS.get(found.name)
    assert found.target_s == target
    if target is None:
        assert found.share_within_of_measured is None
        return
    within = sum(v <= target for v in values)
    overdue = sum(w > target for w in count.waits)
    assert (found.within, found.overdue) == (within, overdue)
    for share, n in (
        (found.share_within_of_measured, len(values)),
        (found.share_within_of_all, len(values) + found.missing + overdue),
    ):
        if n == 0:
            assert share is None
            continue
        assert share is not None
        assert share.value == pytest.approx(within / n)
        assert (share.low, share.high) == pytest.approx(wilson(within, n))


# --- the same cases in the tables ----------------------------------------------------------------


async def put(scene: Scene, cases: list[CasePlan]) -> None:
    root = scene.incident(BEGINS - timedelta(days=30), kind="standby")
    incidents, units, runs, legs, stamps = [], [], [], [], []
    for n, case in enumerate(cases):
        incident = scene.incident(
            case.reported,
            kind=case.kind,
            state=case.state,
            closing_code=case.closing_code,
            triage=case.triage,
            village_code=case.village,
            speed_factor=case.speed,
            merged_into=root.id if case.state == "merged" else None,
        )
        incidents.append(incident)
        stamps += [scene.stamp(name, at, incident) for name, at in case.times.items()]
        for k, plan in enumerate(case.runs):
            unit = scene.unit(f"U-{n:04d}-{k}", plan.tracking)
            run = scene.assignment(incident, unit, plan.state, created_at=plan.created_at)
            units.append(unit)
            runs.append(run)
            stamps += [scene.stamp(name, at, incident, run) for name, at in plan.times.items()]
            for place, way in enumerate(plan.legs, start=1):
                leg = scene.leg(run, way.state, position=place)
                legs.append(leg)
                stamps += [scene.stamp(name, at, incident, run, leg) for name, at in way.times.items()]
    groups: tuple[list[Base], ...] = ([root], [*incidents], [*units], [*runs], [*legs], [*stamps])
    await scene.put(*groups)
    scene.now = NOW


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_every_figure_agrees_with_the_independent_count(
    module_database: MadeDatabase, tmp_path: Path, seed: int
) -> None:
    dice = Dice(seed)
    cases = [dice.case() for _ in range(300)]
    async with open_scene(module_database, tmp_path, code=f"99.{seed:02d}") as scene:
        await put(scene, cases)
        for district, village in ((None, None), (NORTH, NORTH_VILLAGE)):
            for triage in (None, Triage.RED):
                report = await report_response_times(scene.centre, scene.entry, FIRST, LAST, district, triage)
                mine = [
                    c
                    for c in cases
                    if c.kind == "emergency"
                    and BEGINS <= (c.called if "called_at" in c.times else c.reported) < ENDS
                    and (village is None or c.village == village)
                    and (triage is None or c.triage == triage)
                ]
                assert len(mine) > 5
                counts = counted(mine)
                assert [i.name for i in report.intervals] == list(NAMES)
                for interval in report.intervals:
                    same(interval, counts[interval.name])
                head = report.incidents
                assert head.total == len(mine)
                assert head.counted == sum(c.state not in ("cancelled", "merged") for c in mine)
                assert head.simulated == sum(c.speed is not None for c in mine)
                assert head.without_village == sum(c.village is None for c in mine)
                assert head.open == sum(c.state in ("reported", "confirmed") for c in mine)
