"""One whole case through the services: every stamp, its source, and what stays missing."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from case_scene import CAUSE, CLINIC, NOON, SCENE, Case, S, along
from sqlalchemy.exc import DBAPIError

from dispatch.domain.assignment import NoTransport
from dispatch.domain.errors import Conflict, ContentDiffers, IllegalStep, InvalidInput
from dispatch.domain.events import EventKind
from dispatch.domain.incident import CancelReason, IncidentState
from dispatch.domain.patient import Outcome
from dispatch.domain.triage import Triage
from dispatch.services.change_incident import PatientChange, change_patient
from dispatch.services.end_incident import cancel_incident, close_incident
from dispatch.services.handle_call import take_call
from dispatch.services.locate_call import locate_call
from dispatch.services.open_incident import Judgement, confirm_incident, link_call, open_incident
from dispatch.storage.transaction import new_id


async def opened(case: Case, call_id: Any, judgement: Judgement) -> Any:
    """The call's incident."""
    result = await open_incident(case.centre, case.entry, case.operator, call_id, judgement, cause=CAUSE)
    return result.incident_id


async def test_a_case_from_the_call_to_the_free_unit(case: Case) -> None:
    call = await case.ring(caller_name="Ibu Uji Sintetis", caller_phone="0812-0000-0001")
    case.pass_time(8)
    await take_call(case.centre, case.entry, case.operator, call.call_id, cause=CAUSE)
    case.pass_time(40)
    incident = await opened(case, call.call_id, Judgement(triage=Triage.RED, place_note="pagar hijau"))
    case.pass_time(5)
    run = await case.send("A-1", incident, None)
    assert (run.rank, run.state, run.repeated) == (1, S.OFFERED, False)
    driver = case.crew["A-1"]
    way = (S.ACCEPTED, S.EN_ROUTE, S.STAGED, S.ON_SCENE, S.AT_PATIENT, S.LEFT_SCENE, S.AT_FACILITY)
    await case.steps(run.id, *way, S.HANDED_OVER, S.CLEARED, by=driver)
    ended = await close_incident(case.centre, case.entry, case.operator, incident, cause=CAUSE)
    assert ended.closing_code == "handed_over"

    stamps = await case.stamps(incident)
    assert {name: source for name, (_, source) in stamps.items()} == {
        "called_at": "system",
        "taken_at": "operator",
        "confirmed_at": "operator",
        "assigned_at": "operator",
        "offered_at": "system",
        "accepted_at": "crew",
        "en_route_at": "crew",
        "staged_at": "crew",
        "on_scene_at": "crew",
        "at_patient_at": "crew",
        "left_scene_at": "crew",
        "at_facility_at": "crew",
        "handed_over_at": "crew",
        "available_at": "crew",
    }
    seconds = [round((at - NOON).total_seconds()) for at, _ in stamps.values()]
    assert seconds == [0, 8, 48, 53, 53, 63, 73, 83, 93, 103, 113, 123, 133, 143]
    assert await case.value("SELECT freed_place IS NOT NULL FROM assignment") is True
    assert (
        await case.value(
            "SELECT count(*) FROM timer WHERE done_at IS NULL AND kind <> 'handover_countersign'"
        )
        == 0
    )
    await case.check_log()


async def test_a_skipped_step_leaves_no_stamp(case: Case) -> None:
    run = await case.send("A-1", await case.incident())
    await case.steps(run.id, S.ON_SCENE, S.AT_FACILITY, by=case.crew["A-1"])
    stamps = await case.stamps(run.incident_id)
    assert {"accepted_at", "en_route_at", "at_patient_at", "left_scene_at"}.isdisjoint(stamps)
    steps = await case.events(EventKind.ASSIGNMENT_STEPPED)
    assert [s["skipped"] for s in steps] == [["accepted", "en_route"], ["at_patient", "left_scene"]]


