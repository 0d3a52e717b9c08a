"""What is told twice, for the answer was lost, happens once: call-backs, sendings and patients by id."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from case_scene import CAUSE, Case, S

from dispatch.domain.assignment import DeclineReason
from dispatch.domain.call import CallbackOutcome, CallState, Disposal
from dispatch.domain.errors import ContentDiffers
from dispatch.services.change_incident import PatientChange, add_patient
from dispatch.services.handle_call import dispose_call, record_callback, reopen_call
from dispatch.services.send_unit import send_unit
from dispatch.storage.transaction import new_id


async def test_a_call_back_told_twice_is_recorded_once(case: Case) -> None:
    call, told = await case.ring(), new_id()
    about = (case.centre, case.entry, case.operator, call.call_id)
    for _ in range(2):
        made = await record_callback(*about, CallbackOutcome.NO_ANSWER, None, cause=CAUSE, callback_id=told)
        assert made == told
    assert await case.value("SELECT count(*) FROM callback") == 1
    with pytest.raises(ContentDiffers):
        await record_callback(*about, CallbackOutcome.ANSWERED, None, cause=CAUSE, callback_id=told)


async def test_a_patient_told_twice_is_added_once(case: Case) -> None:
    incident, other, told = await case.incident(), await case.incident(), new_id()
    before = await case.value("SELECT count(*) FROM patient")

    async def add(to: UUID) -> UUID:
        about = (case.centre, case.entry, case.operator, to, PatientChange())
        return await add_patient(*about, cause=CAUSE, patient_id=told)

    assert [await add(incident), await add(incident)] == [told, told]
    assert await case.value("SELECT count(*) FROM patient") == before + 1
    with pytest.raises(ContentDiffers):
        await add(other)


async def test_a_sending_told_again_after_its_run_has_ended_sends_nobody(case: Case) -> None:
    incident, told = await case.incident(), new_id()

    async def send(sign: str) -> Any:
        about = (case.centre, case.entry, case.operator, incident, case.units[sign], "uji")
        return await send_unit(*about, cause=CAUSE, assignment_id=told)

    first = await send("A-1")
    assert (first.id, first.repeated) == (told, False)
    await case.step(told, S.DECLINED, case.crew["A-1"], reason=DeclineReason.CREW)
    again = await send("A-1")
    assert (again.id, again.repeated, again.state) == (told, True, S.DECLINED)
    assert await case.value("SELECT count(*) FROM assignment") == 1
    with pytest.raises(ContentDiffers):
        await send("A-2")


async def test_a_disposal_told_again_after_the_call_was_taken_up_changes_nothing(case: Case) -> None:
    call, told = await case.ring(), new_id()

    async def dispose(why: Disposal = Disposal.PRANK) -> CallState:
        about = (case.centre, case.entry, case.operator, call.call_id, why)
        return await dispose_call(*about, cause=CAUSE, command_id=told)

    assert await dispose() == await dispose() == CallState.DISPOSED
    await reopen_call(case.centre, case.entry, case.colleague, call.call_id, cause=CAUSE)
    head, before = await case.head(), await case.rows("SELECT * FROM call")
    assert await dispose() is CallState.DISPOSED  # as the first time
    assert (await case.head(), await case.rows("SELECT * FROM call")) == (head, before)
    assert before[0].state == CallState.TAKEN
    assert set(await case.timers(call.call_id)) == {"call_no_verdict"}
    with pytest.raises(ContentDiffers):
        await dispose(Disposal.SILENT)


async def test_a_reopening_told_again_after_the_call_was_disposed_of_changes_nothing(case: Case) -> None:
    call, told = await case.ring(), new_id()
    about = (case.centre, case.entry, case.operator, call.call_id)
    await dispose_call(*about, Disposal.PRANK, cause=CAUSE, command_id=new_id())
    for _ in range(2):
        assert await reopen_call(*about, cause=CAUSE, command_id=told) is CallState.TAKEN
    await dispose_call(*about, Disposal.SILENT, cause=CAUSE, command_id=new_id())
    head, before = await case.head(), await case.rows("SELECT * FROM call")
    assert await reopen_call(*about, cause=CAUSE, command_id=told) is CallState.TAKEN  # as the first time
    assert (await case.head(), await case.rows("SELECT * FROM call")) == (head, before)
    assert (before[0].state, before[0].disposal) == (CallState.DISPOSED, Disposal.SILENT)
    with pytest.raises(ContentDiffers):
        await dispose_call(*about, Disposal.SILENT, cause=CAUSE, command_id=told)
    # another one by its own id is a new wish
    assert await reopen_call(*about, cause=CAUSE, command_id=new_id()) is CallState.TAKEN
