"""Judges map matching on tracks made from known drives, and calibration by the held-out drives it covers."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np

import routing
from routing.arrays import Floats
from routing.calibrate import Estimate, estimate
from routing.follow import Fixes, follow, nowhere
from routing.interval import Interval, bounds, of_profile
from routing.match import Match, Matcher
from routing.observations import observe
from routing.slots import SLOTS, slots_of
from routing.store import read_store
from routing.synthetic import Drive, Receiver, Truth, drives, record, recovered, true_factors

REPOSITORY = Path(__file__).resolve().parents[1]
MAPS = {
    "Batang": REPOSITORY / "regencies" / "33.25-batang" / "roads.osm.pbf",
    "Tangerang Selatan": REPOSITORY / "tests" / "routing" / "data" / "tangerang-selatan.osm.pbf",
    "Andorra": REPOSITORY / "tests" / "routing" / "data" / "andorra.osm.pbf",
}
NOISE_M = (5.0, 10.0, 20.0, 30.0)
EVERY_S = (1.0, 5.0, 10.0, 30.0)
DRIVES, HELD_OUT, TOWNS = 12, 250, 6
TRIPS = (0, 20, 100, 300)
UNITS = 1000
ZONE = ZoneInfo("Asia/Jakarta")
FIRST_DAY = datetime(2026, 11, 2, tzinfo=UTC)


def some_drives(matcher: Matcher, count: int, random: np.random.Generator, truth: Truth) -> list[Drive]:
    """Drives of 2 to 8 km as the crow flies, by drivers with opinions of their own."""
    return list(drives(
        matcher.ground, count, random, least_m=2000, most_m=8000, truth=truth, whim_sd=0.3,
        from_day=FIRST_DAY, timezone=ZONE,
    ))  # fmt: skip


def some_truth(classes: int, random: np.random.Generator) -> Truth:
    """Traffic that the profile does not know."""
    return Truth(true_factors(classes, random), trip_sd=0.15, stretch_sd=0.3)


def recovery(matcher: Matcher, classes: int) -> None:
    """Print the share of the driven length found again, and what was invented, by noise and interval."""
    random = np.random.default_rng(20261120)
    driven = some_drives(matcher, DRIVES, random, some_truth(classes, random))
    metres = np.mean([matcher.ground.edge_mm[drive.ref >> 1].sum() / 1000 for drive in driven])
    print(
        f"  {DRIVES} drives of {metres / 1000:.1f} km; % of the length found again (+ % invented), ms per km"
    )
    print("    noise" + "".join(f"{f'every {every:.0f} s':>24}" for every in EVERY_S))
    for noise in NOISE_M:
        cells = []
        for every in EVERY_S:
            tracks = [record(matcher.ground, drive, Receiver(every, noise), random) for drive in driven]
            began = time.thread_time()
            matches = [matcher.match(track) for track in tracks]
            ms_per_km = (time.thread_time() - began) * 1e6 / (DRIVES * metres)
            shares = [
                recovered(matcher.ground, drive, match) for drive, match in zip(driven, matches, strict=True)
            ]
            found, invented = np.mean(shares, axis=0) * 100
            cells.append(f"{found:.1f} (+{invented:.1f}) {ms_per_km:6.2f}")
        print(f"    {noise:3.0f} m" + "".join(f"{cell:>24}" for cell in cells), flush=True)


def live(matcher: Matcher, classes: int) -> None:
    """Print how often a live fix is put on the right road, beside the nearest road, and what it costs."""
    random = np.random.default_rng(20261121)
    driven = some_drives(matcher, 60, random, some_truth(classes, random))
    tracks = [record(matcher.ground, drive, Receiver(5.0, 10.0), random) for drive in driven]
    right = nearest = total = 0
    for drive, track in zip(driven, tracks, strict=True):
        passed = np.searchsorted(drive.enter_at, track.at, side="right") - 1
        edges = drive.ref[np.clip(passed, 0, len(drive.ref) - 1)] >> 1
        before = nowhere(1)
        for row in range(len(track)):
            fix = _fixes(track.lon[row : row + 1], track.lat[row : row + 1], np.inf if row == 0 else 5.0)
            nearest += follow(matcher.ground, nowhere(1), fix).edge[0] == edges[row]
            before = follow(matcher.ground, before, fix)
            right += before.edge[0] == edges[row]
            total += 1
    lon, lat = (
        np.resize(np.concatenate(axis), UNITS) for axis in zip(*((t.lon, t.lat) for t in tracks), strict=True)
    )
    before = follow(matcher.ground, nowhere(UNITS), _fixes(lon, lat, np.inf))
    times = []
    for _ in range(30):
        began = time.thread_time()
        follow(matcher.ground, before, _fixes(lon + 3e-4, lat, 5.0))
        times.append(time.thread_time() - began)
    cost = np.median(times) / UNITS * 1e6
    print(
        f"  live fixes every 5 s, 10 m, no heading: {right / total:.1%} on the right road"
        f" (nearest road {nearest / total:.1%}); {cost:.1f} us per fix, {UNITS} units at once"
    )


def _fixes(lon: Floats, lat: Floats, seconds: float) -> Fixes:
    unknown = np.full(len(lon), np.nan)
    return Fixes(lon, lat, np.full(len(lon), 15.0), unknown, unknown, np.full(len(lon), seconds))


def coverage(matcher: Matcher, classes: int) -> None:
    """Print how many held-out drives lie in the 80 % interval, and how far the factors are from the truth.

    One calibration may be lucky or not, so several towns are driven in, each with a traffic of its own.
    """
    prior = matcher.profile.interval
    inside = np.empty((len(TRIPS), TOWNS))
    width, off = np.empty_like(inside), np.empty_like(inside)
    for town in range(TOWNS):
        random = np.random.default_rng(20261122 + town)
        truth = some_truth(classes, random)
        driven = some_drives(matcher, max(TRIPS) + HELD_OUT, random, truth)
        train, held_out = driven[: max(TRIPS)], driven[max(TRIPS) :]
        matches = [
            matcher.match(record(matcher.ground, drive, Receiver(5.0, 10.0), random)) for drive in train
        ]
        km = observed_km(matcher, matches, classes)
        for row, trips in enumerate(TRIPS):
            learnt = learn(matcher, matches[:trips], classes)
            interval = learnt.interval if trips else of_profile(prior.low_factor, prior.high_factor)
            inside[row, town], width[row, town] = covered(matcher, learnt.log_factor, interval, held_out)
            error = learnt.log_factor + np.log(truth.speed_factor)
            off[row, town] = np.sqrt((km * error**2).sum() / km.sum())
    print(f"  {HELD_OUT} held-out drives in each of {TOWNS} towns: share in the 80 % interval (least..most)")
    for row, trips in enumerate(TRIPS):
        least, most = inside[row].min(), inside[row].max()
        print(
            f"    {trips:4d} trips: {inside[row].mean():.1%} ({least:.1%}..{most:.1%}),"
            f" high/low {width[row].mean():.2f}, factors off by {off[row].mean():.3f} (root mean square, log)"
        )


def learn(matcher: Matcher, matches: Sequence[Match], classes: int) -> Estimate:
    """What these tracks teach."""
    seen = observe(matches, matcher.ground.edge_class, ZONE)
    return estimate(seen, classes, np.ones((classes, SLOTS)))


def observed_km(matcher: Matcher, matches: Sequence[Match], classes: int) -> Floats:
    """Kilometres by class and hour, to weigh errors by."""
    return learn(matcher, matches, classes).km


def covered(
    matcher: Matcher, log_factor: Floats, interval: Interval, held_out: Sequence[Drive]
) -> tuple[float, float]:
    """Share of drives whose time lies in the interval, and the mean of its high over its low end."""
    inside, widths = [], []
    for drive in held_out:
        slot = int(slots_of(drive.enter_at[:1], ZONE)[0])
        road_class = matcher.ground.edge_class[drive.ref >> 1]
        seconds = drive.model_ms / 1000 * np.exp(log_factor[road_class, slot])
        low, high = bounds(
            seconds.sum(), 0.0, interval, class_s=np.bincount(road_class, seconds, len(log_factor))
        )
        inside.append(bool(low <= drive.seconds <= high))
        widths.append(float(high / low))
    return float(np.mean(inside)), float(np.mean(widths))


def main() -> None:
    """Judge on every map there is."""
    with tempfile.TemporaryDirectory() as folder:
        for name, extract in MAPS.items():
            path = Path(folder) / extract.parent.name / extract.name
            routing.build_store(extract, path)
            store = read_store(path)
            matcher = Matcher(store.manifest, store.arrays, "ambulance")
            print(f"{name}: {len(store.arrays.edge_mm)} edges")
            classes = len(store.manifest.classes)
            recovery(matcher, classes)
            live(matcher, classes)
            coverage(matcher, classes)


if __name__ == "__main__":
    main()
