"""Units that were sent on paper to a case of the system: entered once, with their own times."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from case_scene import CAUSE, NOON, Case, S
from paper_scene import at, log_is_exact, run_of, until, without_transport

from dispatch.domain.errors import (
    AlreadyEntered,
    Conflict,
    ContentDiffers,
    DispatchError,
    IllegalStep,
    InvalidInput,
    UnitNotAvailable,
    UnitOverlap,
    UnitTaken,
)
from dispatch.domain.incident import CancelReason
from dispatch.domain.paper import PaperEnd, PaperGap
from dispatch.domain.stamps import Stamp
from dispatch.domain.triage import Triage
from dispatch.domain.unit import UnavailabilityReason
from dispatch.services.board import read_board
from dispatch.services.end_incident import cancel_incident, close_incident
from dispatch.services.enter_paper_run import LateRun, RunEntered, enter_paper_run
from dispatch.services.open_incident import Judgement, confirm_incident, open_incident
from dispatch.services.paper_form import PaperRun
from dispatch.services.readiness import make_unavailable
from dispatch.storage.transaction import new_id


async def waiting_case(case: Case, patients: int = 1) -> UUID:
    """A case of ten o'clock that had no unit yet when everything went dark; now it is noon."""
    case.now = at(0)
    incident_id = await case.incident(patients=patients)
    await case.later(61)
    assert await waits(case, incident_id)
    case.now = NOON
    return incident_id


async def waits(case: Case, incident_id: UUID) -> bool:
    since = await case.value("SELECT waiting_since FROM incident WHERE id = :i", i=incident_id)
    return since is not None


async def enter(case: Case, incident_id: UUID, run: PaperRun, **given: Any) -> RunEntered:
    late = LateRun(**{"id": new_id(), "run": run} | given)
    return await enter_paper_run(case.centre, case.entry, case.operator, incident_id, late, cause=CAUSE)


async def test_a_unit_sent_on_paper_is_entered_with_its_own_times_and_the_case_closes(case: Case) -> None:
    incident_id = await waiting_case(case)
    run = run_of(case)
    entered = await enter(case, incident_id, run)
    assert (entered.state, entered.repeated) == (S.CLEARED, False)
    stamps = await case.stamps(incident_id)
    for name, moment in run.stamps.items():
        assert stamps[name.value] == (moment, "paper")
    assert "offered_at" not in stamps, "nobody's telephone rang"
    ((origin, created, released),) = await case.rows("SELECT origin, created_at, released_at FROM assignment")
    assert (origin, created, released) == ("paper", at(2), at(50))
    ((receiver, room, state),) = await case.rows("SELECT receiver_name, room, state FROM leg")
    assert (receiver, room, state) == ("Perawat Uji", "IGD 1", "handed_over")
    assert not await waits(case, incident_id)
    assert set(await case.timers(incident_id)) == {"incident_unclosed"}
    await log_is_exact(case)
    ended = await close_incident(case.centre, case.entry, case.operator, incident_id, cause=CAUSE)
    assert ended.closing_code == "handed_over"
    await log_is_exact(case)


async def test_the_same_run_twice_is_one(case: Case) -> None:
    incident_id = await waiting_case(case)
    run, same = run_of(case), new_id()
    first = await enter(case, incident_id, run, id=same)
    again = await enter(case, incident_id, run, id=same)
    assert again == replace(first, repeated=True)
    with pytest.raises(ContentDiffers):
        await enter(case, incident_id, run_of(case, "A-2"), id=same)
    with pytest.raises(AlreadyEntered) as known:
        await enter(case, incident_id, run, confirm_overlap=True)
    assert "A-1" in known.value.message_id
    assert known.value.extra["incident_id"] == str(incident_id)
    await close_incident(case.centre, case.entry, case.operator, incident_id, cause=CAUSE)
    assert (await enter(case, incident_id, run, id=same)).repeated, "also when the case has ended meanwhile"
    assert await case.value("SELECT count(*) FROM assignment") == 1


