"""Timers fire once, whatever fails around them, and everything that waits has one."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from case_scene import CAUSE, Case, S
from timer_check import check_timers

from dispatch.domain.assignment import PROGRESS, DeclineReason
from dispatch.domain.deadlines import TimerKind, of_run
from dispatch.domain.events import EventKind
from dispatch.domain.patient import Outcome
from dispatch.domain.triage import Triage
from dispatch.domain.unit import Tracking
from dispatch.jobs.timers import DISPATCH, HANDLERS, run_due_timers
from dispatch.services import widen_offer
from dispatch.services.centre import Centre
from dispatch.services.change_incident import PatientChange, add_patient, change_patient
from dispatch.services.due_timers import LEASE, Firing, claim_timer, pause, settle_timer
from dispatch.services.open_incident import Judgement, confirm_incident, open_incident
from dispatch.services.tenants import TenantEntry
from dispatch.storage.transaction import new_id

K = TimerKind


async def test_every_state_of_a_run_has_its_timers_and_no_others(case: Case) -> None:
    incident = await case.incident()
    assert set(await case.timers(incident)) == {K.UNASSIGNED}
    tracked, manual = await case.send("A-1", incident), await case.send("M-1", incident)
    assert await case.timers(incident) == {}
    await check_timers(case)
    for state in PROGRESS[1:-1]:
        await case.step(tracked.id, state)
        assert set(await case.timers(tracked.id)) == {d.kind for d in of_run(state, Tracking.APP)}, state
        await check_timers(case)
    await case.step(tracked.id, S.CLEARED)
    await case.step(manual.id, S.DECLINED, reason=DeclineReason.OTHER)
    assert set(await case.timers(incident)) == {K.UNCLOSED}
    await check_timers(case)


async def test_what_becomes_of_patients_decides_what_an_incident_waits_for(case: Case) -> None:
    incident = await case.incident()
    about = (case.centre, case.entry, case.operator)
    patient = await case.value("SELECT id FROM patient")
    await case.later(61)
    assert set(await case.timers(incident)) == {K.UNASSIGNED}
    treated = PatientChange(outcome=Outcome.TREATED_ON_SCENE)
    await change_patient(*about, patient, treated, cause=CAUSE)
    # nobody is in need any more: it waits for its closing, and is not shown as waiting for a unit
    assert set(await case.timers(incident)) == {K.UNCLOSED}
    assert await case.value("SELECT waiting_since FROM incident") is None
    await add_patient(*about, incident, PatientChange(), cause=CAUSE)
    assert set(await case.timers(incident)) == {K.UNASSIGNED}
    await case.later(61)
    assert (await case.events(EventKind.INCIDENT_WAITING))[-1]["why"] == "no unit sent"
    await check_timers(case)
    await case.check_log()


async def test_a_verdict_given_after_the_unit_was_sent_sets_no_timer_for_a_unit(case: Case) -> None:
    call = await case.ring()
    judgement = Judgement(confirmed=False, triage=Triage.RED)
    about = (case.centre, case.entry, case.operator)
    opened = await open_incident(*about, call.call_id, judgement, cause=CAUSE)
    await case.send("A-1", opened.incident_id)
    assert set(await case.timers(opened.incident_id)) == {K.NO_VERDICT}
    await confirm_incident(*about, opened.incident_id, Judgement(triage=Triage.RED), cause=CAUSE)
    assert await case.timers(opened.incident_id) == {}


async def test_deadlines_are_the_tenants_settings(case: Case) -> None:
    settings = {"targets": {"taken_s": 40, "turnout_s": 90}, "offers": {"widen_after_s": 7}}
    case.entry = replace(case.entry, tenant=replace(case.entry.tenant, settings=settings))
    call = await case.ring()
    assert await case.timers(call.call_id) == {K.CALL_UNANSWERED: 40}
    run = await case.send("A-1", await case.incident())
    assert (await case.timers(run.id))[K.OFFER_UNACKNOWLEDGED] == 7
    await case.step(run.id, S.ACCEPTED)
    assert await case.timers(run.id) == {K.NOT_MOVING: 90}


async def test_a_claim_is_leased_and_comes_back_by_itself(case: Case) -> None:
    call = await case.ring()
    case.pass_time(15)
    first = await claim_timer(case.centre, case.entry, list(HANDLERS))
    assert first is not None
    assert (first.kind, first.subject_id, first.attempt) == (K.CALL_UNANSWERED, call.call_id, 1)
    assert await claim_timer(case.centre, case.entry, list(HANDLERS)) is None
    # the worker that held it is gone
    case.pass_time(LEASE.total_seconds() + 1)
    second = await claim_timer(case.centre, case.entry, list(HANDLERS))
    assert second is not None
    assert (second.id, second.attempt) == (first.id, 2)
    # should it not be gone but slow: its claim holds no more, and it has no effect
    await HANDLERS[K.CALL_UNANSWERED](case.centre, case.entry, first)
    await settle_timer(case.centre, case.entry, first)
    assert await case.events(EventKind.CALL_UNANSWERED) == []
    assert set(await case.timers(call.call_id)) == {K.CALL_UNANSWERED}
    await HANDLERS[K.CALL_UNANSWERED](case.centre, case.entry, second)
    await HANDLERS[K.CALL_UNANSWERED](case.centre, case.entry, second)
    assert len(await case.events(EventKind.CALL_UNANSWERED)) == 1


async def test_a_failing_handler_loses_nothing_and_holds_nobody_up(case: Case) -> None:
    sick = await case.ring()
    well = await case.incident()

    async def fails(centre: Centre, entry: TenantEntry, firing: Firing) -> None:
        raise ZeroDivisionError("the handler is broken")

    broken = {**HANDLERS, K.CALL_UNANSWERED: fails}
    case.pass_time(61)
    for _ in range(6):
        await run_due_timers(case.centre, case.entry, broken)
        case.pass_time(61)
    row = (await case.rows("SELECT * FROM timer WHERE subject_id = :s", s=sick.call_id))[0]
    assert row.done_at is None
    assert row.attempts == 6
    assert row.last_error == "ZeroDivisionError: the handler is broken"
    (alarm,) = await case.events(EventKind.TIMER_FAILING)
    assert alarm == {"kind": K.CALL_UNANSWERED, "subject_id": str(sick.call_id), "attempts": 5}
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
        tx.set_timer("from the future", case.units["A-1"], tx.now)
    assert await case.later(5) == 0
    assert set(await case.timers(case.units["A-1"])) == {"from the future"}


async def test_a_claim_that_ended_with_the_worker_alerts_nobody_twice(case: Case) -> None:
    """The process dies after the claim of the next unit was committed and before the timer was settled."""
    incident = await case.incident()
    await case.send("A-1", incident)
    case.pass_time(20)
    await run_due_timers(case.centre, case.entry, {K.OFFER_UNACKNOWLEDGED: HANDLERS[K.OFFER_UNACKNOWLEDGED]})
    firing = await claim_timer(case.centre, case.entry, [K.WIDEN])
    assert firing is not None
    alerted = await widen_offer.alert_next(case.centre, case.entry, firing)
    assert alerted is not None
    assert alerted.call_sign == "A-2"
    assert await widen_offer.alert_next(case.centre, case.entry, firing) is None
    case.pass_time(LEASE.total_seconds() + 1)
    assert await claim_timer(case.centre, case.entry, [K.WIDEN]) is None
    assert await case.open_runs(incident) == {"A-1": "offered", "A-2": "offered"}


async def test_an_operator_who_sends_meanwhile_overtakes_the_widening(case: Case) -> None:
    incident = await case.incident()
    await case.send("A-1", incident)
    case.pass_time(20)
    await run_due_timers(case.centre, case.entry, {K.OFFER_UNACKNOWLEDGED: HANDLERS[K.OFFER_UNACKNOWLEDGED]})
    firing = await claim_timer(case.centre, case.entry, [K.WIDEN])
    assert firing is not None
    await case.send("A-3", incident)
    assert await widen_offer.alert_next(case.centre, case.entry, firing) is None
    assert set(await case.open_runs(incident)) == {"A-1", "A-3"}


async def test_timers_of_one_tenant_are_run_in_the_order_they_are_due(case: Case) -> None:
    for seconds in (3, 1, 2):
        async with case.centre.begin(case.entry.tenant, case.operator, "test") as tx:
            tx.set_timer(K.CALL_UNANSWERED, new_id(), tx.now + timedelta(seconds=seconds))
    case.pass_time(10)
    seen: list[Any] = []

    async def note(centre: Centre, entry: TenantEntry, firing: Firing) -> None:
        seen.append(firing.subject_id)

    assert await run_due_timers(case.centre, case.entry, {**DISPATCH, K.CALL_UNANSWERED: note}) == 3
    rows = await case.rows("SELECT subject_id, result FROM timer ORDER BY id")
    assert seen == [rows[1].subject_id, rows[2].subject_id, rows[0].subject_id]
    assert {row.result for row in rows} == {"done"}
