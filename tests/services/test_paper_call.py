"""Calls on the printed board that were judged on paper: the form is their verdict, and no second call."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from case_scene import CAUSE, NOON, SCENE, Case
from paper_scene import at, enter, filled, log_is_exact, run_of, without_transport

from dispatch.domain.errors import AlreadyEntered, IllegalStep
from dispatch.domain.events import EventKind
from dispatch.services.cancel_call import cancel_call
from dispatch.services.case_file import read_case
from dispatch.services.handle_call import take_call
from dispatch.services.open_incident import Judgement, open_incident
from dispatch.storage.transaction import new_id


async def rung(case: Case, **given: Any) -> Any:
    """A call of ten o'clock and twenty seconds that nobody had judged when everything went dark."""
    case.now = at(0) + timedelta(seconds=20)
    call = await case.ring(**given)
    case.now = NOON
    return call.call_id


async def calls(case: Case) -> list[Any]:
    return await case.rows("SELECT id, state, incident_id FROM call")


async def test_a_waiting_call_is_judged_by_its_form_and_counted_once(case: Case) -> None:
    call_id = await rung(case, caller_name="Contoh Melati", caller_phone="0890-0001-0002", note="Sesak napas")
    paper = filled(case, call_id=call_id, called_at=at(2), taken_at=at(2), confirmed_at=at(2))
    entered = await enter(case, paper)
    assert (entered.call_id, entered.state) == (call_id, "closed")
    ((id_, state, incident_id),) = await calls(case)
    assert (id_, state, incident_id) == (call_id, "linked", entered.incident_id)
    stamps = await case.stamps(entered.incident_id)
    assert stamps["called_at"] == (at(0) + timedelta(seconds=20), "system"), "as the system heard it"
    assert stamps["taken_at"] == (at(2), "paper")
    assert await case.value("SELECT reported_at FROM incident") == stamps["called_at"][0]
    assert await case.timers(call_id) == {}
    linked = await case.events(EventKind.CALL_LINKED)
    assert [data["number"] for data in linked] == [entered.number], "the desk stops ringing"
    file = await read_case(case.centre, case.entry, case.operator, entered.incident_id, "uji", cause=CAUSE)
    (told,) = file.calls
    assert (told.caller.name, told.caller.note) == ("Contoh Melati", "Sesak napas"), "its own words stay"
    assert file.place_note == "Rumah hijau"
    await log_is_exact(case)


async def test_what_the_caller_did_not_tell_is_taken_from_the_form(case: Case) -> None:
    call_id = await rung(case)
    no_place = filled(case, call_id=call_id, place=None, place_note=None)
    entered = await enter(case, no_place)
    file = await read_case(case.centre, case.entry, case.operator, entered.incident_id, "uji", cause=CAUSE)
    (told,) = file.calls
    assert (told.caller.name, told.caller.phone) == ("Contoh Kenanga", "+6289000010001")
    assert told.caller.note == "Jatuh dari motor"
    assert file.incident.place == SCENE, "the call's own place"
    await log_is_exact(case)


async def test_a_contact_written_before_the_call_rang_is_the_first(case: Case) -> None:
    case.now = at(5)
    call = await case.ring()
    case.now = NOON
    entered = await enter(case, filled(case, call_id=call.call_id))
    assert (await case.stamps(entered.incident_id))["called_at"] == (at(0), "paper")
    await log_is_exact(case)


async def test_who_took_the_call_counts_unless_the_unit_was_sent_before(case: Case) -> None:
    early = await rung(case)
    case.now = at(1)
    await take_call(case.centre, case.entry, case.operator, early, cause=CAUSE)
    late = await rung(case)
    await take_call(case.centre, case.entry, case.operator, late, cause=CAUSE)  # at noon, on coming back
    given: dict[str, Any] = {"taken_at": None, "confirmed_at": None}
    first = await enter(case, filled(case, call_id=early, **given))
    assert (await case.stamps(first.incident_id))["taken_at"] == (at(1), "operator")
    second = await enter(case, filled(case, run_of(case, "A-2"), number=2, call_id=late, **given))
    assert "taken_at" not in await case.stamps(second.incident_id)
    await log_is_exact(case)


async def test_the_same_form_of_a_call_twice_is_one_case(case: Case) -> None:
    call_id = await rung(case)
    paper = filled(case, call_id=call_id)
    answers = await asyncio.gather(*(enter(case, paper) for _ in range(3)))
    assert sorted(a.repeated for a in answers) == [False, True, True]
    with pytest.raises(AlreadyEntered) as known:
        await enter(case, replace(paper, note="lain"))
    assert known.value.extra["incident_id"] == str(answers[0].incident_id)
    with pytest.raises(AlreadyEntered):  # nor as a form without its call
        await enter(case, replace(paper, id=new_id(), call_id=None))
    with pytest.raises(IllegalStep):  # the call has its case
        await enter(case, filled(case, run_of(case, "A-2"), number=2, call_id=call_id))
    assert await case.value("SELECT count(*) FROM incident") == 1
    await log_is_exact(case)


async def test_a_form_and_a_verdict_racing_for_a_call_make_one_case(case: Case) -> None:
    call_id = await rung(case)
    judged = Judgement(confirmed=False)
    found = await asyncio.gather(
        enter(case, filled(case, call_id=call_id)),
        open_incident(case.centre, case.entry, case.operator, call_id, judged, cause=CAUSE),
        return_exceptions=True,
    )
    assert sorted(isinstance(f, IllegalStep) for f in found) == [False, True], found
    assert await case.value("SELECT count(*) FROM incident") == 1
    await log_is_exact(case)


async def test_an_open_form_of_a_call_goes_on_live(case: Case) -> None:
    call_id = await rung(case)
    await take_call(case.centre, case.entry, case.operator, call_id, cause=CAUSE)
    await cancel_call(case.centre, case.entry, case.operator, call_id, cause=CAUSE)
    bare = await enter(case, filled(case, call_id=call_id, runs=[], closed=False))
    assert set(await case.timers(bare.incident_id)) == {"incident_unassigned"}
    assert set(await case.timers(call_id)) == {"cancel_unheeded"}, "the caller wished to cancel"
    await log_is_exact(case)


async def test_a_closed_form_leaves_nobody_to_be_asked_about_a_wish_to_cancel(case: Case) -> None:
    call_id = await rung(case)
    await take_call(case.centre, case.entry, case.operator, call_id, cause=CAUSE)
    await cancel_call(case.centre, case.entry, case.operator, call_id, cause=CAUSE)
    await enter(case, filled(case, without_transport(case), call_id=call_id))
    assert await case.timers(call_id) == {}
    await log_is_exact(case)
