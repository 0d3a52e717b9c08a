"""Phones without signal: late steps are never refused, conflicting ones are kept as facts."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from case_scene import CAUSE, NOON, Case, S

from dispatch.domain.assignment import DeclineReason
from dispatch.domain.errors import Forbidden, IllegalStep
from dispatch.domain.events import EventKind
from dispatch.domain.stamps import StampSource
from dispatch.services.crew import sign_off, sign_on


async def test_a_late_step_that_still_fits_counts_from_when_it_happened(case: Case) -> None:
    run = await case.send("A-1", await case.incident())
    await case.step(run.id, S.ACCEPTED, case.crew["A-1"])
    left = case.now + timedelta(seconds=20)
    case.pass_time(300)
    view = await case.step(run.id, S.EN_ROUTE, case.crew["A-1"], device_at=left, sent_at=case.now)
    assert (view.reported, view.occurred_at) == (False, left)
    row = (await case.rows("SELECT * FROM stamp WHERE name = 'en_route_at'"))[0]
    assert (row.occurred_at, row.received_at, row.clock_corrected) == (left, case.now, False)


async def test_a_wrong_phone_clock_is_corrected_and_flagged(case: Case) -> None:
    run = await case.send("A-1", await case.incident())
    case.pass_time(100)
    behind = timedelta(hours=3)
    happened = case.now - timedelta(seconds=40)
    view = await case.step(
        run.id, S.ACCEPTED, case.crew["A-1"], device_at=happened - behind, sent_at=case.now - behind
    )
    assert view.occurred_at == happened
    assert await case.value("SELECT clock_corrected FROM stamp WHERE name = 'accepted_at'") is True


async def test_no_clock_puts_a_step_before_its_offer_or_into_the_future(case: Case) -> None:
    run = await case.send("A-1", await case.incident())
    case.pass_time(100)
    early = await case.step(run.id, S.ACCEPTED, case.crew["A-1"], device_at=NOON - timedelta(days=1))
    late = await case.step(run.id, S.EN_ROUTE, case.crew["A-1"], device_at=case.now + timedelta(minutes=9))
    assert (early.occurred_at, late.occurred_at) == (run.created_at, case.now)
    flags = await case.rows("SELECT clock_corrected FROM stamp WHERE source = 'crew'")
    assert [f.clock_corrected for f in flags] == [True, True]


async def test_a_late_step_that_was_overtaken_is_kept_as_a_fact(case: Case) -> None:
    run = await case.send("A-1", await case.incident())
    await case.step(run.id, S.ON_SCENE)  # the operator, by radio
    left = case.now + timedelta(seconds=5)
    case.pass_time(120)
    late = {"device_at": left, "sent_at": case.now}
    view = await case.step(run.id, S.EN_ROUTE, case.crew["A-1"], **late)
    assert (view.reported, view.state) == (True, S.ON_SCENE)
    fact = (await case.rows("SELECT * FROM reported_fact"))[0]
    assert (fact.step, fact.state_then, fact.occurred_at) == ("en_route", "on_scene", left)
    assert "en_route_at" not in await case.stamps(run.incident_id)
    told = await case.events(EventKind.ASSIGNMENT_FACT_REPORTED)
    assert told == [{"assignment_id": str(run.id), "step": "en_route", "state": "on_scene"}]
    # the acknowledgement was lost and the phone tells it again
    case.pass_time(5)
    again = await case.step(run.id, S.EN_ROUTE, case.crew["A-1"], device_at=left, sent_at=case.now)
    assert again.repeated
    assert await case.value("SELECT count(*) FROM reported_fact") == 1


async def test_a_repeated_report_of_a_step_long_taken_changes_nothing(case: Case) -> None:
    run = await case.send("A-1", await case.incident())
    at = case.now + timedelta(seconds=1)
    case.pass_time(2)
    await case.step(run.id, S.LEFT_SCENE, case.crew["A-1"], device_at=at)
    await case.steps(run.id, S.AT_FACILITY, by=case.crew["A-1"])
    head = await case.head()
    case.pass_time(60)
    again = await case.step(run.id, S.LEFT_SCENE, case.crew["A-1"], device_at=at)
    # taken for new it would be the way to another facility
    assert (again.repeated, again.state) == (True, S.AT_FACILITY)
    assert await case.head() == head
    assert await case.value("SELECT count(*) FROM leg") == 1


async def test_a_step_that_conflicts_and_is_not_late_is_refused(case: Case) -> None:
    run = await case.send("A-1", await case.incident())
    await case.step(run.id, S.ON_SCENE)
    case.pass_time(10)
    with pytest.raises(IllegalStep):
        await case.step(run.id, S.EN_ROUTE, case.crew["A-1"], device_at=case.now - timedelta(seconds=4))


async def test_accepting_after_the_offer_ran_out_is_a_fact_and_does_not_claim_the_unit(case: Case) -> None:
    incident = await case.incident()
    run = await case.send("A-1", incident)
    accepted = case.now + timedelta(seconds=30)
    await case.later(70)
    assert await case.state(run.id) == "timed_out"
    view = await case.step(run.id, S.ACCEPTED, case.crew["A-1"], device_at=accepted, sent_at=case.now)
    assert view.reported
    assert await case.state(run.id) == "timed_out"
    assert "A-1" not in await case.open_runs(incident)


async def test_a_refusal_keeps_the_time_that_the_crew_gave_it(case: Case) -> None:
    """Pressed without signal, by a clock an hour fast: the log has both, the device's and the true one."""
    run = await case.send("A-1", await case.incident())
    fast = timedelta(hours=1)
    pressed = case.now + timedelta(seconds=5)
    case.pass_time(30)
    told = {"device_at": pressed + fast, "sent_at": case.now + fast}
    await case.step(run.id, S.DECLINED, case.crew["A-1"], reason=DeclineReason.CREW, **told)
    [row] = await case.rows(
        "SELECT occurred_at, CAST(body AS jsonb)->>'device_at' AS device_at FROM event "
        "WHERE kind = 'offer_declined'"
    )
    assert row.occurred_at == pressed
    assert datetime.fromisoformat(row.device_at) == pressed + fast
    assert await case.value("SELECT released_at FROM assignment WHERE id = :i", i=run.id) == case.now


