"""The made-up population: the same for the same seed, findable, without doubles, and plainly not real."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import phonenumbers
import pytest
from email_validator import validate_email
from phonenumbers import carrier
from registry_scene import DISTRICTS, VILLAGES, write_bundle

from registry import parse_nik
from registry.population import (
    DEFAULT_SIZE,
    LARGEST_SIZE,
    BundleError,
    Population,
    VillageRef,
    from_bundle,
)

REGENCIES = Path(__file__).parents[2] / "regencies"
BATANG = {"33.25.11": "Batang"}, {"33.25.11.1001": "Kauman", "33.25.11.2002": "Klidang Lor"}


def test_ten_thousand_persons_without_a_double_and_each_found_by_nik(population: Population) -> None:
    people = [population.person(i) for i in range(len(population))]
    assert len(people) == DEFAULT_SIZE >= 10_000
    assert len({person.nik for person in people}) == len(people)
    assert len({person.phone for person in people}) == len(people)
    assert len({person.email for person in people}) == len(people)
    assert all(population.find(person.nik) == person for person in people)
    assert {person.village_code for person in people} == set(VILLAGES)


def test_the_largest_population_of_one_district_has_no_doubles() -> None:
    village = VillageRef("32.14.01.1001", "Nagri Kidul", "32.14.01", "Purwakarta", "Purwakarta", "Jawa Barat")
    crowd = Population(3, [village], LARGEST_SIZE)
    numbers = [crowd.person(i).nik for i in range(len(crowd))]
    assert len(set(numbers)) == LARGEST_SIZE
    assert all((found := crowd.find(nik)) is not None and found.nik == nik for nik in numbers[::997])


def test_every_nik_reads_back_to_its_person(population: Population) -> None:
    for person in map(population.person, range(0, len(population), 7)):
        nik = parse_nik(person.nik, today=date(2026, 11, 20))
        assert (nik.district, nik.birth_date, nik.sex) == (
            person.district_code,
            person.birth_date,
            person.sex,
        )
        assert not nik.abolished
        assert int(nik.serial) >= 9000


def test_people_look_made_up(population: Population) -> None:
    for person in map(population.person, range(0, len(population), 97)):
        assert person.name.startswith("Contoh ")
        assert "Contoh" in person.address
        assert person.email.endswith("@example.org")
        assert validate_email(person.email, check_deliverability=False)
        number = phonenumbers.parse(person.phone)
        assert phonenumbers.is_valid_number(number)
        assert carrier.name_for_number(number, "en") == ""


def test_the_seed_decides(bundle: Path, population: Population) -> None:
    again, other = from_bundle([bundle]), from_bundle([bundle], seed=2)
    assert [again.person(i) for i in range(50)] == [population.person(i) for i in range(50)]
    assert [other.person(i).nik for i in range(50)] != [population.person(i).nik for i in range(50)]


def test_one_person_is_pinned(population: Population) -> None:
    # Demo data and drills outlive a release: who was person 0 must stay person 0.
    person = population.person(0)
    assert (person.nik, person.name) == (
        "3214011605589000",
        "Contoh Cendana Kuntul Embun",
    )


def test_a_regency_is_the_same_beside_another_and_at_another_size(
    bundle: Path, tmp_path: Path, population: Population
) -> None:
    batang = write_bundle(tmp_path / "33.25-batang", "33.25", "Kabupaten Batang", *BATANG)
    both = from_bundle([batang, bundle], size=12_000)
    assert len(both) == 24_000
    assert both.person(12_000 + 77) == population.person(77)
    assert both.find(population.person(9_999).nik) == population.person(9_999)
    stranger = both.person(5)
    assert stranger.regency == "Kabupaten Batang"
    assert population.find(stranger.nik) is None


def test_numbers_of_nobody_are_not_found(population: Population) -> None:
    nik = population.person(123).nik
    other_sex = f"{nik[:6]}{(int(nik[6:8]) + 40) % 80 or 40:02d}{nik[8:]}"
    unknown = [
        "",
        "abc",
        nik[:15],
        f"{nik}0",
        f"{nik[:12]}0007",
        f"{nik[:12]}8999",
        f"321499{nik[6:]}",
        other_sex,
    ]
    unknown += [f"{nik[:8]}13{nik[10:]}", "٣" * 16]
    assert [population.find(text) for text in unknown] == [None] * len(unknown)


def test_persons_are_counted_from_zero(population: Population) -> None:
    for i in (-1, len(population)):
        with pytest.raises(IndexError):
            population.person(i)


def test_printing_a_person_shows_the_mask_only(population: Population) -> None:
    person = population.person(1)
    assert repr(person) == f"SyntheticResident({person.nik[:4]}**********{person.nik[-2:]})"


@pytest.mark.parametrize(
    "folder", sorted(file.parent for file in REGENCIES.glob("*/regency.toml")), ids=lambda folder: folder.name
)
def test_the_shipped_regencies_have_their_people(folder: Path) -> None:
    people = from_bundle([folder])
    numbers = [people.person(i).nik for i in range(len(people))]
    assert len(set(numbers)) >= 10_000
    assert not any(parse_nik(nik).abolished for nik in numbers)


def test_impossible_populations_are_refused() -> None:
    village = VillageRef("32.14.01.1001", "Nagri Kidul", "32.14.01", "Purwakarta", "Purwakarta", "Jawa Barat")
    for villages, size in (([], 10), ([village, replace(village, name="Lain")], 10), ([village], 0)):
        with pytest.raises(ValueError, match=r"village|size"):
            Population(1, villages, size)
    with pytest.raises(ValueError, match="100000"):
        Population(1, [village], LARGEST_SIZE + 1)


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("regency.toml", "code = ", "regency.toml"),
        ("regency.toml", 'code = "32.14"', "regency.* is missing"),
        ("regency.toml", "regency = 1", "regency.* is missing"),
        ("regency.toml", '[regency]\nname = "Purwakarta"', "code and name"),
        ("regency.toml", '[regency]\ncode = "99.14"\nname = "X"', "no known province"),
        ("regency.toml", '[regency]\ncode = "32.15"\nname = "Karawang"', "not in regency 32.15"),
        ("villages.geojson", "{", "villages.geojson"),
        ("villages.geojson", '{"features": [{"properties": {"code": "32.14.01.1001"}}]}', "code and name"),
        ("villages.geojson", '{"features": []}', "at least one village"),
        ("districts.geojson", '{"features": []}', "has no district 32.14.01"),
        ("districts.geojson", "[]", "code and name"),
    ],
)
def test_a_broken_bundle_is_named(tmp_path: Path, file: str, content: str, said: str) -> None:
    folder = write_bundle(tmp_path / "rusak", "32.14", "Kabupaten Purwakarta", DISTRICTS, VILLAGES)
    (folder / file).write_text(content, encoding="utf-8")
    with pytest.raises(BundleError, match=said):
        from_bundle([folder])


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"tiada.*regency\.toml"):
        from_bundle([tmp_path / "tiada"])
