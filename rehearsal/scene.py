"""Where it happens: a village near a road, the unit that will go, and the facility it will go to."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from shapely.geometry import shape

from rehearsal import shapes
from rehearsal.client import Client, OperatorClient
from rehearsal.findings import Mismatch, NotPossible, Refused

VILLAGES_TRIED = 12
NEAR_ROAD_M = 1000.0
"""Most metres off the road network, both ends of a way together."""
LEG_AT_MOST_S = 10.0
LEG_AT_LEAST_S = 2.5
"""Real seconds a leg is driven in: short enough for a minute's drill, long enough to be seen on a screen."""
LARGEST_FACTOR = 1000.0  # what the system takes for a training case
WORTH_SEEING_S = 150.0
_TRIAGE = "red"
_HOSPITAL = "hospital"


@dataclass(frozen=True, slots=True)
class VillagePoint:
    """A point inside a village."""

    code: str
    name: str
    place: shapes.Place


@dataclass(frozen=True, slots=True)
class Plan:
    """A scene with the unit that goes there, and how long its ways take (s) at the vehicle's real pace."""

    village: VillagePoint
    unit: shapes.Unit
    spare_units: tuple[shapes.Unit, ...]
    to_scene_s: float
    to_facility_s: float
    destination: shapes.Facility

    @property
    def longest_s(self) -> float:
        """The longer one of both legs."""
        return max(self.to_scene_s, self.to_facility_s)

    def speed_factor(self, wanted: float) -> float:
        """Return how many times faster than life it is played: as wanted, or more so that no leg is long."""
        return round(min(max(wanted, self.longest_s / LEG_AT_MOST_S), LARGEST_FACTOR), 1)


def find_bundle(regency: str, given: Path | None, roots: list[Path]) -> Path:
    """Return the regency's folder: the given one, or `regencies/<code>-*` below one of the roots.

    Raises:
        NotPossible: there is none.
    """
    code = regency.partition("-")[0]
    if given is not None:
        if (given / "regency.toml").is_file():
            return given
        raise NotPossible(f"{given} bukan folder regency", f"{given} is no regency folder")
    for root in roots:
        for path in sorted(root.glob(f"regencies/{code}-*/regency.toml")):
            return path.parent
    raise NotPossible(
        f"folder regencies/{code}-* tidak ada; pakai --bundle", f"no folder regencies/{code}-*; use --bundle"
    )


def village_points(folder: Path, dice: random.Random) -> Iterator[VillagePoint]:
    """Yield a point inside every village of the folder, in the order the dice decide.

    Raises:
        NotPossible: the folder's villages cannot be read.
    """
    path = folder / "villages.geojson"
    try:
        features = json.loads(path.read_text(encoding="utf-8"))["features"]
    except (OSError, ValueError, KeyError) as broken:
        raise NotPossible(f"{path} tidak terbaca", f"{path} cannot be read: {broken}") from broken
    for feature in dice.sample(features, len(features)):
        point = shape(feature["geometry"]).representative_point()
        properties = feature["properties"]
        place = shapes.Place(round(point.x, 6), round(point.y, 6))
        yield VillagePoint(properties["code"], properties["name"], place)


async def choose_destination(client: Client, place: shapes.Place) -> tuple[shapes.Facility, str | None]:
    """Return the hospital for a red patient, and what speaks against it when none may be proposed.

    It is the nearest proposable one; where no hospital is, the nearest by road, with the reason stated.

    Raises:
        Mismatch: no road leads to any facility.
    """
    found = await client.facilities(place, kind=_HOSPITAL) or await client.facilities(place)
    reachable = [facility for facility in found if facility.total_s is not None]
    if not reachable:
        raise Mismatch(
            "facilities by road", "at least one that can be reached", f"{len(found)} without a way"
        )
    proposable = [facility for facility in reachable if facility.proposable]
    if proposable:
        return proposable[0], None
    nearest = reachable[0]
    return nearest, f"{nearest.why_not_id} / {nearest.why_not_en}"


async def make_plan(
    operator: OperatorClient, villages: Iterator[VillagePoint], desk_of: UUID | None, speed: float
) -> Plan:
    """Choose a village near a road, the free tracked unit nearest to it, and the destination.

    Of the villages tried, one counts as good when the facility with an account receives the patient and no
    leg is too long for the wanted speed; else the one with the shortest legs is taken.

    Raises:
        Mismatch: no village can be reached, or no tracked unit is free.
    """
    plans: list[Plan] = []
    tried = 0
    for village in villages:
        if tried == VILLAGES_TRIED:
            break
        tried += 1
        plan = await _plan_for(operator, village)
        if plan is None:
            continue
        if desk_of in (None, plan.destination.id) and plan.longest_s <= speed * LEG_AT_MOST_S:
            return plan
        plans.append(plan)
    if not plans:
        raise Mismatch("a scene", f"a village within {NEAR_ROAD_M:g} m of a road", f"none of {tried}")
    return min(plans, key=lambda p: (p.destination.id != desk_of, p.longest_s))


async def _plan_for(operator: OperatorClient, village: VillagePoint) -> Plan | None:
    """Return a plan for this village; None when it lies too far off the roads."""
    destination, _ = await choose_destination(operator, village.place)
    try:
        way = await operator.route(village.place, shapes.Place(destination.lon, destination.lat))
    except Refused as refused:
        if refused.problem.get("reachable") is False:
            return None
        raise
    if way.access_m > NEAR_ROAD_M:
        return None
    ranking = await operator.candidates_for(village.place, _TRIAGE)
    free = [
        (held.total_s, held.unit)
        for held in ranking.not_offered
        if held.total_s is not None and held.unit.tracking == "app" and held.unit.status == "off_shift"
    ]
    if not free:
        raise Mismatch("a free unit", "a tracked unit without a crew", "every tracked unit has one")
    free.sort(key=lambda option: (option[0] < WORTH_SEEING_S, option[0]))
    (to_scene_s, unit), *spare = free
    return Plan(village, unit, tuple(u for _, u in spare), to_scene_s, way.total_s, destination)