async def test_a_crew_that_was_relieved_can_still_report_what_it_did(case: Case) -> None:
    run = await case.send("A-1", await case.incident())
    old, fresh = case.crew["A-1"], case.relief
    await case.steps(run.id, S.EN_ROUTE, by=old)
    arrived = case.now + timedelta(seconds=30)
    case.pass_time(60)
    await sign_on(case.centre, case.entry, fresh, "A-1", None, cause=CAUSE)
    await sign_off(case.centre, case.entry, old, cause=CAUSE)
    case.pass_time(60)
    view = await case.step(run.id, S.ON_SCENE, old, device_at=arrived, sent_at=case.now)
    assert (view.reported, view.occurred_at) == (False, arrived)
    with pytest.raises(Forbidden):
        await case.step(run.id, S.AT_PATIENT, old)
    with pytest.raises(Forbidden):
        await case.step(run.id, S.AT_PATIENT, case.crew["A-2"])


async def test_a_driver_cannot_make_the_centres_moves(case: Case) -> None:
    run = await case.send("A-1", await case.incident())
    for to in (S.STOOD_DOWN, S.TIMED_OUT, S.DIVERTED):
        with pytest.raises(Forbidden):
            await case.step(run.id, to, case.crew["A-1"])


async def test_the_source_of_a_stamp_is_who_said_so(case: Case) -> None:
    run = await case.send("M-2", await case.incident())
    sources = [StampSource.OPERATOR, StampSource.SMS, StampSource.GEOFENCE_CONFIRMED]
    for to, source in zip((S.ACCEPTED, S.EN_ROUTE, S.ON_SCENE), sources, strict=True):
        await case.step(run.id, to, source=source)
    stamps = await case.stamps(run.incident_id)
    assert [stamps[n][1] for n in ("accepted_at", "en_route_at", "on_scene_at")] == [s.value for s in sources]
    # nobody knows when a unit without a screen was alerted
    assert "offered_at" not in stamps


async def test_a_report_that_was_overtaken_does_not_undo_the_later_one(case: Case) -> None:
    """The arrival at the facility came first, the leaving of the scene after it: nobody drives again."""
    run = await case.send("A-1", await case.incident())
    await case.step(run.id, S.ACCEPTED, case.crew["A-1"])
    left = case.now + timedelta(seconds=20)
    case.pass_time(300)
    await case.step(run.id, S.AT_FACILITY, case.crew["A-1"], device_at=case.now, sent_at=case.now)
    case.pass_time(30)
    late = await case.step(run.id, S.LEFT_SCENE, case.crew["A-1"], device_at=left, sent_at=case.now)
    assert (late.state, late.reported) == (S.AT_FACILITY, True)
    assert [leg.state for leg in await case.rows("SELECT state FROM leg")] == ["at_facility"]
    assert await case.value("SELECT count(*) FROM stamp WHERE name = 'left_scene_at'") == 0
    fact = (await case.rows("SELECT step, occurred_at FROM reported_fact"))[0]
    assert (fact.step, fact.occurred_at) == ("left_scene", left)
    # turned away at the door, it does go on
    case.pass_time(60)
    await case.step(run.id, S.LEFT_SCENE, case.crew["A-1"], device_at=case.now, sent_at=case.now)
    assert await case.state(run.id) == "left_scene"
    await case.check_log()
