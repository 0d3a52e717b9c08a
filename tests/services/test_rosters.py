"""Shifts planned ahead, opened and closed by the clock, on a real database."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from loading_scene import Folder, HasUrls, Scene, open_scene, small_folder

from dispatch.domain.events import EventKind
from dispatch.domain.roles import SYSTEM, Actor, ActorKind, Role
from dispatch.domain.roster import Roster, ShiftRule
from dispatch.services.crew import sign_on
from dispatch.services.load_regency import load_regency
from dispatch.services.open_due_shifts import ShiftPass, open_due_shifts
from dispatch.services.renew_rosters import RosterPass, renew_rosters
from dispatch.services.staff_accounts import NewStaff, add_staff
from dispatch.services.tenants import TenantEntry
from dispatch.storage.tables.unit import Unavailability, Unit
from dispatch.storage.transaction import new_id

OPEN = """
SELECT u.call_sign, s.id, s.starts_at, s.ends_at, s.opened_at FROM shift s JOIN unit u ON u.id = s.unit_id
WHERE s.opened_at IS NOT NULL AND s.closed_at IS NULL AND u.tracking = :tracking ORDER BY u.call_sign
"""
AFTERNOON = datetime(2026, 11, 20, 7, 0, tzinfo=UTC)  # 14:00 in Jakarta: the second shift begins
NIGHT = datetime(2026, 11, 20, 14, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("run")


@pytest.fixture
async def scene(database: HasUrls, run_dir: Path) -> AsyncIterator[Scene]:
    async with open_scene(database, run_dir) as opened:
        yield opened


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return small_folder(tmp_path / "33.25-kecil")


@pytest.fixture
async def entry(scene: Scene, folder: Folder) -> TenantEntry:
    return (await load_regency(scene.centre, folder.path)).entry


async def manned(scene: Scene, tracking: str = "manual") -> list[Any]:
    return await scene.rows(OPEN, tracking=tracking)


async def unit_of(scene: Scene, tracking: str) -> Any:
    query = "SELECT * FROM unit WHERE tracking = :t ORDER BY call_sign LIMIT 1"
    return (await scene.rows(query, t=tracking))[0]


async def driver(scene: Scene, entry: TenantEntry) -> Actor:
    new = NewStaff("sopir", Role.DRIVER, "Pengemudi Uji 1", "sandi uji panjang")
    view = await add_staff(scene.centre, entry, SYSTEM, new, cause="test")
    return Actor(ActorKind.STAFF, view.id, Role.DRIVER)


async def test_a_second_pass_finds_nothing_to_do(scene: Scene, entry: TenantEntry) -> None:
    events = await scene.kinds(entry.tenant.slug)
    renewed = await renew_rosters(scene.centre, entry)
    turned = await open_due_shifts(scene.centre, entry)
    assert (renewed, turned) == (RosterPass(0, 0), ShiftPass())
    again = await renew_rosters(scene.centre, entry, thorough=True)
    assert (again.planned, again.withdrawn) == (0, 0)
    assert await scene.kinds(entry.tenant.slug) == events


async def test_every_day_has_its_shifts(scene: Scene, entry: TenantEntry) -> None:
    for _ in range(3):
        scene.pass_time(days=1)
        assert (await renew_rosters(scene.centre, entry)).planned == 3 * 5
    days = await scene.rows(
        "SELECT CAST(starts_at AT TIME ZONE 'Asia/Jakarta' AS date) AS day, count(*) AS n FROM shift "
        "GROUP BY 1 ORDER BY 1"
    )
    # the day before yesterday's night shift was over when the first roster was made
    assert [row.n for row in days] == [15] * 5


async def test_a_roster_reaches_as_far_as_asked(scene: Scene, entry: TenantEntry) -> None:
    until = scene.now.date() + timedelta(days=4)
    assert (await renew_rosters(scene.centre, entry, until)).planned == 3 * 3 * 5


async def test_a_roster_made_at_night_holds_the_night_shift_that_is_on(scene: Scene, folder: Folder) -> None:
    scene.now = datetime(2026, 11, 20, 20, 0, tzinfo=UTC)  # 03:00 in Jakarta
    await load_regency(scene.centre, folder.path)
    assert [row.starts_at for row in await manned(scene)] == [NIGHT] * 3


async def test_manual_units_change_shifts_on_time(scene: Scene, entry: TenantEntry) -> None:
    before = await manned(scene)
    scene.now = AFTERNOON - timedelta(seconds=1)
    assert (await open_due_shifts(scene.centre, entry)).opened == ()
    scene.now = AFTERNOON
    turned = await open_due_shifts(scene.centre, entry)
    after = await manned(scene)
    assert (len(turned.opened), turned.closed) == (3, ())
    assert {row.starts_at for row in after} == {AFTERNOON}
    assert {row.opened_at for row in after} == {AFTERNOON}
    closed = await scene.rows("SELECT closed_at FROM shift WHERE id = ANY(:ids)", ids=[r.id for r in before])
    assert {row.closed_at for row in closed} == {AFTERNOON}
    assert (await scene.kinds(entry.tenant.slug))[-7:-1] == ["shift_closed", "shift_opened"] * 3


async def test_a_unit_on_a_run_changes_shifts_when_it_is_released(scene: Scene, entry: TenantEntry) -> None:
    busy = await unit_of(scene, "manual")
    run = await scene.put_on_run(entry, busy.id)
    scene.now = AFTERNOON
    assert busy.id not in (await open_due_shifts(scene.centre, entry)).opened
    morning = next(r for r in await manned(scene) if r.call_sign == busy.call_sign)
    assert morning.ends_at == AFTERNOON
    scene.pass_time(minutes=40)
    await scene.release(entry, run)
    assert (await open_due_shifts(scene.centre, entry)).opened == (busy.id,)
    row = next(r for r in await manned(scene) if r.call_sign == busy.call_sign)
    assert (row.starts_at, row.opened_at) == (AFTERNOON, scene.now)


async def test_a_run_that_outlasts_a_whole_shift(scene: Scene, entry: TenantEntry) -> None:
    busy = await unit_of(scene, "manual")
    run = await scene.put_on_run(entry, busy.id)
    scene.now = NIGHT + timedelta(minutes=5)
    await open_due_shifts(scene.centre, entry)
    await scene.release(entry, run)
    await open_due_shifts(scene.centre, entry)
    assert [r.starts_at for r in await manned(scene) if r.call_sign == busy.call_sign] == [NIGHT]


async def test_tracked_units_are_manned_by_their_crews_only(scene: Scene, entry: TenantEntry) -> None:
    assert await manned(scene, "app") == []
    scene.now = AFTERNOON
    turned = await open_due_shifts(scene.centre, entry)
    assert await manned(scene, "app") == []
    assert turned.lapsed == 2  # nobody came in the morning


async def test_a_forgotten_sign_off_is_made_up_for_two_hours_late(scene: Scene, entry: TenantEntry) -> None:
    unit = await unit_of(scene, "app")
    await sign_on(scene.centre, entry, await driver(scene, entry), unit.call_sign, None, cause="test")
    scene.now = AFTERNOON + timedelta(hours=2, seconds=-1)
    assert (await open_due_shifts(scene.centre, entry)).closed == ()
    scene.pass_time(seconds=1)
    assert (await open_due_shifts(scene.centre, entry)).closed == (unit.id,)
    assert await scene.one("SELECT count(*) FROM crew_membership WHERE left_at IS NULL") == 0


async def test_a_crew_that_took_over_late_is_not_put_off(scene: Scene, entry: TenantEntry) -> None:
    unit = await unit_of(scene, "app")
    first = await driver(scene, entry)
    await sign_on(scene.centre, entry, first, unit.call_sign, None, cause="test")
    new = NewStaff("sopir2", Role.DRIVER, "Pengemudi Uji 2", "sandi uji panjang")
    view = await add_staff(scene.centre, entry, SYSTEM, new, cause="test")
    scene.now = AFTERNOON + timedelta(hours=1)
    relief = Actor(ActorKind.STAFF, view.id, Role.DRIVER)
    await sign_on(scene.centre, entry, relief, unit.call_sign, None, cause="test")
    scene.pass_time(hours=3)
    assert unit.id not in (await open_due_shifts(scene.centre, entry)).closed
    aboard = "SELECT count(*) FROM crew_membership WHERE staff_id = :staff AND left_at IS NULL"
    assert await scene.one(aboard, staff=view.id) == 1


@pytest.mark.parametrize("manned_before", [True, False])
async def test_a_crew_that_came_a_little_early_is_not_put_off_in_its_shift(
    scene: Scene, entry: TenantEntry, manned_before: bool
) -> None:
    unit = await unit_of(scene, "app")
    if manned_before:
        first = await driver(scene, entry)
        await sign_on(scene.centre, entry, first, unit.call_sign, None, cause="test")
    new = NewStaff("sopir2", Role.DRIVER, "Pengemudi Uji 2", "sandi uji panjang")
    view = await add_staff(scene.centre, entry, SYSTEM, new, cause="test")
    scene.now = AFTERNOON - timedelta(minutes=10)
    relief = Actor(ActorKind.STAFF, view.id, Role.DRIVER)
    await sign_on(scene.centre, entry, relief, unit.call_sign, None, cause="test")
    scene.now = AFTERNOON + timedelta(hours=6)
    assert unit.id not in (await open_due_shifts(scene.centre, entry)).closed
    aboard = "SELECT count(*) FROM crew_membership WHERE staff_id = :staff AND left_at IS NULL"
    assert await scene.one(aboard, staff=view.id) == 1
    scene.now = AFTERNOON + timedelta(hours=12)
    assert unit.id in (await open_due_shifts(scene.centre, entry)).closed


async def test_two_workers_do_it_once(scene: Scene, entry: TenantEntry) -> None:
    scene.now = AFTERNOON + timedelta(days=1)
    renewed = await asyncio.gather(*(renew_rosters(scene.centre, entry) for _ in range(3)))
    assert sorted(done.planned for done in renewed) == [0, 0, 15]
    turned = await asyncio.gather(*(open_due_shifts(scene.centre, entry) for _ in range(3)))
    assert sum(len(done.opened) for done in turned) == 3
    opened = Counter(await scene.kinds(entry.tenant.slug))["shift_opened"]
    assert opened == 3 + 3


async def test_a_changed_roster_takes_back_what_has_not_begun(scene: Scene, folder: Folder) -> None:
    first = await load_regency(scene.centre, folder.path)
    toml = folder.path / "regency.toml"
    sheet = toml.read_text(encoding="utf-8")
    toml.write_text(sheet.replace("21:00:00", "22:00:00"), encoding="utf-8")
    report = await load_regency(scene.centre, folder.path)
    assert report.roster.withdrawn == 2 * 5  # tonight's and tomorrow's nights; the evenings grow longer
    assert report.roster.planned == 2 * 5 + 2 * 5
    toml.write_text(sheet, encoding="utf-8")
    report = await load_regency(scene.centre, folder.path)
    assert (report.roster.withdrawn, report.roster.planned) == (10, 20)
    rows = await scene.rows(
        "SELECT DISTINCT starts_at FROM shift WHERE closed_at IS NULL AND opened_at IS NULL"
    )
    assert datetime(2026, 11, 20, 15, tzinfo=UTC) not in {row.starts_at for row in rows}
    assert len(await manned(scene)) == 3
    assert first.entry.tenant.id == report.entry.tenant.id


async def test_a_unit_taken_out_of_service_ends_its_shift(scene: Scene, entry: TenantEntry) -> None:
    gone = await unit_of(scene, "manual")
    async with scene.centre.begin(entry.tenant, SYSTEM, "test") as tx:
        unit = await tx.get(Unit, gone.id, lock=True)
        unit.active = False
        await tx.record(EventKind.UNIT_LOADED, unit)
    assert (await open_due_shifts(scene.centre, entry)).closed == (gone.id,)
    assert len(await manned(scene)) == 2
    assert (await renew_rosters(scene.centre, entry, thorough=True)).withdrawn == 5


async def test_incidents_that_wait_hear_of_units_that_come_on_shift(scene: Scene, entry: TenantEntry) -> None:
    incident_id = await scene.open_incident(entry, waiting=True)
    not_ready = await unit_of(scene, "manual")
    async with scene.centre.begin(entry.tenant, SYSTEM, "test") as tx:
        row = Unavailability(
            regency_id=entry.tenant.id, id=new_id(), unit_id=not_ready.id, reason="fuel", began_at=tx.now
        )
        await tx.add(row)
        await tx.record(EventKind.UNIT_MADE_UNAVAILABLE, row)
    scene.now = AFTERNOON
    turned = await open_due_shifts(scene.centre, entry)
    found = await scene.rows(
        "SELECT data->>'unit_id' AS unit FROM event "
        "WHERE kind = 'unit_found_for_waiting' AND incident_id = :i",
        i=incident_id,
    )
    assert {row.unit for row in found} == {str(u) for u in turned.opened} - {str(not_ready.id)}


async def test_overlapping_shifts_follow_each_other(scene: Scene, entry: TenantEntry) -> None:
    rules = (ShiftRule("a", time(7), time(20), 1.0), ShiftRule("b", time(14), time(22), 1.0))
    settings = entry.settings | {"roster": Roster(1, 1, rules).as_settings()}
    other = TenantEntry(entry.tenant, settings, entry.roads_store, entry.bundle_digest)
    await renew_rosters(scene.centre, other, thorough=True)
    scene.now = AFTERNOON + timedelta(minutes=1)
    await open_due_shifts(scene.centre, other)
    before = await scene.kinds(entry.tenant.slug)
    for _ in range(2):
        turned = await open_due_shifts(scene.centre, other)
        assert (turned.opened, turned.closed) == ((), ())
    assert await scene.kinds(entry.tenant.slug) == before
    assert {row.starts_at for row in await manned(scene)} == {AFTERNOON}


async def test_a_tenant_without_a_roster_plans_nothing(scene: Scene, entry: TenantEntry) -> None:
    bare = TenantEntry(entry.tenant, {}, entry.roads_store, entry.bundle_digest)
    assert (await renew_rosters(scene.centre, bare, thorough=True)).planned == 0
