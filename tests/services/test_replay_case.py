"""A replay shows what was known: at every event the same as the board showed right after it, and no more."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from case_scene import CAUSE, Case, S, along, open_case
from sqlalchemy import text

from dispatch.domain.assignment import NoTransport
from dispatch.domain.call import Channel
from dispatch.domain.errors import InvalidInput, NotFound
from dispatch.domain.incident import CancelReason
from dispatch.domain.roles import SYSTEM, Actor, ActorKind
from dispatch.domain.triage import Triage
from dispatch.domain.unit import UnavailabilityReason
from dispatch.services.board import IncidentRow, incident_rows
from dispatch.services.end_incident import cancel_incident
from dispatch.services.erase_person import erase_resident
from dispatch.services.handle_call import take_call
from dispatch.services.locate_call import locate_call
from dispatch.services.open_incident import Judgement, open_incident
from dispatch.services.readiness import make_available, make_unavailable
from dispatch.services.register_resident import Registration, register_resident
from dispatch.services.replay_case import CaseReplay, replay_case
from dispatch.services.replay_moment import UnitAtMoment, replay_moment
from dispatch.services.request_help import HelpRequest, request_help
from dispatch.services.save_positions import as_records, no_roads, save_positions
from dispatch.services.unit_state import UnitView, list_units
from dispatch.storage.queries.positions import Fix
from dispatch.storage.tables.incident import Incident
from dispatch.storage.transaction import new_id

Known = dict[tuple[str, str], dict[str, Any]]


@pytest.fixture
async def case(database: Any, tmp_path: Path) -> AsyncIterator[Case]:
    """Everybody on duty, by the real clock: the log's own clock is the database's."""
    async with open_case(database, tmp_path, now=datetime.now(UTC)) as scene:
        scene.centre.clock = lambda: datetime.now(UTC)
        async with scene.centre.begin(scene.entry.tenant, scene.operator, CAUSE) as tx:
            await tx.session.execute(
                text("SELECT make_position_partitions(CAST(:first AS date), 2)"),
                {"first": datetime.now(UTC).date() - timedelta(days=1)},
            )
        yield scene


@dataclass
class Seen:
    """What the board showed right after event `seq`."""

    seq: int
    incident: IncidentRow
    units: list[UnitView]


async def seen(case: Case, incident_id: UUID) -> Seen:
    async with case.centre.snapshot(case.entry.tenant) as tx:
        (incident,) = await incident_rows(tx, Incident.id == incident_id)
    return Seen(await case.head(), incident, await list_units(case.centre, case.entry))


def folded(replay: CaseReplay, seq: int) -> Known:
    """The case as it was known at an event: of every row the last that was told."""
    known: Known = {}
    for step in replay.steps:
        if step.seq <= seq:
            known |= {(row.table, row.id): row.fields for row in step.rows}
    return known


def of(known: Known, table: str) -> list[dict[str, Any]]:
    return [fields for (name, _), fields in known.items() if name == table]


async def fix(
    case: Case, sign: str, metres: float, *, ago_s: float = 0.0, sequence: int, phone: UUID
) -> None:
    """A fix of a unit's phone, made some seconds ago."""
    now = datetime.now(UTC)
    made = now - timedelta(seconds=ago_s)
    place = along(metres)
    one = Fix(
        installation_id=phone, sequence=sequence, device_at=made.timestamp(), at=made.timestamp(),
        unit_id=case.units[sign], received_at=now.timestamp(), lon=place.lon, lat=place.lat, accuracy_m=8.0,
        speed_ms=3.0, heading_deg=90.0, battery=0.5,
    )  # fmt: skip
    await save_positions(case.centre, case.entry, as_records([one]), no_roads(1))


async def replayed(case: Case, incident_id: UUID, **more: Any) -> CaseReplay:
    return await replay_case(
        case.centre, case.entry, case.operator, incident_id, "uji putar ulang", cause=CAUSE, **more
    )


