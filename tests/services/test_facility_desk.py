"""The receiving facility's desk: who comes and when, its answers, countersignature and status."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID

import pytest
from report_scene import NOON, TOWN, MadeDatabase, Scene, open_scene, road_stores
from sqlalchemy import text

from dispatch.domain.deadlines import TimerKind
from dispatch.domain.errors import Conflict, Forbidden, IllegalStep, InvalidInput, NotFound
from dispatch.domain.roles import SYSTEM, Actor, ActorKind, Role
from dispatch.domain.triage import Triage
from dispatch.domain.unit import PositionQuality
from dispatch.services.facility_desk import (
    RefusalReason,
    accept_run,
    countersign,
    refuse_run,
    set_facility_status,
)
from dispatch.services.find_facilities import EmsStatus
from dispatch.services.incoming_runs import incoming_runs
from dispatch.services.placing import Point
from dispatch.services.sessions import SignedIn
from dispatch.storage.tables.assignment import Assignment, Leg
from dispatch.storage.tables.facility import Facility
from dispatch.storage.tables.incident import Incident
from dispatch.storage.tables.position import LatestPosition
from dispatch.storage.tables.unit import Unit
from dispatch.storage.transaction import new_id

HOSPITAL = Point(107.4500, -6.5500)
CLINIC = Point(107.4200, -6.5700)
ON_THE_ROAD = Point(107.4600, -6.6000)
CAUSE = "test"


@dataclass
class Desk:
    """Two facilities with a user each, and runs put on their way."""

    scene: Scene
    hospital: Facility
    clinic: Facility
    nurse: SignedIn
    stranger: SignedIn
    operator: SignedIn

    async def run(
        self,
        state: str,
        leg_state: str,
        *,
        sign: str = "A-1",
        fix: Point | None = ON_THE_ROAD,
        fix_age_s: float = 10.0,
        colours: tuple[str | None, ...] = (),
        left_s_ago: float | None = None,
        speed_factor: float | None = None,
        **leg_different: Any,
    ) -> tuple[Incident, Unit, Assignment, Leg]:
        scene = self.scene
        called = NOON - timedelta(minutes=20)
        incident = scene.incident(called, triage="yellow", speed_factor=speed_factor)
        unit = scene.unit(sign, "app" if fix else "manual")
        run = scene.assignment(incident, unit, state)
        leg = scene.leg(run, leg_state, **{"facility_id": self.hospital.id} | leg_different)
        patients = [scene.patient(incident, n, colour) for n, colour in enumerate(colours, start=1)]
        fixes = [self.fix(unit, fix, fix_age_s)] if fix else []
        left = NOON - timedelta(seconds=left_s_ago or 0.0)
        stamps = [scene.stamp("left_scene_at", left, incident, run, leg)] if left_s_ago else []
        groups: tuple[list[Any], ...] = ([incident], [unit], [run], [leg], patients)
        await scene.put(*groups, [scene.aboard(leg, p) for p in patients], fixes, stamps)
        return incident, unit, run, leg

    def fix(self, unit: Unit, place: Point, age_s: float) -> LatestPosition:
        return LatestPosition(
            regency_id=unit.regency_id,
            unit_id=unit.id,
            installation_id=new_id(),
            sequence=1,
            fixed_at=NOON - timedelta(seconds=age_s),
            received_at=NOON,
            lon=place.lon,
            lat=place.lat,
            source="app",
        )

    async def seconds(self, *stops: Point) -> float:
        network = await self.scene.centre.roads.of(self.scene.entry)
        pairs = pairwise(stops)
        return sum(network.route((a.lon, a.lat), (b.lon, b.lat)).total_s for a, b in pairs)

    async def events(self, subject_id: UUID) -> list[tuple[str, str, dict[str, Any]]]:
        async with self.scene.centre.read(self.scene.entry.tenant) as tx:
            rows = await tx.session.execute(
                text("SELECT kind, actor, data FROM event WHERE subject_id = :id ORDER BY seq"),
                {"id": str(subject_id)},
            )
            return [(r.kind, r.actor, r.data) for r in rows]

    async def leg(self, leg_id: UUID) -> Leg:
        async with self.scene.centre.read(self.scene.entry.tenant) as tx:
            return await tx.get(Leg, leg_id)


@pytest.fixture
async def desk(database: MadeDatabase, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Desk]:
    async with open_scene(database, road_stores(tmp_path_factory)) as scene:
        hospital = scene.facility("F-1", HOSPITAL, beds=3)
        clinic = scene.facility("F-2", CLINIC, kind="clinic", position_quality="approximate")
        await scene.put([hospital, clinic])
        yield Desk(
            scene,
            hospital,
            clinic,
            scene.signed_in(Role.FACILITY, hospital),
            scene.signed_in(Role.FACILITY, clinic),
            scene.signed_in(Role.OPERATOR),
        )


async def test_the_desk_sees_who_comes_and_when(desk: Desk) -> None:
    incident, _, run, leg = await desk.run("left_scene", "transporting", colours=("green", "red", None))

    page = await incoming_runs(desk.scene.centre, desk.nurse, desk.hospital.id)

    assert (page.code, page.ems_status, page.beds) == ("F-1", EmsStatus.NORMAL, 3)
    [coming] = page.incoming
    assert (coming.leg_id, coming.assignment_id, coming.incident_id) == (leg.id, run.id, incident.id)
    assert (coming.incident_number, coming.call_sign) == (incident.number, "A-1")
    assert (coming.triage, coming.patients) == (Triage.RED, 3)
    assert coming.position_quality is PositionQuality.LIVE
    assert coming.predicted_s == pytest.approx(await desk.seconds(ON_THE_ROAD, HOSPITAL))
    assert coming.expected_at == NOON + timedelta(seconds=coming.predicted_s or 0)
    assert coming.minutes is not None
    assert not coming.minutes.startswith("~")
    assert not coming.via_scene
    assert page.to_countersign == []
    assert (await incoming_runs(desk.scene.centre, desk.stranger, desk.clinic.id)).incoming == []


async def test_where_time_runs_faster_minutes_stay_life_s_and_the_moment_is_real(desk: Desk) -> None:
    await desk.run("left_scene", "transporting", speed_factor=60.0)

    [coming] = (await incoming_runs(desk.scene.centre, desk.nurse, desk.hospital.id)).incoming

    assert (coming.simulated, coming.speed_factor) == (True, 60.0)
    assert coming.predicted_s == pytest.approx(await desk.seconds(ON_THE_ROAD, HOSPITAL))
    assert coming.expected_at == NOON + timedelta(seconds=coming.predicted_s or 0) / 60


async def test_before_the_scene_the_way_leads_over_it(desk: Desk) -> None:
    await desk.run("en_route", "planned")

    [coming] = (await incoming_runs(desk.scene.centre, desk.operator, desk.hospital.id)).incoming

    assert coming.via_scene
    assert coming.predicted_s == pytest.approx(await desk.seconds(ON_THE_ROAD, TOWN, HOSPITAL))
    assert coming.triage is Triage.YELLOW  # of the incident: nobody aboard was judged


async def test_uncertain_positions_are_marked(desk: Desk) -> None:
    await desk.run("left_scene", "transporting", sign="OLD", fix_age_s=600)
    await desk.run("left_scene", "transporting", sign="MANUAL", fix=None, left_s_ago=60)
    await desk.run("left_scene", "transporting", sign="ABOUT", facility_id=desk.clinic.id)

    page = await incoming_runs(desk.scene.centre, desk.nurse, desk.hospital.id)
    runs = {r.call_sign: r for r in page.incoming}

    assert set(runs) == {"OLD", "MANUAL"}
    assert runs["OLD"].position_quality is PositionQuality.OLD
    assert runs["OLD"].fix_age_s == 600
    # nobody sees the manual unit: it left the scene a minute ago
    assert runs["MANUAL"].position_quality is PositionQuality.ASSUMED
    assert runs["MANUAL"].predicted_s == pytest.approx(await desk.seconds(TOWN, HOSPITAL) - 60)
    about = (await incoming_runs(desk.scene.centre, desk.stranger, desk.clinic.id)).incoming
    for run in (*runs.values(), *about):
        assert run.minutes is not None
        assert run.minutes.startswith("~")
    assert [r.predicted_s for r in page.incoming] == sorted(r.predicted_s or 0 for r in page.incoming)


async def test_ended_legs_leave_the_list(desk: Desk) -> None:
    await desk.run("at_facility", "at_facility", sign="HERE")
    _, _, _, done = await desk.run("handed_over", "handed_over", sign="DONE")
    await desk.run("left_scene", "diverted", sign="AWAY")
    await desk.run("stood_down", "planned", sign="BACK")

    page = await incoming_runs(desk.scene.centre, desk.nurse, desk.hospital.id)

    [here] = page.incoming
    assert (here.call_sign, here.arrived, here.predicted_s, here.minutes) == ("HERE", True, 0.0, "0:00")
    [unsigned] = page.to_countersign
    assert (unsigned.leg_id, unsigned.receiver_name, unsigned.room) == (done.id, "Penerima Contoh", "IGD")


async def test_accepting_names_a_bed_once(desk: Desk) -> None:
    incident, unit, run, leg = await desk.run("left_scene", "transporting")
    centre = desk.scene.centre

    answer = await accept_run(centre, desk.nurse, leg.id, " IGD 3 ", cause=CAUSE)
    assert (answer.answer, answer.bed, answer.answered_at, answer.repeated) == (
        "accepted",
        "IGD 3",
        NOON,
        False,
    )
    assert (await accept_run(centre, desk.nurse, leg.id, "IGD 3", cause=CAUSE)).repeated
    other_bed = await accept_run(centre, desk.operator, leg.id, "IGD 4", cause=CAUSE)
    assert (other_bed.bed, other_bed.repeated) == ("IGD 4", False)

    first, second = await desk.events(leg.id)
    assert (first[0], first[1]) == ("facility_accepted", desk.nurse.actor.as_text())
    assert first[2] == {
        "assignment_id": str(run.id),
        "unit_id": str(unit.id),
        "facility_id": str(desk.hospital.id),
        "bed": "IGD 3",
        "reason": None,
    }
    assert second[1] == desk.operator.actor.as_text()
    [coming] = (await incoming_runs(centre, desk.nurse, desk.hospital.id)).incoming
    assert (coming.incident_id, coming.answer, coming.bed) == (incident.id, "accepted", "IGD 4")


async def test_a_refusal_does_not_change_the_run(desk: Desk) -> None:
    _, _, run, leg = await desk.run("left_scene", "transporting")
    centre = desk.scene.centre

    await accept_run(centre, desk.nurse, leg.id, "IGD 3", cause=CAUSE)
    answer = await refuse_run(centre, desk.nurse, leg.id, RefusalReason.NO_BED, cause=CAUSE)

    assert (answer.answer, answer.reason, answer.bed) == ("refused", RefusalReason.NO_BED, None)
    after = await desk.leg(leg.id)
    assert (after.state, after.facility_id) == ("transporting", desk.hospital.id)
    async with centre.read(desk.scene.entry.tenant) as tx:
        assert (await tx.get(Assignment, run.id)).state == "left_scene"
    assert [kind for kind, *_ in await desk.events(leg.id)] == ["facility_accepted", "facility_refused"]
    again = await accept_run(centre, desk.nurse, leg.id, None, cause=CAUSE)
    assert (again.answer, again.reason) == ("accepted", None)


async def test_what_has_ended_is_not_answered(desk: Desk) -> None:
    _, _, _, done = await desk.run("handed_over", "handed_over", sign="DONE")
    _, _, _, back = await desk.run("stood_down", "planned", sign="BACK")
    _, _, _, away = await desk.run(
        "left_scene", "transporting", sign="AWAY", facility_id=None, outside_name="Klinik luar"
    )
    centre = desk.scene.centre

    with pytest.raises(IllegalStep) as refused:
        await accept_run(centre, desk.nurse, done.id, None, cause=CAUSE)
    assert refused.value.allowed == ("countersign",)
    with pytest.raises(Conflict, match="ended"):
        await refuse_run(centre, desk.nurse, back.id, RefusalReason.OTHER, cause=CAUSE)
    with pytest.raises(Conflict, match="not a listed facility"):
        await accept_run(centre, desk.operator, away.id, None, cause=CAUSE)
    with pytest.raises(NotFound):
        await accept_run(centre, desk.nurse, new_id(), None, cause=CAUSE)
    with pytest.raises(InvalidInput):
        await accept_run(centre, desk.nurse, back.id, "x" * 101, cause=CAUSE)


async def test_the_countersignature_ends_its_timer(desk: Desk) -> None:
    _, _, _, leg = await desk.run("left_scene", "transporting", sign="NOT-YET")
    _, _, _, done = await desk.run("cleared", "handed_over", sign="DONE")
    centre, tenant = desk.scene.centre, desk.scene.entry.tenant
    async with centre.begin(tenant, SYSTEM, CAUSE) as tx:
        tx.set_timer(TimerKind.COUNTERSIGN, done.id, NOON + timedelta(minutes=15))

    with pytest.raises(IllegalStep) as refused:
        await countersign(centre, desk.nurse, leg.id, cause=CAUSE)
    assert refused.value.allowed == ("accept", "refuse")
    signed = await countersign(centre, desk.nurse, done.id, cause=CAUSE)
    desk.scene.now = NOON + timedelta(minutes=5)
    again = await countersign(centre, desk.operator, done.id, cause=CAUSE)

    assert (signed.countersigned_at, signed.repeated) == (NOON, False)
    assert (again.countersigned_at, again.repeated) == (NOON, True)
    assert (await desk.leg(done.id)).countersigned_by == desk.nurse.id
    assert [kind for kind, *_ in await desk.events(done.id)] == ["handover_countersigned"]
    async with centre.read(tenant) as tx:
        timers = await tx.session.execute(text("SELECT kind, result FROM timer WHERE done_at IS NOT NULL"))
        assert [tuple(t) for t in timers] == [(TimerKind.COUNTERSIGN, "cleared")]
    assert (await incoming_runs(centre, desk.nurse, desk.hospital.id)).to_countersign == []


async def test_the_facility_sets_its_status_and_beds(desk: Desk) -> None:
    centre, place = desk.scene.centre, desk.hospital.id

    closed = await set_facility_status(centre, desk.nurse, place, EmsStatus.CLOSED, 0, cause=CAUSE)
    assert (closed.ems_status, closed.beds) == (EmsStatus.CLOSED, 0)
    same = await set_facility_status(centre, desk.nurse, place, EmsStatus.CLOSED, None, cause=CAUSE)
    assert same.beds == 0
    await set_facility_status(centre, desk.operator, place, EmsStatus.ADVISORY, None, cause=CAUSE)

    told = [(kind, data["ems_status"], data["was"]) for kind, _, data in await desk.events(place)]
    assert told == [
        ("facility_status_changed", "closed", "normal"),
        ("facility_status_changed", "advisory", "closed"),
    ]
    with pytest.raises(InvalidInput):
        await set_facility_status(centre, desk.nurse, place, EmsStatus.NORMAL, -1, cause=CAUSE)


async def test_nobody_else_is_let_in(desk: Desk) -> None:
    _, _, _, leg = await desk.run("left_scene", "transporting", sign="A-1")
    _, _, _, done = await desk.run("handed_over", "handed_over", sign="A-2")
    scene, centre, place = desk.scene, desk.scene.centre, desk.hospital.id
    resident = SignedIn(new_id(), scene.entry, Actor(ActorKind.RESIDENT, new_id()), None)
    others = [desk.stranger, resident, *(scene.signed_in(r) for r in Role if r is not Role.OPERATOR)]

    for who in others:
        for attempt in (
            incoming_runs(centre, who, place),
            accept_run(centre, who, leg.id, None, cause=CAUSE),
            refuse_run(centre, who, leg.id, RefusalReason.OTHER, cause=CAUSE),
            countersign(centre, who, done.id, cause=CAUSE),
            set_facility_status(centre, who, place, EmsStatus.CLOSED, 0, cause=CAUSE),
        ):
            with pytest.raises(Forbidden):
                await attempt
    assert await desk.events(leg.id) == []
    assert await desk.events(place) == []
