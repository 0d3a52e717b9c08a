"""Times kept on paper for a case that the system knows: missing ones are added, nothing is overwritten."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from case_scene import CAUSE, NOON, Case, S
from paper_scene import at, log_is_exact

from dispatch.domain.assignment import NoTransport
from dispatch.domain.errors import Conflict, IllegalStep, InvalidInput
from dispatch.domain.paper import PaperEnd
from dispatch.domain.stamps import Stamp
from dispatch.services.add_paper_stamps import LateStamps, StampsAdded, add_paper_stamps
from dispatch.services.end_incident import close_incident


async def add(case: Case, incident_id: UUID, run_id: UUID | None, **given: Any) -> StampsAdded:
    late = LateStamps(run_id, **given)
    return await add_paper_stamps(case.centre, case.entry, case.operator, incident_id, late, cause=CAUSE)


async def cut_off(case: Case, *through: S) -> tuple[UUID, UUID]:
    """A case of ten o'clock whose unit got so far before everything went dark; now it is noon."""
    case.now = at(0)
    incident_id = await case.incident()
    run = await case.send("A-1", incident_id)
    await case.steps(run.id, *through)
    case.now = NOON
    return incident_id, run.id


REST = {
    Stamp.ON_SCENE: at(10),
    Stamp.LEFT_SCENE: at(20),
    Stamp.AT_FACILITY: at(35),
    Stamp.HANDED_OVER: at(40),
    Stamp.AVAILABLE: at(50),
}


async def test_a_run_that_went_on_on_paper_ends_there(case: Case) -> None:
    incident_id, run_id = await cut_off(case, S.ACCEPTED, S.EN_ROUTE)
    whole = {
        "stamps": REST,
        "end": PaperEnd.CLEARED,
        "facility_id": case.facilities["hospital"],
        "receiver": "Perawat Uji",
        "room": "IGD",
    }
    done = await add(case, incident_id, run_id, **whole)
    assert (done.state, done.added) == (S.CLEARED, 5)
    stamps = await case.stamps(incident_id)
    for name, moment in REST.items():
        assert stamps[name.value] == (moment, "paper")
    assert stamps["en_route_at"][1] == "crew"
    assert "at_patient_at" not in stamps
    assert await case.open_runs(incident_id) == {}
    again = await add(case, incident_id, run_id, **whole)
    assert again.added == 0
    ended = await close_incident(case.centre, case.entry, case.operator, incident_id, cause=CAUSE)
    assert ended.closing_code == "handed_over"
    await log_is_exact(case)


async def test_times_that_were_passed_are_filled_in_behind_the_run(case: Case) -> None:
    passed = (S.ON_SCENE, S.LEFT_SCENE, S.AT_FACILITY, S.HANDED_OVER, S.CLEARED)
    incident_id, run_id = await cut_off(case, *passed)
    done = await add(case, incident_id, run_id, stamps={Stamp.ACCEPTED: at(0), Stamp.EN_ROUTE: at(0)})
    assert (done.state, done.added) == (S.CLEARED, 2)
    stamps = await case.stamps(incident_id)
    assert stamps["accepted_at"] == (at(0), "paper")
    await log_is_exact(case)


async def test_nothing_is_overwritten(case: Case) -> None:
    incident_id, run_id = await cut_off(case, S.ACCEPTED, S.EN_ROUTE)
    with pytest.raises(Conflict, match="recorded"):
        await add(case, incident_id, run_id, stamps={Stamp.EN_ROUTE: at(5), Stamp.ON_SCENE: at(10)})
    assert "on_scene_at" not in await case.stamps(incident_id)