async def played(case: Case) -> tuple[UUID, list[Seen]]:
    """One case from the call to its units' end, looked at after every move."""
    phones = {sign: new_id() for sign in case.crew}
    await fix(case, "A-1", 900, sequence=1, phone=phones["A-1"], ago_s=400)
    await fix(case, "A-2", 2_100, sequence=1, phone=phones["A-2"])
    call = await case.ring(caller_name="Contoh Pemanggil", caller_phone="+6281200000901", note="Sesak napas")
    await take_call(case.centre, case.entry, case.operator, call.call_id, cause=CAUSE)
    judged = Judgement(triage=Triage.YELLOW, patients=1)
    opened = await open_incident(case.centre, case.entry, case.operator, call.call_id, judged, cause=CAUSE)
    incident_id = opened.incident_id
    looks = [await seen(case, incident_id)]

    async def look() -> None:
        looks.append(await seen(case, incident_id))

    run = await case.send("A-1", incident_id)
    await look()
    other = await case.send("M-1", incident_id)
    await look()
    await case.step(run.id, S.ACCEPTED, case.crew["A-1"])
    await look()
    await make_unavailable(
        case.centre, case.entry, case.operator, case.units["A-3"], UnavailabilityReason.FUEL, None, None,
        cause=CAUSE,
    )  # fmt: skip
    await look()
    await fix(case, "A-1", 600, sequence=2, phone=phones["A-1"])
    await case.step(run.id, S.EN_ROUTE, case.crew["A-1"])
    await look()
    await case.step(other.id, S.ACCEPTED)
    await case.step(other.id, S.ON_SCENE)
    await case.step(other.id, S.COMPLETED_WITHOUT_TRANSPORT, code=NoTransport.TREATED_ON_SCENE)
    await look()
    await make_available(case.centre, case.entry, case.operator, case.units["A-3"], cause=CAUSE)
    await fix(case, "A-1", 10, sequence=3, phone=phones["A-1"])
    await case.step(run.id, S.ON_SCENE, case.crew["A-1"])
    await look()
    await case.step(run.id, S.LEFT_SCENE, case.crew["A-1"])
    await look()
    for to in (S.AT_FACILITY, S.HANDED_OVER, S.CLEARED):
        await case.step(run.id, to, case.crew["A-1"])
        await look()
    return incident_id, looks


def _same_unit(then: UnitAtMoment, board: UnitView) -> None:
    for name in (
        "call_sign", "status", "unavailable_reason", "assignment_id", "assignment_state", "incident_id",
        "incident_number", "place_source", "position_quality", "fixed_at", "speed_ms",
    ):  # fmt: skip
        assert getattr(then, name) == getattr(board, name), (board.call_sign, name)
    assert (then.lon, then.lat) == pytest.approx((board.lon, board.lat), abs=1e-9)


async def test_at_every_event_the_replay_shows_what_the_board_showed(case: Case) -> None:
    incident_id, looks = await played(case)
    replay = await replayed(case, incident_id)
    assert replay.next_after is None
    for look in looks:
        known = folded(replay, look.seq)
        (incident,) = of(known, "incident")
        assert (incident["state"], incident["triage"]) == (look.incident.state, look.incident.triage)
        runs = {row["id"]: row for row in of(known, "assignment")}
        assert {str(r.id): r.state.value for r in look.incident.runs} == {
            i: r["state"] for i, r in runs.items()
        }
        board = {s.name for s in look.incident.stamps} | {
            s.name for r in look.incident.runs for s in r.stamps
        }
        assert {row["name"] for row in of(known, "stamp")} == board
        legs = [leg for run in look.incident.runs for leg in run.legs]
        assert {(leg.state, leg.receiver) for leg in legs} == {
            (row["state"], row["receiver_name"]) for row in of(known, "leg")
        }
        moment = await replay_moment(case.centre, case.entry, incident_id, seq=look.seq)
        for then, unit in zip(moment.units, look.units, strict=True):
            _same_unit(then, unit)


