"""Map matching finds known drives again, follows the rules of the road, and says what it does not know."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from road_sketch import REPOSITORY, Edge, at
from track_sketch import BLOCK_M, SIDE, driven, matcher_of, town, track_at, walk

import routing
from routing.arrays import CLOSED_MS
from routing.errors import BadTrack, UnknownProfile
from routing.match import Match, Matcher
from routing.store import read_store
from routing.synthetic import Receiver, record, recovered
from routing.tracks import Track
from routing.trails import as_geojson, piece_line
from routing.turns import Ban

pytestmark = pytest.mark.timeout(600)  # the first one waits for the kernels to be compiled


@pytest.fixture(scope="module")
def streets() -> Matcher:
    return town()


@pytest.fixture(scope="module")
def rural(batang: routing.Network) -> Matcher:
    return Matcher(batang._manifest, batang._arrays, "ambulance")


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Matcher:
    folder = tmp_path_factory.mktemp("roads") / "city"
    routing.build_store(REPOSITORY / "tests/routing/data/tangerang-selatan.osm.pbf", folder)
    store = read_store(folder)
    return Matcher(store.manifest, store.arrays, "ambulance")


def nodes_of(matcher: Matcher, match: Match) -> list[tuple[int, int]]:
    """First and last junction of each stretch in the direction of travel."""
    g = matcher.ground
    return [(int(g.arc_tail[g.ref_arc[g.ref_first[ref]]]), int(g.ref_head[ref])) for ref in match.passage.ref]


def test_a_drive_round_a_corner(streets: Matcher) -> None:
    match = streets.match(walk([(20, 0), (400, 0), (400, 380)], noise_m=5))
    assert nodes_of(streets, match) == [(0, 1), (1, 2), (2, 2 + SIDE), (2 + SIDE, 2 + 2 * SIDE)]
    assert match.metres == pytest.approx(760, abs=25)
    assert not match.breaks
    assert not match.lost
    assert match.confidence > 0.9
    place = match.place(0)
    assert place is not None
    assert place.metres_off < 20
    # 36 km/h is driven and modelled alike: junctions are passed every 20 s, the first after 18 s
    passed = (match.passage.enter_at[1:] - match.passage.enter_at[0]) / 1000
    assert passed == pytest.approx([18, 38, 58], abs=3)
    assert (match.passage.leave_at[:-1] == match.passage.enter_at[1:]).all()


@pytest.mark.parametrize(
    ("every", "noise", "floor"), [(1, 5, 0.98), (10, 5, 0.98), (5, 30, 0.95), (30, 30, 0.9)]
)
def test_known_drives_are_found_again(
    rural: Matcher, city: Matcher, every: float, noise: float, floor: float
) -> None:
    random = np.random.default_rng(7)
    for matcher, least in ((rural, floor), (city, floor - 0.03)):
        shares = []
        for drive in driven(matcher.ground, 8, 5, 32)[0]:
            match = matcher.match(record(matcher.ground, drive, Receiver(every, noise), random))
            shares.append(recovered(matcher.ground, drive, match))
        found, invented = np.mean(shares, axis=0)
        assert found >= least
        assert invented <= 0.08


def test_unknown_accuracy_and_drifting_errors(rural: Matcher) -> None:
    random = np.random.default_rng(8)
    for receiver in (Receiver(1, 15, told=False), Receiver(2, 12, drift=0.9)):
        for drive in driven(rural.ground, 3, 6, 32)[0]:
            match = rural.match(record(rural.ground, drive, receiver, random))
            assert recovered(rural.ground, drive, match)[0] > 0.95


def test_one_way_streets_and_forbidden_turns_are_obeyed() -> None:
    # the fixes hug the one-way street, but it runs against them: the way leads round the block
    track = walk([(20, 0), (200, 0), (205, 190), (600, 200)], every_s=15, speed_ms=8)
    free = nodes_of(town(), town().match(track))
    assert (1, 1 + SIDE) in free
    against = town(frozenset({(1 + SIDE, 1)}))
    assert (1, 1 + SIDE) not in nodes_of(against, against.match(track))
    edges = [(a, b) for a in range(SIDE * SIDE) for b in (a + 1, a + SIDE)
             if b < SIDE * SIDE and not (b == a + 1 and b % SIDE == 0)]  # fmt: skip
    turn = Ban((2 * edges.index((0, 1)), 2 * edges.index((1, 1 + SIDE))), 1)
    banned = town(bans=[turn])
    ways = nodes_of(banned, banned.match(track))
    assert ((0, 1), (1, 1 + SIDE)) not in pairwise(ways)


def test_turning_round_in_the_road(streets: Matcher) -> None:
    match = streets.match(walk([(20, 0), (310, 0), (30, 0)], every_s=3, noise_m=3))
    assert match.metres == pytest.approx(570, abs=40)
    directions = match.passage.ref & 1
    assert directions[0] == 0
    assert directions[-1] == 1
    assert not match.breaks


def test_a_hairpin_offers_both_of_its_arms() -> None:
    """Two arms of one road 30 m apart: fixes go up one and come down the other."""
    hairpin = ((500.0, 0.0), (520.0, 15.0), (500.0, 30.0))
    matcher = matcher_of([(0, 0), (0, 30)], [Edge(0, 1, 100_000, 100_000, hairpin)])
    match = matcher.match(walk([(20, 0), (500, 0), (520, 15), (500, 30), (30, 30)], noise_m=3))
    assert match.passage.ref.tolist() == [0]
    assert match.metres == pytest.approx(1000, abs=30)
    assert (np.diff(match.fraction) > -0.01).all()


def test_silence_breaks_a_track(streets: Matcher) -> None:
    places = [(20, 0), (100, 0), (180, 0), (400, 580), (480, 600), (560, 600)]
    match = streets.match(track_at(places, [0, 8, 16, 400, 408, 416]))
    (gap,) = match.breaks
    assert (gap.after, gap.before, gap.reason) == (2, 3, "gap")
    assert gap.seconds == 384
    assert set(match.passage.piece.tolist()) == {0, 1}
    assert match.metres < 400  # nothing is invented in between


def test_standing_still_is_no_silence(streets: Matcher) -> None:
    match = streets.match(track_at([(100, 3), (102, -2), (98, 1), (101, 2)], [0, 300, 600, 900]))
    assert not match.breaks
    assert match.metres < 5


def test_off_the_road_breaks_a_track(streets: Matcher) -> None:
    places = [(20, 0), (100, 0), *((100, -y) for y in range(100, 801, 100)), (180, 0), (260, 0)]
    match = streets.match(track_at(places, [10.0 * n for n in range(len(places))]))
    assert [gap.reason for gap in match.breaks] == ["off_road"]
    assert match.lost == dict.fromkeys(range(2, 10), "off_road")
    assert match.place(5) is None
    assert match.places[5] is None


def test_a_jump_is_left_out(streets: Matcher) -> None:
    places = [(20.0 + 50 * n, 0.0) for n in range(10)]
    places[5] = (300.0, 600.0)
    match = streets.match(track_at(places, [5.0 * n for n in range(10)]))
    assert match.lost == {5: "outlier"}
    assert not match.breaks
    assert match.metres == pytest.approx(450, abs=10)


def test_no_way_breaks_a_track() -> None:
    """Two roads that end 40 m from each other."""
    ends = [(0, 0), (500, 0), (540, 0), (1040, 0)]
    apart = matcher_of(ends, [Edge(0, 1, 50_000, 50_000), Edge(2, 3, 50_000, 50_000)])
    match = apart.match(walk([(20, 0), (1020, 0)]))
    assert [gap.reason for gap in match.breaks] == ["no_way"]
    assert match.passage.ref.tolist() == [0, 2]
    assert match.passage.piece.tolist() == [0, 1]
    assert match.metres < 1000


def test_nothing_near(streets: Matcher) -> None:
    match = streets.match(track_at([(-5000, -5000), (-5100, -5000)], [0, 10]))
    assert (match.edge == -1).all()
    assert match.confidence == 0.0
    assert match.places == [None, None]
    assert len(match.passage.ref) == 0
    assert as_geojson(streets.ground, match) == []


def test_one_fix_is_a_place_but_no_way(streets: Matcher) -> None:
    match = streets.match(track_at([(100, 4)], [0]))
    place = match.place(0)
    assert place is not None
    assert place.metres_off == pytest.approx(4, abs=0.1)
    assert match.metres == 0
    assert as_geojson(streets.ground, match) == []


def test_what_is_no_track(streets: Matcher) -> None:
    lon, lat = zip(*(at(x, 0) for x in (0, 50, 100)), strict=True)
    with pytest.raises(BadTrack, match="row 2") as backwards:
        Track.of(lon, lat, [0, 10_000, 5_000])
    assert backwards.value.row == 2
    with pytest.raises(BadTrack, match="no fix"):
        Track.of([], [], [])
    with pytest.raises(BadTrack, match="differ in length"):
        Track.of(lon, lat[:2], [0, 1, 2])
    with pytest.raises(BadTrack, match="accuracy"):
        Track.of(lon, lat, [0, 1, 2], [5.0, -1.0, 5.0])
    with pytest.raises(BadTrack, match="UTC"):
        Track.of(lon, lat, ["pagi", "siang", "sore"])
    with pytest.raises(BadTrack) as hole:
        streets.match(Track.of([lon[0], math.nan, lon[2]], lat, [0, 1, 2]))
    assert hole.value.row == 1
    with pytest.raises(BadTrack, match="swapped"):
        streets.match(Track.of(lat, lon, [0, 1, 2]))


def test_unknown_profile(batang: routing.Network) -> None:
    with pytest.raises(UnknownProfile, match="helikopter"):
        Matcher(batang._manifest, batang._arrays, "helikopter")


def test_drawn_as_geojson(streets: Matcher) -> None:
    match = streets.match(walk([(20, 0), (400, 0), (400, 380)]))
    line, *points = as_geojson(streets.ground, match, fixes=True)
    assert line["geometry"]["type"] == "LineString"
    corner = at(400, 0)
    assert min(math.dist(corner, point) for point in piece_line(streets.ground, match, 0)) < 1e-9
    assert len(points) == len(match.track)
    assert line["properties"]["metres"] == pytest.approx(match.metres, abs=0.1)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.floats(-300, 900), st.floats(-300, 900), st.floats(0, 200)), min_size=1, max_size=12
    )
)
def test_whatever_is_recorded_the_answer_hangs_together(fixes: list[tuple[float, float, float]]) -> None:
    matcher = town_with_rules()
    seconds = np.cumsum([wait for _, _, wait in fixes])
    match = matcher.match(track_at([(x, y) for x, y, _ in fixes], seconds.tolist()))
    for row, place in enumerate(match.places):
        assert (place is None) == (row in match.lost)
        if place is not None:
            assert 0 <= place.fraction <= 1
            assert 0 <= place.confidence <= 1
            # fixes of nearly one moment that contradict each other have one place, between them
            alone = (np.abs(seconds - seconds[row]) < 3).sum() == 1
            assert place.metres_off < 150 or not alone
    passage, ways = match.passage, nodes_of(matcher, match)
    assert (passage.leave_at >= passage.enter_at - 1e-6).all()
    assert (passage.stop >= passage.start).all()
    for n in range(len(ways) - 1):
        if passage.piece[n] == passage.piece[n + 1]:
            turned = passage.ref[n] == passage.ref[n + 1] ^ 1
            assert turned or ways[n][1] == ways[n + 1][0]
    for ref in passage.ref:
        assert (matcher.ground.backward if ref & 1 else matcher.ground.forward)[ref >> 1] != CLOSED_MS
    assert len(match.breaks) == max(int(passage.piece.max(initial=-1)), 0)


_TOWNS: list[Matcher] = []


def town_with_rules() -> Matcher:
    """The same town for every example: some streets are one-way."""
    if not _TOWNS:
        _TOWNS.append(town(frozenset({(1, 1 + SIDE), (5, 6), (10, 9)})))
    return _TOWNS[0]


def test_blocks_are_as_long_as_they_are_drawn(streets: Matcher) -> None:
    assert np.allclose(streets.ground.edge_mm, BLOCK_M * 1000, atol=200)


def test_many_threads_share_a_matcher(streets: Matcher) -> None:
    track = walk([(20, 0), (400, 0), (400, 380)], noise_m=8, every_s=1)
    alone = streets.match(track)
    with ThreadPoolExecutor(8) as pool:
        for match in pool.map(streets.match, [track] * 16):
            assert (match.edge == alone.edge).all()
            assert (match.passage.ref == alone.passage.ref).all()
