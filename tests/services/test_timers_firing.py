"""Timers fire once, whatever fails around them, and everything that waits has one."""

from __future__ import annotations

import ast
import importlib
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from case_scene import Case, S, open_case

import dispatch.services
from dispatch.domain.assignment import OPEN_STATES, PROGRESS, DeclineReason
from dispatch.domain.call import CallState
from dispatch.domain.events import EventKind
from dispatch.jobs.timers import DISPATCH, HANDLERS, run_due_timers
from dispatch.services import widen_offer
from dispatch.services.centre import Centre
from dispatch.services.due_timers import LEASE, Firing, claim_timer, pause, settle_timer
from dispatch.services.handle_call import NO_VERDICT
from dispatch.services.release_run import NO_HANDOVER, NOT_MOVING
from dispatch.services.request_help import UNANSWERED
from dispatch.services.send_unit import MANUAL_UNANSWERED, OFFER_EXPIRES, OFFER_UNACKNOWLEDGED, WIDEN
from dispatch.services.tenants import TenantEntry
from dispatch.storage.transaction import new_id


@pytest.fixture
async def case(database: Any, tmp_path: Path) -> AsyncIterator[Case]:
    async with open_case(database, tmp_path) as scene:
        yield scene


def timer_kinds_set_anywhere() -> dict[str, str]:
    """Every kind of timer that a service sets, with the file that does, read from the sources."""
    found = {}
    for path in Path(dispatch.services.__file__).parent.glob("[a-z]*.py"):
        module = importlib.import_module(f"dispatch.services.{path.stem}")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr == "set_timer"
            ):
                kind = node.args[0]
                if isinstance(kind, ast.Attribute):
                    assert ast.unparse(kind) == "firing.kind", f"{path.name}: {ast.unparse(node)}"
                    continue  # set again by its own handler
                assert isinstance(kind, ast.Name), f"{path.name}: {ast.unparse(node)}"
                found[getattr(module, kind.id)] = path.name
    return found


def test_every_kind_of_timer_that_is_set_has_a_handler() -> None:
    found = timer_kinds_set_anywhere()
    assert len(found) >= 12
    assert set(found) == set(HANDLERS)


# Who sees to it that a thing in this state goes on. Timers are named by kind; the others are persons with a
# screen before them, whose silence other alarms notice.
CALL_OWNERS = {CallState.RINGING: UNANSWERED, CallState.TAKEN: NO_VERDICT, CallState.LINKED: "its incident"}
RUN_OWNERS = {
    S.OFFERED: (OFFER_UNACKNOWLEDGED, OFFER_EXPIRES, MANUAL_UNANSWERED),
    S.ACCEPTED: (NOT_MOVING,),
    S.AT_FACILITY: (NO_HANDOVER,),
    **dict.fromkeys(
        (S.EN_ROUTE, S.STAGED, S.ON_SCENE, S.AT_PATIENT, S.LEFT_SCENE, S.HANDED_OVER), ("the crew",)
    ),
}


async def test_every_state_that_is_not_final_has_a_timer_or_a_person(case: Case) -> None:
    assert set(CALL_OWNERS) == set(CallState) - {CallState.DISPOSED}
    assert set(RUN_OWNERS) == OPEN_STATES
    incident = await case.incident()
    assert set(await case.timers(incident)) == {"incident_unassigned"}
    tracked, manual = await case.send("A-1", incident), await case.send("M-1", incident)
    assert await case.timers(incident) == {}
    offered = {*await case.timers(tracked.id), *await case.timers(manual.id)}
    assert offered == set(RUN_OWNERS[S.OFFERED])
    for state in PROGRESS[1:-1]:
        await case.step(tracked.id, state)
        expected = {kind for kind in RUN_OWNERS[state] if kind in HANDLERS}
        assert set(await case.timers(tracked.id)) == expected, state
    await case.step(tracked.id, S.CLEARED)
    await case.step(manual.id, S.DECLINED, reason=DeclineReason.OTHER)
    assert set(await case.timers(incident)) == {"incident_unclosed"}


async def test_a_claim_is_leased_and_comes_back_by_itself(case: Case) -> None:
    call = await case.ring()
    case.pass_time(15)
    first = await claim_timer(case.centre, case.entry, list(HANDLERS))
    assert first is not None
    assert (first.kind, first.subject_id, first.attempt) == (UNANSWERED, call.call_id, 1)
    assert await claim_timer(case.centre, case.entry, list(HANDLERS)) is None
    # the worker that held it is gone
    case.pass_time(LEASE.total_seconds() + 1)
    second = await claim_timer(case.centre, case.entry, list(HANDLERS))
    assert second is not None
    assert (second.id, second.attempt) == (first.id, 2)
    # should it not be gone but slow: its claim holds no more, and it has no effect
    await HANDLERS[UNANSWERED](case.centre, case.entry, first)
    await settle_timer(case.centre, case.entry, first)
    assert await case.events(EventKind.CALL_UNANSWERED) == []
    assert set(await case.timers(call.call_id)) == {UNANSWERED}
    await HANDLERS[UNANSWERED](case.centre, case.entry, second)
    await HANDLERS[UNANSWERED](case.centre, case.entry, second)
    assert len(await case.events(EventKind.CALL_UNANSWERED)) == 1


