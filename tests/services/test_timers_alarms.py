"""What has been left lying is told, and told again, until somebody acts."""

from __future__ import annotations

import pytest
from case_scene import CAUSE, Case, S
from timer_check import check_timers, jump

from dispatch.domain.call import Disposal
from dispatch.domain.events import EventKind
from dispatch.services.change_destination import change_destination
from dispatch.services.end_incident import close_incident
from dispatch.services.facility_desk import RefusalReason, accept_run, refuse_run, set_facility_status
from dispatch.services.find_facilities import EmsStatus
from dispatch.services.handle_call import dispose_call, reopen_call, take_call
from dispatch.services.sessions import SignedIn


async def test_a_ringing_call_is_told_ever_again(case: Case) -> None:
    await case.ring()
    await case.later(15 + 15 + 30 + 60 + 60)
    alarms = await case.events(EventKind.CALL_UNANSWERED)
    assert [(a["times"], a["waited_s"]) for a in alarms] == [(1, 15), (2, 30), (3, 60), (4, 120), (5, 180)]
    call = await case.value("SELECT id FROM call")
    await take_call(case.centre, case.entry, case.operator, call, cause=CAUSE)
    await case.later(59)
    assert len(await case.events(EventKind.CALL_UNANSWERED)) == 5
    await case.later(61)
    assert [a["times"] for a in await case.events(EventKind.VERDICT_OVERDUE)] == [1, 2]


async def test_after_an_hour_it_is_told_every_ten_minutes(case: Case) -> None:
    call = await case.ring()
    await jump(case, 15, 15, 30, *([60] * 57))
    assert (await case.timers(call.call_id))["call_unanswered"] == 600


async def test_a_disposed_call_is_silent_and_a_reopened_one_is_not(case: Case) -> None:
    call = await case.ring()
    await dispose_call(case.centre, case.entry, case.operator, call.call_id, Disposal.PRANK, cause=CAUSE)
    assert await case.later(30) == 0
    await reopen_call(case.centre, case.entry, case.operator, call.call_id, cause=CAUSE)
    await case.later(61)
    assert len(await case.events(EventKind.VERDICT_OVERDUE)) == 1


async def test_a_crew_that_does_not_move_and_one_that_cannot_hand_over(case: Case) -> None:
    run = await case.send("A-1", await case.incident())
    await case.step(run.id, S.ACCEPTED)
    await case.later(61)
    assert [a["state"] for a in await case.events(EventKind.DEPARTURE_OVERDUE)] == ["accepted"]
    await case.steps(run.id, S.AT_FACILITY)
    await jump(case, 29 * 60, 61, 600)
    alarms = await case.events(EventKind.HANDOVER_OVERDUE)
    assert [a["times"] for a in alarms] == [1, 2]
    # on to another facility: the wait begins anew
    await case.step(run.id, S.LEFT_SCENE)
    assert await case.timers(run.id) == {"run_not_at_facility": 15 * 60}
    await case.steps(run.id, S.AT_FACILITY)
    assert (await case.timers(run.id))["run_no_handover"] == 30 * 60


async def test_a_handover_that_is_not_countersigned_holds_the_case_for_half_a_day(case: Case) -> None:
    incident = await case.incident()
    run = await case.send("A-1", incident)
    await case.steps(run.id, S.LEFT_SCENE, S.HANDED_OVER, S.CLEARED)
    await close_incident(case.centre, case.entry, case.operator, incident, cause=CAUSE)
    await jump(case, 15 * 60, *([3_600] * 15))
    alarms = await case.events(EventKind.COUNTERSIGNATURE_OVERDUE)
    assert [a["times"] for a in alarms] == list(range(1, 13))
    assert alarms[0]["room"] == "IGD 1"
    assert await case.value("SELECT count(*) FROM timer WHERE done_at IS NULL") == 0


async def test_a_case_that_nobody_closes_is_told(case: Case) -> None:
    incident = await case.incident()
    run = await case.send("A-1", incident)
    await case.steps(run.id, S.LEFT_SCENE, S.HANDED_OVER, S.CLEARED)
    await jump(case, 601)
    assert len(await case.events(EventKind.CLOSURE_OVERDUE)) == 1
    await close_incident(case.centre, case.entry, case.operator, incident, cause=CAUSE)
    await jump(case, 3_600)
    assert len(await case.events(EventKind.CLOSURE_OVERDUE)) == 1


async def test_alarms_name_the_case(case: Case) -> None:
    incident = await case.incident()
    await case.later(121)
    number = await case.value("SELECT number FROM incident")
    for kind in (EventKind.INCIDENT_WAITING, EventKind.UNIT_OVERDUE):
        (alarm,) = await case.events(kind)
        assert (alarm["number"], alarm["triage"]) == (number, "red")
    rows = await case.rows(
        "SELECT DISTINCT incident_id FROM event WHERE kind IN ('incident_waiting', 'unit_overdue')"
    )
    assert [r.incident_id for r in rows] == [incident]


