"""Loading regency folders: idempotent, complete or refused, finished after an interruption."""

import asyncio
import json
import shutil
from collections import Counter
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from loading_scene import HOSPITAL, PUSKESMAS, Folder, HasUrls, Scene, open_scene, small_folder

from dispatch.bundle import BundleError, read_bundle
from dispatch.domain.errors import Conflict
from dispatch.services.load_places import facility_id, unit_id
from dispatch.services.load_regency import BundleRefused, load_regency
from dispatch.services.roads import Roads

SLUG = "33.25-latihan"
STATE = """
SELECT 'facility' AS kind, code AS name, active, CAST(id AS text) FROM facility
UNION ALL SELECT 'unit', call_sign, active, CAST(id AS text) FROM unit
UNION ALL SELECT 'village', code, NOT ST_IsEmpty(shape), '' FROM village
UNION ALL SELECT 'district', code, true, '' FROM district
UNION ALL SELECT 'shift', u.call_sign || ' ' || s.starts_at, s.opened_at IS NOT NULL, ''
    FROM shift s JOIN unit u ON u.id = s.unit_id
ORDER BY 1, 2
"""


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Shared by the module, so that the roads are built once."""
    return tmp_path_factory.mktemp("run")


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return small_folder(tmp_path / "33.25-kecil")


@pytest.fixture
async def scene(database: HasUrls, run_dir: Path) -> AsyncIterator[Scene]:
    async with open_scene(database, run_dir) as opened:
        yield opened


async def test_a_first_load_holds_everything_the_folder_names(scene: Scene, folder: Folder) -> None:
    report = await load_regency(scene.centre, folder.path)
    assert (report.changed, report.created, report.entry.tenant.slug) == (True, True, SLUG)
    regency = report.entry.tenant.id
    bundle = read_bundle(folder.path)
    counts = await scene.rows(
        "SELECT (SELECT count(*) FROM district), (SELECT count(*) FROM village), "
        "(SELECT count(*) FROM facility), (SELECT count(*) FROM unit), "
        "(SELECT ST_Area(CAST(boundary AS geography)) / 1e6 FROM regency)"
    )
    assert tuple(counts[0])[:4] == (len(bundle.districts), len(bundle.villages), 2, 5)
    assert 700 < counts[0][4] < 1000  # Batang has 789 square kilometres of land
    row = (await scene.rows("SELECT * FROM facility WHERE code = :code", code=HOSPITAL))[0]
    spec = bundle.facility_by_code[HOSPITAL]
    assert (row.id, row.name, row.kind, row.phone) == (
        facility_id(regency, HOSPITAL),
        spec.name,
        "hospital",
        spec.phone,
    )
    assert (row.capabilities, row.ems_status, row.active) == (list(spec.capabilities), "normal", True)
    unit = (await scene.rows("SELECT *, ST_X(base) AS x, ST_Y(base) AS y FROM unit ORDER BY call_sign"))[0]
    assert unit.id == unit_id(regency, unit.call_sign)
    assert (unit.x, unit.y, unit.base_facility_id) == (spec.lon, spec.lat, row.id)
    kinds = Counter(await scene.kinds(SLUG))
    assert (kinds["facility_loaded"], kinds["unit_loaded"], kinds["tenant_loaded"]) == (2, 5, 1)
    assert kinds["shift_opened"] == len(report.shifts.opened) == 3  # the manual units are manned at once
    head = await scene.rows("SELECT seq, hash FROM event_head")
    last = await scene.rows("SELECT seq, hash FROM event ORDER BY seq DESC LIMIT 1")
    assert head == last
    network = await scene.centre.roads.of(report.entry)
    assert network.node_count > 1000


async def test_a_second_load_changes_nothing(scene: Scene, folder: Folder) -> None:
    await load_regency(scene.centre, folder.path)
    before, events = await scene.rows(STATE), await scene.kinds(SLUG)
    report = await load_regency(scene.centre, folder.path)
    assert not report.changed
    assert (await scene.rows(STATE), await scene.kinds(SLUG)) == (before, events)


async def test_the_next_day_an_unchanged_load_still_renews_the_roster(scene: Scene, folder: Folder) -> None:
    await load_regency(scene.centre, folder.path)
    scene.pass_time(days=1)
    report = await load_regency(scene.centre, folder.path)
    assert not report.changed
    assert report.roster.planned == 3 * 5


async def test_only_what_changed_makes_events(scene: Scene, folder: Folder) -> None:
    first = await load_regency(scene.centre, folder.path)
    await scene.execute("ALTER TABLE facility DISABLE TRIGGER facility_has_event")
    await scene.execute("UPDATE facility SET ems_status = 'closed' WHERE code = :code", code=HOSPITAL)
    await scene.execute("ALTER TABLE facility ENABLE TRIGGER facility_has_event")
    before = Counter(await scene.kinds(SLUG))
    gone = folder.table("fleet.csv")[-1]["call_sign"]
    folder.edit("facilities.csv", lambda r: r | {"name": "RSUD Baru"} if r["code"] == HOSPITAL else r)
    folder.edit("fleet.csv", lambda r: None if r["call_sign"] == gone else r)
    report = await load_regency(scene.centre, folder.path)
    assert (report.facilities.changed, report.facilities.added) == ([HOSPITAL], [])
    assert (report.units.withdrawn, report.units.added, report.units.changed) == ([gone], [], [])
    made = Counter(await scene.kinds(SLUG)) - before
    assert (made["facility_loaded"], made["unit_loaded"], made["tenant_loaded"]) == (1, 1, 1)
    hospital = (await scene.rows("SELECT * FROM facility WHERE code = :code", code=HOSPITAL))[0]
    assert hospital.id == facility_id(first.entry.tenant.id, HOSPITAL)
    assert (hospital.name, hospital.ems_status) == ("RSUD Baru", "closed")
    assert await scene.one("SELECT active FROM unit WHERE call_sign = :c", c=gone) is False
    open_shifts = (
        "SELECT count(*) FROM shift s JOIN unit u ON u.id = s.unit_id "
        "WHERE call_sign = :c AND closed_at IS NULL"
    )
    assert await scene.one(open_shifts, c=gone) == 0


async def test_a_row_that_comes_back_is_the_same_row(scene: Scene, folder: Folder) -> None:
    await load_regency(scene.centre, folder.path)
    rows = folder.table("fleet.csv")
    folder.rewrite("fleet.csv", rows[:-1])
    await load_regency(scene.centre, folder.path)
    folder.rewrite("fleet.csv", rows)
    report = await load_regency(scene.centre, folder.path)
    assert report.units.changed == [rows[-1]["call_sign"]]
    assert await scene.one("SELECT count(*) FROM unit WHERE active") == 5


async def test_a_unit_on_a_run_is_withdrawn_after_its_release(scene: Scene, folder: Folder) -> None:
    first = await load_regency(scene.centre, folder.path)
    entry, gone = first.entry, folder.table("fleet.csv")[-1]["call_sign"]
    run = await scene.put_on_run(entry, unit_id(entry.tenant.id, gone))
    folder.edit("fleet.csv", lambda r: None if r["call_sign"] == gone else r)
    report = await load_regency(scene.centre, folder.path)
    assert report.units.on_run == [gone]
    assert "unit_on_run" in {found.code for found in report.warnings}
    assert await scene.one("SELECT active FROM unit WHERE call_sign = :c", c=gone) is True
    await scene.release(entry, run)
    report = await load_regency(scene.centre, folder.path)
    assert (report.changed, report.units.withdrawn) == (True, [gone])
    assert not (await load_regency(scene.centre, folder.path)).changed


async def test_a_bad_folder_is_refused_whole_with_every_problem(scene: Scene, folder: Folder) -> None:
    folder.edit(
        "facilities.csv", lambda r: r | ({"kind": "hotel"} if r["code"] == PUSKESMAS else {"lon": "106.8"})
    )
    with pytest.raises(BundleRefused) as refused:
        await load_regency(scene.centre, folder.path)
    said = " ".join(found.message_en for found in refused.value.findings.problems)
    assert len(refused.value.findings.problems) >= 2
    assert "hotel" in said
    assert await scene.one("SELECT count(*) FROM regency") == 0


async def test_a_bad_reload_leaves_the_tenant_as_it_was(scene: Scene, folder: Folder) -> None:
    await load_regency(scene.centre, folder.path)
    before = await scene.rows(STATE)
    (folder.path / "roads.osm.pbf").write_bytes(b"no roads")
    with pytest.raises(BundleRefused) as refused:
        await load_regency(scene.centre, folder.path)
    codes = {found.code for found in refused.value.findings.problems}
    assert {"bad_roads", "unusable_roads"} <= codes
    assert await scene.rows(STATE) == before
    assert await scene.one("SELECT bundle_digest <> '' FROM regency")


async def test_a_folder_that_is_none(scene: Scene, tmp_path: Path) -> None:
    with pytest.raises(BundleError):
        await load_regency(scene.centre, tmp_path)


class Interrupted(Exception):
    """The program died here."""


@pytest.mark.parametrize("after", [1, 2, 3, 4, 5, 6, 8, 9, 11, 12])
async def test_the_next_load_finishes_an_interrupted_one(scene: Scene, folder: Folder, after: int) -> None:
    whole = scene.centre.clock
    left = after

    def dying() -> datetime:
        nonlocal left
        left -= 1
        if left < 0:
            raise Interrupted
        return whole()

    scene.centre.clock = dying
    with pytest.raises(Interrupted):
        await load_regency(scene.centre, folder.path)
    scene.centre.clock = whole
    await load_regency(scene.centre, folder.path)
    report = await load_regency(scene.centre, folder.path)
    assert not report.changed
    state = Counter((row.kind, row.active) for row in await scene.rows(STATE))
    assert (state["facility", True], state["unit", True]) == (2, 5)
    # today's day and night shifts that are not over, and all of tomorrow's
    assert state["shift", True] == 3
    assert state["shift", True] + state["shift", False] == (3 + 3) * 5
    kinds = Counter(await scene.kinds(SLUG))
    assert (kinds["facility_loaded"], kinds["unit_loaded"]) == (2, 5)


async def test_two_loads_at_once_take_turns(scene: Scene, folder: Folder) -> None:
    reports = await asyncio.gather(*(load_regency(scene.centre, folder.path) for _ in range(3)))
    assert sorted(report.changed for report in reports) == [False, False, True]
    kinds = Counter(await scene.kinds(SLUG))
    assert (kinds["facility_loaded"], kinds["unit_loaded"], kinds["tenant_loaded"]) == (2, 5, 1)


async def test_training_and_live_share_no_row(scene: Scene, folder: Folder) -> None:
    training = await load_regency(scene.centre, folder.path)
    live = await load_regency(scene.centre, folder.path, live=True)
    assert (live.entry.tenant.slug, live.entry.tenant.training) == ("33.25", False)
    ids: list[Any] = await scene.rows("SELECT id FROM unit UNION ALL SELECT id FROM facility")
    assert len({row.id for row in ids}) == len(ids) == 14
    assert training.entry.roads_store == live.entry.roads_store


async def test_a_live_tenant_is_not_made_by_loading(scene: Scene, folder: Folder) -> None:
    with pytest.raises(Conflict, match="tenant create"):
        await load_regency(scene.centre, folder.path, live=True, create=False)
    assert await scene.one("SELECT count(*) FROM regency") == 0


async def test_a_lost_road_store_is_built_again(scene: Scene, folder: Folder) -> None:
    first = await load_regency(scene.centre, folder.path)
    stores = scene.centre.settings.stores_dir
    shutil.rmtree(stores / first.entry.roads_store)
    report = await load_regency(scene.centre, folder.path)
    assert (report.units.count, report.facilities.count) == (0, 0)
    assert (await Roads(stores).of(report.entry)).node_count > 1000


async def test_a_vanished_village_that_cases_name_keeps_its_name_only(scene: Scene, folder: Folder) -> None:
    first = await load_regency(scene.centre, folder.path)
    named = await scene.one("SELECT min(code) FROM village")
    await scene.open_incident(first.entry)
    _leave_out_village(folder, named)
    report = await load_regency(scene.centre, folder.path)
    assert "village_kept" in {found.code for found in report.warnings}
    assert await scene.one("SELECT ST_IsEmpty(shape) FROM village WHERE code = :code", code=named)


async def test_a_vanished_village_that_nothing_names_is_gone(scene: Scene, folder: Folder) -> None:
    await load_regency(scene.centre, folder.path)
    named = await scene.one("SELECT min(code) FROM village")
    _leave_out_village(folder, named)
    await load_regency(scene.centre, folder.path)
    assert await scene.one("SELECT count(*) FROM village WHERE code = :code", code=named) == 0


def _leave_out_village(folder: Folder, code: str) -> None:
    path = folder.path / "villages.geojson"
    content = json.loads(path.read_text(encoding="utf-8"))
    content["features"] = [f for f in content["features"] if code not in f["properties"].values()]
    path.write_text(json.dumps(content), encoding="utf-8")
