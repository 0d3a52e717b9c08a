"""Profiles, hours and calibrations: which metric answers, and that it is the one with those times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from road_sketch import Edge, at, network_of

from routing import AMBULANCE, BadQuestion, Network, Profile, UnknownProfile
from routing.interval import PRIOR_INTERVAL, Interval
from routing.network import Network as OpenNetwork
from routing.profile import Hours
from routing.store import Store

WIB = timezone(timedelta(hours=7))
MONDAY_7 = datetime(2026, 11, 16, 7, 30, tzinfo=WIB)
RUSH = tuple(0.5 if hour in (7, 16) else 1.0 for hour in range(24))
LAZY = tuple(0.8 if hour > 9 else 1.0 for hour in range(24))
BUSY = replace(AMBULANCE, name="busy", hour_factor={"all": Hours(RUSH, LAZY)})
CALM = replace(AMBULANCE, name="calm", hour_factor={})


def road(profiles: Sequence[Profile] = (BUSY, CALM)) -> Network:
    """Two kilometres, 100 s for the first profile, 120 s for the second."""
    return network_of(
        [(0.0, 0.0), (2000.0, 0.0)],
        [Edge(0, 1, 100_000, 100_000, others=((120_000, 120_000),))],
        (),
        profiles,
    )


ENDS = at(0, 0), at(2000, 0)


def test_the_hour_sets_the_pace() -> None:
    network = road()
    for when, seconds in (
        (None, 100.0),
        (MONDAY_7, 200.0),
        (MONDAY_7.astimezone(UTC), 200.0),
        (MONDAY_7 + timedelta(hours=1), 100.0),
        (MONDAY_7 + timedelta(days=5), 100.0),
        (MONDAY_7 + timedelta(days=6, hours=5), 125.0),
    ):
        route = network.route(*ENDS, at=when)
        assert route.road_s == seconds
        assert network.to_one([ENDS[0]], ENDS[1], at=when)[0].road_s == seconds
        assert network.matrix([ENDS[0]], [ENDS[1]], at=when).seconds[0, 0] == seconds
        assert network.times_to_one([ENDS[0]], ENDS[1], at=when).road_ms[0] == seconds * 1000
        # half the way takes half the time
        assert network.route(ENDS[0], at(1000, 0), at=when).road_s == pytest.approx(seconds / 2, abs=0.01)


def test_hours_of_equal_pace_share_a_metric_and_a_version() -> None:
    network = road()
    at_seven, at_sixteen = (network.route(*ENDS, at=MONDAY_7 + timedelta(hours=h)) for h in (0, 9))
    at_noon = network.route(*ENDS, at=MONDAY_7 + timedelta(hours=5))
    assert at_seven.version == at_sixteen.version == "sketch.busy.wd07"
    assert at_noon.version == network.route(*ENDS).version == "sketch.busy.base"


def test_profiles_have_their_own_times() -> None:
    network = road()
    assert network.profiles == ("busy", "calm")
    assert network.route(*ENDS, profile="calm", at=MONDAY_7).road_s == 120.0
    assert network.route(*ENDS, profile="busy").road_s == network.route(*ENDS).road_s == 100.0


def test_an_unknown_profile_is_refused_by_name() -> None:
    network = road()
    asks = (
        lambda: network.snap([ENDS[0]], profile="truk"),
        lambda: network.to_one([ENDS[0]], ENDS[1], profile="truk"),
        lambda: network.route(*ENDS, profile="truk"),
        lambda: network.coverage([ENDS[0]], 60, profile="truk"),
        lambda: network.quality([], profile="truk"),
    )
    for ask in asks:
        with pytest.raises(UnknownProfile) as caught:
            ask()
        assert (caught.value.value, caught.value.known) == ("truk", ("busy", "calm"))


def test_a_time_needs_its_zone() -> None:
    with pytest.raises(BadQuestion):
        road().route(*ENDS, at=MONDAY_7.replace(tzinfo=None))


@dataclass(frozen=True)
class Taught:
    """A calibration: all speeds at nine tenths, at midnight at half of that."""

    profile_digest: str
    profile: str = "busy"
    digest: str = "0123456789abcdef"
    timezone: str = "Asia/Jayapura"

    def for_classes(self, classes: Sequence[str]) -> np.ndarray:
        factors = np.full((len(classes), 48), 0.9)
        factors[:, 0] = 0.45
        return factors

    def over_all_hours(self, classes: Sequence[str]) -> np.ndarray:
        return np.full(len(classes), 0.9)

    def interval_for(self, classes: Sequence[str]) -> Interval:
        return replace(PRIOR_INTERVAL, trip_sd=0.01, minute_sd=0.01, calibrated=True)


def test_a_calibration_replaces_the_hours_and_narrows_the_interval() -> None:
    plain = road()
    store = Store(plain._manifest, plain._arrays, plain._core.hierarchy)
    network = OpenNetwork(store, calibrations=[Taught(BUSY.digest)])
    wide, narrow = plain.route(*ENDS), network.route(*ENDS)
    assert narrow.road_s == pytest.approx(100 / 0.9, abs=0.001)
    assert narrow.version == "sketch.busy-01234567.base"
    assert (narrow.high_s - narrow.low_s) < (wide.high_s - wide.low_s) / 5
    # its hours are told in its own zone: midnight in Jayapura is 22:00 in Jakarta
    assert network.route(*ENDS, at=MONDAY_7.replace(hour=22)).road_s == pytest.approx(100 / 0.45, abs=0.001)
    assert network.route(*ENDS, profile="calm").road_s == 120.0
    jakarta = OpenNetwork(store, timezone=ZoneInfo("Asia/Jakarta"), calibrations=[Taught(BUSY.digest)])
    assert jakarta.route(*ENDS, at=MONDAY_7.replace(hour=22)).road_s == narrow.road_s
    with pytest.raises(BadQuestion, match="other rules"):
        OpenNetwork(store, calibrations=[Taught("other")])
