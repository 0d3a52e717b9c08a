"""Facilities by road minutes from any point, filtered by kind and capability."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

import numpy as np
from sqlalchemy import select

import routing
from dispatch.bundle.model import FACILITY_CAPABILITIES
from dispatch.domain.errors import FieldProblem, InvalidInput
from dispatch.domain.selection import minutes
from dispatch.services import doubts
from dispatch.services.centre import Centre
from dispatch.services.doubts import Doubt
from dispatch.services.live_roads import changes_in_force, roads_under
from dispatch.services.placing import Point, checked_point, point_of
from dispatch.services.rank_units import access_kmh
from dispatch.services.road_refusals import in_words
from dispatch.services.tenants import TenantEntry
from dispatch.storage.tables.facility import Facility
from dispatch.storage.transaction import Transaction

MOST = 500


class FacilityKind(StrEnum):
    """What a facility is."""

    HOSPITAL = "hospital"
    PUSKESMAS = "puskesmas"
    CLINIC = "clinic"


class EmsStatus(StrEnum):
    """Whether a facility takes ambulances now (the traffic status of EDXL-HAVE)."""

    NORMAL = "normal"
    ADVISORY = "advisory"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class FacilityByRoad:
    """One facility and the way to it. Times are None where no road leads.

    `minutes` is `m:ss`, with `~` in front when the position is approximate. Only a `proposable` one may be
    proposed as a destination; `why_not_id` and `why_not_en` say what speaks against the others. Eight
    journeys of ten take between `low_s` and `high_s`; `doubts` says what makes this time less sure.
    """

    id: UUID
    code: str
    name: str
    kind: FacilityKind
    address: str
    phone: str | None
    lon: float
    lat: float
    position_quality: str
    approximate: bool
    ems_status: EmsStatus
    closed: bool
    beds: int | None
    capabilities: list[str]
    reachable: bool
    minutes: str | None
    total_s: float | None
    road_s: float | None
    access_s: float | None
    road_m: float | None
    access_m: float | None
    low_s: float | None
    high_s: float | None
    doubts: list[Doubt]
    proposable: bool
    why_not_id: str | None
    why_not_en: str | None


@dataclass(frozen=True, slots=True)
class FacilitiesByRoad:
    """The answer, nearest in time first, with the version of the road network it rests on."""

    place: Point
    kind: FacilityKind | None
    capabilities: list[str]
    access_kmh: float
    roads_version: str
    facilities: list[FacilityByRoad]


async def find_facilities(
    centre: Centre,
    entry: TenantEntry,
    place: Point,
    kind: str | None = None,
    capabilities: frozenset[str] = frozenset(),
    limit: int = 50,
) -> FacilitiesByRoad:
    """Return the facilities of this kind that have all these capabilities, by road time from `place`.

    Raises:
        InvalidInput: unknown kind or capability (the error lists the known ones), bad point, bad limit.
        Unavailable: the tenant's road network cannot be read.
    """
    start = checked_point(place.lon, place.lat)
    wanted = _checked_kind(kind)
    _check_words(capabilities, limit)
    async with centre.read(entry.tenant) as tx:
        facilities = await _facilities(tx, wanted, capabilities)
        in_force = await changes_in_force(tx)
    network = await roads_under(centre, entry, in_force)
    speed = access_kmh(entry)
    try:
        travels = await asyncio.to_thread(
            network.from_one,
            (start.lon, start.lat),
            _places(facilities),
            at=in_force.at,
            access_kmh=speed,
        )
    except routing.RoutingError as refused:
        raise in_words(refused, "place") from refused
    return FacilitiesByRoad(
        place=start,
        kind=wanted,
        capabilities=sorted(capabilities),
        access_kmh=speed,
        roads_version=travels[0].version if travels else network.version,
        facilities=by_road(facilities, travels)[:limit],
    )


def by_road(facilities: Sequence[Facility], travels: Sequence[routing.Travel]) -> list[FacilityByRoad]:
    """Return the facilities in order of total time, those that no road reaches last, ties by code."""
    way = {t.index: t for t in travels}
    views = [_view(f, way.get(i)) for i, f in enumerate(facilities)]
    return sorted(views, key=lambda v: (v.total_s is None, v.total_s or 0.0, v.code))


def unknown_word(field: str, value: object, allowed: Collection[str]) -> FieldProblem:
    """Return the problem of a word that is none of the known ones; it names the value and all of them."""
    known = ", ".join(sorted(allowed))
    return FieldProblem(
        field, f"'{value}' tidak dikenal; pilihan: {known}", f"'{value}' is unknown; known are: {known}"
    )


def _checked_kind(kind: str | None) -> FacilityKind | None:
    if kind is None:
        return None
    if kind not in list(FacilityKind):
        raise InvalidInput(unknown_word("kind", kind, list(FacilityKind)))
    return FacilityKind(kind)


def _check_words(capabilities: frozenset[str], limit: int) -> None:
    problems = [
        unknown_word("capabilities", word, FACILITY_CAPABILITIES)
        for word in sorted(capabilities - FACILITY_CAPABILITIES)
    ]
    if not 1 <= limit <= MOST:
        problems.append(
            FieldProblem("limit", f"Batas {limit} di luar 1..{MOST}", f"Limit {limit} is outside 1..{MOST}")
        )
    if problems:
        raise InvalidInput(*problems)


async def _facilities(
    tx: Transaction, kind: FacilityKind | None, capabilities: frozenset[str]
) -> list[Facility]:
    query = select(Facility).where(
        Facility.regency_id == tx.tenant.id,
        Facility.active,
        Facility.capabilities.contains(sorted(capabilities)),
    )
    if kind is not None:
        query = query.where(Facility.kind == kind.value)
    return list((await tx.session.execute(query.order_by(Facility.code))).scalars())


def _places(facilities: Sequence[Facility]) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    points = [point_of(f.place) for f in facilities]
    return np.array([(p.lon, p.lat) for p in points if p is not None], dtype=np.float64)


def _view(facility: Facility, travel: routing.Travel | None) -> FacilityByRoad:
    point = point_of(facility.place)
    assert point is not None, "a facility has a place"
    way = travel if travel is not None and travel.reachable else None
    approximate = facility.position_quality == "approximate"
    status = EmsStatus(facility.ems_status)
    why_not = _why_not(approximate=approximate, closed=status is EmsStatus.CLOSED, reachable=way is not None)
    return FacilityByRoad(
        id=facility.id,
        code=facility.code,
        name=facility.name,
        kind=FacilityKind(facility.kind),
        address=facility.address,
        phone=facility.phone,
        lon=point.lon,
        lat=point.lat,
        position_quality=facility.position_quality,
        approximate=approximate,
        ems_status=status,
        closed=status is EmsStatus.CLOSED,
        beds=facility.beds,
        capabilities=facility.capabilities,
        reachable=way is not None,
        minutes=minutes_text(way.total_s, approximate=approximate) if way else None,
        total_s=way.total_s if way else None,
        road_s=way.road_s if way else None,
        access_s=way.access_s if way else None,
        road_m=way.road_m if way else None,
        access_m=way.access_m if way else None,
        low_s=way.low_s if way else None,
        high_s=way.high_s if way else None,
        doubts=doubts.in_words(travel.doubts) if travel else [],
        proposable=why_not is None,
        why_not_id=why_not[0] if why_not else None,
        why_not_en=why_not[1] if why_not else None,
    )


def minutes_text(seconds: float, *, approximate: bool) -> str:
    """Write a travel time as `m:ss`, marked when one of its ends is known approximately only."""
    return f"{'~' if approximate else ''}{minutes(seconds)}"


def _why_not(*, approximate: bool, closed: bool, reachable: bool) -> tuple[str, str] | None:
    reasons = [
        (closed, "tutup untuk ambulans", "closed to ambulances"),
        (approximate, "posisi perkiraan, belum dipastikan", "position approximate, not yet confirmed"),
        (not reachable, "tidak ada jalan ke sana", "no road leads there"),
    ]
    found = [(words_id, words_en) for holds, words_id, words_en in reasons if holds]
    if not found:
        return None
    return "; ".join(words_id for words_id, _ in found), "; ".join(words_en for _, words_en in found)
