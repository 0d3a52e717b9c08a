"""The two shipped regency folders: their counts, their doubts, and that made-up data looks made up."""

from collections import Counter
from pathlib import Path

import pytest

import routing
from dispatch.bundle import Bundle, Findings, check_bundle, read_bundle
from dispatch.bundle.phones import e164

REGENCIES = Path(__file__).resolve().parents[2] / "regencies"
FOLDERS = ("32.14-purwakarta", "33.25-batang")


@pytest.fixture(scope="module", params=FOLDERS)
def bundle(request: pytest.FixtureRequest) -> Bundle:
    return read_bundle(REGENCIES / request.param)


@pytest.fixture(scope="module")
def purwakarta() -> Bundle:
    return read_bundle(REGENCIES / "32.14-purwakarta")


@pytest.fixture(scope="module")
def batang() -> Bundle:
    return read_bundle(REGENCIES / "33.25-batang")


def judged(bundle: Bundle, store: Path) -> Findings:
    routing.build_store(bundle.roads, store, exclude_highway=bundle.roads_exclude)
    return check_bundle(bundle, routing.open_store(store))


def test_purwakarta_is_complete(purwakarta: Bundle) -> None:
    assert len(purwakarta.districts) == 17
    assert len(purwakarta.villages) == 192
    assert len(purwakarta.units) == 120
    assert Counter(unit.tracking for unit in purwakarta.units) == {"app": 40, "manual": 80}
    assert Counter(facility.kind for facility in purwakarta.facilities) == {"hospital": 1, "puskesmas": 20}
    assert Counter(facility.position_quality for facility in purwakarta.facilities) == {
        "surveyed": 9,
        "approximate": 12,
    }


def test_batang_is_complete(batang: Bundle) -> None:
    assert len(batang.districts) == 15
    assert len(batang.villages) == 248
    assert len(batang.facilities) == 25
    assert len(batang.units) == 36
    assert Counter(unit.tracking for unit in batang.units) == {"app": 12, "manual": 24}


def test_every_facility_of_batang_stands_once(batang: Bundle) -> None:
    names = [facility.name for facility in batang.facilities]
    places = [(facility.lon, facility.lat) for facility in batang.facilities]
    assert len(set(names)) == len(set(places)) == 25


def test_purwakarta_has_no_problem_and_its_doubts_are_named(purwakarta: Bundle, tmp_path: Path) -> None:
    findings = judged(purwakarta, tmp_path / "store")
    assert findings.problems == ()
    assert findings.ok
    codes = Counter(found.code for found in findings.warnings)
    assert codes == {
        "other_village": 1,
        "approximate_positions": 1,
        "no_surveyed_hospital": 1,
        "facility_far_from_road": 1,
        "base_far_from_road": 1,
        "villages_far_from_road": 1,
        "known_gap": 5,
    }
    far = next(found for found in findings.warnings if found.code == "villages_far_from_road")
    assert "12 of 192" in far.message_en
    assert "Kertamanah, 7.4 km" in far.message_en


def test_batang_has_no_problem_and_its_doubts_are_named(batang: Bundle, tmp_path: Path) -> None:
    findings = judged(batang, tmp_path / "store")
    assert findings.problems == ()
    codes = Counter(found.code for found in findings.warnings)
    assert codes == {
        "outlines_differ": 1,
        "approximate_positions": 1,
        "villages_far_from_road": 1,
        "known_gap": 4,
    }


def test_fleets_look_synthetic(bundle: Bundle) -> None:
    for unit in bundle.units:
        area, number, letters = unit.plate.split()
        assert (area in {"T", "G"}, number[0], letters) == (True, "0", "LAT")
        assert unit.phone is not None
        assert unit.phone.startswith(("+628120000", "+628120001"))
    assert len({unit.phone for unit in bundle.units}) == len(bundle.units)


def test_units_carry_the_level_of_their_type(bundle: Bundle) -> None:
    levels = {unit.type: unit.capabilities[0] for unit in bundle.units}
    assert levels == {"advanced": "advanced", "basic": "basic", "transport": "transport"} | {
        "ambulans_desa": "transport"
    }


def test_every_unit_has_a_base_in_the_regency(bundle: Bundle) -> None:
    assert all(bundle.territory.holds(*bundle.base_point(unit)) for unit in bundle.units)


def test_settings_carry_the_defaults_and_the_sms_number(purwakarta: Bundle, batang: Bundle) -> None:
    assert purwakarta.info.settings["sms"]["number"] == e164("08121297775") == "+628121297775"
    assert purwakarta.info.settings["targets"] == batang.info.settings["targets"]
    assert batang.info.settings["targets"]["to_patient_s"] == 600
    assert (purwakarta.info.number_prefix, batang.info.number_prefix) == ("PWK", "BTG")


def test_shifts_cover_the_day(bundle: Bundle) -> None:
    ends = {shift.ends for shift in bundle.roster.shifts}
    assert ends == {shift.starts for shift in bundle.roster.shifts}
    assert len(ends) == 3


def test_toll_roads_are_left_out(bundle: Bundle) -> None:
    assert bundle.roads_exclude == {"motorway", "motorway_link"}


def test_digest_is_stable_and_covers_every_content_file(bundle: Bundle) -> None:
    again = read_bundle(bundle.folder)
    assert again.digest == bundle.digest
    assert len(bundle.digest) == 64
