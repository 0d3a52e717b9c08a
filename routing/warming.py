"""Runs every kind of question once, so that no request waits for a compiler."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np
from shapely import LineString, Point, Polygon

from routing.errors import Unreachable
from routing.follow import Fixes, nowhere
from routing.live import RoadChange

if TYPE_CHECKING:
    from routing.network import Network

Progress = Callable[[str, float], None]

_log = logging.getLogger("routing")
_NOW = datetime(2000, 1, 3, tzinfo=UTC)
_STEP = 1e-3  # degrees


def warm_up(network: Network, progress: Progress | None) -> float:
    """Ask everything once; returns the seconds it took. See `Network.warm_up`."""
    questions = _questions(network)
    began = time.perf_counter()
    for number, (name, ask) in enumerate(questions.items()):
        if progress is not None:
            progress(name, number / len(questions))
        ask()
    took = time.perf_counter() - began
    if progress is not None:
        progress("done", 1.0)
    _log.info("road network %s ready after %.2f s", network.version, took)
    return took


def _questions(network: Network) -> dict[str, Callable[[], object]]:
    arrays = network._core.arrays
    first, last = ((float(arrays.shape_lon[point]), float(arrays.shape_lat[point])) for point in (0, -1))
    here, there = network.snap([first, last])
    one, other = (here.lon, here.lat), (there.lon, there.lat)

    def route() -> None:
        try:
            network.route(one, other, steps=True)
        except Unreachable:
            # compiled it is all the same
            return

    def changed() -> None:
        aside, ahead = (one[0] + _STEP, one[1]), (one[0], one[1] + _STEP)
        network.with_changes(
            [
                RoadChange("point", Point(one), 0.5, _NOW),
                RoadChange("line", LineString([one, aside]), 0.5, _NOW),
                RoadChange("area", Polygon([one, aside, ahead]), 0.5, _NOW),
            ],
            _NOW,
        ).to_one([one], other)

    def follow() -> None:
        lon, lat, nothing = np.array([one[0]]), np.array([one[1]]), np.array([np.nan])
        first = network.follow(nowhere(1), Fixes(lon, lat, nothing, nothing, nothing, np.array([np.inf])))
        network.follow(first, Fixes(lon, lat, nothing, nothing, nothing, np.array([5.0])))

    return {
        "to_one": lambda: network.to_one([one, other], other, k=1),
        "from_one": lambda: network.from_one(one, [one, other]),
        "times": lambda: (network.times_to_one([one], other), network.times_from_one(one, [other])),
        "matrix": lambda: network.matrix([one, other], [other]),
        "route": route,
        "coverage": lambda: network.coverage([one], 60.0, places=[one, other]),
        "isochrones": lambda: network.isochrones([one], [60.0]),
        "changes": changed,
        "follow": follow,
    }