async def test_an_illegal_step_names_the_legal_ones_and_changes_nothing(case: Case) -> None:
    run = await case.send("A-1", await case.incident())
    await case.steps(run.id, S.ACCEPTED, S.EN_ROUTE)
    head = await case.head()
    with pytest.raises(IllegalStep) as refused:
        await case.step(run.id, S.ACCEPTED, case.crew["A-1"])
    assert refused.value.status == 409
    assert refused.value.extra["allowed"][:2] == ["staged", "on_scene"]
    for centre_only in (S.TIMED_OUT, S.DIVERTED, S.STOOD_DOWN):
        with pytest.raises(IllegalStep) as refused:
            await case.step(run.id, centre_only)
        assert centre_only not in refused.value.allowed
    assert await case.head() == head


async def test_fields_that_a_step_needs_are_named(case: Case) -> None:
    run = await case.send("A-1", await case.incident())
    for to, given, fields in (
        (S.DECLINED, {}, ["reason"]),
        (S.LEFT_SCENE, {"facility_id": None}, ["facility_id"]),
    ):
        with pytest.raises(InvalidInput) as refused:
            await case.step(run.id, to, **given)
        assert [p.field for p in refused.value.problems] == fields
    await case.steps(run.id, S.ON_SCENE)
    with pytest.raises(InvalidInput) as refused:
        await case.step(run.id, S.COMPLETED_WITHOUT_TRANSPORT)
    assert [p.field for p in refused.value.problems] == ["code"]
    await case.steps(run.id, S.LEFT_SCENE)
    with pytest.raises(InvalidInput) as refused:
        await case.step(run.id, S.HANDED_OVER, receiver=" ", room=None)
    assert [p.field for p in refused.value.problems] == ["receiver", "room"]
    assert await case.state(run.id) == "left_scene"


async def test_a_run_without_transport_gives_its_patients_their_outcome(case: Case) -> None:
    incident = await case.incident(patients=2)
    run = await case.send("A-1", incident)
    await case.steps(run.id, S.AT_PATIENT)
    done = await case.step(run.id, S.COMPLETED_WITHOUT_TRANSPORT, code=NoTransport.REFUSED)
    assert done.moves == []
    assert {r.outcome for r in await case.rows("SELECT outcome FROM patient")} == {"refused"}
    ended = await close_incident(case.centre, case.entry, case.operator, incident, cause=CAUSE)
    assert ended.closing_code == "refused"
    # freed at the scene
    place = await case.value("SELECT ST_AsText(freed_place, 4) FROM assignment")
    assert place == f"POINT({SCENE.lon:g} {SCENE.lat:g})"


async def test_a_code_given_with_another_end_is_not_the_patients_outcome(case: Case) -> None:
    run = await case.send("A-1", await case.incident())
    await case.steps(run.id, S.LEFT_SCENE, S.HANDED_OVER)
    await case.step(run.id, S.CLEARED, code=NoTransport.NOT_FOUND)
    assert await case.value("SELECT exit_reason FROM assignment") is None
    assert await case.value("SELECT outcome FROM patient") == "handed_over"


async def test_a_facility_that_cannot_take_the_patient_begins_a_second_leg(case: Case) -> None:
    run = await case.send("A-1", await case.incident())
    await case.steps(run.id, S.LEFT_SCENE, S.AT_FACILITY)
    case.pass_time(60)
    await case.step(run.id, S.LEFT_SCENE, facility_id=case.facilities["clinic"])
    case.pass_time(60)
    await case.step(run.id, S.AT_FACILITY, facility_id=case.facilities["clinic"])
    case.pass_time(60)
    await case.step(run.id, S.HANDED_OVER)
    await case.step(run.id, S.CLEARED)
    legs = await case.rows("SELECT position, state, facility_id, receiver_name FROM leg ORDER BY position")
    assert [(x.position, x.state, x.facility_id) for x in legs] == [
        (1, "diverted", case.facilities["hospital"]),
        (2, "handed_over", case.facilities["clinic"]),
    ]
    stamps = await case.rows(
        "SELECT l.position, s.name FROM stamp s JOIN leg l ON l.id = s.leg_id ORDER BY s.occurred_at, s.name"
    )
    assert [tuple(s) for s in stamps] == [
        (1, "left_scene_at"),
        (1, "at_facility_at"),
        (2, "left_scene_at"),
        (2, "at_facility_at"),
        (2, "handed_over_at"),
    ]
    place = await case.value("SELECT ST_X(freed_place) FROM assignment")
    assert place == pytest.approx(CLINIC.lon)


