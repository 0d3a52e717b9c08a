"""Every kind of damage to a regency folder is named, with its place, and all of it at once."""

import json
import shutil
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import osmium
import pytest
from numpy.typing import NDArray

import routing
from dispatch.bundle import Finding, Findings, check_bundle, read_bundle

SHIPPED = Path(__file__).resolve().parents[2] / "regencies" / "32.14-purwakarta"


@dataclass(frozen=True)
class Reached:
    """A place with a known distance to its road."""

    access_m: float


@dataclass(frozen=True)
class SoundRoads:
    """A network in one piece, every place at the same distance from it."""

    largest_part_share: float = 1.0
    metres: float = 50.0

    def snap(self, points: NDArray[np.float64]) -> Sequence[Reached]:
        return [Reached(self.metres) for _ in points]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    copy = tmp_path / SHIPPED.name
    copy.mkdir()
    for file in SHIPPED.iterdir():
        shutil.copyfile(file, copy / file.name)
    return copy


SOUND = SoundRoads()
PLACES, FLEET, SHEET = "facilities.csv", "fleet.csv", "regency.toml"


def judged(folder: Path, roads: SoundRoads | None = SOUND) -> Findings:
    return check_bundle(read_bundle(folder), roads)


def problems_of(folder: Path) -> list[Finding]:
    return list(judged(folder).problems)


def swap(folder: Path, file: str, old: str, new: str) -> None:
    """Replace the first occurrence, which must exist."""
    text = (folder / file).read_text(encoding="utf-8")
    assert old in text
    (folder / file).write_text(text.replace(old, new, 1), encoding="utf-8")


def edit_features(folder: Path, file: str, change: Callable[[list[dict[str, object]]], object]) -> None:
    document = json.loads((folder / file).read_text(encoding="utf-8"))
    change(document["features"])
    (folder / file).write_text(json.dumps(document), encoding="utf-8")


def test_an_untouched_copy_has_no_problem(folder: Path) -> None:
    assert problems_of(folder) == []


