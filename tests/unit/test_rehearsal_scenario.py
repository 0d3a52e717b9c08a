"""What a rehearsal draws: by seed alone, in real villages, at the rate and over the day asked for."""

from datetime import datetime, timedelta
from itertools import islice, takewhile
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from registry.population import Population, from_bundle
from rehearsal.dice import dice
from rehearsal.driving import Drive, as_received
from rehearsal.outline import inside, read_outlines
from rehearsal.roster import KEPT_FREE, read_roster
from rehearsal.scenario import FLAT_DAY, USUAL_DAY, Script
from rehearsal.track import Spot, Track, metres_between

FOLDER = Path(__file__).resolve().parents[2] / "regencies" / "32.14-purwakarta"
MIDNIGHT = datetime(2026, 11, 20, tzinfo=ZoneInfo("Asia/Jakarta"))


@pytest.fixture(scope="module")
def people() -> Population:
    return from_bundle([FOLDER])


def script(
    people: Population, seed: int = 1, rate: float = 6.0, curve: tuple[float, ...] = USUAL_DAY
) -> Script:
    return Script(seed, rate, curve, people, read_outlines(FOLDER))


def test_the_same_seed_gives_the_same_calls(people: Population) -> None:
    first, again, other = (list(islice(script(people, seed).scenarios(MIDNIGHT), 60)) for seed in (7, 7, 8))
    assert first == again
    assert [s.at_s for s in first] != [s.at_s for s in other]
    assert [s.need for s in first] != [s.need for s in other]


def test_calls_behave_in_every_way(people: Population) -> None:
    calls = list(islice(script(people).scenarios(MIDNIGHT), 400))
    assert {s.need for s in calls} >= {"red", "yellow", "green", "prank", "silent"}
    assert {s.channel for s in calls} == {"app", "phone"}
    assert {s.locates for s in calls} == {"at_once", "later", "never"}
    for behaviour in ("repeats", "drops_line", "follows", "cancels_after_s", "calls_again_after_s"):
        some = [s for s in calls if getattr(s, behaviour)]
        assert 0 < len(some) < len(calls) / 2, behaviour
    assert len({s.person.nik for s in calls}) < len(calls)  # some call more than once


def test_rate_and_curve(people: Population) -> None:
    day = 86_400.0
    for curve in (USUAL_DAY, FLAT_DAY):
        drawn = script(people, rate=6.0, curve=curve).scenarios(MIDNIGHT)
        calls = list(takewhile(lambda s: s.at_s < 4 * day, drawn))
        # 576 expected, standard deviation 24
        assert 576 - 5 * 24 < len(calls) < 576 + 5 * 24
    only_at_noon = tuple(float(hour == 12) for hour in range(24))
    first, *calls = islice(script(people, curve=only_at_noon).scenarios(MIDNIGHT), 50)
    assert first.at_s < 30.0  # whatever the hour, something happens soon
    assert {(MIDNIGHT + timedelta(seconds=s.at_s)).hour for s in calls} == {12}
    assert list(script(people, rate=0.0).scenarios(MIDNIGHT)) == []


def test_calls_come_from_inside_villages(people: Population) -> None:
    villages = read_outlines(FOLDER)
    for village in villages.values():
        assert any(inside(village.middle.lon, village.middle.lat, ring) for ring in village.rings), (
            village.name
        )
    for call in islice(script(people).scenarios(MIDNIGHT), 100):
        rings = [ring for village in villages.values() for ring in village.rings]
        assert any(inside(call.place.lon, call.place.lat, ring) for ring in rings)


def test_a_drive_goes_forward_from_end_to_end() -> None:
    track = Track([(107.40, -6.50), (107.42, -6.50), (107.42, -6.53)])
    drive = Drive(track, 300.0, dice(1))
    gone = [metres_between((107.40, -6.50), (s.lon, s.lat)) for s, _ in map(drive.at, range(0, 301, 10))]
    assert gone[0] < 1.0
    assert gone == sorted(gone)
    end, speed = drive.at(300.0)
    assert (end.lon, end.lat, speed) == (107.42, -6.53, 0.0)
    speeds = {round(speed, 3) for _, speed in map(drive.at, range(0, 300, 10))}
    assert len(speeds) > 3
    assert max(speeds) < 4 * track.length_m / 300.0


def test_a_receiver_errs_by_some_metres() -> None:
    noise = dice("noise")
    off = [
        metres_between((107.4, -6.5), (s.lon, s.lat))
        for s, _ in (as_received(Spot(107.4, -6.5, 0.0), noise) for _ in range(300))
    ]
    assert 2.0 < sum(off) / len(off) < 15.0
    assert max(off) < 150.0


def test_shifts() -> None:
    roster = read_roster(FOLDER, 3, 40, 40)
    morning, crews = roster.on_duty(MIDNIGHT.replace(hour=9))
    assert (morning.code, len(crews)) == ("pagi", 36)
    assert roster.on_duty(MIDNIGHT.replace(hour=13, minute=59)) == (morning, crews)
    night, asleep = roster.on_duty(MIDNIGHT.replace(hour=23))
    assert len(asleep) == 30
    # the night goes on after midnight, with the same crews
    assert roster.on_duty(MIDNIGHT.replace(hour=23) + timedelta(hours=4)) == (night, asleep)
    few = read_roster(FOLDER, 3, 4, 4).on_duty(MIDNIGHT.replace(hour=9))[1]
    assert len(few) == 4 - KEPT_FREE