async def test_what_cannot_have_been_is_refused_as_a_whole(case: Case) -> None:
    incident_id, run_id = await cut_off(case, S.ACCEPTED, S.EN_ROUTE)
    before = await case.head()
    with pytest.raises(InvalidInput, match="is before"):
        await add(case, incident_id, run_id, stamps={Stamp.ON_SCENE: at(10), Stamp.AT_PATIENT: at(9)})
    with pytest.raises(InvalidInput):  # no destination
        await add(case, incident_id, run_id, stamps={Stamp.ON_SCENE: at(10), Stamp.LEFT_SCENE: at(19)})
    with pytest.raises(InvalidInput):  # nobody received the patient
        await add(
            case, incident_id, run_id, stamps=REST, end=PaperEnd.CLEARED,
            facility_id=case.facilities["hospital"],
        )  # fmt: skip
    with pytest.raises(InvalidInput):  # ended, and nobody knows when
        await add(case, incident_id, run_id, stamps={}, end=PaperEnd.STOOD_DOWN)
    with pytest.raises(IllegalStep):
        await add(
            case, incident_id, run_id, stamps={Stamp.LEFT_SCENE: at(9), Stamp.STOOD_DOWN: at(12)},
            end=PaperEnd.STOOD_DOWN,
        )  # fmt: skip
    with pytest.raises(InvalidInput):
        await add(case, incident_id, run_id, stamps={Stamp.CALLED: at(0)})
    assert await case.head() == before
    assert await case.state(run_id) == "en_route"


async def test_a_step_that_must_have_been_leaves_no_stamp(case: Case) -> None:
    incident_id, run_id = await cut_off(case, S.ACCEPTED, S.EN_ROUTE)
    await add(
        case, incident_id, run_id, stamps={Stamp.HANDED_OVER: at(40)},
        facility_id=case.facilities["clinic"], receiver="Bidan Uji", room="UGD",
    )  # fmt: skip
    stamps = await case.stamps(incident_id)
    assert {"left_scene_at", "at_facility_at"} & stamps.keys() == set()
    assert stamps["handed_over_at"] == (at(40), "paper")
    assert await case.state(run_id) == "handed_over"
    await log_is_exact(case)


async def test_a_run_without_transport_and_the_verdict_of_the_case(case: Case) -> None:
    case.now = at(0)
    incident_id = await case.incident()
    run = await case.send("A-2", incident_id)
    case.now = NOON
    done = await add(
        case, incident_id, run.id, stamps={Stamp.ON_SCENE: at(10), Stamp.AVAILABLE: at(30)},
        end=PaperEnd.COMPLETED_WITHOUT_TRANSPORT, code=NoTransport.REFUSED,
    )  # fmt: skip
    assert done.state is S.COMPLETED_WITHOUT_TRANSPORT
    of_case = await add(case, incident_id, None, stamps={Stamp.TAKEN: at(0)})
    assert (of_case.added, of_case.state) == (1, None)
    assert (await case.stamps(incident_id))["taken_at"] == (at(0), "paper")
    await log_is_exact(case)


async def test_a_case_whose_only_unit_was_stood_down_on_paper_waits_for_another(case: Case) -> None:
    incident_id, run_id = await cut_off(case, S.ACCEPTED, S.EN_ROUTE)
    done = await add(
        case, incident_id, run_id, stamps={Stamp.STOOD_DOWN: at(12)}, end=PaperEnd.STOOD_DOWN
    )  # fmt: skip
    assert done.state is S.STOOD_DOWN
    assert await case.value("SELECT waiting_since FROM incident WHERE id = :i", i=incident_id) == case.now
    assert set(await case.timers(incident_id)) == {"incident_unassigned"}
    await log_is_exact(case)


async def test_a_closed_case_takes_missing_times_and_stays_closed(case: Case) -> None:
    incident_id, run_id = await cut_off(case, S.LEFT_SCENE, S.HANDED_OVER, S.CLEARED)
    await close_incident(case.centre, case.entry, case.operator, incident_id, cause=CAUSE)
    await add(case, incident_id, run_id, stamps={Stamp.EN_ROUTE: at(0), Stamp.AT_FACILITY: at(0)})
    assert (await case.stamps(incident_id))["at_facility_at"] == (at(0), "paper")
    assert await case.value("SELECT state FROM incident WHERE id = :i", i=incident_id) == "closed"
    await log_is_exact(case)