@pytest.mark.parametrize(
    ("file", "old", "new", "code", "where", "said"),
    [
        (
            PLACES,
            "107.444440,-6.560583",
            "106.8,-6.2",
            "outside_regency",
            "row 3 (32.14-F002",
            "106.8",
        ),
        (
            PLACES,
            "107.444440,-6.560583",
            "-6.56,107.44",
            "bad_coordinate",
            "row 3 field lat",
            "107.44",
        ),
        (PLACES, "107.444440", "timur", "bad_coordinate", "row 3 field lon", "timur"),
        (PLACES, "107.444440", "nan", "bad_coordinate", "row 3 field lon", "nan"),
        (
            PLACES,
            "F002,Puskesmas Purwakarta,puskesmas",
            "F002,Puskesmas Purwakarta,posyandu",
            "unknown_kind",
            "row 3 (32.14-F002 Puskesmas Purwakarta) field kind",
            "posyandu",
        ),
        (PLACES, "igd24;ponek", "igd24;helipad", "unknown_capability", "row 2", "helipad"),
        (PLACES, ",approximate,", ",kira-kira,", "unknown_position_quality", "row 2", "kira-kira"),
        (PLACES, "0264-202215", "0264-1", "bad_phone", "row 2 field phone", "0264-1"),
        (
            PLACES,
            "32.14-F002,Puskesmas Purwakarta,",
            "32.14-F002,,",
            "empty_value",
            "row 3 field name",
            "name",
        ),
        (
            PLACES,
            "igd24;ponek,,",
            "igd24;ponek,banyak,",
            "bad_number",
            "row 2 field beds",
            "banyak",
        ),
        (PLACES, "32.14.01.1001", "32.14.01.9999", "unknown_village", "row 3", "32.14.01.9999"),
        (
            PLACES,
            "source\n",
            "source,catatan\n",
            "bad_columns",
            "facilities.csv row 1",
            "catatan",
        ),
        (
            PLACES,
            "Jl. Ipik Gandamanah",
            "Jl. Ipik, Gandamanah",
            "bad_row",
            "facilities.csv row 4",
            "13",
        ),
        (PLACES, '"Jl. Veteran', '"Jl. "Veteran', "unreadable_file", "facilities.csv", "CSV"),
        (FLEET, "advanced,app", "helikopter,app", "unknown_type", "row 2 (PWK-A01)", "helikopter"),
        (FLEET, "advanced,app", "advanced,radio", "unknown_tracking", "row 2 (PWK-A01)", "radio"),
        (FLEET, "stretcher;oxygen", "stretcher;wifi", "unknown_capability", "row 2 (PWK-A01)", "wifi"),
        (FLEET, "PWK-A02", "PWK-A01", "duplicate", "fleet.csv field call_sign", "PWK-A01"),
        (FLEET, "T 0002 LAT", "T 0001 LAT", "duplicate", "fleet.csv field plate", "T 0001 LAT"),
        (FLEET, "32.14-F001", "32.14-F999", "unknown_base", "row 2 (PWK-A01)", "32.14-F999"),
        (FLEET, "32.14-F001,,", "32.14-F001,107.4,-6.5", "base_unclear", "row 2", "base_lon"),
        (FLEET, "32.14-F001,,", ",108.4,-6.5", "outside_regency", "row 2 (PWK-A01)", "108.4"),
        (FLEET, "0812-0000-0001", "999", "bad_phone", "row 2 field phone", "999"),
        (
            SHEET,
            'timezone = "Asia/Jakarta"',
            'timezone = "Asia/Purwakarta"',
            "bad_timezone",
            "timezone",
            "Asia/Purwakarta",
        ),
        (
            SHEET,
            'timezone = "Asia/Jakarta"',
            'timezone = "../zone"',
            "bad_timezone",
            "timezone",
            "../zone",
        ),
        (SHEET, 'number = "08121297775"', 'number = "0812"', "bad_phone", "[sms] number", "0812"),
        (
            SHEET,
            'number_prefix = "PWK"',
            'number_prefix = "p-1"',
            "bad_prefix",
            "number_prefix",
            "p-1",
        ),
        (SHEET, 'code = "32.14"', "code = 3214", "bad_value", "[regency] code", "3214"),
        (
            SHEET,
            "to_patient_s = 600",
            'to_patient_s = "ten"',
            "bad_value",
            "[targets] to_patient_s",
            "ten",
        ),
        (
            SHEET,
            "to_patient_share = 0.90",
            "to_patient_share = 90",
            "bad_value",
            "to_patient_share",
            "90",
        ),
        (SHEET, "verdict_s", "verdikt_s", "unknown_key", "[targets] verdikt_s", "verdikt_s"),
        (SHEET, "starts = 07:00:00", 'starts = "pagi"', "bad_value", "starts", "pagi"),
        (SHEET, 'code = "siang"', 'code = "pagi"', "duplicate_shift", "shifts", "pagi"),
        (SHEET, "[regency]", "[regency", "unreadable_file", "regency.toml", "TOML"),
        (
            "districts.geojson",
            '"name":"Sukatani"',
            '"name":" "',
            "empty_value",
            "feature 5 field name",
            "name",
        ),
        (
            "villages.geojson",
            '{"type":"FeatureCollection"',
            "{",
            "unreadable_file",
            "villages.geojson",
            "GeoJSON",
        ),
    ],
)
def test_one_damage_is_named(
    folder: Path, file: str, old: str, new: str, code: str, where: str, said: str
) -> None:
    swap(folder, file, old, new)
    found = problems_of(folder)
    assert [problem.code for problem in found] == [code]
    assert where in found[0].where
    assert said in found[0].message_id
    assert said in found[0].message_en


@pytest.mark.parametrize(
    "file",
    ["regency.toml", "districts.geojson", "villages.geojson", "roads.osm.pbf", "facilities.csv", "fleet.csv"],
)
def test_a_missing_file_is_the_only_complaint(folder: Path, file: str) -> None:
    (folder / file).unlink()
    found = problems_of(folder)
    assert [(problem.code, problem.where) for problem in found] == [("missing_file", file)]