async def test_times_of_one_minute_stand_in_the_order_of_a_case(case: Case) -> None:
    incident_id = await waiting_case(case)
    run = run_of(case)
    same = {name: at(30) for name in run.stamps if name is not Stamp.ASSIGNED}
    await enter(case, incident_id, replace(run, stamps={Stamp.ASSIGNED: at(30), **same}))
    ((shown,),) = [i.runs for i in (await read_board(case.centre, case.entry)).incidents]
    assert [s.name for s in shown.stamps] == [name.value for name in Stamp if name in run.stamps]


async def test_two_desks_entering_one_row_at_once_make_one_run(case: Case) -> None:
    incident_id = await waiting_case(case)
    found = await asyncio.gather(
        *(enter(case, incident_id, run_of(case)) for _ in range(4)), return_exceptions=True
    )
    assert sorted(type(f).__name__ for f in found) == ["AlreadyEntered"] * 3 + ["RunEntered"]
    await log_is_exact(case)


async def test_what_cannot_have_been_is_refused_as_a_whole(case: Case) -> None:
    incident_id = await waiting_case(case)
    before, run = await case.head(), run_of(case)
    with pytest.raises(InvalidInput, match="is before") as early:  # the call was at ten
        await enter(case, incident_id, replace(run, stamps={**run.stamps, Stamp.ASSIGNED: at(-1)}))
    assert early.value.problems[0].field == "run.stamps.assigned_at"
    with pytest.raises(InvalidInput, match="is before"):
        await enter(case, incident_id, replace(run, stamps={**run.stamps, Stamp.ON_SCENE: at(3)}))
    later = replace(run, stamps={**run.stamps, Stamp.AVAILABLE: NOON + timedelta(minutes=1)})
    with pytest.raises(InvalidInput, match="still to come"):
        await enter(case, incident_id, later)
    with pytest.raises(InvalidInput) as nowhere:
        await enter(case, incident_id, replace(run, facility_id=None))
    assert nowhere.value.problems[0].field == "run.facility_id"
    bare = replace(run, stamps={Stamp.ASSIGNED: at(2), Stamp.AVAILABLE: at(50)})
    with pytest.raises(InvalidInput) as silent:
        await enter(case, incident_id, bare)
    assert silent.value.problems[0].field == "gap"
    odd = replace(run, stamps={Stamp.LEFT_SCENE: at(5), Stamp.STOOD_DOWN: at(9)}, end=PaperEnd.STOOD_DOWN)
    with pytest.raises(IllegalStep):
        await enter(case, incident_id, odd)
    assert await case.head() == before
    assert await case.value("SELECT count(*) FROM assignment") == 0
    await enter(case, incident_id, bare, gap=PaperGap.NOT_WRITTEN)
    data = await case.value("SELECT data FROM event WHERE kind = 'unit_assigned'")
    assert data["gap"] == "not_written"
    await log_is_exact(case)


async def test_a_case_that_has_ended_takes_no_further_run(case: Case) -> None:
    incident_id = await waiting_case(case)
    reason = CancelReason.NOT_NEEDED
    await cancel_incident(case.centre, case.entry, case.operator, incident_id, reason, cause=CAUSE)
    with pytest.raises(IllegalStep):
        await enter(case, incident_id, run_of(case))


async def test_a_unit_on_another_run_then_is_told_and_may_be_confirmed(case: Case) -> None:
    incident_id = await waiting_case(case)
    other = await case.incident()
    case.now = at(20)
    run = await case.send("A-1", other)
    case.now = NOON
    with pytest.raises(UnitOverlap) as told:
        await enter(case, incident_id, run_of(case))
    assert "10:20" in told.value.message_id
    await enter(case, incident_id, run_of(case), confirm_overlap=True)
    assert await case.state(run.id) == "offered", "what it does now is left alone"
    await log_is_exact(case)


async def test_the_times_of_a_run_that_the_system_follows_belong_to_that_run(case: Case) -> None:
    case.now = at(0)
    incident_id = await case.incident()
    await case.send("A-1", incident_id)
    case.now = NOON
    with pytest.raises(Conflict, match="add the times to that run"):
        await enter(case, incident_id, run_of(case), confirm_overlap=True)
    assert await case.value("SELECT count(*) FROM assignment") == 1


