"""Cases from paper: entered as they were written, once, in their legal order, and exact in the log."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from case_scene import CAUSE, NOON, Case, S
from paper_scene import at, enter, filled, form, log_is_exact, run_of, until, without_transport
from timer_check import check_timers

from dispatch.domain.assignment import NoTransport
from dispatch.domain.errors import (
    AlreadyEntered,
    ContentDiffers,
    DispatchError,
    IllegalStep,
    InvalidInput,
    UnitNotAvailable,
    UnitOverlap,
    UnitTaken,
)
from dispatch.domain.events import EventKind
from dispatch.domain.incident import CancelReason
from dispatch.domain.paper import PaperEnd, PaperGap
from dispatch.domain.patient import Outcome
from dispatch.domain.stamps import Stamp
from dispatch.domain.unit import UnavailabilityReason
from dispatch.services.case_file import read_case
from dispatch.services.readiness import make_unavailable
from dispatch.services.replay_case import replay_case
from dispatch.storage.transaction import new_id


async def incidents(case: Case) -> int:
    return int(await case.value("SELECT count(*) FROM incident"))


async def test_a_whole_form_becomes_a_closed_case_with_its_own_times(case: Case) -> None:
    paper = filled(case)
    entered = await enter(case, paper)
    assert (entered.number, entered.state, entered.closing_code) == (form(), "closed", "handed_over")
    stamps = await case.stamps(entered.incident_id)
    assert {source for _, source in stamps.values()} == {"paper"}
    told = {**paper.times(), **paper.runs[0].stamps}
    assert {name: moment for name, (moment, _) in stamps.items()} == {s.value: t for s, t in told.items()}
    assert await case.value("SELECT DISTINCT received_at FROM stamp") == NOON
    ((ended, place),) = await case.rows("SELECT ended_at, village_code FROM incident")
    assert (ended, place) == (at(50), "99.01.01.2001")
    ((origin, released, created),) = await case.rows("SELECT origin, released_at, created_at FROM assignment")
    assert (origin, released, created) == ("paper", at(50), at(2))
    ((receiver, room, state),) = await case.rows("SELECT receiver_name, room, state FROM leg")
    assert (receiver, room, state) == ("Perawat Uji", "IGD 1", "handed_over")
    await log_is_exact(case)


async def test_a_closed_form_sets_off_nothing(case: Case) -> None:
    before = await case.head()
    await enter(case, filled(case))
    assert await case.value("SELECT count(*) FROM timer WHERE done_at IS NULL") == 0
    assert await case.value("SELECT count(*) FROM outbox") == 0
    await check_timers(case)
    assert await case.value("SELECT count(*) FROM assignment WHERE released_at IS NULL") == 0
    kinds = await case.kinds(before)
    assert kinds[0] == EventKind.PAPER_CASE_ENTERED
    assert kinds[1] == EventKind.UNIT_ASSIGNED
    assert kinds[-2:] == [EventKind.UNIT_CLEARED, EventKind.INCIDENT_CLOSED]
    assert EventKind.CALL_RECEIVED not in kinds, "it would ring at every desk"
    assert await case.later(3600) == 0


async def test_events_stand_in_the_order_of_the_run_at_their_own_times(case: Case) -> None:
    await enter(case, filled(case))
    rows = await case.rows(
        "SELECT data->>'to' AS step, occurred_at FROM event WHERE data->>'source' = 'paper' "
        "AND data ? 'to' ORDER BY seq"
    )
    assert [row.step for row in rows] == [
        "accepted", "en_route", "on_scene", "at_patient", "left_scene", "at_facility", "handed_over",
        "cleared",
    ]  # fmt: skip
    assert [row.occurred_at for row in rows] == sorted(row.occurred_at for row in rows)


async def test_the_file_of_the_case_shows_what_was_written(case: Case) -> None:
    entered = await enter(case, filled(case))
    file = await read_case(case.centre, case.entry, case.operator, entered.incident_id, "uji", cause="test")
    caller = file.calls[0].caller
    assert (caller.name, caller.phone, caller.note) == (
        "Contoh Kenanga",
        "+6289000010001",
        "Jatuh dari motor",
    )
    assert file.place_note == "Rumah hijau"
    assert file.patients[0].outcome == "handed_over"
    assert file.patients[0].outcome_at == at(40)


async def test_the_same_form_twice_is_one_case(case: Case) -> None:
    paper = filled(case)
    first = await enter(case, paper)
    again = await enter(case, paper)
    assert (again.incident_id, again.repeated, first.repeated) == (first.incident_id, True, False)
    with pytest.raises(ContentDiffers):
        await enter(case, replace(paper, note="lain"))
    with pytest.raises(AlreadyEntered) as known:
        await enter(case, replace(paper, id=new_id(), caller_name="Orang Lain"))
    assert known.value.extra["incident_id"] == str(first.incident_id)
    assert await incidents(case) == 1


async def test_a_photocopy_with_a_letter_is_a_form_of_its_own(case: Case) -> None:
    await enter(case, filled(case))
    typed = replace(filled(case, run_of(case, "A-2")), number=f" {form().lower()}a ")
    copy = await enter(case, typed)
    assert copy.number == f"{form()}A"


async def test_two_desks_entering_one_form_at_once_make_one_case(case: Case) -> None:
    papers = [filled(case, id=new_id(), note=f"meja {n}") for n in range(4)]
    found = await asyncio.gather(*(enter(case, p) for p in papers), return_exceptions=True)
    assert sorted(type(f).__name__ for f in found) == ["AlreadyEntered"] * 3 + ["PaperEntered"]
    same = filled(case, run_of(case, "A-2"), number=2)
    answers = await asyncio.gather(*(enter(case, same) for _ in range(4)))
    assert len({a.incident_id for a in answers}) == 1
    assert sorted(a.repeated for a in answers) == [False, True, True, True]
    assert await incidents(case) == 2
    await log_is_exact(case)


async def test_numbers_of_paper_and_of_the_running_system_never_meet(case: Case) -> None:
    work: list[Any] = []
    for n in range(1, 9):
        work += [enter(case, filled(case, run_of(case, "A-1", begins=n), number=n, confirm_overlap=True))]
        work += [case.incident()]
    found = await asyncio.gather(*work, return_exceptions=True)
    assert [f for f in found if isinstance(f, BaseException)] == []
    numbers = [row.number for row in await case.rows("SELECT number FROM incident")]
    assert len(numbers) == len(set(numbers)) == 16
    assert sorted(n for n in numbers if "P" not in n) == [f"UJI-L-20261120-{n:04d}" for n in range(1, 9)]
    await log_is_exact(case)


async def test_times_out_of_order_are_refused_with_both_of_them(case: Case) -> None:
    run = run_of(case)
    wrong = replace(run, stamps={**run.stamps, Stamp.ON_SCENE: at(1)})
    with pytest.raises(InvalidInput) as refused:
        await enter(case, filled(case, wrong))
    assert "Tiba di lokasi 20-11 10:01 mendahului" in refused.value.message_id
    assert "10:04" in refused.value.message_id
    assert refused.value.problems[0].field == "runs.0.stamps.on_scene_at"
    assert await incidents(case) == 0


async def test_times_that_are_still_to_come_are_refused(case: Case) -> None:
    with pytest.raises(InvalidInput, match="still to come"):
        await enter(case, filled(case, called_at=NOON + timedelta(minutes=1), taken_at=None))


@pytest.mark.parametrize(
    ("number", "why"),
    [
        ("UJI-L-20261120-0007", "not the number of a form"),
        ("ABC-L-20261120-P0900.01", "not this regency's"),
        ("UJI-20261120-P0900.01", "not this regency's"),
        ("UJI-L-20261120-P1300.01", "has not been printed yet"),
        ("UJI-L-20261140-P0900.01", "does not exist"),
        ("UJI-L-20261120-P2561.01", "does not exist"),
        ("UJI-L-20261120-P0900.00", "has not been printed yet"),
        ("UJI-L-20261122-P0900.01", "has not been printed yet"),
    ],
)
async def test_numbers_that_no_form_has_are_refused(case: Case, number: str, why: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        await enter(case, replace(filled(case), number=number))
    assert why in refused.value.message_en


async def test_a_call_long_before_its_form_was_printed_is_a_slip_of_the_date(case: Case) -> None:
    early = at(0) - timedelta(days=2)
    with pytest.raises(InvalidInput, match="more than a day before"):
        await enter(case, filled(case, called_at=early, taken_at=None, confirmed_at=None))


async def test_what_is_missing_stays_missing_and_needs_a_reason(case: Case) -> None:
    run = run_of(case, stamps={Stamp.EN_ROUTE: at(4), Stamp.AVAILABLE: at(50)}, receiver=None, room=None)
    bare = filled(case, run, taken_at=None, confirmed_at=None, triage=None)
    with pytest.raises(InvalidInput) as refused:
        await enter(case, bare)
    assert {p.field for p in refused.value.problems} <= {"runs.0.receiver", "gap"}
    entered = await enter(case, replace(bare, gap=PaperGap.NOT_WRITTEN))
    assert set(await case.stamps(entered.incident_id)) == {"called_at", "en_route_at", "available_at"}
    ((receiver, state),) = await case.rows("SELECT receiver_name, state FROM leg")
    assert (receiver, state) == ("tidak tertulis", "handed_over")
    assert entered.closing_code == "handed_over"
    await log_is_exact(case)


async def test_a_run_that_cannot_have_been_is_refused(case: Case) -> None:
    late = run_of(case, end=PaperEnd.STOOD_DOWN, stamps={Stamp.LEFT_SCENE: at(5), Stamp.STOOD_DOWN: at(9)})
    with pytest.raises(IllegalStep):
        await enter(case, filled(case, late, closed=True))
    odd = run_of(case, end=None, stamps={Stamp.ASSIGNED: at(1), Stamp.AVAILABLE: at(9)})
    with pytest.raises(InvalidInput):
        await enter(case, filled(case, odd, closed=False))
    with pytest.raises(InvalidInput):
        await enter(case, filled(case, run_of(case, stamps={Stamp.CALLED: at(1)}), gap=PaperGap.NOT_KNOWN))
    assert await incidents(case) == 0


async def test_a_run_without_transport_ends_the_patients_care(case: Case) -> None:
    entered = await enter(case, filled(case, without_transport(case), patients=2))
    assert entered.closing_code == "treated_on_scene"
    await log_is_exact(case)


async def test_two_units_carry_their_own_patients(case: Case) -> None:
    first = run_of(case, "A-1", patients=1)
    second = run_of(case, "A-2", begins=3, patients=1)
    entered = await enter(case, filled(case, second, first, patients=2))
    carried = await case.rows(
        "SELECT u.call_sign, p.position FROM leg_patient lp JOIN leg l ON l.id = lp.leg_id "
        "JOIN assignment a ON a.id = l.assignment_id JOIN unit u ON u.id = a.unit_id "
        "JOIN patient p ON p.id = lp.patient_id ORDER BY p.position"
    )
    assert [tuple(row) for row in carried] == [("A-2", 1), ("A-1", 2)], "in the order of the form"
    assert entered.state == "closed"
    left = filled(case, run_of(case, "A-1", begins=60, patients=1), number=2, patients=2)
    with pytest.raises(InvalidInput, match="Patient 2 has no outcome"):
        await enter(case, left)
    await enter(case, replace(left, outcome=Outcome.REFUSED))
    await log_is_exact(case)


async def test_a_case_without_any_unit(case: Case) -> None:
    alone = filled(case, runs=[], outcome=Outcome.NOT_FOUND)
    entered = await enter(case, alone)
    assert (entered.state, entered.closing_code) == ("closed", "not_found")
    cancelled = filled(case, number=2, runs=[], cancel_reason=CancelReason.FALSE_ALARM)
    assert (await enter(case, cancelled)).state == "cancelled"
    with pytest.raises(InvalidInput):
        await enter(case, filled(case, number=3, runs=[]))
    with pytest.raises(InvalidInput):
        await enter(case, filled(case, number=3, cancel_reason=CancelReason.FALSE_ALARM))
    await log_is_exact(case)


async def test_a_run_that_the_system_knows_at_the_same_time_is_told_and_may_be_confirmed(case: Case) -> None:
    case.now = at(5)
    other = await case.incident()
    run = await case.send("A-1", other)
    case.now = at(30)
    await case.step(run.id, S.ON_SCENE)
    await case.step(run.id, S.COMPLETED_WITHOUT_TRANSPORT, code=NoTransport.REFUSED)
    case.now = NOON
    with pytest.raises(UnitOverlap) as told:
        await enter(case, filled(case))
    assert "A-1" in told.value.message_id
    assert "10:05–10:30" in told.value.message_id
    assert await case.value("SELECT count(*) FROM incident WHERE number LIKE '%P%'") == 0
    await enter(case, filled(case, confirm_overlap=True))
    apart = run_of(case, "A-1", begins=60)
    await enter(case, filled(case, apart, number=2))
    await log_is_exact(case)


async def test_a_closed_form_takes_no_unit_away_from_its_present_run(case: Case) -> None:
    other = await case.incident()
    run = await case.send("A-1", other)
    await enter(case, filled(case))
    assert await case.state(run.id) == "offered"
    assert await case.open_runs(other) == {"A-1": "offered"}


async def test_an_open_form_goes_on_live(case: Case) -> None:
    whole = run_of(case)
    under_way = replace(whole, stamps=until(whole, Stamp.LEFT_SCENE), end=None, receiver=None, room=None)
    entered = await enter(case, filled(case, under_way, closed=False))
    assert entered.state == "confirmed"
    assert await case.open_runs(entered.incident_id) == {"A-1": "left_scene"}
    await check_timers(case)
    run_id = await case.value("SELECT id FROM assignment")
    await case.steps(run_id, S.AT_FACILITY, S.HANDED_OVER, S.CLEARED)
    stamps = await case.stamps(entered.incident_id)
    assert (stamps["left_scene_at"][1], stamps["at_facility_at"][1]) == ("paper", "crew")
    await log_is_exact(case)


async def test_an_open_form_claims_by_the_rule_of_every_claim(case: Case) -> None:
    whole = run_of(case)
    under_way = replace(whole, stamps=until(whole, Stamp.EN_ROUTE), end=None)
    other = await case.incident()
    await case.send("A-1", other)
    with pytest.raises(UnitTaken):
        await enter(case, filled(case, under_way, closed=False, confirm_overlap=True))
    await make_unavailable(
        case.centre, case.entry, case.operator, case.units["A-2"], UnavailabilityReason.FUEL, None, None,
        cause="test",
    )  # fmt: skip
    with pytest.raises(UnitNotAvailable):
        await enter(case, filled(case, replace(under_way, unit_id=case.units["A-2"]), closed=False))
    with pytest.raises(InvalidInput):
        await enter(case, filled(case, under_way))  # closed, with a unit on its way
    assert await case.value("SELECT count(*) FROM assignment") == 1


async def test_open_forms_and_sends_racing_for_one_unit_leave_one_run(case: Case) -> None:
    waiting = [await case.incident() for _ in range(3)]
    whole = run_of(case)
    under_way = replace(whole, stamps=until(whole, Stamp.EN_ROUTE), end=None)
    forms = [filled(case, under_way, number=n, closed=False) for n in range(1, 4)]
    found = await asyncio.gather(
        *(enter(case, f) for f in forms), *(case.send("A-1", i) for i in waiting), return_exceptions=True
    )
    won = [f for f in found if not isinstance(f, BaseException)]
    assert len(won) == 1
    assert all(isinstance(f, DispatchError) for f in found if isinstance(f, BaseException)), found
    assert await case.value("SELECT count(*) FROM assignment WHERE released_at IS NULL") == 1
    await log_is_exact(case)


async def test_an_open_form_is_never_without_an_owner_or_a_timer(case: Case) -> None:
    bare = await enter(case, filled(case, number=1, runs=[], closed=False))
    assert set(await case.timers(bare.incident_id)) == {"incident_unassigned"}
    unjudged = await enter(
        case, filled(case, number=2, runs=[], closed=False, triage=None, confirmed_at=None)
    )
    assert unjudged.state == "reported"
    assert set(await case.timers(unjudged.incident_id)) == {"incident_unassigned", "call_no_verdict"}
    done = await enter(case, filled(case, without_transport(case), number=3, closed=False))
    assert set(await case.timers(done.incident_id)) == {"incident_unclosed"}
    told = run_of(case, "A-2", stamps={Stamp.ASSIGNED: at(100)}, end=None)
    sent = await enter(case, filled(case, told, number=4, closed=False))
    run_id = await case.value("SELECT id FROM assignment WHERE incident_id = :i", i=sent.incident_id)
    assert set(await case.timers(run_id)) == {"run_not_moving"}
    await check_timers(case)
    await case.later(120)
    assert await case.state(run_id) == "accepted", "what was told by telephone does not run out"
    assert "accepted_at" not in await case.stamps(sent.incident_id)
    await log_is_exact(case)


async def test_a_paper_case_can_be_replayed_step_by_step(case: Case) -> None:
    entered = await enter(case, filled(case))
    replay = await replay_case(
        case.centre, case.entry, case.operator, entered.incident_id, "uji", cause=CAUSE
    )
    kinds = [step.kind for step in replay.steps]
    assert kinds[0] == EventKind.PAPER_CASE_ENTERED
    assert kinds[-1] == EventKind.INCIDENT_CLOSED
    assert len(kinds) == 11
