"""Profiles: those that come along, those in files of one's own, and what is refused there."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import msgspec
import numpy as np
import pytest

from routing import AMBULANCE, AMBULANCE_SIREN, CAR, PROFILES, BadProfile, Profile, read_profile
from routing.commands.build import with_files
from routing.profile import Hours, Interval, class_names, profiles_digest


def profile_file(folder: Path, text: str, name: str = "milik.toml") -> Path:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


def test_three_profiles_come_along() -> None:
    assert [profile.name for profile in PROFILES] == ["ambulance", "ambulance_siren", "car"]
    for profile in PROFILES:
        assert profile.title_id
        assert profile.title_en
        assert profile.evidence.startswith("prior")
        assert profile.calibrated_on == ""
        assert not profile.junction_delay_s
        assert (profile.hour_factors(["primary", "track"]) == 1).all()


def test_a_siren_keeps_directions() -> None:
    """It may turn where others may not, but has no more one-way exemptions than any ambulance."""
    assert AMBULANCE_SIREN.oneway_exemptions == AMBULANCE.oneway_exemptions == ("oneway:emergency",)
    assert {"no_entry", "no_exit"}.isdisjoint(AMBULANCE_SIREN.turns_ignored)
    assert not AMBULANCE.turns_ignored
    assert not CAR.turns_ignored


def test_classes_are_numbered_by_importance() -> None:
    assert class_names([CAR])[:2] == ("motorway", "motorway_link")
    assert class_names(PROFILES)[-2:] == ("pedestrian", "ferry")
    other = dataclasses.replace(CAR, speed_kmh={"zipline": 5.0, "canal": 4.0, "primary": 50.0})
    assert class_names([other]) == ("primary", "canal", "zipline")


def test_every_rule_is_in_the_digest() -> None:
    """A changed profile must change the version of the stores made with it."""
    changes: dict[str, object] = {
        "name": "other", "title_id": "x", "title_en": "x", "calibrated_on": "2026-01-01", "evidence": "x",
        "speed_kmh": dict(AMBULANCE.speed_kmh) | {"tertiary": 36.0}, "interval": Interval(0.8, 1.6),
        "surface_cap_kmh": {}, "surface_factor": {"mud": 0.5},
        "hour_factor": {"all": Hours((0.9,) * 24, (1.0,) * 24)}, "access_keys": ("access",),
        "access_closed": frozenset({"no", "private"}), "access_ignores": {"access": frozenset({"no"})},
        "impassable": {}, "oneway_exemptions": (), "turns_ignored": frozenset({"no_u_turn"}),
        "turn_exceptions": frozenset(), "barrier_delay_s": {}, "barrier_closed": frozenset(),
        "barrier_opened_delay_s": 1.0, "ferry_wait_s": 1.0, "junction_delay_s": {"traffic_signals": 1.0},
    }  # fmt: skip
    assert set(changes) == {field.name for field in dataclasses.fields(Profile)}
    digests = {dataclasses.replace(AMBULANCE, **{name: value}).digest for name, value in changes.items()}
    assert len(digests | {AMBULANCE.digest}) == len(changes) + 1
    assert dataclasses.replace(AMBULANCE).digest == AMBULANCE.digest
    assert profiles_digest([AMBULANCE, CAR]) != profiles_digest([CAR, AMBULANCE])


def test_a_profile_survives_the_manifest() -> None:
    for profile in PROFILES:
        again = msgspec.json.decode(msgspec.json.encode(profile), type=Profile)
        assert again == profile
        assert again.digest == profile.digest


def test_a_file_that_changes_little(tmp_path: Path) -> None:
    text = """
    based_on = "ambulance"
    name = "pickup"
    [speed_kmh]
    motorway = 0
    tertiary = 20
    [hour_factor.tertiary]
    weekday = [1, 1, 1, 1, 1, 1, 0.5, 0.5, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]
    weekend = [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]
    """
    profile = read_profile(profile_file(tmp_path, text))
    assert profile.name == "pickup"
    assert "motorway" not in profile.speed_kmh
    assert profile.speed_kmh["tertiary"] == 20.0
    assert profile.speed_kmh["primary"] == AMBULANCE.speed_kmh["primary"]
    assert profile.barrier_closed == AMBULANCE.barrier_closed
    factors = profile.hour_factors(["primary", "tertiary"])
    assert factors.shape == (2, 48)
    assert factors[0].tolist() == [1.0] * 48
    assert np.flatnonzero(factors[1] == 0.5).tolist() == [6, 7]


def test_a_file_based_on_its_neighbour(tmp_path: Path) -> None:
    profile_file(tmp_path, 'based_on = "car"\nname = "desa"\n[speed_kmh]\ntrack = 20', "desa.toml")
    file = profile_file(tmp_path, 'based_on = "desa"\nname = "motor"\n[speed_kmh]\npath = 9')
    profile = read_profile(file)
    assert (profile.speed_kmh["track"], profile.speed_kmh["path"]) == (20.0, 9.0)
    assert profile.access_closed == CAR.access_closed


def test_ones_own_profiles_join_or_replace(tmp_path: Path) -> None:
    file = profile_file(tmp_path, 'based_on = "car"\nname = "car"\n[speed_kmh]\ntertiary = 11')
    more = profile_file(tmp_path, 'based_on = "car"\nname = "motor"', "motor.toml")
    profiles = with_files([file, more])
    assert [profile.name for profile in profiles] == ["ambulance", "ambulance_siren", "car", "motor"]
    assert profiles[2].speed_kmh["tertiary"] == 11.0


BASE = 'based_on = "ambulance"\nname = "x"\n'


@pytest.mark.parametrize(
    ("text", "key", "hint"),
    [
        ("x =", "", "cannot be read"),
        ('based_on = "nowhere"\nname = "x"', "based_on", "not found"),
        ('based_on = "../ambulance"\nname = "x"', "based_on", "cannot be used"),
        ("based_on = 3", "based_on", "cannot be used"),
        (BASE + "colour = 1", "colour", "is not known; there are: name"),
        (BASE + "[access]\nlocked = 1", "access.locked", "there are: keys"),
        (BASE + "[barrier]\ndelay = 1", "barrier.delay", "delay_s"),
        (BASE + '[speed_kmh]\ntertiary = "fast"', "speed_kmh.tertiary", "from 0 to 200"),
        (BASE + "[speed_kmh]\ntertiary = -1", "speed_kmh.tertiary", "from 0 to 200"),
        (BASE + "[speed_kmh]\ntertiary = true", "speed_kmh.tertiary", "from 0 to 200"),
        (BASE + "[speed_kmh]\ntertiary = nan", "speed_kmh.tertiary", "from 0 to 200"),
        (BASE + "speed_kmh = 3", "speed_kmh", "must be a table"),
        (BASE + "[access]\nkeys = [1]", "access.keys", "list of words"),
        (BASE + '[access.ignores]\naccess = "no"', "access.ignores.access", "list of words"),
        (BASE + '[turns]\nignored = ["no_fun"]', "turns.ignored", "no_u_turn"),
        (BASE + "[hour_factor.all]\nweekday = [1]", "hour_factor.all.weekday", "24 numbers"),
        (BASE + "[hour_factor.bridleway]\nweekday = [1]", "hour_factor.bridleway", "not known"),
        (BASE + "[hour_factor.all]\nmonday = [1]", "hour_factor.all.monday", "not known"),
        (BASE + "[interval]\nlow_factor = 1.2", "interval.low_factor", "from 0.1 to 1"),
        (BASE + 'calibrated_on = "yesterday"', "calibrated_on", "YYYY-MM-DD"),
        (BASE + "evidence = 3", "evidence", "must be text"),
        ('based_on = "ambulance"\nname = "my car"', "name", "letters"),
        ('name = "x"\n[speed_kmh]\nprimary = 50', "interval.low_factor", "must be a number"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, key: str, hint: str) -> None:
    file = profile_file(tmp_path, text)
    with pytest.raises(BadProfile, match=hint) as caught:
        read_profile(file)
    assert caught.value.key == key
    assert str(file) in caught.value.message_id
    assert str(file) in caught.value.message_en


def test_files_that_are_based_on_each_other(tmp_path: Path) -> None:
    profile_file(tmp_path, 'based_on = "b"', "a.toml")
    profile_file(tmp_path, 'based_on = "a"', "b.toml")
    with pytest.raises(BadProfile, match="cannot be used"):
        read_profile(tmp_path / "a.toml")


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(BadProfile, match=r"nowhere\.toml"):
        read_profile(tmp_path / "nowhere.toml")