async def test_the_replay_ends_at_the_rows_as_they_are(case: Case) -> None:
    incident_id, looks = await played(case)
    known = folded(await replayed(case, incident_id), looks[-1].seq)
    for table in ("incident", "assignment", "leg", "stamp", "patient", "call"):
        rows = await case.rows(f"SELECT to_jsonb(t) AS row FROM {table} t")
        told = {row.row["id"]: row.row for row in rows}
        assert {name for (of_table, name) in known if of_table == table} == set(told)
        for name, row in told.items():
            for column, value in known[(table, name)].items():
                if isinstance(value, str | int | float | bool) and column in row and "_at" not in column:
                    assert value == row[column], (table, column)


async def test_what_a_phone_without_signal_tells_later_was_not_known_before(case: Case) -> None:
    run = await case.send("A-1", await case.incident())
    await case.step(run.id, S.ACCEPTED, case.crew["A-1"])
    left = datetime.now(UTC)
    await locate_call(
        case.centre, case.entry, case.operator, UUID(str(await case.value("SELECT id FROM call"))), along(20),
        None, cause=CAUSE,
    )  # fmt: skip
    meanwhile = await case.head()
    await case.step(run.id, S.EN_ROUTE, case.crew["A-1"], device_at=left, sent_at=datetime.now(UTC))
    replay = await replayed(case, run.incident_id)
    told = next(step for step in replay.steps if step.seq > meanwhile)
    before = next(step for step in replay.steps if step.seq == meanwhile)
    assert told.occurred_at == left < before.recorded_at < told.recorded_at
    assert "en_route_at" not in {row["name"] for row in of(folded(replay, meanwhile), "stamp")}
    moment = await replay_moment(case.centre, case.entry, run.incident_id, at=before.recorded_at)
    assert moment.seq == meanwhile
    assert {u.call_sign: u.assignment_state for u in moment.units}["A-1"] == "accepted"


async def test_a_run_that_was_cleared_without_signal_was_busy_until_that_was_told(case: Case) -> None:
    run = await case.send("A-1", await case.incident())
    await case.steps(run.id, S.ACCEPTED, S.EN_ROUTE, S.ON_SCENE, by=case.crew["A-1"])
    done = datetime.now(UTC)
    await make_unavailable(
        case.centre, case.entry, case.operator, case.units["A-3"], UnavailabilityReason.REST, None, None,
        cause=CAUSE,
    )  # fmt: skip
    meanwhile = await case.head()
    await case.step(
        run.id, S.COMPLETED_WITHOUT_TRANSPORT, case.crew["A-1"], code=NoTransport.REFUSED, device_at=done,
        sent_at=datetime.now(UTC),
    )  # fmt: skip
    before = await replay_moment(case.centre, case.entry, run.incident_id, seq=meanwhile)
    after = await replay_moment(case.centre, case.entry, run.incident_id, seq=await case.head())
    assert {u.call_sign: u.status.value for u in before.units}["A-1"] == "busy"
    assert {u.call_sign: u.status.value for u in after.units}["A-1"] == "available"


async def test_a_fix_counts_from_when_it_arrived_and_its_age_from_when_it_was_made(case: Case) -> None:
    incident_id = await case.incident()
    run = await case.send("A-1", incident_id)
    phone = new_id()
    await fix(case, "A-1", 700, sequence=1, phone=phone, ago_s=40)
    await case.step(run.id, S.ACCEPTED, case.crew["A-1"])
    then = await case.head()
    await fix(case, "A-1", 300, sequence=2, phone=phone, ago_s=20)  # made before that step, told after it
    await fix(case, "A-2", 2_000, sequence=1, phone=new_id(), ago_s=170)
    await case.step(run.id, S.EN_ROUTE, case.crew["A-1"])
    moment = await replay_moment(case.centre, case.entry, incident_id, seq=then)
    unit = next(u for u in moment.units if u.call_sign == "A-1")
    assert (unit.lon, unit.place_source) == (pytest.approx(along(700).lon), "fix")
    assert unit.age_s == pytest.approx(40, abs=10)
    assert unit.stale
    later = await replay_moment(case.centre, case.entry, incident_id, seq=await case.head())
    assert next(u for u in later.units if u.call_sign == "A-1").lon == pytest.approx(along(300).lon)
    idle = next(u for u in later.units if u.call_sign == "A-2")
    assert not idle.stale, "at its base a phone speaks once a minute"
    assert moment.positions_kept


