"""What the model checker explores, on the real services and database: after every step they agree."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from case_scene import Case, S
from proof_faults import dying
from proof_stage import Stage

from dispatch.domain.deadlines import TimerKind
from dispatch.domain.events import EventKind
from dispatch.domain.unit import unit_status
from dispatch.services.unit_state import list_units
from dispatch.storage.rebuild import current, differences, rebuild
from dispatch.storage.verify_log import verify_log
from proof.case import CRASH, DUPLICATE, NOTHING, RETRY, Surroundings, Work, units_in
from proof.case import Case as Model
from proof.explore import Exploration, Size
from proof.moves import Label, Tried, tries
from proof.report import trace
from proof.rules import Rules
from proof.timers import wanted

SEED = 20_261_121
WALKS, STEPS = 24, 22
OUT, BACK = "out of service", "back in service"
ENDINGS = ("cancel", "close", "dispose", "outcome")
Move = tuple[int, Label]


class Replay:
    """Plays traces, a fault thrown in now and then, and compares the tables with the model."""

    def __init__(self, stage: Stage, rules: Rules, size: Size, seed: int) -> None:
        self.stage, self.rules, self.size = stage, rules, size
        self.chance = random.Random(seed)
        self.played: Counter[str] = Counter()
        self.kinds: set[tuple[str, str, str]] = set()
        self.models: list[Model] = []
        self.story: list[Move] = []
        self.unready = 0

    async def trace(self, moves: list[Move]) -> None:
        """Play one trace from the beginning; it ends where the real ranking goes another way."""
        self._begin()
        for incident, label in moves:
            if incident < 0:
                await self._readiness(label)
                continue
            found = next(
                (t for t in self._tries(incident) if t.label == label and t.after != t.work.before), None
            )
            if found is None or not self._playable(incident, found):
                break
            await self._one(incident, found)
        await self.stage.leave()

    async def walk(self, steps: int) -> None:
        """Go anywhere, rather where it has not been."""
        self._begin()
        for _ in range(steps):
            if self.size.readiness and self.chance.random() < 0.2:
                unit = self.chance.randrange(self.size.units)
                await self._readiness(Label(BACK if self.unready >> unit & 1 else OUT, unit))
                continue
            options = [
                (n, t)
                for n in range(self.size.incidents)
                for t in self._tries(n)
                if t.after != t.work.before and self._playable(n, t)
            ]
            if not options:
                break  # everything has come to its end
            fresh = [o for o in options if _kind(o[1].label) not in self.kinds]
            rare = [o for o in fresh if o[1].label.what.startswith("widen")]
            forward = [o for o in options if o[1].label.what not in ENDINGS]
            await self._one(*self.chance.choice(rare or fresh or forward or options))
        await self.stage.leave()

    def _begin(self) -> None:
        self.stage.begin(self.size.incidents)
        self.models = [NOTHING] * self.size.incidents
        self.story = []
        self.unready = 0

    async def _readiness(self, label: Label) -> None:
        """A unit breaks down or comes back, whatever it is doing."""
        head = await self.stage.case.head()
        self.story.append((-1, label))
        assert await self.stage.play(-1, label) == "done", self._way()
        told = Counter(await self.stage.case.kinds(head))
        del told[EventKind.UNIT_FOUND_FOR_WAITING.value]
        assert sum(told.values()) == 1, self._way()
        self.unready ^= 1 << label.unit
        self._count(label)
        for incident in range(self.size.incidents):
            await self._compare(incident)

    def _tries(self, incident: int) -> list[Tried]:
        busy = 0
        for n, model in enumerate(self.models):
            busy |= units_in(model) if n != incident else 0
        return list(
            tries(self.rules, self.models[incident], Surroundings(busy, self.unready), self.size.units)
        )

    def _playable(self, incident: int, tried: Tried) -> bool:
        """The model lets a search rank at any moment and claim in any order, and steps come again that it
        does not know to have been told; the service does what it does.
        """
        model, label = self.models[incident], tried.label
        if label.what == "widen: rank":
            return wanted(Work.on(model, Surroundings()))
        if label.what == "widen: claim" and model.search is not None:
            return label.unit == (model.search.left & -model.search.left).bit_length() - 1
        if label.what == "widen: claim" and TimerKind.WIDEN in model.timers:
            return wanted(Work.on(model, Surroundings()))  # else it never ranked what it would claim
        if label.detail == TimerKind.WIDEN and not label.fault:
            return not wanted(Work.on(model, Surroundings()))  # else it goes on to rank
        told = label.what.endswith("step") and label.fault in (RETRY, DUPLICATE)
        if told and not self.stage.was_told(incident, label.unit, S(label.detail)):
            return False
        # which of its ends a run has come to is not kept: told of that one again it answers as before
        if label.what == "ended: stand down":
            return self.stage.ended_as(incident, label.unit) is not S.STOOD_DOWN
        if label.what == "ended: step" and not told:
            return self.stage.ended_as(incident, label.unit) is not S(label.detail)
        return True

    async def _one(self, incident: int, tried: Tried) -> None:
        label = tried.label
        if not label.what.startswith("widen") and self.chance.random() < 0.3:
            await self._crash(incident, label)
        head = await self.stage.case.head()
        self.story.append((incident, label))
        assert await self.stage.play(incident, label) == "done", self._way()
        self._count(label)
        self.models[incident] = tried.after
        await self._compare(incident)
        await self._told(head, tried)
        for again in self._harmless(incident):
            await self._harmlessly(incident, again)

    async def _crash(self, incident: int, label: Label) -> None:
        """The process dies in the middle, early or at the last moment: nothing of it is there."""
        head = await self.stage.case.head()
        last = self.chance.random() < 0.5
        result = await self.stage.play(
            incident, label, centre=dying(self.stage.case.centre, last_moment=last)
        )
        assert result == "died", f"{label}: {result}\n{self._way()}"
        assert await self.stage.case.head() == head
        await self._compare(incident)
        self.played[CRASH] += 1

    def _harmless(self, incident: int) -> list[Tried]:
        """One of what may be delivered here and leaves the state as it is, rather one that was not yet."""
        idle = [t for t in self._tries(incident) if t.after == t.work.before and self._playable(incident, t)]
        fresh = [t for t in idle if _kind(t.label) not in self.kinds]
        return [self.chance.choice(fresh or idle)]

    async def _harmlessly(self, incident: int, tried: Tried) -> None:
        head = await self.stage.case.head()
        self.story.append((incident, tried.label))
        result = await self.stage.play(incident, tried.label)
        assert (result == "refused") == (tried.answer == "refused"), f"{result}\n{self._way()}"
        await self._told(head, tried)
        await self._compare(incident)
        self._count(tried.label)

    async def _told(self, head: int, tried: Tried) -> None:
        """The log has the events of this transaction, each once, and no other."""
        told = Counter(await self.stage.case.kinds(head))
        # of other cases that wait for a unit which has become free
        del told[EventKind.UNIT_FOUND_FOR_WAITING.value]
        assert told == Counter(kind.value for kind in tried.work.events), self._way()

    def _way(self) -> str:
        return "\n".join(trace(self.story))

    def _count(self, label: Label) -> None:
        self.kinds.add(_kind(label))
        self.played[label.fault or "none"] += 1

    async def _compare(self, incident: int) -> None:
        model = self.models[incident]._replace(search=None, promised=frozenset())
        model = model._replace(runs=tuple(run._replace(told=frozenset()) for run in model.runs))
        assert await self.stage.seen(incident, stamps=self.rules.stamps) == model, self._way()
        busy = 0
        for each in self.models:
            busy |= units_in(each)
        shown = {u.id: u.status for u in await list_units(self.stage.case.centre, self.stage.case.entry)}
        for n, unit in enumerate(self.stage.units):
            derived = unit_status(
                open_shift=True,
                open_unavailability=bool(self.unready >> n & 1),
                open_assignment=bool(busy >> n & 1),
            )
            assert shown[unit] is derived, self._way()


def _kind(label: Label) -> tuple[str, str, str]:
    return label.what, label.detail, label.fault


async def check_log(case: Case) -> None:
    """The log is whole, and rebuilds every table."""
    async with case.centre.snapshot(case.entry.tenant) as tx:
        assert (await verify_log(tx)).fault is None
        assert list(differences(await rebuild(tx), await current(tx))) == []


def covering(rules: Rules, size: Size) -> tuple[list[list[Move]], set[tuple[str, str, str]]]:
    """Return the shortest traces that, together, take every kind of move there is; and the kinds."""
    exploration = Exploration(rules, size)
    assert exploration.run(keep_ways=False).exhausted
    missing: dict[tuple[str, str, str], tuple[int, Label]] = {}
    for at, state in enumerate(exploration.order):
        for _, label, _, _ in exploration.moves(state):
            missing.setdefault(_kind(label), (at, label))
    kinds, traces = set(missing), []
    for at, label in sorted(missing.values(), key=lambda found: -found[0]):
        if _kind(label) in missing:
            steps = exploration.steps(at)
            here = steps[-1][2] if steps else exploration.start
            last = next((i, a) for i, a, _, _ in exploration.moves(here) if _kind(a) == _kind(label))
            way = [(i, each) for i, each, _ in steps] + [last]
            traces.append(way)
            for _, each in way:
                missing.pop(_kind(each), None)
    return traces, kinds


@pytest.mark.timeout(300)
async def test_every_kind_of_move_on_one_case(case: Case, capsys: pytest.CaptureFixture[str]) -> None:
    rules, size = Rules(stamps=True), Size(1, 1)
    stage = Stage(case, ["A-1"])
    await stage.park_others()
    replay = Replay(stage, rules, size, SEED)
    traces, kinds = covering(rules, size)
    for way in traces:
        await replay.trace(way)
    assert kinds - replay.kinds == set()
    await check_log(case)
    with capsys.disabled():
        print(f"\n  {len(traces)} covering traces: {dict(replay.played)}")


@pytest.mark.timeout(300)
async def test_units_that_break_down_and_come_back(case: Case, capsys: pytest.CaptureFixture[str]) -> None:
    """At any moment, on a run, too: who is out of service is not alerted, and keeps the run it has."""
    stage = Stage(case, ["A-1"])
    await stage.park_others()
    replay = Replay(stage, Rules(), Size(1, 2, readiness=True), SEED)
    for _ in range(WALKS // 4):
        await replay.walk(STEPS)
    await check_log(case)
    assert {(OUT, "", ""), (BACK, "", "")} <= replay.kinds
    with capsys.disabled():
        print(f"\n  {WALKS // 4} walks: {dict(replay.played)}, {len(replay.kinds)} kinds of moves")


@pytest.mark.timeout(300)
@pytest.mark.parametrize("signs", [["A-1", "A-2"], ["A-1", "M-1"]], ids=["tracked", "one by phone"])
async def test_deep_walks_of_two_units_and_two_incidents(
    case: Case, signs: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    rules = Rules(manual=sum(1 << n for n, sign in enumerate(signs) if sign.startswith("M")))
    stage = Stage(case, signs)
    await stage.park_others()
    replay = Replay(stage, rules, Size(2, 2), SEED)
    for _ in range(WALKS // 2):
        await replay.walk(STEPS)
    await check_log(case)
    searches = {what for what, _, _ in replay.kinds if what.startswith("widen")}
    assert {"widen: rank", "widen: claim", "widen: worker lost"} <= searches
    assert {"retry", "duplicate", "reorder", CRASH, "none"} <= set(replay.played)
    ended = {(what, fault) for what, _, fault in replay.kinds if what.startswith("ended")}
    assert {("ended: step", "reorder"), ("ended: step", ""), ("ended: timer", "duplicate")} <= ended
    with capsys.disabled():
        print(f"\n  {WALKS // 2} walks: {dict(replay.played)}, {len(replay.kinds)} kinds of moves")
