"""Offers over time: the next unit is alerted, the first claim kept, and somebody always knows."""

from __future__ import annotations

from pathlib import Path

from case_scene import CAUSE, Case, S

from dispatch.domain.assignment import DeclineReason
from dispatch.domain.events import EventKind
from dispatch.domain.triage import Triage
from dispatch.domain.unit import UnavailabilityReason
from dispatch.services.open_incident import Judgement, open_incident
from dispatch.services.readiness import make_unavailable
from dispatch.services.roads import Roads
from dispatch.services.stand_down import stand_down


async def test_an_unanswered_offer_alerts_the_next_unit_and_keeps_the_first_claim(case: Case) -> None:
    incident = await case.incident()
    first = await case.send("A-1", incident)
    await case.later(19)
    assert await case.open_runs(incident) == {"A-1": "offered"}
    await case.later(1)
    assert await case.open_runs(incident) == {"A-1": "offered", "A-2": "offered"}
    await case.step(first.id, S.ACCEPTED, case.crew["A-1"])
    await case.later(19)
    assert await case.open_runs(incident) == {"A-1": "accepted", "A-2": "offered"}
    # nobody else is alerted once somebody comes; the operator stands one down
    await case.later(5)
    assert await case.open_runs(incident) == {"A-1": "accepted", "A-2": "offered"}
    second = await case.value("SELECT id FROM assignment WHERE origin = 'widened'")
    await stand_down(case.centre, case.entry, case.operator, second, "A-1 berangkat", cause=CAUSE)
    assert await case.value("SELECT waiting_since FROM incident") is None
    widened = (await case.events(EventKind.UNIT_ASSIGNED))[1]
    assert (widened["origin"], widened["override"]) == ("widened", False)
    await case.check_log()


async def test_an_offer_that_runs_out_frees_its_unit(case: Case) -> None:
    incident = await case.incident()
    run = await case.send("A-1", incident)
    await case.later(60)
    assert await case.state(run.id) == "timed_out"
    assert await case.timers(run.id) == {}
    assert "A-1" not in await case.open_runs(incident)
    other = await case.send("A-1", await case.incident())
    assert other.rank == 1


async def test_nobody_answers_until_there_is_nobody_left(case: Case) -> None:
    incident = await case.incident()
    await case.send("A-1", incident)
    # one more every 20 s until all five were asked; tracked ones run out after 60 s, manual ones are called
    await case.later(200)
    rows = await case.rows(
        "SELECT u.call_sign, a.state FROM assignment a JOIN unit u ON u.id = a.unit_id ORDER BY a.created_at"
    )
    asked = [r.call_sign for r in rows]
    assert asked[:3] == ["A-1", "A-2", "M-1"]
    assert len(asked) == len(set(asked))
    assert {r.state for r in rows if r.call_sign.startswith("A")} == {"timed_out"}
    assert await case.open_runs(incident) != {}
    assert "manual_unit_unanswered" in await case.kinds()
    await case.check_log()


async def test_a_fleet_that_says_no_leaves_the_case_waiting_aloud(case: Case) -> None:
    for sign in ("A-3", "M-1", "M-2"):
        unit, why = case.units[sign], UnavailabilityReason.REST
        await make_unavailable(case.centre, case.entry, case.operator, unit, why, None, None, cause=CAUSE)
    incident = await case.incident()
    first = await case.send("A-1", incident)
    case.pass_time(3)
    await case.step(first.id, S.DECLINED, case.crew["A-1"], reason=DeclineReason.VEHICLE)
    await case.work()
    assert await case.open_runs(incident) == {"A-2": "offered"}
    assert await case.value("SELECT waiting_since FROM incident") is None
    second = await case.value("SELECT id FROM assignment WHERE released_at IS NULL")
    await case.step(second, S.DECLINED, case.crew["A-2"], reason=DeclineReason.CREW)
    await case.work()
    assert await case.open_runs(incident) == {}
    kinds = await case.kinds()
    assert kinds.count("incident_waiting") == 2
    assert (await case.events(EventKind.UNIT_OVERDUE))[-1]["why"] == "no further unit"
    await case.later(61)
    assert (await case.events(EventKind.UNIT_OVERDUE))[-1]["times"] == 1


async def test_a_second_unit_that_declines_is_replaced_while_the_first_is_silent(case: Case) -> None:
    incident = await case.incident()
    await case.send("A-1", incident)
    await case.later(21)
    second = await case.value("SELECT id FROM assignment WHERE origin = 'widened'")
    await case.step(second, S.DECLINED, case.crew["A-2"], reason=DeclineReason.VEHICLE)
    await case.work()
    assert await case.open_runs(incident) == {"A-1": "offered", "M-1": "offered"}


async def test_a_unit_that_declines_is_not_replaced_when_another_is_coming(case: Case) -> None:
    incident = await case.incident()
    first, second = await case.send("A-1", incident), await case.send("A-2", incident)
    await case.step(first.id, S.ACCEPTED)
    await case.step(second.id, S.DECLINED, reason=DeclineReason.VEHICLE)
    assert await case.work() == 0
    assert await case.open_runs(incident) == {"A-1": "accepted"}
    assert "offer_declined" in await case.kinds()


async def test_a_case_sent_before_its_verdict_waits_aloud_when_the_unit_cannot_come(case: Case) -> None:
    call = await case.ring()
    opened = await open_incident(
        case.centre,
        case.entry,
        case.operator,
        call.call_id,
        Judgement(confirmed=False, triage=Triage.RED),
        cause=CAUSE,
    )
    run = await case.send("A-1", opened.incident_id)
    await stand_down(case.centre, case.entry, case.operator, run.id, "mogok", cause=CAUSE)
    assert {"incident_unassigned", "call_no_verdict"} <= set(await case.timers(opened.incident_id))
    assert "incident_waiting" in await case.kinds()


async def test_widening_waits_for_roads_that_cannot_be_read(case: Case, tmp_path: Path) -> None:
    incident = await case.incident()
    run = await case.send("A-1", incident)
    roads, case.centre.roads = case.centre.roads, Roads(tmp_path / "gone")
    await case.step(run.id, S.DECLINED, reason=DeclineReason.CREW)
    await case.later(4)
    assert await case.open_runs(incident) == {}
    assert "incident_widen" in await case.timers(incident)
    case.centre.roads = roads
    await case.later(60)
    assert "A-2" in await case.open_runs(incident)
