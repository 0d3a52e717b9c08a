"""What the network answers: snapped places, travels, routes and their steps, tables and coverage."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray
from shapely import MultiPolygon

from routing.arrays import Floats, Ints

# Why an answer deserves less trust than its figures show.
CONNECTOR = "connector"  # the fastest way uses a stretch that was added to the map by hand
FERRY = "ferry"  # it uses a ferry, whose waiting time is a guess
LONG_ACCESS = "long_access"  # more than LONG_ACCESS_M off the network at one end
CLOSED_ROAD = "closed_road"  # one end lies on a stretch of road that is closed now
CUT_OFF = "cut_off"  # there is no way now, and there would be one without the live changes
OUTSIDE = "outside"  # the place is too far from the network to be answered
DOUBTS = (CONNECTOR, FERRY, LONG_ACCESS, CLOSED_ROAD, CUT_OFF, OUTSIDE)
LONG_ACCESS_M = 500.0

# Structs rather than dataclasses: a ranking makes one Travel and one Snap per unit, and a frozen dataclass
# takes about ten times as long to make.


class Snap(msgspec.Struct, frozen=True, gc=False):
    """A place on the network: the nearest point of the nearest edge that the profile can drive on and from.

    `lon`, `lat` degrees WGS84; `edge` the edge's number in the store; `fraction` 0..1 of the edge's length
    from its first node; `access_m` straight-line metres between the given point and this one. `closed`: it
    lies on a stretch that is closed now.
    """

    lon: float
    lat: float
    edge: int
    fraction: float
    access_m: float
    closed: bool = False


class Travel(msgspec.Struct, frozen=True, gc=False):
    """The time from one origin to one target.

    `index` is the row in the array that was asked about. Seconds are whole milliseconds, and `total_s` =
    `road_s` + `access_s`; `access_s` and `access_m` are the two legs off the network together. `road_m` is
    measured along the fastest way. When `reachable` is false, `total_s`, `road_s` and `road_m` are
    infinite: there is no number to give.

    In 80 of 100 cases the journey takes between `low_s` and `high_s`. `version` names the metric: that of the
    network, then profile and hour; equal versions give equal answers. `doubts` are words of DOUBTS.
    """

    index: int
    reachable: bool
    total_s: float
    road_s: float
    access_s: float
    road_m: float
    access_m: float
    origin: Snap
    target: Snap
    low_s: float = 0.0
    high_s: float = math.inf
    version: str = ""
    doubts: tuple[str, ...] = ()


class Step(msgspec.Struct, frozen=True, gc=False):
    """What the driver does at one place, and how far it is from there to the next step.

    `maneuver` is one of `phrases.MANEUVERS`; `name` the name or number of the road it leads onto, None where
    the map has none; `lon`, `lat` where it is done; `bearing` degrees from north after it; `exit_number`
    counts the exits of a roundabout. The texts hold no distance: `distance_id`, `distance_en` are `metres` as
    people say them.
    """

    maneuver: str
    name: str | None
    road_class: str
    metres: float
    seconds: float
    lon: float
    lat: float
    bearing: int
    exit_number: int | None
    text_id: str
    text_en: str
    distance_id: str
    distance_en: str


class Route(msgspec.Struct, frozen=True, gc=False):
    """The fastest way from an origin to a target; times and metres as in `Travel`.

    `geometry` runs along the roads from the snapped origin to the snapped target as (lon, lat), at least two
    points; the legs off the network are not in it. `connector_m` says how many metres lie on ways that were
    added to the map by hand (tag `source=connector`): their time is a guess. `steps` are there when asked
    for; their metres and seconds add up to `road_m` and `road_s`.
    """

    total_s: float
    road_s: float
    access_s: float
    road_m: float
    access_m: float
    geometry: list[tuple[float, float]]
    version: str
    origin: Snap
    target: Snap
    connector_m: float
    low_s: float
    high_s: float
    ferry_m: float = 0.0
    doubts: tuple[str, ...] = ()
    steps: tuple[Step, ...] = ()


class Times(NamedTuple):
    """Travel times of many places in one go, each (n,): `road_ms` and `access_ms` int32, `total_ms` their
    sum; UNREACHED_MS where there is no way. `access_m` metres off the network, both legs."""

    total_ms: Ints
    road_ms: Ints
    access_ms: Ints
    access_m: Floats
    version: str


class Matrix(NamedTuple):
    """Travel times between all origins (n) and all targets (m): `seconds` (n, m) float32 with the access
    legs, infinite where there is no way; where each place was snapped to."""

    seconds: NDArray[np.float32]
    origins: list[Snap]
    targets: list[Snap]
    version: str


@dataclass(frozen=True, slots=True)
class Coverage:
    """Which places are reached in time from the nearest of many sources.

    Per place (m,): `seconds` from the source that is there first, infinite where there is no way; `source`
    its row, -1 likewise; `within` whether that is in time; `access_m` metres from the place to the network.
    `share` is the part of the places' weights within, `node_share` the part of the network's junctions,
    `km`, `km_within` the roads by length (an edge counts by the part of it that is reached).
    """

    within_s: float
    seconds: NDArray[np.float32]
    source: Ints
    within: NDArray[np.bool_]
    access_m: Floats
    share: float
    node_share: float
    km: float
    km_within: float
    version: str


@dataclass(frozen=True, slots=True)
class Isochrone:
    """The area that is reached within `limit_s` seconds: `polygon` in lon, lat, empty when there is none.

    It follows the roads: a place is in it when it can be reached in time over the network and then straight
    across at the access speed, for at most the distance asked for (250 m).
    """

    limit_s: float
    polygon: MultiPolygon
    version: str
