"""What waits beside a case's states: a transport by its road, a wish to cancel, a unit out of service."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from case_scene import CAUSE, HOSPITAL, SCENE, Case, S
from timer_check import check_timers, jump

from dispatch.domain.call import CallbackOutcome
from dispatch.domain.errors import DispatchError
from dispatch.domain.events import EventKind
from dispatch.domain.incident import CancelReason
from dispatch.domain.triage import Triage
from dispatch.domain.unit import UnavailabilityReason
from dispatch.services.cancel_call import cancel_call
from dispatch.services.change_destination import change_destination
from dispatch.services.end_incident import cancel_incident
from dispatch.services.find_route import find_route
from dispatch.services.handle_call import record_callback, take_call
from dispatch.services.open_incident import Judgement, open_incident
from dispatch.services.placing import Point
from dispatch.services.readiness import make_available, make_unavailable
from dispatch.services.resident_status import call_status

TRANSPORT = "run_not_at_facility"


# --- a transport -------------------------------------------------------------------------------------


async def drive(case: Case, goal: Point) -> float:
    """Seconds by road from the scene."""
    return (await find_route(case.centre, case.entry, SCENE, goal)).total_s


async def leave(case: Case, sign: str = "A-1", **to: Any) -> UUID:
    """A run that has just left the scene with its patient."""
    run = await case.send(sign, await case.incident())
    await case.steps(run.id, S.ACCEPTED)
    await case.step(run.id, S.LEFT_SCENE, **to)
    return run.id


async def told(case: Case) -> int:
    return len([e for e in await case.events(EventKind.RUN_OVERDUE) if e["state"] == "left_scene"])


async def test_a_transport_is_late_by_the_road_to_its_facility(case: Case) -> None:
    run = await leave(case)
    limit = await drive(case, HOSPITAL) * 1.5 + 600
    assert 900 < limit < 2_700, "neither the least nor the setting"
    assert await case.timers(run) == {TRANSPORT: 900}
    await jump(case, 900)
    assert await told(case) == 0
    assert (await case.timers(run))[TRANSPORT] == pytest.approx(limit - 900, abs=0.1)
    await jump(case, limit - 901)
    assert await told(case) == 0
    await jump(case, 2)
    assert await told(case) == 1
    await jump(case, 599, 1, 600)
    assert await told(case) == 3


async def test_a_short_way_is_late_after_a_quarter_of_an_hour(case: Case) -> None:
    call = await case.ring(speed_factor=60.0)
    about = (case.centre, case.entry, case.operator)
    opened = await open_incident(*about, call.call_id, Judgement(triage=Triage.RED), cause=CAUSE)
    run = await case.send("A-1", opened.incident_id)
    await case.steps(run.id, S.ACCEPTED)
    await case.step(run.id, S.LEFT_SCENE)
    assert await drive(case, HOSPITAL) / 60 * 1.5 + 600 < 900
    await jump(case, 899)
    assert await told(case) == 0
    await jump(case, 1)
    assert await told(case) == 1


async def test_without_a_known_way_the_setting_holds(case: Case) -> None:
    run = await leave(case, outside_name="Klinik di luar")
    await jump(case, 900)
    assert await case.timers(run) == {TRANSPORT: 2_700 - 900}
    await jump(case, 2_700 - 901)
    assert await told(case) == 0
    await jump(case, 1)
    assert await told(case) == 1


async def test_another_destination_begins_the_wait_anew(case: Case) -> None:
    run = await leave(case)
    await jump(case, 600)
    about = (case.centre, case.entry, case.operator)
    await change_destination(*about, run, case.facilities["clinic"], None, cause=CAUSE)
    assert await case.timers(run) == {TRANSPORT: 900}
    await change_destination(*about, run, None, "Klinik di luar", cause=CAUSE)
    await jump(case, 900)
    assert await case.timers(run) == {TRANSPORT: 1_800}
    await case.step(run, S.AT_FACILITY, outside_name="Klinik di luar")
    assert TRANSPORT not in await case.timers(run)


# --- a wish to cancel --------------------------------------------------------------------------------


async def wish(case: Case) -> tuple[UUID, UUID]:
    """A case with a unit on its way, whose caller wishes to cancel: call and incident."""
    call = await case.ring()
    about = (case.centre, case.entry, case.operator)
    opened = await open_incident(*about, call.call_id, Judgement(triage=Triage.RED), cause=CAUSE)
    await case.send("A-1", opened.incident_id)
    await cancel_call(*about, call.call_id, cause=CAUSE)
    return call.call_id, opened.incident_id


async def test_a_wish_to_cancel_is_told_until_the_caller_was_reached(case: Case) -> None:
    call, incident = await wish(case)
    assert await case.timers(call) == {"cancel_unheeded": 60}
    await jump(case, 59)
    assert await case.events(EventKind.CANCEL_OVERDUE) == []
    await jump(case, 1, 120)
    alarms = await case.events(EventKind.CANCEL_OVERDUE)
    assert [(a["times"], a["waited_s"], a["triage"]) for a in alarms] == [(1, 60, "red"), (2, 180, "red")]
    rows = await case.rows("SELECT DISTINCT incident_id FROM event WHERE kind = 'cancel_overdue'")
    assert [row.incident_id for row in rows] == [incident]
    about = (case.centre, case.entry, case.operator, call)
    await record_callback(*about, CallbackOutcome.NO_ANSWER, None, cause=CAUSE)
    assert set(await case.timers(call)) == {"cancel_unheeded"}
    await record_callback(*about, CallbackOutcome.ANSWERED, None, cause=CAUSE)
    assert await case.timers(call) == {}
    await jump(case, 600)
    assert len(await case.events(EventKind.CANCEL_OVERDUE)) == 2


async def test_a_second_wish_to_cancel_is_asked_anew_once_the_first_was_answered(case: Case) -> None:
    call, _ = await wish(case)
    about = (case.centre, case.entry, case.operator, call)
    case.pass_time(10)
    await cancel_call(*about, cause=CAUSE)
    assert len(await case.events(EventKind.CALL_CANCEL_ASKED)) == 1
    assert await case.timers(call) == {"cancel_unheeded": 50}
    await record_callback(*about, CallbackOutcome.ANSWERED, None, cause=CAUSE)
    assert not (await call_status(*about)).cancel_asked
    case.pass_time(10)
    await cancel_call(*about, cause=CAUSE)
    assert (await call_status(*about)).cancel_asked
    assert await case.timers(call) == {"cancel_unheeded": 60}
    await jump(case, 60)
    (alarm,) = await case.events(EventKind.CANCEL_OVERDUE)
    assert alarm["waited_s"] == 60
    assert len(await case.events(EventKind.CALL_CANCEL_ASKED)) == 2
    await case.check_log()


async def test_a_wish_to_cancel_ends_with_its_case(case: Case) -> None:
    call, incident = await wish(case)
    await cancel_incident(
        case.centre, case.entry, case.operator, incident, CancelReason.CALLER_CANCELLED, cause=CAUSE
    )
    assert await case.timers(call) == {}
    await jump(case, 600)
    assert await case.events(EventKind.CANCEL_OVERDUE) == []


async def test_a_wish_from_before_the_case_is_kept_in_it(case: Case) -> None:
    call = await case.ring()
    about = (case.centre, case.entry, case.operator)
    await take_call(*about, call.call_id, cause=CAUSE)
    await cancel_call(*about, call.call_id, cause=CAUSE)
    assert set(await case.timers(call.call_id)) == {"call_no_verdict"}
    await open_incident(*about, call.call_id, Judgement(triage=Triage.RED), cause=CAUSE)
    assert await case.timers(call.call_id) == {"cancel_unheeded": 60}
    await check_timers(case)


# --- a unit out of service ---------------------------------------------------------------------------


async def out(case: Case, seconds: float | None) -> UUID:
    """Take A-1 out of service, expected back in so many seconds: the unavailability."""
    until = None if seconds is None else case.now + timedelta(seconds=seconds)
    about = (case.centre, case.entry, case.operator, case.units["A-1"])
    await make_unavailable(*about, UnavailabilityReason.FUEL, None, until, cause=CAUSE)
    return UUID(str(await case.value("SELECT id FROM unavailability WHERE ended_at IS NULL")))


async def test_a_unit_that_is_not_back_in_time_is_told_until_it_is(case: Case) -> None:
    away = await out(case, 1_800)
    assert await case.timers(away) == {"unit_not_back": 1_800}
    await jump(case, 1_799)
    assert await case.events(EventKind.RETURN_OVERDUE) == []
    await jump(case, 1, 600)
    alarms = await case.events(EventKind.RETURN_OVERDUE)
    assert [(a["times"], a["call_sign"], a["away_s"]) for a in alarms] == [
        (1, "A-1", 1_800),
        (2, "A-1", 2_400),
    ]
    assert alarms[0]["unit_id"] == str(case.units["A-1"])
    await make_available(case.centre, case.entry, case.operator, case.units["A-1"], cause=CAUSE)
    assert await case.timers(away) == {}
    await jump(case, 6_000)
    assert len(await case.events(EventKind.RETURN_OVERDUE)) == 2


async def test_a_time_that_has_passed_is_told_at_once_and_none_after_hours(case: Case) -> None:
    away = await out(case, -300)
    await jump(case, 1)
    assert len(await case.events(EventKind.RETURN_OVERDUE)) == 1
    await make_available(case.centre, case.entry, case.operator, case.units["A-1"], cause=CAUSE)
    other = await out(case, None)
    assert other != away
    assert await case.timers(other) == {"unit_not_back": 4 * 3_600}


async def test_a_unit_out_of_service_twice_has_one_timer(case: Case) -> None:
    away = await out(case, 600)
    with pytest.raises(DispatchError):
        await out(case, 60)
    assert await case.timers(away) == {"unit_not_back": 600}