async def test_two_patients_ride_to_one_facility(case: Case) -> None:
    incident = await case.incident(patients=2)
    run = await case.send("A-1", incident)
    await case.steps(run.id, S.LEFT_SCENE, S.HANDED_OVER, S.CLEARED)
    assert await case.value("SELECT count(*) FROM leg_patient") == 2
    ended = await close_incident(case.centre, case.entry, case.operator, incident, cause=CAUSE)
    assert ended.closing_code == "handed_over"


async def test_a_patient_whom_one_unit_carries_is_not_the_next_units(case: Case) -> None:
    incident = await case.incident(patients=2)
    first, second = await case.send("A-1", incident), await case.send("A-2", incident)
    rows = await case.rows("SELECT id FROM patient ORDER BY position")
    done = PatientChange(outcome=Outcome.TREATED_ON_SCENE)
    await case.steps(first.id, S.LEFT_SCENE)
    await case.steps(second.id, S.LEFT_SCENE)
    carried = await case.rows(
        "SELECT l.assignment_id, lp.patient_id FROM leg_patient lp JOIN leg l ON l.id = lp.leg_id"
    )
    assert {(c.assignment_id, c.patient_id) for c in carried} == {(first.id, r.id) for r in rows}
    # the second one's way is its own: its end frees it and leaves the patients to the first
    await case.steps(second.id, S.HANDED_OVER, S.CLEARED)
    assert await case.value("SELECT count(*) FROM patient WHERE outcome IS NULL") == 2
    await change_patient(case.centre, case.entry, case.operator, rows[1].id, done, cause=CAUSE)
    await case.steps(first.id, S.HANDED_OVER)
    assert [r.outcome for r in await case.rows("SELECT outcome FROM patient ORDER BY position")] == [
        "handed_over",
        "treated_on_scene",
    ]


async def test_an_incident_is_not_closed_over_a_run_or_a_patient_without_outcome(case: Case) -> None:
    incident = await case.incident()
    run = await case.send("A-1", incident)
    with pytest.raises(Conflict) as refused:
        await close_incident(case.centre, case.entry, case.operator, incident, cause=CAUSE)
    assert refused.value.extra["units"] == ["A-1"]
    await case.step(run.id, S.ON_SCENE)
    with pytest.raises(Conflict):
        await close_incident(case.centre, case.entry, case.operator, incident, cause=CAUSE)
    other = await case.send("A-2", incident)
    await case.step(run.id, S.COMPLETED_WITHOUT_TRANSPORT, code=NoTransport.NOT_FOUND)
    # with another unit on the way the patient is still somebody's care
    assert await case.value("SELECT outcome FROM patient") is None
    await case.steps(other.id, S.ON_SCENE)
    with pytest.raises(Conflict) as refused:
        await close_incident(case.centre, case.entry, case.operator, incident, cause=CAUSE)
    await case.step(other.id, S.COMPLETED_WITHOUT_TRANSPORT, code=NoTransport.TREATED_ON_SCENE)
    ended = await close_incident(case.centre, case.entry, case.operator, incident, cause=CAUSE)
    again = await close_incident(case.centre, case.entry, case.operator, incident, cause=CAUSE)
    assert ended == again
    with pytest.raises(IllegalStep):
        await case.send("A-3", incident)


async def test_an_incident_without_an_outcome_names_the_patients(case: Case) -> None:
    incident = await case.incident(patients=3)
    with pytest.raises(Conflict) as refused:
        await close_incident(case.centre, case.entry, case.operator, incident, cause=CAUSE)
    assert refused.value.extra["patients"] == [1, 2, 3]


