"""The server's clock was ahead and is put right: what was timed meanwhile does not wait for that time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from case_scene import CAUSE, Case, S, open_case

from dispatch.domain.deadlines import NoticeKind, TimerKind
from dispatch.domain.events import EventKind
from dispatch.domain.unit import UnavailabilityReason
from dispatch.jobs.clock_watch import ClockWatch
from dispatch.jobs.outbox import send_due_messages
from dispatch.jobs.worker import work
from dispatch.notify.choice import transports
from dispatch.services.clock_set_back import pull_in
from dispatch.services.crew import sign_off, sign_on
from dispatch.services.driver_desk import read_desk
from dispatch.services.readiness import make_unavailable
from dispatch.services.stand_down import stand_down

AHEAD_S = 86_400.0


@pytest.fixture
async def case(database: Any, tmp_path: Path) -> AsyncIterator[Case]:
    async with open_case(database, tmp_path) as scene:
        yield scene


async def test_an_offer_made_then_ends_in_its_time(case: Case) -> None:
    case.pass_time(AHEAD_S)
    incident = await case.incident()
    run = await case.send("A-1", incident)
    case.pass_time(-AHEAD_S)
    assert await case.later(120) == 0
    await pull_in(case.centre, case.entry)
    await case.later(130)
    assert await case.state(run.id) == S.TIMED_OUT
    assert len(await case.events(EventKind.OFFER_UNACKNOWLEDGED)) >= 1
    assert len(await case.events(EventKind.NOTICE_TEXTED)) >= 1


async def test_an_alarm_that_was_told_then_goes_on(case: Case) -> None:
    call = await case.ring()
    case.pass_time(AHEAD_S)
    await case.work()
    case.pass_time(-AHEAD_S)
    await pull_in(case.centre, case.entry)
    assert (await case.timers(call.call_id))[TimerKind.CALL_UNANSWERED] == 60
    await case.later(61)
    assert len(await case.events(EventKind.CALL_UNANSWERED)) == 2


async def test_a_crew_that_boarded_then_is_told_of_its_recall(case: Case) -> None:
    crew = case.crew["A-1"]
    await sign_off(case.centre, case.entry, crew, cause=CAUSE)
    case.pass_time(AHEAD_S)
    await sign_on(case.centre, case.entry, crew, "A-1", None, cause=CAUSE)
    case.pass_time(-AHEAD_S)
    run = await case.send("A-1", await case.incident())
    await case.step(run.id, S.ACCEPTED, crew)
    await stand_down(case.centre, case.entry, case.operator, run.id, "uji", cause=CAUSE)
    desk = await read_desk(case.centre, case.entry, crew)
    assert [slip.kind for slip in desk.notices] == [NoticeKind.STAND_DOWN]
    assert desk.stood_down == [run.id]
    await case.later(40)
    assert not await case.events(EventKind.NOTICE_MOOT)
    assert len(await case.events(EventKind.CREW_CALL_DUE)) == 1


async def test_a_message_queued_then_goes_out_at_once(case: Case) -> None:
    case.pass_time(AHEAD_S)
    incident = await case.incident()
    await case.send("M-1", incident)
    case.pass_time(-AHEAD_S)
    ways = transports(case.centre.settings)
    assert await send_due_messages(case.centre, case.entry, ways) == 0
    await pull_in(case.centre, case.entry)
    assert await send_due_messages(case.centre, case.entry, ways) == 1


async def test_a_unit_taken_out_then_is_asked_after_in_its_time_or_in_the_time_it_named(case: Case) -> None:
    """Where nobody has named a time the usual one holds; where somebody has, that one."""
    year = 365 * AHEAD_S
    soon, far = case.now + timedelta(hours=1), case.now + timedelta(days=400)
    case.pass_time(year)
    for sign, until in (("A-1", None), ("A-2", soon), ("A-3", far)):
        await make_unavailable(
            case.centre, case.entry, case.operator, case.units[sign], UnavailabilityReason.BREAKDOWN, None,
            until, cause=CAUSE,
        )  # fmt: skip
    case.pass_time(-year)
    assert await pull_in(case.centre, case.entry) == 2
    rows = await case.rows(
        "SELECT u.call_sign, t.due_at FROM timer t JOIN unavailability x ON x.id = t.subject_id "
        "JOIN unit u ON u.id = x.unit_id WHERE t.kind = 'unit_not_back' AND t.done_at IS NULL"
    )
    due = {row.call_sign: row.due_at for row in rows}
    assert due == {"A-1": case.now + timedelta(hours=4), "A-2": soon, "A-3": far}
    # told by a clock that was ahead, it comes again at its own rate
    case.pass_time(year)
    await case.work()
    case.pass_time(-year)
    await pull_in(case.centre, case.entry)
    rows = await case.rows("SELECT due_at FROM timer WHERE kind = 'unit_not_back' AND done_at IS NULL")
    assert {row.due_at for row in rows} == {case.now + timedelta(minutes=10), far}
    told = await case.events(EventKind.RETURN_OVERDUE)
    assert sorted(each["call_sign"] for each in told) == ["A-1", "A-2"]


async def test_while_the_clock_is_right_nothing_moves(case: Case) -> None:
    incident = await case.incident()
    run = await case.send("A-1", incident)
    await case.steps(run.id, S.ACCEPTED, S.EN_ROUTE)
    await case.send("M-1", await case.incident())
    away = case.now + timedelta(days=2)
    await make_unavailable(
        case.centre,
        case.entry,
        case.operator,
        case.units["A-3"],
        UnavailabilityReason.BREAKDOWN,
        None,
        away,
        cause=CAUSE,
    )
    await case.ring()
    assert await pull_in(case.centre, case.entry) == 0
    await case.later(70)
    assert await pull_in(case.centre, case.entry) == 0


async def test_a_step_back_is_noticed_once(case: Case) -> None:
    off = timedelta(0)
    case.centre.clock = lambda: datetime.now(UTC) + off
    watch = ClockWatch(case.centre)
    assert await watch.pass_once() == 0
    off = timedelta(seconds=AHEAD_S)
    assert await watch.pass_once() == 0
    await case.ring()
    assert await watch.pass_once() == 0
    off = timedelta(0)
    assert await watch.pass_once() == 1
    assert await watch.pass_once() == 0


async def test_a_worker_that_starts_afterwards_pulls_in_as_well(case: Case) -> None:
    case.pass_time(AHEAD_S)
    await case.send("M-1", await case.incident())
    case.pass_time(-AHEAD_S)
    stop = asyncio.Event()
    async with asyncio.timeout(30), asyncio.TaskGroup() as tasks:
        tasks.create_task(work(case.centre, transports(case.centre.settings), stop))
        while await case.value("SELECT sent_at FROM outbox") is None:
            pass  # asked until it is
        stop.set()