@pytest.mark.parametrize("file", ["facilities.csv", "fleet.csv", "villages.geojson", "regency.toml"])
def test_bytes_that_are_no_text_are_named(folder: Path, file: str) -> None:
    (folder / file).write_bytes(b"\xff\xfe\x00 not text")
    assert [(problem.code, problem.where) for problem in problems_of(folder)] == [("unreadable_file", file)]


def test_a_code_given_twice_is_named(folder: Path) -> None:
    lines = (folder / "facilities.csv").read_text(encoding="utf-8").splitlines()
    (folder / "facilities.csv").write_text("\n".join([*lines, lines[2]]), encoding="utf-8")
    (found,) = problems_of(folder)
    assert (found.code, found.where) == ("duplicate", "facilities.csv field code")
    assert "32.14-F002" in found.message_id


def test_an_empty_fleet_is_named(folder: Path) -> None:
    heading = (folder / "fleet.csv").read_text(encoding="utf-8").splitlines()[0]
    (folder / "fleet.csv").write_text(heading + "\n", encoding="utf-8")
    assert [(problem.code, problem.where) for problem in problems_of(folder)] == [("empty_file", "fleet.csv")]


def test_swapped_coordinates_get_the_right_hint(folder: Path) -> None:
    swap(folder, "fleet.csv", "32.14-F001,,", ",-6.55,107.43")
    (found,) = problems_of(folder)
    assert (found.code, found.where) == ("bad_coordinate", "fleet.csv row 2 field base_lat")
    assert "swapped" in found.message_en
    assert "tertukar" in found.message_id


def test_a_district_without_villages_is_named(folder: Path) -> None:
    edit_features(
        folder,
        "districts.geojson",
        lambda features: features.append(features[0] | {"properties": {"code": "32.14.99", "name": "Baru"}}),
    )
    (found,) = problems_of(folder)
    assert (found.code, found.where) == ("district_without_villages", "districts.geojson (32.14.99 Baru)")


def test_a_village_without_its_district_is_named(folder: Path) -> None:
    edit_features(folder, "districts.geojson", lambda features: features.pop())
    found = problems_of(folder)
    assert {problem.code for problem in found} == {"village_without_district"}
    assert len(found) == 10
    assert "32.14.17" in found[0].message_id


def test_a_duplicate_and_a_foreign_village_are_named(folder: Path) -> None:
    swap(folder, "villages.geojson", '"32.14.01.1002"', '"32.14.01.1001"')
    swap(folder, "villages.geojson", '"32.14.01.1003"', '"32.15.01.1003"')
    found = {problem.code: problem for problem in problems_of(folder)}
    assert "32.14.01.1001" in found["duplicate"].message_en
    assert "32.15.01.1003" in found["foreign_code"].message_en


@pytest.mark.parametrize(
    ("geometry", "said"),
    [
        ({"type": "Point", "coordinates": [107.4, -6.5]}, "Point"),
        (None, "None"),
        ({"type": "Polygon", "coordinates": []}, "empty"),
        ({"type": "Polygon", "coordinates": [[["a", "b"]]]}, "coordinates"),
        ({"type": "Polygon", "coordinates": [[[107.4, -6.5], [107.5, -6.5]]]}, "coordinates"),
        ({"type": "Polygon", "coordinates": 7}, "coordinates"),
        (
            {
                "type": "Polygon",
                "coordinates": [[[107.4, -6.5], [107.41, -6.49], [107.41, -6.5], [107.4, -6.49]]],
            },
            "Self-intersection",
        ),
        ({"type": "Polygon", "coordinates": [[[900, -6.5], [901, -6.5], [901, -6.4], [900, -6.5]]]}, "WGS84"),
    ],
)
def test_an_invalid_outline_is_named(folder: Path, geometry: object, said: str) -> None:
    edit_features(folder, "villages.geojson", lambda features: features[4].update(geometry=geometry))
    (found,) = (problem for problem in problems_of(folder) if problem.code == "invalid_geometry")
    assert found.where == "villages.geojson feature 5 (32.14.01.1005)"
    assert said in found.message_en