async def test_an_outcome_corrected_after_the_end_corrects_the_closing_code(case: Case) -> None:
    incident = await case.incident()
    (patient,) = await case.rows("SELECT id FROM patient")

    async def give(outcome: Outcome) -> None:
        about = (case.centre, case.entry, case.operator, patient.id)
        await change_patient(*about, PatientChange(outcome=outcome), cause=CAUSE)

    await give(Outcome.NOT_FOUND)
    ended = await close_incident(case.centre, case.entry, case.operator, incident, cause=CAUSE)
    assert ended.closing_code == "not_found"
    await give(Outcome.DIED)
    assert await case.value("SELECT closing_code FROM incident") == "died"
    await case.check_log()


async def test_cancelling_calls_back_whoever_carries_nobody(case: Case) -> None:
    incident = await case.incident()
    run = await case.send("A-1", incident)
    await case.steps(run.id, S.LEFT_SCENE)
    reason = CancelReason.FALSE_ALARM
    with pytest.raises(Conflict) as refused:
        await cancel_incident(case.centre, case.entry, case.operator, incident, reason, cause=CAUSE)
    assert refused.value.extra["units"] == ["A-1"]
    other = await case.incident()
    runs = [await case.send("A-2", other), await case.send("M-2", other)]
    ended = await cancel_incident(case.centre, case.entry, case.operator, other, reason, cause=CAUSE)
    assert ended.state is IncidentState.CANCELLED
    assert {await case.state(r.id) for r in runs} == {"stood_down"}
    assert await case.timers(other) == {}


async def test_a_second_call_joins_the_incident_and_the_earlier_contact_counts(case: Case) -> None:
    early = await case.ring(place=None)
    case.pass_time(30)
    late = await case.ring(place=None)
    case.pass_time(30)
    incident = await opened(case, late.call_id, Judgement(triage=Triage.YELLOW))
    await link_call(case.centre, case.entry, case.operator, early.call_id, incident, cause=CAUSE)
    assert (await case.stamps(incident))["called_at"] == (NOON, "system")
    assert len(await case.events(EventKind.STAMP_CORRECTED)) == 1
    with pytest.raises(IllegalStep):
        await link_call(case.centre, case.entry, case.operator, early.call_id, incident, cause=CAUSE)
    await case.check_log()


@pytest.mark.parametrize("late_taken", [True, False])
async def test_the_earlier_contact_counts_from_its_own_taking(case: Case, late_taken: bool) -> None:
    early = await case.ring(place=None)
    case.pass_time(5)
    await take_call(case.centre, case.entry, case.colleague, early.call_id, cause=CAUSE)
    case.pass_time(25)
    late = await case.ring(place=None)
    case.pass_time(5)
    if late_taken:
        await take_call(case.centre, case.entry, case.operator, late.call_id, cause=CAUSE)
    incident = await opened(case, late.call_id, Judgement(triage=Triage.YELLOW))
    await link_call(case.centre, case.entry, case.operator, early.call_id, incident, cause=CAUSE)
    stamps = await case.stamps(incident)
    assert stamps["called_at"] == (NOON, "system")
    assert stamps["taken_at"] == (NOON + timedelta(seconds=5), "operator")
    await case.check_log()


async def test_a_call_is_not_linked_to_an_incident_that_has_ended(case: Case) -> None:
    incident = await case.incident()
    reason = CancelReason.DUPLICATE
    await cancel_incident(case.centre, case.entry, case.operator, incident, reason, cause=CAUSE)
    call = await case.ring()
    with pytest.raises(IllegalStep):
        await link_call(case.centre, case.entry, case.operator, call.call_id, incident, cause=CAUSE)
    assert await case.value("SELECT state FROM call WHERE id = :i", i=call.call_id) == "ringing"
    assert "call_unanswered" in await case.timers(call.call_id)


