"""What the network answers: snapped places, travels and routes."""

from __future__ import annotations

import msgspec

# Structs rather than dataclasses: a ranking makes one Travel and one Snap per unit, and a frozen dataclass
# takes about ten times as long to make.


class Snap(msgspec.Struct, frozen=True, gc=False):
    """A place on the network: the nearest point of the nearest edge of the largest strongly connected part.

    `lon`, `lat` degrees WGS84; `edge` the edge's number in the store; `fraction` 0..1 of the edge's length
    from its first node; `access_m` straight-line metres between the given point and this one.
    """

    lon: float
    lat: float
    edge: int
    fraction: float
    access_m: float


class Travel(msgspec.Struct, frozen=True, gc=False):
    """The time from one origin to one target.

    `index` is the row in the array that was asked about. Seconds are whole milliseconds, and `total_s` =
    `road_s` + `access_s`; `access_s` and `access_m` are the two legs off the network together. `road_m` is
    measured along the fastest way. When `reachable` is false, `total_s`, `road_s` and `road_m` are
    infinite: there is no number to give.
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


class Route(msgspec.Struct, frozen=True, gc=False):
    """The fastest way from an origin to a target; times and metres as in `Travel`.

    `geometry` runs along the roads from the snapped origin to the snapped target as (lon, lat), at least two
    points; the legs off the network are not in it. `version` is the network's. `connector_m` says how many
    metres lie on ways that were added to the map by hand (tag `source=connector`): their time is a guess.
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