async def test_positions_that_are_not_kept_any_more_are_told_to_be_gone(case: Case) -> None:
    incident_id = await case.incident()
    day = datetime.now(UTC) - timedelta(days=200)
    moment = await replay_moment(case.centre, case.entry, incident_id, at=day)
    assert not moment.positions_kept
    assert moment.seq == 0
    assert {unit.status.value for unit in moment.units} == {"off_shift"}


async def test_pages_join_without_a_gap(case: Case) -> None:
    incident_id, _ = await played(case)
    whole = await replayed(case, incident_id)
    pieces, after = [], 0
    while after is not None:
        page = await replayed(case, incident_id, after=after, most=3)
        assert len(page.steps) <= 3
        pieces += page.steps
        after = page.next_after
    assert [s.seq for s in pieces] == [s.seq for s in whole.steps]
    assert whole.steps[0].kind == "call_received"
    assert whole.names.staff[str(case.operator.id)] == "operator1 Uji"


async def test_whose_data_was_shown_is_logged(case: Case) -> None:
    incident_id, looks = await played(case)
    (call,) = of(folded(await replayed(case, incident_id), looks[-1].seq), "call")
    assert (call["caller_name"], call["note"]) == ("Contoh Pemanggil", "Sesak napas")
    views = await case.rows("SELECT * FROM view_log WHERE reason = 'uji putar ulang'")
    told = {(v.subject_type, str(v.subject_id)): set(v.fields) for v in views}
    assert {"caller_name", "caller_phone", "content"} <= told[("call", call["id"])]
    assert {view.viewer for view in views} == {case.operator.as_text()}


async def test_an_erased_caller_reads_as_erased(case: Case) -> None:
    given = Registration(
        name="Warga Sintetis", address="Jalan Rekaan 1", email="warga@contoh.example", phone="081200001234",
        nik="3214015205900007", password="rahasia sekali",
    )  # fmt: skip
    made = await register_resident(case.centre, case.entry, given, "uji", cause=CAUSE)
    caller = Actor(ActorKind.RESIDENT, made.resident_id)
    asked = HelpRequest(new_id(), Channel.APP, along(0), note="nyeri dada")
    call = await request_help(case.centre, case.entry, caller, asked, cause=CAUSE)
    opened = await open_incident(
        case.centre, case.entry, case.operator, call.call_id, Judgement(triage=Triage.RED), cause=CAUSE
    )
    await cancel_incident(
        case.centre, case.entry, case.operator, opened.incident_id, CancelReason.FALSE_ALARM, cause=CAUSE
    )
    assert "nyeri dada" in str(await replayed(case, opened.incident_id))
    await erase_resident(
        case.centre, case.entry, SYSTEM, made.resident_id, cause=CAUSE, reason="diminta warga"
    )
    after = await replayed(case, opened.incident_id)
    rows = [row for step in after.steps for row in step.rows if row.table == "call"]
    assert rows
    assert all(row.erased and row.fields["note"] is None for row in rows)
    assert "nyeri dada" not in str(after)


async def test_nonsense_is_refused(case: Case) -> None:
    incident_id = await case.incident()
    with pytest.raises(NotFound):
        await replayed(case, new_id())
    for wrong in ({}, {"seq": 10_000_000}, {"seq": 1, "at": datetime.now(UTC)}):
        with pytest.raises(InvalidInput):
            await replay_moment(case.centre, case.entry, incident_id, **wrong)


async def test_a_message_that_did_not_have_to_go_out_has_not_failed(case: Case) -> None:
    incident_id = await case.incident()
    run = await case.send("M-1", incident_id)
    (waiting,) = (await replayed(case, incident_id)).messages
    assert (waiting.failed_at, waiting.withdrawn) == (None, False)
    await case.step(run.id, S.ACCEPTED)
    (moot,) = (await replayed(case, incident_id)).messages
    assert moot.failed_at is not None
    assert moot.withdrawn
