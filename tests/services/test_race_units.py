"""Two people want the same thing at the same moment, on real connections: one gets it, the other is told."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any

import pytest
from case_scene import CAUSE, SCENE, Case, S

from dispatch.domain.assignment import DeclineReason
from dispatch.domain.call import CallState, Channel
from dispatch.domain.errors import Conflict, DispatchError, UnitNotAvailable, UnitTaken
from dispatch.domain.events import EventKind
from dispatch.domain.incident import CancelReason
from dispatch.domain.patient import Outcome
from dispatch.domain.roles import Actor, ActorKind
from dispatch.domain.triage import Triage
from dispatch.domain.unit import UnavailabilityReason
from dispatch.services.cancel_call import cancel_call
from dispatch.services.change_incident import PatientChange, change_patient
from dispatch.services.crew import sign_off, sign_on
from dispatch.services.end_incident import cancel_incident
from dispatch.services.handle_call import take_call
from dispatch.services.open_incident import Judgement, open_incident
from dispatch.services.readiness import make_unavailable
from dispatch.services.request_help import HelpRequest, request_help
from dispatch.services.send_unit import Claim, claim_unit, send_unit
from dispatch.storage.tables.person import Resident
from dispatch.storage.transaction import new_id

ROUNDS = 20


async def together(*pieces: Awaitable[Any]) -> list[Any]:
    """Do all at once; refusals are results, anything else fails the test."""
    results = await asyncio.gather(*pieces, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException) and not isinstance(result, DispatchError):
            raise result
    return results


async def test_two_operators_race_for_one_unit(case: Case) -> None:
    for _ in range(ROUNDS):
        one, two = await case.incident(), await case.incident()
        unit = case.units["A-1"]
        results = await together(
            send_unit(case.centre, case.entry, case.operator, one, unit, None, cause=CAUSE),
            send_unit(case.centre, case.entry, case.colleague, two, unit, None, cause=CAUSE),
        )
        won = [r for r in results if not isinstance(r, DispatchError)]
        lost = [r for r in results if isinstance(r, DispatchError)]
        assert len(won) == 1
        assert [type(r) for r in lost] == [UnitTaken]
        number = await case.value("SELECT number FROM incident WHERE id = :i", i=won[0].incident_id)
        assert lost[0].extra == {"unit": "A-1", "incident": number}
        assert await case.value("SELECT count(*) FROM assignment WHERE released_at IS NULL") == 1
        await case.step(won[0].id, S.DECLINED, reason=DeclineReason.OTHER)
        case.pass_time(1)
    await case.check_log()


async def test_the_index_alone_keeps_a_unit_from_two_cases(case: Case) -> None:
    """With the first guard gone, the partial unique index refuses, and the refusal still names the case."""
    one, two = await case.incident(), await case.incident()
    await case.send("A-1", one)
    claim = Claim(two, case.units["A-1"], None, None, "uji")
    with pytest.raises(UnitTaken):
        await claim_unit(case.centre, case.entry, case.colleague, claim, cause=CAUSE)


async def test_many_send_different_units_at_once(case: Case) -> None:
    incidents = [await case.incident() for _ in case.units]
    head = await case.head()
    results = await together(*(case.send(sign, i) for sign, i in zip(case.units, incidents, strict=True)))
    assert {r.call_sign for r in results} == set(case.units)
    assert await case.kinds(head) == ["unit_assigned"] * len(case.units)
    await case.check_log()


async def test_the_same_send_twice_at_once_is_one_run(case: Case) -> None:
    for _ in range(ROUNDS // 2):
        incident = await case.incident()
        first, second = await together(case.send("A-1", incident), case.send("A-1", incident))
        assert first.id == second.id
        assert {first.repeated, second.repeated} == {True, False}
        await case.step(first.id, S.DECLINED, reason=DeclineReason.OTHER)


async def test_a_crew_that_leaves_races_whoever_sends_it(case: Case) -> None:
    for _ in range(ROUNDS):
        incident = await case.incident()
        sent, left = await together(
            case.send("A-1", incident),
            sign_off(case.centre, case.entry, case.crew["A-1"], cause=CAUSE),
        )
        manned = await case.value(
            "SELECT count(*) FROM shift WHERE unit_id = :u AND opened_at IS NOT NULL AND closed_at IS NULL",
            u=case.units["A-1"],
        )
        if isinstance(sent, UnitNotAvailable):
            assert left is None
            assert manned == 0
            await sign_on(case.centre, case.entry, case.crew["A-1"], "A-1", None, cause=CAUSE)
        else:
            assert isinstance(left, Conflict)
            assert manned == 1
            await case.step(sent.id, S.DECLINED, reason=DeclineReason.OTHER)


async def test_a_breakdown_races_whoever_sends_the_unit(case: Case) -> None:
    incident = await case.incident()
    sent, _ = await together(
        case.send("A-1", incident),
        make_unavailable(
            case.centre,
            case.entry,
            case.colleague,
            case.units["A-1"],
            UnavailabilityReason.BREAKDOWN,
            None,
            None,
            cause=CAUSE,
        ),
    )
    runs = await case.open_runs(incident)
    assert runs == ({} if isinstance(sent, UnitNotAvailable) else {"A-1": "offered"})


async def test_two_drivers_swap_units_at_once(case: Case) -> None:
    for _ in range(ROUNDS // 2):
        results = await together(
            sign_on(case.centre, case.entry, case.crew["A-1"], "A-2", None, cause=CAUSE),
            sign_on(case.centre, case.entry, case.crew["A-2"], "A-1", None, cause=CAUSE),
        )
        assert [r.call_sign for r in results] == ["A-2", "A-1"]
        case.crew["A-1"], case.crew["A-2"] = case.crew["A-2"], case.crew["A-1"]


async def test_one_driver_on_two_phones_is_aboard_once(case: Case) -> None:
    await together(
        sign_on(case.centre, case.entry, case.relief, "A-1", None, cause=CAUSE),
        sign_on(case.centre, case.entry, case.relief, "A-2", None, cause=CAUSE),
    )
    aboard = await case.value(
        "SELECT count(*) FROM crew_membership WHERE staff_id = :s AND left_at IS NULL", s=case.relief.id
    )
    assert aboard == 1


async def test_the_same_tap_twice_at_once_is_one_call(case: Case) -> None:
    for _ in range(ROUNDS):
        call_id = new_id()
        receipts = await together(case.ring(id=call_id), case.ring(id=call_id))
        assert {r.call_id for r in receipts} == {call_id}
        assert sorted(r.repeated for r in receipts) == [False, True]
    assert await case.value("SELECT count(*) FROM call") == ROUNDS


async def resident(case: Case) -> Actor:
    """A resident of whom nothing is known."""
    async with case.centre.begin(case.entry.tenant, case.operator, CAUSE) as tx:
        key = await tx.new_person()
        row = Resident(
            id=new_id(),
            realm=case.entry.tenant.realm,
            home_regency_id=case.entry.tenant.id,
            key_id=key.id,
            verification="unverified",
            verification_detail={},
            trust="unverified",
            registered_at=tx.now,
        )
        await tx.add(row)
        await tx.record(EventKind.RESIDENT_REGISTERED, row)
        return Actor(ActorKind.RESIDENT, row.id)


async def test_cancelling_races_taking(case: Case) -> None:
    caller = await resident(case)
    for _ in range(ROUNDS):
        request = HelpRequest(new_id(), Channel.APP, SCENE)
        await request_help(case.centre, case.entry, caller, request, cause=CAUSE)
        cancelled, taken = await together(
            cancel_call(case.centre, case.entry, caller, request.id, cause=CAUSE),
            take_call(case.centre, case.entry, case.operator, request.id, cause=CAUSE),
        )
        row = (await case.rows("SELECT * FROM call WHERE id = :i", i=request.id))[0]
        if cancelled is CallState.DISPOSED:
            assert isinstance(taken, Conflict)
            assert (row.state, row.disposal) == ("disposed", "cancelled_by_caller")
            assert await case.timers(request.id) == {}
        else:
            # somebody is at it already: the wish is kept and told, the case goes on
            assert (taken, row.state) == (CallState.TAKEN, "taken")
            assert row.cancel_asked_at is not None
            assert set(await case.timers(request.id)) == {"call_no_verdict"}


async def test_two_operators_take_one_call(case: Case) -> None:
    for _ in range(ROUNDS // 2):
        call = await case.ring()
        results = await together(
            take_call(case.centre, case.entry, case.operator, call.call_id, cause=CAUSE),
            take_call(case.centre, case.entry, case.colleague, call.call_id, cause=CAUSE),
        )
        (lost,) = [r for r in results if isinstance(r, Conflict)]
        assert lost.extra["taken_by"] in ("operator1 Uji", "operator2 Uji")


async def test_two_operators_open_one_incident(case: Case) -> None:
    call = await case.ring()
    judgement = Judgement(triage=Triage.RED)
    results = await together(
        open_incident(case.centre, case.entry, case.operator, call.call_id, judgement, cause=CAUSE),
        open_incident(case.centre, case.entry, case.colleague, call.call_id, judgement, cause=CAUSE),
    )
    assert len([r for r in results if isinstance(r, Conflict)]) == 1
    assert await case.value("SELECT count(*) FROM incident") == 1


async def test_cancelling_the_case_races_sending(case: Case) -> None:
    for _ in range(ROUNDS):
        incident = await case.incident()
        await together(
            case.send("A-1", incident),
            cancel_incident(
                case.centre, case.entry, case.colleague, incident, CancelReason.FALSE_ALARM, cause=CAUSE
            ),
        )
        assert await case.open_runs(incident) == {}
        assert await case.timers(incident) == {}
    await case.check_log()


async def test_workers_race_for_timers_and_each_fires_once(case: Case) -> None:
    runs = [await case.send(sign, await case.incident()) for sign in ("A-1", "A-2", "A-3")]
    await case.ring()
    case.pass_time(20)
    await together(*(case.work() for _ in range(4)))
    assert len(await case.events(EventKind.OFFER_UNACKNOWLEDGED)) == len(runs)
    assert len(await case.events(EventKind.CALL_UNANSWERED)) == 1
    # two free units are left for three offers without an answer: nobody is alerted twice for one case
    doubled = await case.rows(
        "SELECT incident_id FROM assignment WHERE origin = 'widened' GROUP BY 1 HAVING count(*) > 1"
    )
    assert doubled == []
    assert await case.value("SELECT count(*) FROM assignment WHERE origin = 'widened'") == 2
    await case.check_log()


async def test_a_send_that_comes_again_after_the_crew_declined_alerts_nobody(case: Case) -> None:
    incident, run_id = await case.incident(), new_id()
    about = (case.centre, case.entry, case.operator, incident, case.units["A-2"])
    first = await send_unit(*about, "uji", cause=CAUSE, assignment_id=run_id)
    await case.step(first.id, S.DECLINED, reason=DeclineReason.OTHER)
    head = await case.head()
    again = await send_unit(*about, "uji", cause=CAUSE, assignment_id=run_id)
    assert (again.id, again.repeated, again.state) == (run_id, True, S.DECLINED)
    assert await case.head() == head
    assert await case.open_runs(incident) == {}


async def test_an_outcome_told_twice_is_told_once(case: Case) -> None:
    await case.incident()
    patient = await case.value("SELECT id FROM patient")
    change = PatientChange(outcome=Outcome.TREATED_ON_SCENE)
    await change_patient(case.centre, case.entry, case.operator, patient, change, cause=CAUSE)
    told = (await case.rows("SELECT outcome_at FROM patient"))[0].outcome_at
    head = await case.head()
    case.pass_time(60)
    await change_patient(case.centre, case.entry, case.colleague, patient, change, cause=CAUSE)
    assert (await case.head(), await case.value("SELECT outcome_at FROM patient")) == (head, told)
