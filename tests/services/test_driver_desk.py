"""A crew's desk is what the tables say, piece by piece, for one crew and for many read together."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from case_scene import CAUSE, SCENE, Case, HasUrls, S, open_case
from sqlalchemy import event, select

from dispatch.domain.assignment import AssignmentState, crew_moves
from dispatch.domain.call import Channel
from dispatch.domain.deadlines import NoticeKind
from dispatch.domain.events import EventKind
from dispatch.domain.roles import Actor, ActorKind
from dispatch.domain.triage import Triage
from dispatch.domain.unit import UnavailabilityReason
from dispatch.services.board import incident_rows
from dispatch.services.change_destination import change_destination
from dispatch.services.crew import aboard, sign_off, sign_on
from dispatch.services.crew_notices import note_shown
from dispatch.services.crew_turns import Turn, read_boardings
from dispatch.services.driver_desk import DriverDesk, OutOfService, RunSheet, read_desk, read_desks
from dispatch.services.notice_views import CrewSlip
from dispatch.services.open_incident import Judgement, open_incident
from dispatch.services.readiness import make_unavailable
from dispatch.services.register_resident import Registration, register_resident
from dispatch.services.request_help import HelpRequest, request_help
from dispatch.services.stand_down import stand_down
from dispatch.services.step_proposals import dismiss_proposal, propose_step
from dispatch.storage.tables.assignment import Assignment
from dispatch.storage.tables.call import Call
from dispatch.storage.tables.incident import Incident
from dispatch.storage.tables.notice import CrewNotice
from dispatch.storage.tables.person import PersonKey, Resident
from dispatch.storage.tables.unit import Unavailability
from dispatch.storage.transaction import Transaction, new_id


@pytest.fixture
async def case(database: HasUrls, tmp_path: Path) -> AsyncIterator[Case]:
    async with open_case(database, tmp_path) as scene:
        yield scene


# --- the desk put together from one table after the other ---


async def by_the_tables(case: Case, actor: Actor) -> DriverDesk:
    assert actor.id is not None
    async with case.centre.snapshot(case.entry.tenant) as tx:
        present = await aboard(tx, actor.id)
        out, recalled, slips, run = None, [], [], None
        if present is not None:
            since, unit = present.joined_at, present.unit_id
            (out,) = await of(tx, Unavailability, unit, Unavailability.ended_at.is_(None)) or [None]
            runs = await of(tx, Assignment, unit, Assignment.released_at.is_(None)) or [None]
            run = await sheet(tx, runs[0]) if runs[0] is not None else None
            lost = Assignment.state == "stood_down", Assignment.stand_down_acknowledged_at.is_(None)
            for row in await of(tx, Assignment, unit, *lost):
                recalled += [row.id] if row.released_at >= since else []
            for row in await of(tx, CrewNotice, unit, CrewNotice.ended_at.is_(None)):
                if row.kind != "stand_down" or row.made_at >= since:
                    shown = row.shown_at is not None
                    slips.append(
                        CrewSlip(row.id, NoticeKind(row.kind), row.assignment_id, row.made_at, shown)
                    )
        return DriverDesk(
            seq=await case.head(),
            at=case.now,
            training=True,
            aboard=present,
            run=run,
            stood_down=recalled,
            unavailable=OutOfService(
                UnavailabilityReason(out.reason), out.note, out.began_at, out.expected_until
            )
            if out is not None
            else None,
            notices=sorted(slips, key=lambda slip: (slip.made_at, slip.id)),
        )


async def of(tx: Transaction, table: Any, unit: Any, *which: Any) -> list[Any]:
    query = select(table).where(table.unit_id == unit, *which).order_by(table.id)
    return list((await tx.session.execute(query)).scalars())


async def sheet(tx: Transaction, run: Assignment) -> RunSheet:
    (row,) = await incident_rows(tx, Incident.id == run.incident_id)
    incident = await tx.get(Incident, run.incident_id)
    key = await tx.person(incident.key_id)
    note = incident.place_note_sealed
    name, phone = await contact(tx, run)
    (here,) = (each for each in row.runs if each.id == run.id)
    return RunSheet(
        assignment_id=run.id,
        incident_id=incident.id,
        incident_number=incident.number,
        state=AssignmentState(run.state),
        moves=list(crew_moves(AssignmentState(run.state))),
        offered_at=run.created_at,
        triage=incident.triage,
        place=row.place,
        place_accuracy_m=row.place_accuracy_m,
        village=row.village,
        district=row.district,
        place_note=key.open(note, "incident.place_note") if key and note else None,
        caller_name=name,
        caller_phone=phone,
        patients=row.patients,
        predicted_s=run.predicted_s,
        legs=here.legs,
        speed_factor=incident.speed_factor,
        proposals=here.proposals,
    )


async def contact(tx: Transaction, run: Assignment) -> tuple[str | None, str | None]:
    calls = select(Call).where(Call.incident_id == run.incident_id).order_by(Call.received_at)
    call = (await tx.session.execute(calls)).scalars().first()
    key = await tx.person(call.key_id) if call is not None else None
    if call is None or key is None:
        return None, None
    sealed, fields = (
        (call.caller_name_sealed, call.caller_phone_sealed),
        ("call.caller_name", "call.caller_phone"),
    )
    if call.resident_id is not None:
        resident = await tx.session.get_one(Resident, call.resident_id)
        sealed, fields = (resident.name_sealed, resident.phone_sealed), ("resident.name", "resident.phone")
    name, phone = (
        key.open(text, field) if text else None for text, field in zip(sealed, fields, strict=True)
    )
    return name, phone


async def views(case: Case) -> list[Any]:
    return await case.rows("SELECT viewer, subject_type, subject_id, key_id, fields, reason FROM view_log")


async def check(case: Case) -> list[DriverDesk]:
    """All desks, alone and together, are what the tables say; whoever saw a contact has left a line."""
    crews = [*case.crew.values(), case.relief]
    wanted = [await by_the_tables(case, actor) for actor in crews]
    before = len(await views(case))
    alone = [await read_desk(case.centre, case.entry, actor) for actor in crews]
    assert alone == wanted
    together = await read_desks(case.centre, case.entry, [*crews[::-1], crews[0]])
    assert together == [*wanted[::-1], wanted[0]]
    assert msgspec.json.encode(together[::-1][1:]) == msgspec.json.encode(wanted)
    lines = [tuple(row) for row in (await views(case))[before:]]
    looked = [*crews, *crews[::-1], crews[0]]
    shown = [*wanted, *wanted[::-1], wanted[0]]
    assert lines == [
        await line(case, actor, desk.run) for actor, desk in zip(looked, shown, strict=True) if desk.run
    ]
    return wanted


def on_run(desks: list[DriverDesk]) -> RunSheet:
    """The run of the first crew."""
    assert desks[0].run is not None
    return desks[0].run


async def line(case: Case, actor: Actor, run: RunSheet) -> tuple[Any, ...]:
    (call,) = await case.rows(
        "SELECT id, key_id FROM call WHERE incident_id = :i ORDER BY received_at LIMIT 1", i=run.incident_id
    )
    return (actor.as_text(), "call", call.id, call.key_id, ["name", "phone"], "crew on the run")


# --- scenes ---


async def test_the_desk_through_a_run_with_all_that_can_stand_on_it(case: Case) -> None:
    centre, entry, crew = case.centre, case.entry, case.crew
    assert all(desk.run is None for desk in await check(case))
    call = await case.ring(caller_name="Ibu Contoh", caller_phone="+628000000777", speed_factor=10.0)
    judged = Judgement(triage=Triage.RED, patients=3, place_note="rumah biru", place_accuracy_m=40.0)
    opened = await open_incident(centre, entry, case.operator, call.call_id, judged, cause=CAUSE)
    run = await case.send("A-1", opened.incident_id)
    first = (await check(case))[0]
    assert first.run is not None
    assert (first.run.caller_name, first.run.place_note) == ("Ibu Contoh", "rumah biru")
    assert (first.run.patients, first.run.speed_factor, first.run.village) == (3, 10.0, "Desa Uji")
    await note_shown(centre, entry, crew["A-1"], first.notices[0].id, cause=CAUSE)
    assert (await check(case))[0].notices[0].shown
    await case.steps(run.id, S.ACCEPTED, S.EN_ROUTE, by=crew["A-1"])
    case.pass_time(30)
    await propose_step(centre, entry, run.id, S.ON_SCENE, case.now - timedelta(seconds=5))
    (proposal,) = on_run(await check(case)).proposals
    await dismiss_proposal(centre, entry, crew["A-1"], run.id, proposal.seq, cause=CAUSE)
    assert on_run(await check(case)).proposals == []
    case.pass_time(30)
    await propose_step(centre, entry, run.id, S.ON_SCENE, case.now)
    await check(case)
    await case.steps(run.id, S.ON_SCENE, S.AT_PATIENT, S.LEFT_SCENE, by=crew["A-1"])
    assert [leg.facility for leg in on_run(await check(case)).legs] == ["hospital uji"]
    clinic = case.facilities["clinic"]
    await change_destination(centre, entry, case.operator, run.id, clinic, None, cause=CAUSE)
    assert [leg.facility for leg in on_run(await check(case)).legs] == ["clinic uji"]


async def test_the_desk_of_recalls_of_what_cannot_be_sent_and_of_nobody_aboard(case: Case) -> None:
    centre, entry, crew = case.centre, case.entry, case.crew
    recalled = []
    for _ in range(2):
        run = await case.send("A-1", await case.incident())
        await case.step(run.id, S.EN_ROUTE, crew["A-1"])
        case.pass_time(60)
        await stand_down(centre, entry, case.operator, run.id, "uji", cause=CAUSE)
        recalled.append(run.id)
    await case.send("A-2", await case.incident(place=None))
    until = case.now + timedelta(hours=1)
    fuel = UnavailabilityReason.FUEL
    await make_unavailable(centre, entry, crew["A-3"], case.units["A-3"], fuel, "SPBU", until, cause=CAUSE)
    one, two, three, nobody = await check(case)
    assert one.stood_down == recalled
    assert [slip.assignment_id for slip in one.notices] == recalled
    assert two.run is not None
    assert three.unavailable is not None
    assert (nobody.aboard, nobody.seq) == (None, await case.head())
    # the next crew of the unit has nothing to do with what was called back before
    case.pass_time(60)
    await sign_on(centre, entry, case.relief, "A-1", None, cause=CAUSE)
    await sign_off(centre, entry, crew["A-1"], cause=CAUSE)
    one, _, _, relief = await check(case)
    assert (one.aboard, relief.stood_down, relief.notices) == (None, [], [])
    assert relief.aboard is not None


async def test_a_resident_s_contact_until_the_key_is_destroyed(case: Case) -> None:
    given = Registration(
        "Warga Contoh", "Jl. Contoh 1", "warga@example.com", "+628000000123", "3214014101900001", None, None
    )
    resident = await register_resident(case.centre, case.entry, given, "uji", cause=CAUSE)
    actor = Actor(ActorKind.RESIDENT, resident.resident_id)
    request = HelpRequest(new_id(), Channel.APP, SCENE)
    call = await request_help(case.centre, case.entry, actor, request, cause=CAUSE)
    judged = Judgement(triage=Triage.YELLOW)
    opened = await open_incident(case.centre, case.entry, case.operator, call.call_id, judged, cause=CAUSE)
    await case.send("A-1", opened.incident_id)
    (desk, *_) = await check(case)
    assert desk.run is not None
    assert (desk.run.caller_name, desk.run.caller_phone) == ("Warga Contoh", "+628000000123")
    async with case.centre.begin(case.entry.tenant, case.operator, CAUSE) as tx:
        key_id = (await tx.get(Call, call.call_id)).key_id
        person = await tx.session.get_one(PersonKey, key_id)
        person.wrapped, person.destroyed_at = None, tx.now
        await tx.session.flush()
        erased = ("person_key", str(key_id))
        await tx.record(EventKind.PERSON_ERASED, erased, data={"key_id": str(key_id)})
    (desk, *_) = await check(case)
    assert desk.run is not None
    assert (desk.run.caller_name, desk.run.caller_phone) == (None, None)


# --- what it costs ---


@contextmanager
def counted(case: Case) -> Iterator[list[str]]:
    """The statements that are sent meanwhile."""
    sent: list[str] = []

    def note(_c: object, _cursor: object, sql: str, *_more: object) -> None:
        sent.append(sql)

    engine = case.centre.database.engine.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(engine, "before_cursor_execute", note)


async def test_a_parked_crew_costs_one_statement_and_a_run_two_more(case: Case) -> None:
    crews = list(case.crew.values())
    with counted(case) as sent:
        await read_desks(case.centre, case.entry, crews * 20)
    assert len(sent) == 1
    await case.send("A-1", await case.incident())
    with counted(case) as sent:
        await read_desks(case.centre, case.entry, crews)
    assert len(sent) == 3
    assert "view_log" in sent[-1]
    with counted(case) as sent:
        await read_boardings(case.centre, case.entry, [c.id for c in crews if c.id], case.now)
    assert len(sent) == 1


# --- whose fixes a phone's are ---


async def test_turns_are_the_present_one_and_those_since_then(case: Case) -> None:
    centre, entry, crew = case.centre, case.entry, case.crew["A-1"]
    assert crew.id is not None
    assert case.relief.id is not None
    began = case.now
    for sign in ("A-2", "A-3", "A-1"):
        case.pass_time(60)
        await sign_on(centre, entry, crew, sign, None, cause=CAUSE)
    at = [began + timedelta(seconds=60 * n) for n in range(4)]
    signs = ("A-1", "A-2", "A-3", "A-1")
    turns = [
        Turn(case.units[sign], joined, left)
        for sign, joined, left in zip(signs, at, [*at[1:], None], strict=True)
    ]
    mine, none, again = await read_boardings(centre, entry, [crew.id, case.relief.id, crew.id], at[1])
    assert mine == again
    assert mine.turns == turns[:0:-1]  # the first had ended by then
    assert mine.seq == none.seq == await case.head()
    assert none.turns == []
    (all_of_them,) = await read_boardings(centre, entry, [crew.id], began)
    assert all_of_them.turns == turns[::-1]
    await sign_off(centre, entry, crew, cause=CAUSE)
    (gone,) = await read_boardings(centre, entry, [crew.id], case.now)
    assert (gone.turns, gone.marker) == ([], None)
