"""A regency's calibration lies in its folder, and every answer of its roads uses it."""

from __future__ import annotations

import re
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

import routing
from dispatch.bundle import read_bundle
from dispatch.services.road_stores import check_with_roads, store_name
from dispatch.services.roads import Roads
from dispatch.services.tenants import TenantEntry
from dispatch.storage.database import Tenant

SHIPPED = Path(__file__).resolve().parents[2] / "regencies" / "33.25-batang"
LEARNT = Path(__file__).with_name("calibration-uji.toml")  # from drives that nobody made
TOWN, AWAY = (109.7286, -6.9126), (109.8530, -6.9790)
RUSH = datetime(2026, 11, 20, 0, 30, tzinfo=UTC)  # Friday, 7:30 in Batang


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return shutil.copytree(SHIPPED, tmp_path / SHIPPED.name)


async def test_recorded_runs_change_the_minutes(folder: Path, tmp_path: Path) -> None:
    stores = tmp_path / "stores"
    roads = Roads(stores)
    times, names, widths = [], [], []
    for calibrated in (False, True):
        if calibrated:
            # a calibration binds to the rules it was made under: these are today's, whatever they are
            text = re.sub(
                r'profile_digest = ".*"', f'profile_digest = "{routing.AMBULANCE.digest}"', LEARNT.read_text()
            )
            (folder / "calibration.toml").write_text(text)
        bundle = read_bundle(folder)
        assert check_with_roads(bundle, stores).problems == ()
        name = store_name(bundle)
        tenant = Tenant(1, "33.25-latihan", "33.25", "training", "Batang", "BTG", "Asia/Jakarta")
        network = await roads.of(TenantEntry(tenant, {}, name, bundle.digest))
        way = network.route(TOWN, AWAY, at=RUSH)
        times.append(way.road_s)
        widths.append(way.high_s / way.low_s)
        names.append(name)
    assert names[0] != names[1]
    assert times[0] != times[1]
    assert widths[1] < widths[0]  # what was measured is surer than what was assumed


def test_a_calibration_that_cannot_be_read_is_named(folder: Path) -> None:
    before = read_bundle(folder).digest
    (folder / "calibration.toml").write_text("schema = 99\n")
    bundle = read_bundle(folder)
    assert [found.code for found in bundle.unread] == ["bad_calibration"]
    assert "calibration.toml" in bundle.unread[0].message_en
    assert bundle.digest != before
