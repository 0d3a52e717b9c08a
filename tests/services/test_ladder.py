"""What a crew must acknowledge reaches it by page, push, SMS and call, each at its time, until an answer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from case_scene import CAUSE, Case, S, open_case
from timer_check import check_timers

from dispatch.domain.assignment import DeclineReason
from dispatch.domain.deadlines import TimerKind
from dispatch.domain.errors import Conflict, Forbidden
from dispatch.domain.events import EventKind
from dispatch.domain.roles import SYSTEM
from dispatch.services.board import read_board
from dispatch.services.change_destination import change_destination
from dispatch.services.crew import sign_off, sign_on
from dispatch.services.crew_calls import CallOutcome, answer_crew_call
from dispatch.services.crew_notices import acknowledge_notice, note_shown
from dispatch.services.driver_desk import read_desk
from dispatch.services.due_timers import LEASE, claim_timer
from dispatch.services.stand_down import acknowledge_stand_down, stand_down
from dispatch.storage.rebuild import current, differences, rebuild
from dispatch.storage.tables.unit import Unit

K = TimerKind


@pytest.fixture
async def case(database: Any, tmp_path: Path) -> AsyncIterator[Case]:
    async with open_case(database, tmp_path, live=True) as scene:
        async with scene.centre.begin(scene.entry.tenant, SYSTEM, CAUSE) as tx:
            unit = await tx.get(Unit, scene.units["A-1"])
            unit.phone = "+628000001"
            await tx.record(EventKind.UNIT_LOADED, unit)
        # offers are to live long enough for all rungs, and to alert nobody else
        quiet = {"offers": {"widen_after_s": 80_000}, "targets": {"offer_accepted_s": 80_000}}
        scene.entry = replace(scene.entry, tenant=replace(scene.entry.tenant, settings=quiet))
        yield scene


async def notice(case: Case) -> Any:
    """The one open notice."""
    (row,) = await case.rows("SELECT * FROM crew_notice WHERE ended_at IS NULL")
    return row


async def sent(case: Case) -> list[tuple[str, str | None]]:
    """Channel and recipient of everything queued so far."""
    rows = await case.rows("SELECT channel, recipient FROM outbox ORDER BY id")
    return [(row.channel, row.recipient) for row in rows]


async def offer(case: Case, sign: str = "A-1") -> UUID:
    return (await case.send(sign, await case.incident())).id


async def rebuilds(case: Case) -> None:
    """The log gives the tables as they are."""
    async with case.centre.snapshot(case.entry.tenant) as tx:
        assert list(differences(await rebuild(tx), await current(tx))) == []


async def test_every_rung_at_its_time_and_the_call_until_it_is_done(case: Case) -> None:
    run = await offer(case)
    made = await notice(case)
    assert await case.timers(made.id) == {K.NOTICE_PUSH: 5, K.NOTICE_SMS: 15, K.NOTICE_CALL: 30}
    await check_timers(case)
    await case.later(14)
    assert await sent(case) == []
    assert (await notice(case)).push_at - made.made_at == timedelta(seconds=5)
    await case.later(1)
    assert await sent(case) == [("sms", "+628000001")]
    await case.later(14)
    assert (await read_board(case.centre, case.entry)).crew_calls == []
    await case.later(1)
    board = await read_board(case.centre, case.entry)
    (call,) = board.crew_calls
    assert (call.call_sign, call.phone, call.notice, call.tries) == ("A-1", "+628000001", "offer", 0)
    (seen,) = board.incidents[0].runs[0].notices
    rungs = [seen.push_at, seen.sms_at, seen.call_at]
    assert [(at - made.made_at).total_seconds() for at in rungs if at] == [5, 15, 30]
    assert (seen.push_phones, seen.sms_phones) == (0, 1)
    await check_timers(case)
    # asked for again every minute, in one and the same place
    await case.later(120)
    assert [e["times"] for e in await case.events(EventKind.CREW_CALL_DUE)] == [1, 2, 3]
    assert len((await read_board(case.centre, case.entry)).crew_calls) == 1
    await case.step(run, S.ACCEPTED, case.crew["A-1"])
    assert (await read_board(case.centre, case.entry)).crew_calls == []
    assert await case.value("SELECT ended_why FROM crew_notice") == "acknowledged"
    await check_timers(case)
    await case.later(90)
    assert len(await sent(case)) == 1
    await rebuilds(case)
    await case.check_log()


@pytest.mark.parametrize("after", [4, 14, 29])
async def test_an_answer_stops_the_rest(case: Case, after: int) -> None:
    run = await offer(case)
    await case.later(after)
    await case.step(run, S.DECLINED, case.crew["A-1"], reason=DeclineReason.VEHICLE)
    await case.later(60)
    told = await case.value("SELECT id FROM crew_notice WHERE assignment_id = :run", run=run)
    queued = await case.rows("SELECT channel FROM outbox WHERE subject_id = :n", n=told)
    assert [row.channel for row in queued] == (["sms"] if after >= 15 else [])
    assert str(run) not in {e["assignment_id"] for e in await case.events(EventKind.CREW_CALL_DUE)}
    await check_timers(case)


async def test_what_is_queued_is_withdrawn_with_the_answer(case: Case) -> None:
    run = await offer(case)
    await case.later(16)
    assert await case.value("SELECT count(*) FROM outbox WHERE failed_at IS NULL") == 1
    await case.step(run, S.ACCEPTED, case.crew["A-1"])
    assert "withdrawn" in await case.value("SELECT last_error FROM outbox")
    assert await case.value("SELECT count(*) FROM outbox WHERE failed_at IS NULL") == 0


async def test_a_page_that_shows_it_is_noted_and_is_not_a_person(case: Case) -> None:
    await offer(case)
    desk = await read_desk(case.centre, case.entry, case.crew["A-1"])
    (slip,) = desk.notices
    assert (slip.kind, slip.shown) == ("offer", False)
    about = (case.centre, case.entry)
    with pytest.raises(Forbidden):
        await note_shown(*about, case.crew["A-2"], slip.id, cause=CAUSE)
    case.pass_time(2)
    for _ in range(2):
        await note_shown(*about, case.crew["A-1"], slip.id, cause=CAUSE)
    assert len(await case.events(EventKind.NOTICE_SHOWN)) == 1
    # to have understood an offer is not to have answered it
    await acknowledge_notice(*about, case.crew["A-1"], slip.id, cause=CAUSE)
    assert (await notice(case)).ended_at is None
    await case.later(13)
    assert len(await sent(case)) == 1
    await rebuilds(case)


async def test_a_stand_down_climbs_the_same_ladder_until_the_crew_has_seen_it(case: Case) -> None:
    run = await offer(case)
    await case.step(run, S.EN_ROUTE, case.crew["A-1"])
    await stand_down(case.centre, case.entry, case.operator, run, "salah alamat", cause=CAUSE)
    assert (await notice(case)).kind == "stand_down"
    await check_timers(case)
    await case.later(31)
    assert await sent(case) == [("sms", "+628000001")]
    (call,) = (await read_board(case.centre, case.entry)).crew_calls
    assert call.notice == "stand_down"
    await acknowledge_stand_down(case.centre, case.entry, case.crew["A-1"], run, cause=CAUSE)
    assert (await read_board(case.centre, case.entry)).crew_calls == []
    await check_timers(case)
    await rebuilds(case)


async def test_an_operator_who_reaches_the_crew_acknowledges_for_it(case: Case) -> None:
    run = await offer(case)
    await case.step(run, S.EN_ROUTE, case.crew["A-1"])
    await stand_down(case.centre, case.entry, case.operator, run, "salah alamat", cause=CAUSE)
    await case.later(31)
    about, call = (case.centre, case.entry), (await notice(case)).id
    await answer_crew_call(*about, case.operator, call, CallOutcome.TAKEN, cause=CAUSE)
    with pytest.raises(Conflict, match="operator1"):
        await answer_crew_call(*about, case.colleague, call, CallOutcome.TAKEN, cause=CAUSE)
    (shown,) = (await read_board(case.centre, case.entry)).crew_calls
    assert shown.taken_by == "operator1 Uji"
    now = await answer_crew_call(*about, case.operator, call, CallOutcome.NOT_REACHED, cause=CAUSE)
    assert (now.open, now.tries) == (True, 1)
    now = await answer_crew_call(*about, case.colleague, call, CallOutcome.REACHED, cause=CAUSE)
    assert not now.open
    assert await case.value("SELECT stand_down_acknowledged_at FROM assignment") == case.now
    assert await case.value("SELECT ended_why FROM crew_notice WHERE kind = 'stand_down'") == "phoned"
    assert (await read_desk(*about, case.crew["A-1"])).stood_down == []
    await check_timers(case)
    await rebuilds(case)


async def test_another_destination_is_told_and_the_next_one_takes_its_place(case: Case) -> None:
    run = await offer(case)
    await case.steps(run, S.EN_ROUTE, S.ON_SCENE, S.LEFT_SCENE, by=case.crew["A-1"])
    about = (case.centre, case.entry)
    clinic, hospital = case.facilities["clinic"], case.facilities["hospital"]
    await change_destination(*about, case.operator, run, clinic, None, cause=CAUSE)
    first = await notice(case)
    assert first.kind == "destination"
    case.pass_time(20)
    await change_destination(*about, case.operator, run, hospital, None, cause=CAUSE)
    second = await notice(case)
    assert second.id != first.id
    await check_timers(case)
    await acknowledge_notice(*about, case.crew["A-1"], second.id, cause=CAUSE)
    await acknowledge_notice(*about, case.crew["A-1"], second.id, cause=CAUSE)
    assert len(await case.events(EventKind.NOTICE_ACKNOWLEDGED)) == 1
    await change_destination(*about, case.operator, run, clinic, None, cause=CAUSE)
    # who has arrived needs not be told where to go
    await case.step(run, S.AT_FACILITY, case.crew["A-1"])
    whys = await case.rows("SELECT ended_why FROM crew_notice WHERE kind = 'destination' ORDER BY made_at")
    assert [row.ended_why for row in whys] == ["moot", "acknowledged", "moot"]
    await check_timers(case)
    await rebuilds(case)


async def test_a_stand_down_of_a_crew_that_went_home_is_moot(case: Case) -> None:
    run = await offer(case)
    await stand_down(case.centre, case.entry, case.operator, run, "cukup satu", cause=CAUSE)
    case.pass_time(1)
    await sign_off(case.centre, case.entry, case.crew["A-1"], cause=CAUSE)
    await sign_on(case.centre, case.entry, case.relief, "A-1", None, cause=CAUSE)
    await case.later(5)
    assert await case.value("SELECT ended_why FROM crew_notice WHERE kind = 'stand_down'") == "moot"
    assert len(await case.events(EventKind.NOTICE_MOOT)) == 1
    await check_timers(case)
    await rebuilds(case)


async def test_a_unit_without_the_app_gets_its_sms_at_once_and_a_call_at_its_time(case: Case) -> None:
    run = await offer(case, "M-1")
    assert await sent(case) == [("sms", "+628000003000")]
    assert set(await case.timers((await notice(case)).id)) == {K.NOTICE_CALL}
    await case.later(30)
    assert len((await read_board(case.centre, case.entry)).crew_calls) == 1
    await case.step(run, S.ACCEPTED)
    assert await case.value("SELECT ended_why FROM crew_notice") == "phoned"
    await check_timers(case)


async def test_a_rung_whose_worker_died_is_climbed_once(case: Case) -> None:
    await offer(case)
    case.pass_time(15)
    await case.work()
    assert len(await sent(case)) == 1
    case.pass_time(15)
    claimed = await claim_timer(case.centre, case.entry, [K.NOTICE_CALL])
    assert claimed is not None  # and its worker is gone
    await case.work()
    assert await case.events(EventKind.CREW_CALL_DUE) == []
    case.pass_time(LEASE.total_seconds() + 1)
    await case.work()
    assert len(await case.events(EventKind.CREW_CALL_DUE)) == 1
    assert len(await sent(case)) == 1


async def test_rungs_are_the_tenants_settings(case: Case) -> None:
    settings = {"offers": {"push_after_s": 2, "sms_after_s": 3, "call_after_s": 4}}
    case.entry = replace(case.entry, tenant=replace(case.entry.tenant, settings=settings))
    await offer(case)
    assert sorted((await case.timers((await notice(case)).id)).values()) == [2, 3, 4]
