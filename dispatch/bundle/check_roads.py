"""Checks that a bundle's places can be reached over its roads."""

import math
from collections.abc import Sequence
from typing import Protocol

import numpy as np
import shapely
from numpy.typing import NDArray

import routing
from dispatch.bundle.findings import Notebook
from dispatch.bundle.model import Bundle

LARGEST_PART_MIN_SHARE = 0.95
"""Below this share of drivable vertices the network has fallen apart and its times cannot be trusted."""

HOSPITAL_MAX_M = 10_000.0
FAR_M = 2_000.0


class SnappedPoint(Protocol):
    """A point moved onto the network; `access_m` is how far, as the crow flies, in metres."""

    @property
    def access_m(self) -> float: ...


class RoadNetwork(Protocol):
    """What the check asks of an opened road store; `routing.Network` answers it."""

    @property
    def largest_part_share(self) -> float: ...

    def snap(self, points: NDArray[np.float64]) -> Sequence[SnappedPoint]: ...


def check_roads(bundle: Bundle, network: RoadNetwork | None, problems: Notebook, warnings: Notebook) -> None:
    """The network hangs together, hospitals stand near it, and remote villages are named."""
    file = bundle.roads.name
    if network is None:
        problems.note(
            "unusable_roads",
            file,
            "jaringan jalan tidak dapat dibangun dari berkas ini: ganti dengan ekstrak OpenStreetMap "
            "yang utuh",
            "no road network can be built from this file: replace it with a complete OpenStreetMap extract",
        )
        return
    share = network.largest_part_share
    if share < LARGEST_PART_MIN_SHARE:
        problems.note(
            "roads_fall_apart",
            file,
            f"bagian jalan terbesar hanya {share:.1%} dari simpul, minimal {LARGEST_PART_MIN_SHARE:.0%}: "
            "pakai ekstrak yang lebih lengkap atau sambungkan ruas yang terputus",
            f"the largest road part has only {share:.1%} of the vertices, at least "
            f"{LARGEST_PART_MIN_SHARE:.0%} is "
            "needed: use a more complete extract or join the roads that are cut",
        )
    _check_facilities(bundle, network, problems, warnings)
    _check_bases(bundle, network, warnings)
    _check_villages(bundle, network, warnings)


def _check_facilities(bundle: Bundle, network: RoadNetwork, problems: Notebook, warnings: Notebook) -> None:
    distances = _access_m(network, [(facility.lon, facility.lat) for facility in bundle.facilities])
    for facility, metres in zip(bundle.facilities, distances, strict=True):
        where = f"facilities.csv row {facility.row} ({facility.code} {facility.name})"
        if facility.kind == "hospital" and metres > HOSPITAL_MAX_M:
            problems.note(
                "hospital_off_road",
                where,
                f"rumah sakit berjarak {_km(metres)} km dari jalan terdekat, paling jauh 10 km: "
                "periksa posisi "
                "dan jaringan jalan",
                f"the hospital is {_km(metres)} km from the nearest road, at most 10 km is "
                "allowed: check its "
                "position and the roads",
            )
        elif metres > FAR_M:
            warnings.note(
                "facility_far_from_road",
                where,
                f"faskes berjarak {_km(metres)} km dari jalan terdekat: periksa posisi atau lengkapi jalan",
                f"the facility is {_km(metres)} km from the nearest road: check its position or add roads",
            )


def _check_bases(bundle: Bundle, network: RoadNetwork, warnings: Notebook) -> None:
    placed = [
        (unit, (unit.base_lon, unit.base_lat))
        for unit in bundle.units
        if unit.base_lon is not None and unit.base_lat is not None
    ]
    distances = _access_m(network, [point for _, point in placed])
    far = [
        (unit.call_sign, metres)
        for (unit, _), metres in zip(placed, distances, strict=True)
        if metres > FAR_M
    ]
    if far:
        names = ", ".join(f"{call_sign} {_km(metres)} km" for call_sign, metres in far)
        warnings.note(
            "base_far_from_road",
            "fleet.csv",
            f"{len(far)} pangkalan unit lebih dari 2 km dari jalan terdekat: {names}",
            f"{len(far)} unit bases are more than 2 km from the nearest road: {names}",
        )


def _check_villages(bundle: Bundle, network: RoadNetwork, warnings: Notebook) -> None:
    centres = [shapely.centroid(village.geometry) for village in bundle.villages]
    distances = _access_m(network, [(centre.x, centre.y) for centre in centres])
    far = [
        (metres, village)
        for metres, village in zip(distances, bundle.villages, strict=True)
        if metres > FAR_M
    ]
    if not far:
        return
    metres, worst = max(far, key=lambda entry: entry[0])
    warnings.note(
        "villages_far_from_road",
        "villages.geojson",
        f"titik tengah {len(far)} dari {len(bundle.villages)} desa lebih dari 2 km dari jalan; terjauh "
        f"{worst.code} "
        f"{worst.name}, {_km(metres)} km: waktu tempuh di sana sebagian besar perkiraan",
        f"the centres of {len(far)} of {len(bundle.villages)} villages are more than 2 km from a road; "
        "the farthest is "
        f"{worst.code} {worst.name}, {_km(metres)} km: travel times there are mostly guesses",
    )


def _access_m(network: RoadNetwork, points: list[tuple[float, float]]) -> list[float]:
    """Metres from each point to the nearest road; infinite for one that is too far from all to tell."""
    if not points:
        return []
    try:
        return [snapped.access_m for snapped in network.snap(np.array(points, dtype=np.float64))]
    except routing.OutsideNetwork:
        if len(points) == 1:
            return [math.inf]
        return [metres for point in points for metres in _access_m(network, [point])]


def _km(metres: float) -> str:
    return ">50" if math.isinf(metres) else f"{metres / 1000:.1f}"