def test_a_village_drawn_elsewhere_is_named(folder: Path) -> None:
    corners = [[109.0, -6.9], [109.1, -6.9], [109.1, -6.8], [109.0, -6.9]]
    elsewhere = {"type": "Polygon", "coordinates": [corners]}
    edit_features(folder, "villages.geojson", lambda features: features[20].update(geometry=elsewhere))
    named = {problem.code: problem for problem in problems_of(folder)}
    assert "32.14.03.2001" in named["village_off_district"].where


def test_heights_in_outlines_are_dropped(folder: Path) -> None:
    corners = [[107.4, -6.5, 9], [107.41, -6.5, 9], [107.41, -6.49, 9], [107.4, -6.5, 9]]
    raised = {"type": "Polygon", "coordinates": [corners]}
    edit_features(folder, "districts.geojson", lambda features: features[0].update(geometry=raised))
    assert not read_bundle(folder).districts[0].geometry.has_z


def test_roads_that_cannot_be_built_are_a_problem(folder: Path) -> None:
    assert [problem.code for problem in judged(folder, None).problems] == ["unusable_roads"]


def test_roads_that_fall_apart_are_named(folder: Path, tmp_path: Path) -> None:
    """Without the connecting ways Purwakarta's network is in pieces."""
    target = tmp_path / "cut.osm.pbf"
    with osmium.SimpleWriter(str(target)) as writer:
        for thing in osmium.FileProcessor(str(folder / "roads.osm.pbf")):
            if thing.tags.get("source") != "connector":
                writer.add(thing)
    shutil.move(target, folder / "roads.osm.pbf")
    bundle = read_bundle(folder)
    routing.build_store(bundle.roads, tmp_path / "store", exclude_highway=bundle.roads_exclude)
    findings = check_bundle(bundle, routing.open_store(tmp_path / "store"))
    assert [problem.code for problem in findings.problems] == ["roads_fall_apart"]
    assert "95%" in findings.problems[0].message_en


def test_a_hospital_far_from_any_road_is_named(folder: Path) -> None:
    findings = judged(folder, SoundRoads(metres=10_400))
    assert [problem.code for problem in findings.problems] == ["hospital_off_road"]
    assert "10.4 km" in findings.problems[0].message_en
    assert "32.14-F001" in findings.problems[0].where


def test_a_manual_unit_without_a_phone_is_a_warning(folder: Path) -> None:
    swap(folder, "fleet.csv", ",0812-0000-0120", ",")
    findings = judged(folder)
    assert findings.ok
    (found,) = (warning for warning in findings.warnings if warning.code == "manual_without_phone")
    assert "PWK-D60" in found.message_id


def test_all_problems_are_named_in_one_run(folder: Path) -> None:
    (folder / "districts.geojson").unlink()
    swap(folder, "regency.toml", "Asia/Jakarta", "Asia/Nowhere")
    swap(folder, "facilities.csv", "107.444440", "x")
    swap(folder, "facilities.csv", "32.14-F005", "32.14-F004")
    swap(folder, "facilities.csv", "igd24;ponek", "igd24;helipad")
    swap(folder, "fleet.csv", "advanced,app", "kuda,radio")
    swap(folder, "fleet.csv", "0812-0000-0003", "12")
    swap(folder, "fleet.csv", "PWK-A02", "PWK-A04")
    findings = judged(folder, SoundRoads(largest_part_share=0.63, metres=20_000))
    assert Counter(problem.code for problem in findings.problems) == {
        "missing_file": 1,
        "bad_timezone": 1,
        "bad_coordinate": 1,
        "duplicate": 2,
        "unknown_capability": 1,
        "unknown_type": 1,
        "unknown_tracking": 1,
        "bad_phone": 1,
        "unknown_base": 3,  # the three units of the facility whose code was overwritten
        "roads_fall_apart": 1,
        "hospital_off_road": 1,
    }