@pytest.mark.parametrize("by", ["link", "locate"])
async def test_an_incident_without_a_place_takes_over_a_calls(case: Case, by: str) -> None:
    first = await case.ring(place=None)
    incident = await opened(case, first.call_id, Judgement(triage=Triage.RED))
    with pytest.raises(Conflict):
        await case.send("A-1", incident)
    if by == "link":
        second = await case.ring(along(700))
        await link_call(case.centre, case.entry, case.operator, second.call_id, incident, cause=CAUSE)
    else:
        await locate_call(
            case.centre, case.entry, case.operator, first.call_id, along(700), 12.0, cause=CAUSE
        )
    assert (await case.send("A-1", incident)).rank == 1
    assert await case.value("SELECT village_code FROM incident") == "99.01.01.2001"


async def test_a_red_case_is_sent_before_its_verdict(case: Case) -> None:
    call = await case.ring()
    incident = await opened(case, call.call_id, Judgement(confirmed=False, triage=Triage.RED))
    run = await case.send("A-1", incident, None)
    await case.step(run.id, S.ACCEPTED, case.crew["A-1"])
    blank = await opened(case, (await case.ring()).call_id, Judgement(confirmed=False))
    with pytest.raises(InvalidInput):
        await confirm_incident(
            case.centre, case.entry, case.operator, blank, Judgement(confirmed=False), cause=CAUSE
        )
    await case.later(61)
    assert "verdict_overdue" in await case.kinds()
    verdict = Judgement(triage=Triage.YELLOW, place_note="di belakang masjid")
    await confirm_incident(case.centre, case.entry, case.operator, incident, verdict, cause=CAUSE)
    assert await case.value("SELECT place_note_sealed IS NOT NULL FROM incident WHERE id = :i", i=incident)
    await case.later(90)
    assert "incident_waiting" not in await case.kinds()
    assert await case.timers(incident) == {}


async def test_a_place_outside_the_regency_is_kept_and_told(case: Case) -> None:
    far = along(30_000)
    receipt = await case.ring(far)
    assert receipt.outside
    result = await open_incident(
        case.centre, case.entry, case.operator, receipt.call_id, Judgement(triage=Triage.RED), cause=CAUSE
    )
    assert result.outside
    assert result.has_place
    assert (await case.events(EventKind.INCIDENT_CONFIRMED))[0]["outside"] is True


async def test_the_same_request_again_is_the_same_call_and_another_one_is_refused(case: Case) -> None:
    call_id = new_id()
    first = await case.ring(id=call_id, note="sesak")
    case.pass_time(5)
    again = await case.ring(id=call_id, note="sesak")
    assert (again.call_id, again.received_at, again.repeated) == (first.call_id, NOON, True)
    with pytest.raises(ContentDiffers):
        await case.ring(id=call_id, note="lain")
    with pytest.raises(ContentDiffers):
        await case.ring(id=call_id, note="sesak", speed_factor=10.0)
    assert await case.value("SELECT count(*) FROM call") == 1


async def test_the_database_refuses_state_without_an_event(case: Case) -> None:
    run = await case.send("A-1", await case.incident())
    async with case.centre.database.engine.connect() as connection:
        await connection.exec_driver_sql(
            f"SELECT set_config('semar.regency', '{case.entry.tenant.id}', false)"
        )
        await connection.exec_driver_sql("UPDATE assignment SET rank = 9")
        with pytest.raises(DBAPIError, match="changed without an event"):
            await connection.commit()
    assert await case.value("SELECT rank FROM assignment WHERE id = :i", i=run.id) == 1


async def test_case_numbers_count_the_tenants_local_day(case: Case) -> None:
    first = await case.incident()
    case.now = NOON + timedelta(hours=12)  # midnight in Jakarta
    second = await case.incident()
    numbers = await case.rows("SELECT id, number FROM incident")
    assert {r.id: r.number for r in numbers} == {
        first: "UJI-L-20261120-0001",
        second: "UJI-L-20261121-0001",
    }