async def test_a_run_under_way_claims_its_unit_and_goes_on_live(case: Case) -> None:
    incident_id = await waiting_case(case)
    whole = run_of(case)
    under_way = replace(whole, stamps=until(whole, Stamp.ON_SCENE), end=None)
    other = await case.incident()
    await case.send("A-1", other)
    with pytest.raises(UnitTaken):
        await enter(case, incident_id, under_way, confirm_overlap=True)
    away = case.units["A-2"]
    reason = UnavailabilityReason.FUEL
    await make_unavailable(
        case.centre, case.entry, case.operator, away, reason, None, None, cause=CAUSE
    )  # fmt: skip
    with pytest.raises(UnitNotAvailable):
        await enter(case, incident_id, replace(under_way, unit_id=away))
    assert await waits(case, incident_id)
    entered = await enter(case, incident_id, replace(under_way, unit_id=case.units["A-3"]))
    assert not await waits(case, incident_id)
    assert await case.open_runs(incident_id) == {"A-3": "on_scene"}
    await log_is_exact(case)
    await case.steps(entered.assignment_id, S.LEFT_SCENE, S.AT_FACILITY, S.HANDED_OVER, S.CLEARED)
    stamps = await case.stamps(incident_id)
    assert (stamps["on_scene_at"][1], stamps["at_facility_at"][1]) == ("paper", "crew")
    await log_is_exact(case)


async def test_a_verdict_that_came_after_the_unit_does_not_stand_against_its_times(case: Case) -> None:
    case.now = at(0)
    call = await case.ring()
    judged = Judgement(confirmed=False, triage=Triage.RED)
    opened = await open_incident(case.centre, case.entry, case.operator, call.call_id, judged, cause=CAUSE)
    case.now = NOON
    verdict = Judgement(triage=Triage.RED)
    await confirm_incident(
        case.centre, case.entry, case.operator, opened.incident_id, verdict, cause=CAUSE
    )  # fmt: skip
    run = without_transport(case)
    late = {name: moment for name, moment in run.stamps.items() if name is not Stamp.ASSIGNED}
    await enter(case, opened.incident_id, replace(run, stamps=late), gap=PaperGap.NOT_WRITTEN)
    assert "assigned_at" not in await case.stamps(opened.incident_id)
    await log_is_exact(case)


async def test_a_run_without_transport_ends_the_care_of_all_who_were_left(case: Case) -> None:
    incident_id = await waiting_case(case, patients=2)
    await enter(case, incident_id, run_of(case, patients=1))
    assert await waits(case, incident_id), "one patient is left"
    await log_is_exact(case)
    await enter(case, incident_id, without_transport(case, "A-2"))
    assert not await waits(case, incident_id)
    outcomes = await case.rows("SELECT outcome FROM patient ORDER BY position")
    assert [row.outcome for row in outcomes] == ["handed_over", "treated_on_scene"]
    await log_is_exact(case)
    await close_incident(case.centre, case.entry, case.operator, incident_id, cause=CAUSE)


async def test_a_case_whose_paper_unit_was_stood_down_still_waits(case: Case) -> None:
    incident_id = await waiting_case(case)
    down = run_of(
        case, end=PaperEnd.STOOD_DOWN, stamps={Stamp.ASSIGNED: at(2), Stamp.STOOD_DOWN: at(5)}
    )  # fmt: skip
    await enter(case, incident_id, down)
    assert await waits(case, incident_id)
    await log_is_exact(case)


async def test_paper_runs_and_sends_racing_for_one_unit_leave_one_claim(case: Case) -> None:
    paper = [await case.incident() for _ in range(3)]
    sent = [await case.incident() for _ in range(3)]
    case.pass_time(600)
    told = run_of(case, stamps={Stamp.ASSIGNED: NOON + timedelta(minutes=1)}, end=None)
    found = await asyncio.gather(
        *(enter(case, i, told) for i in paper), *(case.send("A-1", i) for i in sent), return_exceptions=True
    )
    assert len([f for f in found if not isinstance(f, BaseException)]) == 1
    assert all(isinstance(f, DispatchError) for f in found if isinstance(f, BaseException)), found
    assert await case.value("SELECT count(*) FROM assignment WHERE released_at IS NULL") == 1
    await log_is_exact(case)
