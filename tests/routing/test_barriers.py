"""Barriers, signals and quays: what they cost whom, and where roads stay joined."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from map_sketch import ROAD, built

from routing import AMBULANCE, AMBULANCE_SIREN, CAR, Profile
from routing.arrays import CLOSED_MS, FERRY, GATE
from routing.barriers import passage_ms

# Three ways in a row, 100 to 102; node 3 between the first two may hold a barrier. 103 is a long way round.
ROW = {1: (0, 0), 2: (100, 0), 3: (200, 0), 4: (300, 0), 5: (400, 0), 6: (200, 1000)}
ROADS = [([1, 2, 3], ROAD), ([3, 4], ROAD), ([4, 5], ROAD), ([1, 6, 5], ROAD)]
TERTIARY_MS = AMBULANCE.speed_kmh["tertiary"] / 3600  # metres per millisecond


def seconds_past(folder: Path, tags: Mapping[str, str], profile: str = "ambulance") -> float:
    """From the end of the first way to the last one; 100 m of road and what stands at node 3."""
    drive = built(folder, ROW, ROADS, node_tags={3: tags}).drive(100, 102, profile)
    assert drive is not None
    return drive.seconds if 101 in drive.ways else float("inf")


PLAIN = 100 * 3.6 / AMBULANCE.speed_kmh["tertiary"]


@pytest.mark.parametrize(
    ("tags", "ambulance", "siren", "car"),
    [
        ({"barrier": "gate"}, 15.0, 15.0, 15.0),
        ({"barrier": "lift_gate"}, 10.0, 10.0, 10.0),
        ({"barrier": "toll_booth"}, 10.0, 5.0, 10.0),
        ({"barrier": "gate", "access": "private"}, 15.0, 15.0, None),
        ({"barrier": "gate", "access": "no"}, None, None, None),
        ({"barrier": "gate", "motor_vehicle": "no"}, None, 15.0, None),
        ({"barrier": "gate", "access": "no", "emergency": "yes"}, 15.0, 15.0, None),
        ({"barrier": "gate", "locked": "yes"}, None, None, None),
        ({"barrier": "gate", "locked": "yes", "emergency": "yes"}, 15.0, 15.0, None),
        ({"barrier": "bollard"}, None, None, None),
        ({"barrier": "bollard", "bicycle": "yes"}, None, None, None),
        ({"barrier": "bollard", "emergency": "yes"}, 20.0, 20.0, None),
        ({"barrier": "bollard", "motor_vehicle": "yes"}, 20.0, 20.0, 20.0),
        ({"barrier": "chain"}, 20.0, 20.0, None),
        ({"barrier": "kerb"}, 0.0, 0.0, 0.0),
        ({"barrier": "cattle_grid", "access": "no"}, None, None, None),
    ],
)
def test_what_a_barrier_costs(
    tags: dict[str, str], ambulance: float | None, siren: float | None, car: float | None
) -> None:
    for profile, seconds in ((AMBULANCE, ambulance), (AMBULANCE_SIREN, siren), (CAR, car)):
        assert passage_ms(tags, profile) == (CLOSED_MS if seconds is None else seconds * 1000)


def test_a_gate_delays(tmp_path: Path) -> None:
    assert seconds_past(tmp_path, {}) == pytest.approx(PLAIN, abs=0.01)
    assert seconds_past(tmp_path, {"barrier": "gate"}) == pytest.approx(PLAIN + 15, abs=0.01)
    assert seconds_past(tmp_path, {"barrier": "kerb"}) == pytest.approx(PLAIN, abs=0.01)


def test_a_bollard_is_driven_round(tmp_path: Path) -> None:
    assert seconds_past(tmp_path, {"barrier": "bollard"}) == float("inf")
    tags = {"barrier": "bollard", "emergency": "yes"}
    assert seconds_past(tmp_path, tags) == pytest.approx(PLAIN + 20, abs=0.01)
    assert seconds_past(tmp_path, tags, "car") == float("inf")


def test_barriers_are_counted(tmp_path: Path) -> None:
    found = built(tmp_path, ROW, ROADS, node_tags={3: {"barrier": "bollard"}, 6: {"barrier": "gate"}})
    count = found.report.barriers
    assert count is not None
    assert count.kinds == {"bollard": 1, "gate": 1}
    assert count.closed == {"ambulance": 1, "ambulance_siren": 1, "car": 1}
    gates = np.flatnonzero(found.arrays.edge_flags & GATE)
    assert len(gates) == 1  # what nobody may pass is not kept
    assert not found.arrays.edge_mm[gates].any()
    assert not np.isin(
        found.arrays.grid_segment, np.flatnonzero(np.isin(found.arrays.segment_edge, gates))
    ).any()


def test_a_barrier_in_the_middle_of_a_way(tmp_path: Path) -> None:
    found = built(tmp_path, ROW, ROADS, node_tags={2: {"barrier": "gate"}})
    a = found.arrays
    assert found.report.edges == 4 + 1 + 1  # the first way in two, and the gate
    (gate,) = np.flatnonzero(a.edge_flags & GATE)
    assert a.edge_ms_forward[:, gate].tolist() == a.edge_ms_backward[:, gate].tolist() == [15_000] * 3
    assert a.edge_from[gate] != a.edge_to[gate]
    assert a.edge_way[gate] == 100


def test_a_barrier_at_a_dead_end_bars_nothing(tmp_path: Path) -> None:
    found = built(tmp_path, ROW, ROADS[:3], node_tags={1: {"barrier": "bollard"}})
    assert not (found.arrays.edge_flags & GATE).any()
    assert found.report.barriers.kinds == {}


def test_a_barrier_on_a_junction_leaves_the_main_road_open(tmp_path: Path) -> None:
    lane = {"highway": "service"}
    roads = [([1, 2, 3], ROAD), ([3, 4, 5], ROAD), ([3, 6], lane), ([6, 1], lane)]
    found = built(tmp_path, ROW, roads, node_tags={3: {"barrier": "lift_gate"}})
    assert found.drive(100, 101).seconds == 0.0
    assert found.drive(100, 102).seconds == pytest.approx(10.0)
    assert found.report.suspicions == {"barrier_on_junction": 1}
    (seen,) = found.report.suspicious
    assert seen.detail == "lift_gate, node 3"
    alike = built(
        tmp_path, ROW, [*roads[:2], ([3, 6], ROAD), ([6, 1], ROAD)], node_tags={3: {"barrier": "gate"}}
    )
    assert alike.drive(100, 101).seconds == pytest.approx(15.0)


def test_junction_delays(tmp_path: Path) -> None:
    """None are in the profiles; a profile of one's own can have them, per direction where the map says so."""
    slow = dataclasses.replace(AMBULANCE, junction_delay_s={"traffic_signals": 7.0})

    def added(tags: Mapping[str, str], profile: Profile, node: int = 4) -> tuple[float, float]:
        found = built(tmp_path, ROW, ROADS, node_tags={node: tags}, profiles=[profile])
        a = found.arrays
        (edge,) = np.flatnonzero(a.edge_way == 101)
        plain = round(100 * 3600 / AMBULANCE.speed_kmh["tertiary"])
        return (a.edge_ms_forward[0, edge] - plain) / 1000, (a.edge_ms_backward[0, edge] - plain) / 1000

    signal = {"highway": "traffic_signals"}
    assert added(signal, AMBULANCE) == pytest.approx((0, 0), abs=0.002)
    # node 4 is where the way ends: only who drives towards it waits
    assert added(signal, slow) == pytest.approx((7, 0), abs=0.002)
    assert added(signal, slow, 3) == pytest.approx((0, 7), abs=0.002)
    assert added(signal | {"traffic_signals:direction": "backward"}, slow) == pytest.approx((0, 0), abs=0.002)
    assert added({"highway": "crossing"}, slow) == pytest.approx((0, 0), abs=0.002)