async def test_a_facility_that_is_asked_or_has_refused_is_not_forgotten(case: Case) -> None:
    run = await case.send("A-1", await case.incident())
    await case.steps(run.id, S.ACCEPTED, S.LEFT_SCENE)
    leg = await case.value("SELECT id FROM leg")
    desk = SignedIn(leg, case.entry, case.operator, None)
    assert await case.timers(leg) == {"facility_unanswered": 180}
    await jump(case, 181, 300)
    assert [e["times"] for e in await case.events(EventKind.FACILITY_UNANSWERED)] == [1, 2]
    await refuse_run(case.centre, desk, leg, RefusalReason.NO_BED, cause=CAUSE)
    assert await case.timers(leg) == {"refusal_unheeded": 60}
    await jump(case, 61)
    assert len(await case.events(EventKind.REFUSAL_UNHEEDED)) == 1
    clinic = case.facilities["clinic"]
    about = (case.centre, case.entry, case.operator)
    await change_destination(*about, run.id, clinic, None, cause=CAUSE)
    assert await case.timers(leg) == {"facility_unanswered": 180}
    await accept_run(case.centre, desk, leg, None, cause=CAUSE)
    assert await case.timers(leg) == {}
    await change_destination(*about, run.id, None, "Klinik di luar", cause=CAUSE)
    assert await case.timers(leg) == {}
    await check_timers(case)


async def test_a_refusal_at_the_door_is_told_until_there_is_another_destination(case: Case) -> None:
    run = await case.send("A-1", await case.incident())
    await case.steps(run.id, S.ACCEPTED, S.LEFT_SCENE, S.AT_FACILITY)
    leg = await case.value("SELECT id FROM leg")
    desk = SignedIn(leg, case.entry, case.operator, None)
    assert await case.timers(leg) == {}
    await refuse_run(case.centre, desk, leg, RefusalReason.NO_BED, cause=CAUSE)
    assert await case.timers(leg) == {"refusal_unheeded": 60}
    await jump(case, 60, 60)
    alarms = await case.events(EventKind.REFUSAL_UNHEEDED)
    assert [(a["times"], a["at_facility"], a["closed"]) for a in alarms] == [
        (1, True, False),
        (2, True, False),
    ]
    await case.step(run.id, S.LEFT_SCENE, facility_id=case.facilities["clinic"])
    assert await case.timers(leg) == {}
    await check_timers(case)


async def test_a_refusal_on_the_way_is_still_told_at_the_door_and_ends_with_the_handover(case: Case) -> None:
    run = await case.send("A-1", await case.incident())
    await case.steps(run.id, S.ACCEPTED, S.LEFT_SCENE)
    leg = await case.value("SELECT id FROM leg")
    desk = SignedIn(leg, case.entry, case.operator, None)
    await refuse_run(case.centre, desk, leg, RefusalReason.NO_BED, cause=CAUSE)
    await case.step(run.id, S.AT_FACILITY)
    assert await case.timers(leg) == {"refusal_unheeded": 60}
    await case.step(run.id, S.HANDED_OVER)
    assert set(await case.timers(leg)) == {"handover_countersign"}
    await check_timers(case)


@pytest.mark.parametrize("answered", [False, True], ids=["unanswered", "accepted"])
async def test_a_facility_that_closes_has_the_runs_on_their_way_to_it_told(
    case: Case, answered: bool
) -> None:
    run = await case.send("A-1", await case.incident())
    await case.steps(run.id, S.ACCEPTED, S.LEFT_SCENE)
    leg, hospital = await case.value("SELECT id FROM leg"), case.facilities["hospital"]
    desk = SignedIn(leg, case.entry, case.operator, None)
    if answered:
        await accept_run(case.centre, desk, leg, None, cause=CAUSE)
    before = set(await case.timers(leg))
    await set_facility_status(case.centre, desk, hospital, EmsStatus.CLOSED, None, cause=CAUSE)
    assert await case.timers(leg) == {"refusal_unheeded": 60}
    await jump(case, 60)
    (alarm,) = await case.events(EventKind.REFUSAL_UNHEEDED)
    assert (alarm["closed"], alarm["facility_id"]) == (True, str(hospital))
    await set_facility_status(case.centre, desk, hospital, EmsStatus.NORMAL, None, cause=CAUSE)
    assert set(await case.timers(leg)) == before
    await set_facility_status(case.centre, desk, hospital, EmsStatus.CLOSED, None, cause=CAUSE)
    about = (case.centre, case.entry, case.operator, run.id)
    await change_destination(*about, case.facilities["clinic"], None, cause=CAUSE)
    assert await case.timers(leg) == {"facility_unanswered": 180}
    # whoever is led to a closed one is told as well
    await change_destination(*about, hospital, None, cause=CAUSE)
    assert await case.timers(leg) == {"refusal_unheeded": 60}
    await check_timers(case)
    await case.check_log()


async def test_a_run_that_stands_in_a_state_for_too_long_is_told_in_every_state(case: Case) -> None:
    run = await case.send("A-1", await case.incident())
    await case.step(run.id, S.EN_ROUTE)
    predicted = await case.value("SELECT predicted_s FROM assignment WHERE origin = 'operator'")
    assert (await case.timers(run.id))["run_not_arrived"] == pytest.approx(predicted * 1.5 + 60, abs=0.01)
    for state in (S.EN_ROUTE, S.STAGED, S.ON_SCENE, S.AT_PATIENT, S.LEFT_SCENE, S.HANDED_OVER):
        if state is not S.EN_ROUTE:
            await case.step(run.id, state)
        await jump(case, 2_701)
        assert {e["state"] for e in await case.events(EventKind.RUN_OVERDUE)} >= {state}
        await check_timers(case)
    await case.step(run.id, S.CLEARED)
    told = len(await case.events(EventKind.RUN_OVERDUE))
    await jump(case, 3_600)
    assert len(await case.events(EventKind.RUN_OVERDUE)) == told
