"""A run on its way to a facility is led elsewhere: after a refusal, or for a better place."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from case_scene import CAUSE, Case, S

from dispatch.domain.errors import IllegalStep, InvalidInput, NotFound
from dispatch.domain.events import EventKind
from dispatch.services.change_destination import DestinationNow, change_destination
from dispatch.services.facility_desk import RefusalReason, refuse_run
from dispatch.services.incoming_runs import incoming_runs
from dispatch.services.sessions import SignedIn
from dispatch.storage.transaction import new_id


async def on_the_way(case: Case) -> UUID:
    """A run that has left the scene for the hospital."""
    run = await case.send("A-1", await case.incident())
    await case.steps(run.id, S.ACCEPTED, S.EN_ROUTE, S.ON_SCENE, S.AT_PATIENT, S.LEFT_SCENE)
    return run.id


async def lead(case: Case, run_id: UUID, to: str | None = None, outside: str | None = None) -> DestinationNow:
    facility_id = case.facilities[to] if to else None
    return await change_destination(
        case.centre, case.entry, case.operator, run_id, facility_id, outside, cause=CAUSE
    )


async def legs(case: Case) -> list[Any]:
    return await case.rows(
        "SELECT id, state, facility_id, outside_name, answer, bed FROM leg ORDER BY position"
    )


async def test_after_a_refusal_the_run_goes_elsewhere_and_the_answer_ends(case: Case) -> None:
    run_id = await on_the_way(case)
    desk = SignedIn(new_id(), case.entry, case.operator, None)
    (leg,) = await legs(case)
    await refuse_run(case.centre, desk, leg.id, RefusalReason.NO_BED, cause=CAUSE)

    led = await lead(case, run_id, "clinic")

    assert not led.repeated
    (now,) = await legs(case)
    assert (now.id, now.state, now.facility_id) == (leg.id, "transporting", case.facilities["clinic"])
    assert now.answer is None
    assert (await incoming_runs(case.centre, desk, case.facilities["hospital"])).incoming == []
    coming = (await incoming_runs(case.centre, desk, case.facilities["clinic"])).incoming
    assert [c.assignment_id for c in coming] == [run_id]
    (told,) = await case.events(EventKind.DESTINATION_CHANGED)
    assert told["from"] == str(case.facilities["hospital"])
    assert told["after_refusal"] is True
    # the crew arrives where it was led to, without naming it again, and is received there
    await case.step(run_id, S.AT_FACILITY, facility_id=None)
    await case.step(run_id, S.HANDED_OVER)
    (ended,) = await legs(case)
    assert (ended.state, ended.facility_id) == ("handed_over", case.facilities["clinic"])


async def test_the_same_again_is_harmless_and_a_place_outside_will_do(case: Case) -> None:
    run_id = await on_the_way(case)
    assert (await lead(case, run_id, "hospital")).repeated
    assert not (await lead(case, run_id, outside=" RS di kota sebelah ")).repeated
    assert (await lead(case, run_id, outside="RS di kota sebelah")).repeated
    assert [row.outside_name for row in await legs(case)] == ["RS di kota sebelah"]
    assert len(await case.events(EventKind.DESTINATION_CHANGED)) == 1


async def test_only_a_run_that_carries_its_patient_is_led_elsewhere(case: Case) -> None:
    run = await case.send("A-1", await case.incident())
    for step in (S.ACCEPTED, S.EN_ROUTE, S.AT_PATIENT):
        with pytest.raises(IllegalStep):
            await lead(case, run.id, "clinic")
        await case.steps(run.id, step)
    await case.steps(run.id, S.LEFT_SCENE, S.AT_FACILITY)
    with pytest.raises(IllegalStep) as refused:
        await lead(case, run.id, "clinic")
    assert S.LEFT_SCENE in refused.value.allowed  # by which it goes on


async def test_a_destination_must_be_named_and_known(case: Case) -> None:
    run_id = await on_the_way(case)
    before = await legs(case)
    with pytest.raises(InvalidInput):
        await lead(case, run_id)
    with pytest.raises(InvalidInput):
        await lead(case, run_id, "clinic", "RS di kota sebelah")
    with pytest.raises(NotFound):
        await change_destination(case.centre, case.entry, case.operator, run_id, new_id(), None, cause=CAUSE)
    assert await legs(case) == before