async def test_a_failing_handler_loses_nothing_and_holds_nobody_up(case: Case) -> None:
    sick = await case.ring()
    well = await case.incident()

    async def fails(centre: Centre, entry: TenantEntry, firing: Firing) -> None:
        raise ZeroDivisionError("the handler is broken")

    broken = {**HANDLERS, UNANSWERED: fails}
    case.pass_time(61)
    for _ in range(6):
        await run_due_timers(case.centre, case.entry, broken)
        case.pass_time(61)
    row = (await case.rows("SELECT * FROM timer WHERE subject_id = :s", s=sick.call_id))[0]
    assert row.done_at is None
    assert row.attempts == 6
    assert row.last_error == "ZeroDivisionError: the handler is broken"
    (alarm,) = await case.events(EventKind.TIMER_FAILING)
    assert alarm == {"kind": UNANSWERED, "subject_id": str(sick.call_id), "attempts": 5}
    assert "incident_waiting" in await case.kinds()
    assert set(await case.timers(well)) == {"incident_unassigned"}
    await case.work()
    assert len(await case.events(EventKind.CALL_UNANSWERED)) == 1


def test_pauses_double_up_to_a_minute_and_are_spread() -> None:
    row = new_id()
    seconds = [pause(n, row).total_seconds() for n in range(1, 12)]
    assert seconds == sorted(seconds)
    assert 0.8 <= seconds[0] <= 1.2
    assert 48 <= seconds[-1] <= 72
    assert len({pause(3, new_id()) for _ in range(50)}) > 1


async def test_a_timer_of_an_unknown_kind_is_left_for_a_program_that_knows_it(case: Case) -> None:
    async with case.centre.begin(case.entry.tenant, case.operator, "test") as tx:
        await tx.set_timer("from the future", case.units["A-1"], tx.now)
    assert await case.later(5) == 0
    assert set(await case.timers(case.units["A-1"])) == {"from the future"}


async def test_a_claim_that_ended_with_the_worker_alerts_nobody_twice(case: Case) -> None:
    """The process dies after the claim of the next unit was committed and before the timer was settled."""
    incident = await case.incident()
    await case.send("A-1", incident)
    case.pass_time(20)
    await run_due_timers(case.centre, case.entry, {OFFER_UNACKNOWLEDGED: HANDLERS[OFFER_UNACKNOWLEDGED]})
    firing = await claim_timer(case.centre, case.entry, [WIDEN])
    assert firing is not None
    alerted = await widen_offer.alert_next(case.centre, case.entry, firing)
    assert alerted is not None
    assert alerted.call_sign == "A-2"
    assert await widen_offer.alert_next(case.centre, case.entry, firing) is None
    case.pass_time(LEASE.total_seconds() + 1)
    assert await claim_timer(case.centre, case.entry, [WIDEN]) is None
    assert await case.open_runs(incident) == {"A-1": "offered", "A-2": "offered"}


async def test_an_operator_who_sends_meanwhile_overtakes_the_widening(case: Case) -> None:
    incident = await case.incident()
    await case.send("A-1", incident)
    case.pass_time(20)
    await run_due_timers(case.centre, case.entry, {OFFER_UNACKNOWLEDGED: HANDLERS[OFFER_UNACKNOWLEDGED]})
    firing = await claim_timer(case.centre, case.entry, [WIDEN])
    assert firing is not None
    await case.send("A-3", incident)
    assert await widen_offer.alert_next(case.centre, case.entry, firing) is None
    assert set(await case.open_runs(incident)) == {"A-1", "A-3"}


async def test_timers_of_one_tenant_are_run_in_the_order_they_are_due(case: Case) -> None:
    for seconds in (3, 1, 2):
        async with case.centre.begin(case.entry.tenant, case.operator, "test") as tx:
            await tx.set_timer(UNANSWERED, new_id(), tx.now + timedelta(seconds=seconds))
    case.pass_time(10)
    seen: list[Any] = []

    async def note(centre: Centre, entry: TenantEntry, firing: Firing) -> None:
        seen.append(firing.subject_id)

    assert await run_due_timers(case.centre, case.entry, {**DISPATCH, UNANSWERED: note}) == 3
    rows = await case.rows("SELECT subject_id, result FROM timer ORDER BY id")
    assert seen == [rows[1].subject_id, rows[2].subject_id, rows[0].subject_id]
    assert {row.result for row in rows} == {"done"}
