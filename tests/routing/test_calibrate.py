"""Calibration: nothing observed changes nothing, more comes nearer the truth, the interval keeps its word."""

from __future__ import annotations

import json
import math
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from track_sketch import BEGIN_MS, JAKARTA, NOON, driven, observed, town, track_at, walk

import routing
from routing.__main__ import main
from routing.calibrate import PRIOR, Estimate, estimate
from routing.calibration import (
    BadCalibration,
    Calibration,
    Evidence,
    calibration_of,
    read_calibration,
    write_calibration,
)
from routing.interval import PRIOR_INTERVAL, Interval, bounds, of_profile
from routing.match import Matcher
from routing.observations import Observations, Observed, observe
from routing.profile import ALL_CLASSES
from routing.profiles import AMBULANCE
from routing.slots import SLOTS, slots_of
from routing.synthetic import Drive, Receiver, record

pytestmark = pytest.mark.timeout(600)  # the first one waits for the kernels to be compiled


@pytest.fixture(scope="module")
def rural(batang: routing.Network) -> Matcher:
    return Matcher(batang._manifest, batang._arrays, "ambulance")


@pytest.fixture(scope="module")
def classes(batang: routing.Network) -> list[str]:
    return batang._manifest.classes


def share_inside(matcher: Matcher, learnt: Estimate, interval: Interval, held_out: list[Drive]) -> float:
    """How many of the drives took a time within the 80 % interval."""
    inside = 0
    for drive in held_out:
        road_class = matcher.ground.edge_class[drive.ref >> 1]
        slot = int(slots_of(drive.enter_at[:1], JAKARTA)[0])
        seconds = drive.model_ms / 1000 * np.exp(learnt.log_factor[road_class, slot])
        by_class = np.bincount(road_class, seconds, len(learnt.log_factor))
        low, high = bounds(seconds.sum(), 0.0, interval, class_s=by_class)
        inside += bool(low <= drive.seconds <= high)
    return inside / len(held_out)


def test_no_data_is_the_prior(classes: list[str]) -> None:
    nothing = observe([], np.zeros(1, np.uint8), JAKARTA)
    hours = AMBULANCE.hour_factors(classes) * 0.9
    learnt = estimate(nothing, len(classes), hours)
    assert np.exp(-learnt.log_factor) == pytest.approx(hours)
    assert learnt.class_log_sd == pytest.approx(PRIOR.class_sd)
    assert not learnt.interval.calibrated
    assert learnt.trips.sum() == 0
    assert learnt.km.sum() == 0


def test_more_trips_come_nearer_to_the_truth(rural: Matcher, classes: list[str]) -> None:
    made, truth = driven(rural.ground, 400, 3, len(classes))
    flat = np.ones((len(classes), SLOTS))
    km = estimate(observed(rural.ground, made), len(classes), flat).km
    off = []
    for trips in (10, 60, 400):
        learnt = estimate(observed(rural.ground, made[:trips]), len(classes), flat)
        error = learnt.log_factor + np.log(truth.speed_factor)
        off.append(math.sqrt((km * error**2).sum() / km.sum()))
    nothing = math.sqrt((km * np.log(truth.speed_factor) ** 2).sum() / km.sum())
    assert off[0] < nothing
    assert off[0] > off[1] > off[2]
    assert off[2] < 0.1


def test_thin_data_is_shrunk_to_the_prior(rural: Matcher, classes: list[str]) -> None:
    """One slow trip moves the factors a little, and those of roads it did not use less."""
    made, _ = driven(rural.ground, 1, 4, len(classes))
    slow = [
        replace(drive, enter_at=BEGIN_MS + np.concatenate([[0.0], np.cumsum(2 * drive.model_ms)]))
        for drive in made
    ]
    learnt = estimate(observed(rural.ground, slow), len(classes), np.ones((len(classes), SLOTS)))
    used = learnt.km.sum(axis=1) > 0.3
    assert (learnt.class_log[used] > 0.05).all()
    assert (learnt.class_log < 0.9 * math.log(2)).all()
    assert learnt.class_log[~used].max() < learnt.class_log[used].max()
    assert (learnt.class_log_sd[used] < learnt.class_log_sd[~used].min()).all()


