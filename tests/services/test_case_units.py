"""Units and crews around a run: manual units, waiting incidents, shifts, relief, readiness."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from case_scene import CAUSE, HOSPITAL, Case, S, along

from dispatch.domain.assignment import DeclineReason
from dispatch.domain.errors import Conflict, InvalidInput, ReasonNeeded, UnitNotAvailable, UnitTaken
from dispatch.domain.events import EventKind
from dispatch.domain.triage import Triage
from dispatch.domain.unit import PositionQuality, UnavailabilityReason, UnitStatus
from dispatch.services.change_incident import IncidentChange, PatientChange, add_patient, change_incident
from dispatch.services.crew import sign_off, sign_on
from dispatch.services.open_incident import Judgement, open_incident
from dispatch.services.rank_units import rank_for_incident
from dispatch.services.readiness import Said, make_available, make_unavailable
from dispatch.services.resident_status import call_status
from dispatch.services.roads import Roads
from dispatch.services.save_positions import Fix, as_records, no_roads, save_positions
from dispatch.services.stand_down import acknowledge_stand_down, stand_down
from dispatch.services.unit_state import UnitView, list_units


async def unit(case: Case, sign: str) -> UnitView:
    """A unit as the screens see it."""
    return next(u for u in await list_units(case.centre, case.entry) if u.call_sign == sign)


async def park(case: Case, *signs: str) -> None:
    """Take units out of service."""
    for sign in signs:
        await make_unavailable(
            case.centre,
            case.entry,
            case.operator,
            case.units[sign],
            UnavailabilityReason.FUEL,
            None,
            None,
            cause=CAUSE,
        )


async def test_all_units_are_ranked_or_explained(case: Case) -> None:
    await park(case, "A-2")
    await sign_off(case.centre, case.entry, case.crew["A-3"], cause=CAUSE)
    await case.send("M-2", await case.incident())
    ranking = await rank_for_incident(case.centre, case.entry, await case.incident())
    assert [(c.unit.call_sign, c.suits) for c in ranking.candidates] == [("A-1", True), ("M-1", False)]
    assert {(h.unit.call_sign, h.code) for h in ranking.not_offered} == {
        ("A-2", "unavailable"),
        ("A-3", "off_shift"),
        ("M-2", "busy"),
    }
    times = [c.total_s for c in ranking.candidates]
    assert times == sorted(times)


async def test_another_than_the_first_needs_a_reason(case: Case) -> None:
    incident = await case.incident()
    with pytest.raises(ReasonNeeded) as refused:
        await case.send("A-2", incident, "  ")
    assert refused.value.extra["proposed"] == "A-1"
    run = await case.send("A-2", incident, "tim neonatal")
    assert run.rank == 2
    assert await case.value("SELECT override_reason FROM assignment") == "tim neonatal"


async def test_sending_the_same_unit_again_returns_the_same_run(case: Case) -> None:
    incident = await case.incident()
    first = await case.send("A-1", incident, None)
    again = await case.send("A-1", incident, None)
    assert (again.id, again.repeated) == (first.id, True)
    assert len(await case.events(EventKind.UNIT_ASSIGNED)) == 1
    with pytest.raises(UnitTaken) as refused:
        await case.send("A-1", await case.incident())
    number = await case.value("SELECT number FROM incident WHERE id = :i", i=incident)
    assert refused.value.extra["incident"] == number


async def test_units_that_are_not_free_cannot_be_sent(case: Case) -> None:
    incident = await case.incident()
    await park(case, "A-1")
    await sign_off(case.centre, case.entry, case.crew["A-2"], cause=CAUSE)
    for sign, status in (("A-1", "unavailable"), ("A-2", "off_shift")):
        with pytest.raises(UnitNotAvailable) as refused:
            await case.send(sign, incident)
        assert refused.value.extra["unit_status"] == status


async def test_roads_that_cannot_be_read_do_not_keep_anybody_from_sending(case: Case, tmp_path: Path) -> None:
    incident = await case.incident()
    case.centre.roads = Roads(tmp_path / "nothing here")
    run = await case.send("A-1", incident, None)
    assert (run.state, run.rank, run.predicted_s) == (S.OFFERED, 0, None)


async def test_while_roads_cannot_be_read_a_caller_sees_the_ambulance(case: Case, tmp_path: Path) -> None:
    call = await case.ring()
    about = (case.centre, case.entry, case.operator, call.call_id)
    opened = await open_incident(*about, Judgement(triage=Triage.RED), cause=CAUSE)
    await case.send("A-1", opened.incident_id, None)
    at, place = case.now.timestamp(), along(1_000)
    fix = Fix(uuid4(), 1, at, at, place.lon, place.lat, at=at, unit_id=case.units["A-1"])
    await save_positions(case.centre, case.entry, as_records([fix]), no_roads(1))
    (seen,) = (await call_status(*about)).ambulances
    assert seen.position_quality is PositionQuality.LIVE
    assert seen.eta_s is not None
    case.centre.roads = Roads(tmp_path / "nothing here")
    (seen,) = (await call_status(*about)).ambulances
    assert (seen.call_sign, seen.position_quality, seen.eta_s) == ("A-1", PositionQuality.LIVE, None)


async def test_a_place_far_from_all_roads_is_refused_minutes_and_sent_to_all_the_same(case: Case) -> None:
    incident = await case.incident()
    far = IncidentChange(place=along(100_000))
    await change_incident(case.centre, case.entry, case.operator, incident, far, cause=CAUSE)
    with pytest.raises(InvalidInput) as refused:
        await rank_for_incident(case.centre, case.entry, incident)
    assert [p.field for p in refused.value.problems] == ["place"]
    run = await case.send("A-1", incident, None)
    assert (run.state, run.rank, run.predicted_s) == (S.OFFERED, 0, None)
    case.pass_time(25)
    await case.work()  # the offer is not widened, as nobody is near
    assert await case.open_runs(incident) == {"A-1": "offered"}


async def test_a_manual_unit_is_stepped_by_the_operator_and_stands_where_it_was_freed(case: Case) -> None:
    before = await unit(case, "M-2")
    assert (before.place_source, before.position_quality) == ("base", PositionQuality.ASSUMED)
    run = await case.send("M-2", await case.incident())
    assert set(await case.timers(run.id)) == {"manual_unanswered"}
    messages = await case.rows("SELECT channel, recipient, purpose FROM outbox")
    assert [tuple(m) for m in messages] == [("file", "+628000005000", "offer")]
    await case.later(125)
    assert len(await case.events(EventKind.MANUAL_UNIT_UNANSWERED)) == 2
    await case.steps(run.id, S.ACCEPTED, S.LEFT_SCENE, S.HANDED_OVER, S.CLEARED)
    assert await case.timers(run.id) == {}
    after = await unit(case, "M-2")
    assert (after.status, after.place_source) == (UnitStatus.AVAILABLE, "last_cleared")
    assert (after.lon, after.lat) == pytest.approx((HOSPITAL.lon, HOSPITAL.lat))
    assert after.position_quality is PositionQuality.ASSUMED


async def waiting(case: Case, triage: Triage = Triage.RED, needs: tuple[str, ...] = ()) -> Any:
    """An incident for which no unit was found, with all units parked."""
    await park(case, *case.units)
    incident = await case.incident(triage, needs=list(needs))
    await case.later(61)
    assert await case.value("SELECT waiting_since IS NOT NULL FROM incident WHERE id = :i", i=incident)
    return incident


async def test_waiting_is_timed_and_told_again(case: Case) -> None:
    incident = await waiting(case)
    assert (await case.timers(incident))["incident_unassigned"] <= 60
    await case.later(121)
    told = await case.events(EventKind.UNIT_OVERDUE)
    assert [t["times"] for t in told] == [1, 2]
    await make_available(case.centre, case.entry, case.operator, case.units["A-1"], cause=CAUSE)
    await case.send("A-1", incident)
    assert await case.value("SELECT waiting_since FROM incident WHERE id = :i", i=incident) is None
    assert await case.timers(incident) == {}


async def test_a_unit_that_becomes_ready_rings_for_whoever_waits(case: Case) -> None:
    incident = await waiting(case)
    await make_available(case.centre, case.entry, case.operator, case.units["A-1"], cause=CAUSE)
    (alarm,) = await case.events(EventKind.UNIT_FOUND_FOR_WAITING)
    assert (alarm["call_sign"], alarm["suits"]) == ("A-1", True)
    assert incident in {
        r.incident_id
        for r in await case.rows("SELECT incident_id FROM event WHERE kind = 'unit_found_for_waiting'")
    }


async def test_a_unit_that_is_freed_rings_for_whoever_waits(case: Case) -> None:
    run = await case.send("A-1", await case.incident())
    await case.steps(run.id, S.LEFT_SCENE, S.HANDED_OVER)
    await park(case, "A-2", "A-3", "M-1", "M-2")
    await case.incident()
    await case.later(61)
    assert await case.events(EventKind.UNIT_FOUND_FOR_WAITING) == []
    await case.step(run.id, S.CLEARED)
    assert len(await case.events(EventKind.UNIT_FOUND_FOR_WAITING)) == 1


async def test_a_unit_that_signs_on_rings_for_whoever_waits(case: Case) -> None:
    await sign_off(case.centre, case.entry, case.crew["A-1"], cause=CAUSE)
    await case.incident()
    await case.later(61)
    await sign_on(case.centre, case.entry, case.crew["A-1"], "A-1", None, cause=CAUSE)
    assert len(await case.events(EventKind.UNIT_FOUND_FOR_WAITING)) == 1


async def test_a_unit_that_does_not_suit_rings_for_red_only(case: Case) -> None:
    await waiting(case, Triage.YELLOW, ("advanced",))
    await make_available(case.centre, case.entry, case.operator, case.units["M-1"], cause=CAUSE)
    assert await case.events(EventKind.UNIT_FOUND_FOR_WAITING) == []
    await case.incident(Triage.RED, needs=["advanced"])
    await case.later(61)
    await park(case, "M-1")
    await make_available(case.centre, case.entry, case.operator, case.units["M-1"], cause=CAUSE)
    (alarm,) = await case.events(EventKind.UNIT_FOUND_FOR_WAITING)
    assert (alarm["triage"], alarm["suits"]) == ("red", False)


async def test_standing_down_frees_the_unit_and_leaves_the_case_waiting(case: Case) -> None:
    incident = await case.incident()
    run = await case.send("A-1", incident)
    await case.steps(run.id, S.EN_ROUTE)
    for _ in range(2):
        state = await stand_down(case.centre, case.entry, case.operator, run.id, "ganti unit", cause=CAUSE)
        assert state is S.STOOD_DOWN
    assert (await unit(case, "A-1")).status is UnitStatus.AVAILABLE
    assert await case.value("SELECT waiting_since IS NOT NULL FROM incident") is True
    assert (await case.stamps(incident))["stood_down_at"][1] == "operator"
    for _ in range(2):
        await acknowledge_stand_down(case.centre, case.entry, case.crew["A-1"], run.id, cause=CAUSE)
    assert len(await case.events(EventKind.STAND_DOWN_ACKNOWLEDGED)) == 1


async def test_a_crew_cannot_leave_its_run_but_can_be_relieved(case: Case) -> None:
    run = await case.send("A-1", await case.incident())
    await case.steps(run.id, S.EN_ROUTE, by=case.crew["A-1"])
    with pytest.raises(Conflict):
        await sign_off(case.centre, case.entry, case.crew["A-1"], cause=CAUSE)
    with pytest.raises(Conflict):
        await sign_on(case.centre, case.entry, case.crew["A-1"], "A-2", None, cause=CAUSE)
    await sign_on(case.centre, case.entry, case.relief, "A-1", None, cause=CAUSE)
    await sign_off(case.centre, case.entry, case.crew["A-1"], cause=CAUSE)
    await case.steps(run.id, S.ON_SCENE, by=case.relief)
    assert await case.open_runs(run.incident_id) == {"A-1": "on_scene"}
    assert (
        await case.value(
            "SELECT count(*) FROM shift WHERE opened_at IS NOT NULL AND closed_at IS NULL AND unit_id = :u",
            u=case.units["A-1"],
        )
        == 1
    )


async def test_a_driver_changes_units_in_one_go(case: Case) -> None:
    aboard = await sign_on(case.centre, case.entry, case.crew["A-1"], "A-2", None, cause=CAUSE)
    assert aboard.call_sign == "A-2"
    assert (await unit(case, "A-1")).status is UnitStatus.OFF_SHIFT
    again = await sign_on(case.centre, case.entry, case.crew["A-1"], "A-2", None, cause=CAUSE)
    assert again == aboard
    with pytest.raises(Conflict):
        await sign_on(case.centre, case.entry, case.relief, "M-1", None, cause=CAUSE)


async def test_status_is_derived(case: Case) -> None:
    assert (await unit(case, "A-1")).status is UnitStatus.AVAILABLE
    run = await case.send("A-1", await case.incident())
    assert (await unit(case, "A-1")).status is UnitStatus.BUSY
    await park(case, "A-1")
    assert (await unit(case, "A-1")).status is UnitStatus.BUSY
    await case.step(run.id, S.DECLINED, reason=DeclineReason.VEHICLE)
    assert (await unit(case, "A-1")).status is UnitStatus.UNAVAILABLE
    await make_available(case.centre, case.entry, case.operator, case.units["A-1"], cause=CAUSE)
    assert (await unit(case, "A-1")).status is UnitStatus.AVAILABLE
    await sign_off(case.centre, case.entry, case.crew["A-1"], cause=CAUSE)
    assert (await unit(case, "A-1")).status is UnitStatus.OFF_SHIFT


async def test_a_unit_is_put_out_of_service_once(case: Case) -> None:
    await park(case, "A-1")
    with pytest.raises(Conflict) as refused:
        await park(case, "A-1")
    assert refused.value.extra["reason"] == "fuel"
    for _ in range(2):
        await make_available(case.centre, case.entry, case.operator, case.units["A-1"], cause=CAUSE)


async def test_the_nearest_by_road_is_proposed_and_its_way_off_the_road_is_shown(case: Case) -> None:
    call = await case.ring(along(0, aside=400))
    assert call.village == "Desa Uji"
    ranking = await rank_for_incident(case.centre, case.entry, await case.incident(place=along(0, 400)))
    first = ranking.candidates[0]
    assert first.unit.call_sign == "A-1"
    assert first.access_m == pytest.approx(400, rel=0.03)
    assert first.access_s == pytest.approx(400 / (20 / 3.6), rel=0.03)
    assert first.road_m == pytest.approx(1_000, rel=0.03)


async def test_a_patient_who_is_left_behind_waits_aloud(case: Case) -> None:
    incident = await case.incident(patients=1)
    run = await case.send("A-1", incident)
    await case.steps(run.id, S.LEFT_SCENE)
    await add_patient(case.centre, case.entry, case.operator, incident, PatientChange(), cause=CAUSE)
    await case.steps(run.id, S.HANDED_OVER, S.CLEARED)
    assert await case.value("SELECT waiting_since IS NOT NULL FROM incident") is True
    (alarm,) = await case.events(EventKind.UNIT_FOUND_FOR_WAITING)
    assert alarm["call_sign"] == "A-1"


async def test_nobody_is_sent_to_patients_whose_care_has_ended(case: Case) -> None:
    incident = await case.incident()
    first, second = await case.send("A-1", incident), await case.send("A-2", incident)
    await case.steps(first.id, S.LEFT_SCENE, S.HANDED_OVER, S.CLEARED)
    await case.step(second.id, S.DECLINED, reason=DeclineReason.OTHER)
    assert await case.work() == 0
    assert await case.value("SELECT waiting_since FROM incident") is None
    assert set(await case.timers(incident)) == {"incident_unclosed"}


async def test_what_a_crew_said_without_signal_counts_from_when_it_was_said(case: Case) -> None:
    unit_id, crew = case.units["A-1"], case.crew["A-1"]
    told = case.now
    case.now += timedelta(minutes=10)
    for _ in range(2):  # the phone repeats what it got no answer to
        await make_unavailable(
            case.centre,
            case.entry,
            crew,
            unit_id,
            UnavailabilityReason.CLEANING,
            "Cuci kabin",
            told + timedelta(minutes=30),
            cause=CAUSE,
            said=Said(told, case.now),
        )
    (row,) = await case.rows("SELECT began_at, ended_at FROM unavailability")
    assert (row.began_at, row.ended_at) == (told, None)
    back = told + timedelta(minutes=5)
    await make_available(case.centre, case.entry, crew, unit_id, cause=CAUSE, said=Said(back, case.now))
    (row,) = await case.rows("SELECT began_at, ended_at FROM unavailability")
    assert (row.began_at, row.ended_at) == (told, back)
    await case.check_log()


async def test_a_late_word_does_not_undo_what_the_operator_did_since(case: Case) -> None:
    told = case.now
    case.now += timedelta(minutes=10)
    await park(case, "A-1")
    late = Said(told, case.now)
    with pytest.raises(Conflict, match="refuelling"):
        await make_available(
            case.centre, case.entry, case.crew["A-1"], case.units["A-1"], cause=CAUSE, said=late
        )
    assert (await unit(case, "A-1")).status is UnitStatus.UNAVAILABLE