def test_signals_on_the_way_count_for_both(tmp_path: Path) -> None:
    slow = dataclasses.replace(AMBULANCE, junction_delay_s={"traffic_signals": 7.0})
    found = built(tmp_path, ROW, ROADS, node_tags={2: {"highway": "traffic_signals"}}, profiles=[slow])
    (edge,) = np.flatnonzero(found.arrays.edge_way == 100)
    drive = round(200 * 3600 / AMBULANCE.speed_kmh["tertiary"]) + 7000
    assert found.arrays.edge_ms_forward[0, edge] == pytest.approx(drive, abs=2)
    assert found.arrays.edge_ms_backward[0, edge] == pytest.approx(drive, abs=2)


def test_ferries_wait_at_the_quay_and_not_at_sea(tmp_path: Path) -> None:
    boat = {"route": "ferry", "motor_vehicle": "yes", "duration": "00:06"}
    roads = [([1, 2], ROAD), ([2, 3], boat), ([3, 4], boat), ([4, 5], ROAD)]
    found = built(tmp_path, ROW | {3: (1200, 0), 4: (2200, 0), 5: (2300, 0)}, roads)
    a = found.arrays
    crossing = 1000 * 0.36  # 1100 and 1000 m, six minutes each
    assert crossing == pytest.approx(360)
    drive = found.drive(100, 103)
    assert drive is not None
    assert drive.seconds == pytest.approx(1200 + 360 + 360, abs=0.1)
    assert found.drive(103, 100).seconds == pytest.approx(1200 + 360 + 360, abs=0.1)
    assert found.report.ferries == 2
    ferries = np.flatnonzero(a.edge_flags & FERRY)
    snapped = np.unique(a.segment_edge[a.grid_segment])
    assert not np.isin(ferries, snapped).any()  # nobody waits for an ambulance on the water
    assert found.report.km_by_class["ferry"] == pytest.approx(2.1, abs=0.01)