@pytest.mark.parametrize("seed", [5, 6])
def test_the_interval_covers_four_of_five(rural: Matcher, classes: list[str], seed: int) -> None:
    made, _ = driven(rural.ground, 700, seed, len(classes))
    train, held_out = made[:250], made[250:]
    learnt = estimate(observed(rural.ground, train), len(classes), np.ones((len(classes), SLOTS)))
    assert learnt.interval.calibrated
    assert 0.75 <= share_inside(rural, learnt, learnt.interval, held_out) <= 0.85


def test_the_interval_covers_four_of_five_after_matching(rural: Matcher, classes: list[str]) -> None:
    """The whole way: drives, noisy tracks, matching, estimate, held-out drives."""
    made, _ = driven(rural.ground, 480, 9, len(classes))
    random = np.random.default_rng(9)
    matches = [rural.match(record(rural.ground, drive, Receiver(10, 10), random)) for drive in made[:80]]
    seen = observe(matches, rural.ground.edge_class, JAKARTA)
    assert seen.trips >= 75
    learnt = estimate(seen, len(classes), np.ones((len(classes), SLOTS)))
    assert 0.75 <= share_inside(rural, learnt, learnt.interval, made[80:]) <= 0.85


def test_hostile_tracks_leave_sane_factors(rural: Matcher, classes: list[str]) -> None:
    made, truth = driven(rural.ground, 60, 11, len(classes))
    random = np.random.default_rng(11)
    matches = []
    for number, drive in enumerate(made):
        track = record(rural.ground, drive, Receiver(10, 10), random)
        if number % 6 == 0:  # jumps across the regency
            jumps = random.integers(0, len(track), 5)
            track.lon[jumps] += random.normal(0, 0.1, 5)
        if number % 6 == 1:  # a clock that runs ten times too fast
            track = replace(track, at=track.at[0] + (track.at - track.at[0]) // 10)
        if number % 6 == 2:  # parked all day, engine on
            track = replace(
                track, lon=np.full_like(track.lon, track.lon[0]), lat=np.full_like(track.lat, track.lat[0])
            )
        matches.append(rural.match(track))
    seen = observe(matches, rural.ground.edge_class, JAKARTA)
    learnt = estimate(seen, len(classes), np.ones((len(classes), SLOTS)))
    assert 30 <= seen.trips <= 50
    assert np.isfinite(learnt.log_factor).all()
    km = learnt.km
    error = learnt.log_factor + np.log(truth.speed_factor)
    assert math.sqrt((km * error**2).sum() / km.sum()) < 0.2
    assert 0.1 < learnt.interval.trip_sd < 0.35


def test_loading_a_patient_is_not_driving() -> None:
    """Two journeys with a stop of six minutes between, and a red light that belongs to the journey."""
    matcher = town()
    there, back = walk([(10, 0), (600, 0), (600, 500)]), walk([(600, 500), (600, 0), (10, 0)])
    leg = np.column_stack([there.lon, there.lat]), np.column_stack([back.lon, back.lat])
    places = np.concatenate(
        [leg[0][:10], leg[0][9:10].repeat(8, axis=0), leg[0][10:], leg[0][-1:].repeat(70, axis=0), leg[1]]
    )
    track = routing.Track.of(
        places[:, 0], places[:, 1], BEGIN_MS + 5000 * np.arange(len(places)), np.full(len(places), 8.0)
    )
    match = matcher.match(track)
    seen = observe([match], matcher.ground.edge_class, JAKARTA)
    assert seen.trips == 2
    elapsed = np.bincount(
        seen.rows.trip[np.unique(seen.rows.interval, return_index=True)[1]], seen.rows.elapsed_s
    )
    modelled = np.bincount(seen.rows.trip, seen.rows.model_s)
    assert elapsed[0] - modelled[0] == pytest.approx(40, abs=15)
    assert elapsed[1] == pytest.approx(modelled[1], abs=15)


def test_a_class_in_the_middle_of_an_interval_gets_its_share() -> None:
    """Fixes every 30 s, most of them with two classes between: the slow one is found all the same."""
    random = np.random.default_rng(2)
    trips, legs = 120, 12
    n = trips * legs
    fast = random.uniform(5, 25, n)
    model = np.column_stack([fast, 30 - fast]).ravel()
    road_class = np.tile([0, 1], n)
    rows = observed_rows(trips, legs, road_class, model, np.array([1.0, 2.0]))
    learnt = estimate(rows, 2, np.ones((2, SLOTS)))
    assert np.exp(learnt.class_log) == pytest.approx([1.0, 2.0], rel=0.08)


def observed_rows(
    trips: int,
    legs: int,
    road_class: NDArray[np.int64],
    model: NDArray[np.float64],
    slow: NDArray[np.float64],
) -> Observations:
    """Trips of legs that each hold two classes."""
    n = trips * legs
    interval = np.repeat(np.arange(n), 2)
    elapsed = np.bincount(interval, model * slow[road_class])
    return Observations(
        Observed(
            np.repeat(np.arange(trips), 2 * legs), interval, road_class, np.full(2 * n, 9), model, model * 10,
            elapsed, np.full(trips, float(BEGIN_MS)),
        ),
        {},
    )  # fmt: skip


@given(
    st.floats(0, 7200), st.floats(0, 3600), st.floats(0.3, 1.0), st.floats(1.0, 4.0),
)  # fmt: skip
def test_bounds_hold_the_time(road: float, access: float, low: float, high: float) -> None:
    interval = of_profile(low, high)
    below, above = bounds(road, access, interval)
    assert 0 <= below <= road + access <= above
    wider = bounds(road, access, replace(interval, model_sd=0.3))
    assert wider[0] <= below + 1e-9
    assert wider[1] >= above - 1e-9


def test_bounds_are_wide_for_short_and_uncertain_ways() -> None:
    low, high = bounds(np.array([60.0, 600.0, 6000.0, np.inf]), 0.0)
    ratio = (high / np.where(np.isinf(low), 1.0, low))[:3]
    assert ratio[0] > ratio[1] > ratio[2] > 2
    assert np.isinf(low[3])
    assert np.isinf(high[3])
    assert bounds(0.0, 0.0) == (0.0, 0.0)
    on_road, off_road = bounds(600.0, 0.0, LEARNT), bounds(300.0, 300.0, LEARNT)
    assert off_road[1] - off_road[0] > on_road[1] - on_road[0]
    known, strange = (bounds(600.0, 0.0, LEARNT, class_s=row) for row in ([600.0, 0.0], [0.0, 600.0]))
    assert strange[1] > known[1]
    assert PRIOR_INTERVAL.calibrated is False


LEARNT = Interval(0.12, 0.25, 0.05, -1.2, 1.4, True, (0.03, 0.3))


def a_calibration(rural: Matcher, classes: list[str]) -> Calibration:
    made, _ = driven(rural.ground, 30, 12, len(classes))
    learnt = estimate(observed(rural.ground, made), len(classes), np.ones((len(classes), SLOTS)))
    evidence = Evidence(30, 312.5, date(2026, 11, 20), date(2026, 12, 17), {"short": 2})
    return calibration_of(
        learnt, classes, rural.profile, store_version="abc", timezone="Asia/Jakarta", evidence=evidence
    )


def test_a_calibration_is_read_as_it_was_written(tmp_path: Path, rural: Matcher, classes: list[str]) -> None:
    made = a_calibration(rural, classes)
    write_calibration(tmp_path / "out.toml", made)
    read = read_calibration(tmp_path / "out.toml")
    assert read.digest == made.digest
    assert read.evidence == made.evidence
    assert read.interval == made.interval
    assert (read.for_classes(classes) == made.for_classes(classes)).all()
    assert read.for_classes(["lunar"]) == pytest.approx(np.full((1, SLOTS), made.others))
    assert len(read.interval_for(classes).class_sd) == len(classes)
    changed = read.applied_to(AMBULANCE)
    assert changed.hour_factors(classes) == pytest.approx(read.for_classes(classes))
    assert ALL_CLASSES in changed.hour_factor
    assert changed.calibrated_on == "2026-12-17"
    assert changed.interval.low_factor < 1 < changed.interval.high_factor


@pytest.mark.parametrize(
    ("key", "old", "new"),
    [
        ("schema", "schema = 1", "schema = 9"),
        ("timezone", '"Asia/Jakarta"', '"Mars/Olympus"'),
        ("other_classes", "other_classes = ", "other_classes = 77 #"),
        ("interval.trip_sd", "trip_sd = ", "trip_sd = -1 #"),
        ("class.tertiary.weekday", "weekday = [", "weekday = [0.5, "),
        ("", "[interval]", "[interval"),
    ],
)
def test_a_damaged_calibration_is_refused_by_key(
    tmp_path: Path, rural: Matcher, classes: list[str], key: str, old: str, new: str
) -> None:
    path = tmp_path / "out.toml"
    write_calibration(path, a_calibration(rural, classes))
    head, mark, tail = path.read_text().partition('[class."tertiary"]')
    if key.startswith("class"):
        tail = tail.replace(old, new, 1)
    else:
        head = head.replace(old, new, 1)
    text = head + mark + tail
    path.write_text(text)
    with pytest.raises(BadCalibration, match=r"out\.toml") as caught:
        read_calibration(path)
    assert caught.value.key == key


def test_an_open_network_answers_with_a_calibration(
    tmp_path: Path, purwakarta_store: Path, rural: Matcher, classes: list[str]
) -> None:
    calibration = a_calibration(rural, classes)
    plain = routing.open_store(purwakarta_store)
    learnt = routing.open_store(purwakarta_store, calibrations=[calibration])
    ends = (107.44, -6.55), (107.5, -6.6)
    before, after = (network.route(*ends, at=NOON) for network in (plain, learnt))
    assert after.version != before.version
    assert after.road_s != before.road_s
    assert after.low_s <= after.total_s <= after.high_s
    assert after.high_s / after.low_s < before.high_s / before.low_s


def run(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    monkeypatch.setattr(sys, "argv", ["routing", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def test_on_the_command_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path,
    purwakarta_store: Path, purwakarta: routing.Network,
) -> None:  # fmt: skip
    matcher = Matcher(purwakarta._manifest, purwakarta._arrays, "ambulance")
    random = np.random.default_rng(3)
    folder = tmp_path / "tracks"
    folder.mkdir()
    made, _ = driven(matcher.ground, 4, 3, len(purwakarta._manifest.classes))
    for number, drive in enumerate(made):
        track = record(matcher.ground, drive, Receiver(10, 8), random)
        fixes = zip(track.at.tolist(), track.lon.tolist(), track.lat.tolist(), strict=True)
        lines = [
            json.dumps({"vehicle": f"A-{number}", "at": at, "lon": lon, "lat": lat}) for at, lon, lat in fixes
        ]
        (folder / f"{number}.jsonl").write_text("\n".join(lines))
    assert run(monkeypatch, "match", purwakarta_store, folder, "--geojson", tmp_path / "out.geojson") == 0
    assert "A-3" in capsys.readouterr().out
    drawn = json.loads((tmp_path / "out.geojson").read_text())
    assert {part["properties"]["vehicle"] for part in drawn["features"]} == {"A-0", "A-1", "A-2", "A-3"}
    assert run(monkeypatch, "calibrate", purwakarta_store, folder, tmp_path / "out.toml") == 0
    assert "4 perjalanan" in capsys.readouterr().out
    assert read_calibration(tmp_path / "out.toml").evidence.trips == 4
    assert run(monkeypatch, "match", purwakarta_store, tmp_path) == 1
    assert ".gpx" in capsys.readouterr().err
    assert (
        run(monkeypatch, "calibrate", purwakarta_store, folder, tmp_path / "x.toml", "--timezone", "Bulan")
        == 2
    )


def test_track_at_noon_is_in_its_slot() -> None:
    noon = track_at([(0, 0)], [0]).at
    assert slots_of(noon, JAKARTA).tolist() == [12]  # a Friday
    assert slots_of(noon + 24 * 3_600_000, JAKARTA).tolist() == [24 + 12]
