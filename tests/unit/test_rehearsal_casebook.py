"""Whose a case is: heard from events, and left to people as soon as one of them acts."""

import asyncio
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from rehearsal.casebook import Casebook
from rehearsal.cast import Account
from rehearsal.client import Connection
from rehearsal.control import Control
from rehearsal.findings import NotPossible, Refused
from rehearsal.logbook import Logbook, Overtaken, read_lines
from rehearsal.player import Player
from rehearsal.shapes import Event
from rehearsal.switchroom import LATER, RINGING, SOON, Switchroom

OWN_OPERATOR, OWN_DRIVER = "staff:operator:own", "staff:driver:own"
PERSON, HUMAN_DRIVER = "staff:operator:person", "staff:driver:person"
RESIDENT = "resident:someone"
CALL, CASE, RUN, UNIT = (str(uuid4()) for _ in range(4))
_seqs = count(1)


def event(kind: str, subject: str, actor: str, case: str | None = CASE, **data: Any) -> Event:
    now = datetime.now(UTC)
    return Event(next(_seqs), kind, subject, UUID(case) if case else None, actor, now, now, data)


def casebook(until: int) -> Casebook:
    """A book of the first events of a case that the rehearsal plays."""
    book = Casebook([OWN_OPERATOR, OWN_DRIVER])
    story = [
        event("call_received", CALL, RESIDENT, None, lon=107.4, lat=-6.5),
        event("call_taken", CALL, OWN_OPERATOR, None),
        event("incident_reported", CASE, OWN_OPERATOR, number="PWK-L-1", triage="red", lon=107.4, lat=-6.5),
        event("call_linked", CALL, OWN_OPERATOR),
        event(
            "unit_assigned",
            RUN,
            OWN_OPERATOR,
            unit_id=UNIT,
            call_sign="PWK-A01",
            tracking="app",
            origin="operator",
            predicted_s=300.0,
        ),
        event("assignment_stepped", RUN, OWN_DRIVER, to="accepted"),
    ]
    for each in story[:until]:
        book.hear(each)
    return book


def test_a_case_is_ours_while_only_ours_act() -> None:
    assert casebook(1).call_is_ours(CALL)
    assert casebook(2).call_is_ours(CALL)
    book = casebook(6)
    assert not book.call_is_ours(CALL)  # it is a case now
    assert book.ours(CASE)
    run = book.run(RUN)
    assert run is not None
    assert (run.state, run.by_person, run.open) == ("accepted", False, True)


@pytest.mark.parametrize("kind", ["call_taken", "callback_recorded", "call_disposed"])
def test_a_person_takes_a_call(kind: str) -> None:
    book = casebook(1)
    data = {"call_id": CALL} if kind == "callback_recorded" else {}
    subject = str(uuid4()) if data else CALL
    book.hear(event(kind, subject, PERSON, None, **data))
    assert not book.call_is_ours(CALL)


@pytest.mark.parametrize("kind", ["assignment_stepped", "incident_changed", "assignment_stood_down"])
def test_a_person_takes_a_case(kind: str) -> None:
    book = casebook(6)
    book.hear(event(kind, CASE if kind == "incident_changed" else RUN, PERSON, to="en_route"))
    assert not book.ours(CASE)
    assert book.taken_over == 1
    run = book.run(RUN)
    assert run is not None
    assert run.by_person == (kind == "assignment_stepped")


def test_people_in_other_roles_do_not_take_it_from_the_operators() -> None:
    book = casebook(5)
    book.hear(event("assignment_stepped", RUN, HUMAN_DRIVER, to="accepted"))
    assert book.ours(CASE)


def test_a_person_comes_aboard_and_leaves() -> None:
    book = casebook(0)
    book.hear(event("shift_opened", "s", OWN_DRIVER, None, unit_id=UNIT, joined="own"))
    assert not book.people_aboard.get(UNIT)
    book.hear(event("crew_changed", "s", HUMAN_DRIVER, None, unit_id=UNIT, joined="person"))
    assert book.people_aboard[UNIT] == {"person"}
    book.hear(event("shift_closed", "s", HUMAN_DRIVER, None, unit_id=UNIT, left="person"))
    assert not book.people_aboard[UNIT]


def test_an_event_told_twice_counts_once_and_the_ended_is_forgotten() -> None:
    book = casebook(6)
    heard: list[str] = []
    book.listeners.append(lambda e: heard.append(e.kind))
    cleared = event("unit_cleared", RUN, OWN_DRIVER)
    for _ in range(2):
        book.hear(cleared)
    book.hear(event("incident_closed", CASE, OWN_OPERATOR))
    assert heard == ["unit_cleared", "incident_closed"]
    assert (book.calls, book.cases, book.run_of_unit) == ({}, {}, {})


async def test_the_most_urgent_duty_comes_first(tmp_path: Path) -> None:
    async with Connection("http://127.0.0.1:9") as connection:
        player = Player(connection, "x", Account("latihan-operator-1", "operator", "x", "x"))
        room = Switchroom(None, [player])  # type: ignore[arg-type]
        done: list[int] = []

        async def duty(urgency: int) -> None:
            async with room.operator(urgency):
                done.append(urgency)

        async with room.operator(SOON):
            duties = [asyncio.create_task(duty(urgency)) for urgency in (LATER, SOON, RINGING)]
            given_up = asyncio.create_task(duty(-1))
            await asyncio.sleep(0)
            given_up.cancel()
            await asyncio.sleep(0)
        await asyncio.gather(*duties)
        assert done == [RINGING, SOON, LATER]


def _cut_the_last_line_off(folder: Path) -> None:
    with next(folder.glob("acts-*.jsonl")).open("a") as file:
        file.write('{"t":"act","wha')


async def test_the_log_keeps_what_was_done_refused_and_cut_off(tmp_path: Path) -> None:
    log = Logbook(tmp_path)
    since = datetime.now(UTC)

    async def refuse() -> None:
        raise Refused("x", 409, {"code": "conflict"})

    async def slow() -> str:
        await asyncio.sleep(0.05)
        return "done"

    assert await log.act("me", "slow", slow, lambda word: {"word": word}, call="1") == "done"
    with pytest.raises(Overtaken):
        await log.act("me", "refused", refuse)
    cut_off = asyncio.create_task(log.act("me", "cut off", slow))
    await asyncio.sleep(0.01)
    cut_off.cancel()
    with pytest.raises(asyncio.CancelledError):
        await cut_off
    _cut_the_last_line_off(tmp_path)
    lines = list(read_lines(tmp_path, since))
    assert [(line["t"], line["what"]) for line in lines] == [
        ("act", "slow"),
        ("refused", "refused"),
        ("act", "cut off"),  # it was asked for, so its end was waited for
    ]
    assert lines[0]["word"] == "done"
    assert lines[0]["asked"] < lines[0]["answered"]


def test_one_stage_and_the_last_wish(tmp_path: Path) -> None:
    control = Control.of(tmp_path, "32.14-latihan")
    assert control.wish().on
    first = control.ask(on=False)
    second = control.ask(on=True, options=("--speed", "60"))
    assert first.serial < second.serial
    assert Control.of(tmp_path, "32.14-latihan").wish() == second
    with control.stage():
        assert control.held()
        with pytest.raises(NotPossible), control.stage():
            pass
    assert not control.held()
