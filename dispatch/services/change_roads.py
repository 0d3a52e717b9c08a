"""Roads closed or slowed by an operator, extended, lifted and listed."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import shapely
from geoalchemy2.shape import from_shape, to_shape
from sqlalchemy import or_, select
from sqlalchemy.orm import aliased

import routing
from dispatch.domain.deadlines import TimerKind
from dispatch.domain.errors import Conflict, ContentDiffers, FieldProblem, InvalidInput
from dispatch.domain.events import EventKind
from dispatch.domain.road_change import (
    FURTHEST_START,
    LEAST_SLOW,
    OLDEST_START,
    SLOWEST,
    Lifetime,
    RoadChangeReason,
    RoadChangeState,
    RoadEffect,
)
from dispatch.domain.roles import SYSTEM, Actor
from dispatch.services.centre import Centre
from dispatch.services.due_timers import Firing, end_firing, still_held
from dispatch.services.live_roads import as_routing
from dispatch.services.placing import Placement, Point, placement
from dispatch.services.road_refusals import in_words
from dispatch.services.tenants import TenantEntry
from dispatch.storage.tables.road_change import RoadChange
from dispatch.storage.tables.staff import StaffUser
from dispatch.storage.transaction import Transaction

Drawn = shapely.Point | shapely.LineString | shapely.Polygon
# Half a metre: nobody sees less on a map.
_AS_DRAWN_DEG = 5e-6
_CAUSE = "timer"


@dataclass(frozen=True, slots=True)
class NewRoadChange:
    """What an operator draws. `shape` is a valid point, line or polygon in lon/lat; no `starts_at`: now; no
    `ends_at`: until somebody lifts it. `speed_factor` belongs to `slow` alone."""

    id: UUID
    shape: Drawn
    effect: RoadEffect
    speed_factor: float | None
    reason: RoadChangeReason
    note: str | None
    starts_at: datetime | None
    ends_at: datetime | None


@dataclass(frozen=True, slots=True)
class RoadsTouched:
    """What a drawing meets on the network: stretches of road, their length, and the names among them.

    `lines` are those stretches as [lon, lat]; `off_road_m` of a drawn line follow no road.
    """

    edges: int
    km: float
    streets: list[str]
    off_road_m: float
    lines: list[list[tuple[float, float]]]


@dataclass(frozen=True, slots=True)
class RoadChangeView:
    """One change. `roads` is what it touches; `shape` is GeoJSON; `village` is where its middle lies."""

    id: UUID
    state: RoadChangeState
    effect: RoadEffect
    speed_factor: float | None
    reason: RoadChangeReason
    note: str | None
    shape: dict[str, Any]
    author: str
    made_at: datetime
    starts_at: datetime
    ends_at: datetime | None
    lifted_at: datetime | None
    lifted_by: str | None
    village: str | None
    district: str | None
    roads: RoadsTouched


async def change_roads(
    centre: Centre, entry: TenantEntry, actor: Actor, wish: NewRoadChange, *, cause: str
) -> RoadChangeView:
    """Put a change into force, or plan it. The same id with the same content again is harmless.

    Raises:
        InvalidInput: times that make no sense, or a drawing that touches no road. ContentDiffers: the id is
            known with other content. Unavailable: the road network cannot be read.
    """
    now = centre.clock()
    starts_at = wish.starts_at or now
    check_wish(wish, now)
    await touched(centre, entry, drawn(wish, starts_at))
    async with centre.begin(entry.tenant, actor, cause) as tx:
        present = await tx.find(RoadChange, wish.id)
        if present is not None:
            _same(present, wish)
        else:
            assert actor.id is not None, "operators have an id"
            row = RoadChange(
                regency_id=tx.tenant.id,
                id=wish.id,
                shape=from_shape(wish.shape, srid=4326, extended=True),
                effect=wish.effect.value,
                speed_factor=wish.speed_factor,
                reason=wish.reason.value,
                note=wish.note,
                author_id=actor.id,
                made_at=tx.now,
                starts_at=starts_at,
                ends_at=wish.ends_at,
                lifted_at=None,
                lifted_by=None,
            )
            await tx.add(row)
            await tx.record(EventKind.ROAD_CHANGED, row, data=_told(row))
            if starts_at > tx.now:
                tx.set_timer(TimerKind.ROAD_STARTS, row.id, starts_at)
            if row.ends_at is not None:
                tx.set_timer(TimerKind.ROAD_ENDS, row.id, row.ends_at)
    return await read_road_change(centre, entry, wish.id)


async def extend_road_change(
    centre: Centre, entry: TenantEntry, actor: Actor, change_id: UUID, ends_at: datetime | None, *, cause: str
) -> RoadChangeView:
    """Give a change that has not ended another end; None: until it is lifted.

    Raises:
        NotFound: no such change. Conflict: it has ended. InvalidInput: the new end lies in the past.
    """
    async with centre.begin(entry.tenant, actor, cause) as tx:
        row = await _standing(tx, change_id)
        if ends_at is not None and ends_at <= max(tx.now, row.starts_at):
            raise InvalidInput(_past_end(ends_at))
        row.ends_at = ends_at
        await tx.record(EventKind.ROAD_CHANGE_EXTENDED, row, data=_told(row))
        if ends_at is None:
            tx.clear_timers(row.id, [TimerKind.ROAD_ENDS])
        else:
            tx.set_timer(TimerKind.ROAD_ENDS, row.id, ends_at)
    return await read_road_change(centre, entry, change_id)


async def lift_road_change(
    centre: Centre, entry: TenantEntry, actor: Actor, change_id: UUID, *, cause: str
) -> RoadChangeView:
    """End a change now. Lifting one that is lifted already is harmless.

    Raises:
        NotFound: no such change. Conflict: it ended by itself before.
    """
    async with centre.begin(entry.tenant, actor, cause) as tx:
        row = await tx.get(RoadChange, change_id, lock=True)
        if row.lifted_at is None:
            row = await _standing(tx, change_id)
            row.lifted_at, row.lifted_by = tx.now, actor.id
            await tx.record(EventKind.ROAD_CHANGE_LIFTED, row, data=_told(row))
            tx.clear_timers(row.id, [TimerKind.ROAD_STARTS, TimerKind.ROAD_ENDS])
    return await read_road_change(centre, entry, change_id)


async def road_change_starts(centre: Centre, entry: TenantEntry, firing: Firing) -> None:
    """A planned change comes into force: it does so by the clock; the screens are told here."""
    await _tell(centre, entry, firing, EventKind.ROAD_CHANGE_STARTED, RoadChangeState.ACTIVE)


async def road_change_ends(centre: Centre, entry: TenantEntry, firing: Firing) -> None:
    """A change has ended: it did so by the clock; the screens are told here."""
    await _tell(centre, entry, firing, EventKind.ROAD_CHANGE_ENDED, RoadChangeState.ENDED)


async def _tell(
    centre: Centre, entry: TenantEntry, firing: Firing, kind: EventKind, state: RoadChangeState
) -> None:
    async with centre.begin(entry.tenant, SYSTEM, _CAUSE) as tx:
        row = await tx.get(RoadChange, firing.subject_id, lock=True)
        if _life(row).state(tx.now) is state and await still_held(tx, firing):
            await tx.record(kind, row, data=_told(row))
        await end_firing(tx, firing)


async def list_road_changes(
    centre: Centre, entry: TenantEntry, *, ended_since: datetime | None = None
) -> list[RoadChangeView]:
    """Return the changes in force and planned, newest first, and those that ended since a moment."""
    async with centre.read(entry.tenant) as tx:
        stands = RoadChange.lifted_at.is_(None) & or_(
            RoadChange.ends_at.is_(None), RoadChange.ends_at > tx.now
        )
        if ended_since is not None:
            stands = stands | (RoadChange.ends_at > ended_since) | (RoadChange.lifted_at > ended_since)
        found = await _rows(tx, stands)
        now = tx.now
    return [await _view(centre, entry, one, now) for one in found]


async def read_road_change(centre: Centre, entry: TenantEntry, change_id: UUID) -> RoadChangeView:
    """Return one change. Raises NotFound."""
    async with centre.read(entry.tenant) as tx:
        await tx.get(RoadChange, change_id)
        found = (await _rows(tx, RoadChange.id == change_id))[0]
        now = tx.now
    return await _view(centre, entry, found, now)


class _Found(NamedTuple):
    row: RoadChange
    author: str
    lifter: str | None
    where: Placement


async def _rows(tx: Transaction, which: Any) -> list[_Found]:
    author, lifter = aliased(StaffUser), aliased(StaffUser)
    rows = await tx.session.execute(
        select(RoadChange, author.display_name, lifter.display_name)
        .join(author, (author.regency_id == RoadChange.regency_id) & (author.id == RoadChange.author_id))
        .outerjoin(lifter, (lifter.regency_id == RoadChange.regency_id) & (lifter.id == RoadChange.lifted_by))
        .where(RoadChange.regency_id == tx.tenant.id, which)
        .order_by(RoadChange.starts_at.desc(), RoadChange.id)
    )
    return [_Found(*row, await _where(tx, row[0])) for row in rows]


async def _where(tx: Transaction, row: RoadChange) -> Placement:
    middle = to_shape(row.shape).representative_point()
    return await placement(tx, Point(middle.x, middle.y))


async def _view(centre: Centre, entry: TenantEntry, found: _Found, now: datetime) -> RoadChangeView:
    row = found.row
    try:
        roads = await touched(centre, entry, as_routing(row))
    except InvalidInput:  # the map was replaced since, and has no road there any more
        roads = RoadsTouched(0, 0.0, [], 0.0, [])
    return RoadChangeView(
        id=row.id,
        state=_life(row).state(now),
        effect=RoadEffect(row.effect),
        speed_factor=row.speed_factor,
        reason=RoadChangeReason(row.reason),
        note=row.note,
        shape=shapely.geometry.mapping(to_shape(row.shape)),
        author=found.author,
        made_at=row.made_at,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        lifted_at=row.lifted_at,
        lifted_by=found.lifter,
        village=found.where.village,
        district=found.where.district,
        roads=roads,
    )


def check_wish(wish: NewRoadChange, now: datetime) -> None:
    """Refuse times and speeds that make no sense.

    Raises:
        InvalidInput: naming every field concerned.
    """
    problems = [*_bad_times(wish.starts_at or now, wish.ends_at, now), *_bad_speed(wish)]
    if problems:
        raise InvalidInput(*problems)


def drawn(wish: NewRoadChange, starts_at: datetime) -> routing.RoadChange:
    """Return a drawing as the road network takes it."""
    return routing.RoadChange(
        id=str(wish.id),
        geometry=wish.shape,
        effect="close" if wish.speed_factor is None else wish.speed_factor,
        starts_at=starts_at,
        ends_at=wish.ends_at,
        reason=wish.reason.value,
        author="",
    )


async def touched(centre: Centre, entry: TenantEntry, change: routing.RoadChange) -> RoadsTouched:
    """Return what a change meets on the tenant's roads.

    Raises:
        InvalidInput: no road at all. Unavailable: the road network cannot be read.
    """
    network = await centre.roads.of(entry)
    try:
        report = await asyncio.to_thread(network.changes_report, change)
    except routing.RoutingError as refused:
        raise in_words(refused, "shape") from refused
    lines = [
        [(round(lon, 6), round(lat, 6)) for lon, lat in line.coords]
        for line in shapely.simplify(shapely.get_parts(report.lines), _AS_DRAWN_DEG)
    ]
    return RoadsTouched(
        report.edges, round(report.km, 2), list(report.streets), round(report.off_road_m, 1), lines
    )


def _life(row: RoadChange) -> Lifetime:
    return Lifetime(row.starts_at, row.ends_at, row.lifted_at)


async def _standing(tx: Transaction, change_id: UUID) -> RoadChange:
    row = await tx.get(RoadChange, change_id, lock=True)
    state = _life(row).state(tx.now)
    if state in (RoadChangeState.ENDED, RoadChangeState.LIFTED):
        raise Conflict(
            "Perubahan jalan ini sudah berakhir; gambar yang baru bila masih perlu",
            "This road change has ended; draw a new one if it is still needed",
            state=state.value,
        )
    return row


def _told(row: RoadChange) -> dict[str, Any]:
    return {
        "effect": row.effect,
        "reason": row.reason,
        "starts_at": row.starts_at.isoformat(),
        "ends_at": row.ends_at.isoformat() if row.ends_at else None,
    }


def _same(row: RoadChange, wish: NewRoadChange) -> None:
    given = (wish.effect.value, wish.speed_factor, wish.reason.value, wish.note)
    if given == (row.effect, row.speed_factor, row.reason, row.note) and shapely.equals_exact(
        wish.shape, to_shape(row.shape), 1e-9
    ):
        return
    raise ContentDiffers(
        "Id perubahan jalan ini sudah dipakai untuk isi yang lain",
        "This id of a road change is in use with other content",
    )


def _bad_speed(wish: NewRoadChange) -> list[FieldProblem]:
    if wish.effect is RoadEffect.CLOSE and wish.speed_factor is not None:
        return [
            FieldProblem(
                "speed_factor", "Jalan yang ditutup tidak punya kecepatan", "A closed road has no speed"
            )
        ]
    if wish.effect is RoadEffect.SLOW and not SLOWEST <= (wish.speed_factor or 0.0) <= LEAST_SLOW:
        given, limits = wish.speed_factor, f"{SLOWEST}..{LEAST_SLOW}"
        return [
            FieldProblem(
                "speed_factor",
                f"Faktor kecepatan {given} di luar {limits}",
                f"Speed factor {given} is outside {limits}",
            )
        ]
    return []


def _bad_times(starts_at: datetime, ends_at: datetime | None, now: datetime) -> list[FieldProblem]:
    problems = []
    if not now - OLDEST_START <= starts_at <= now + FURTHEST_START:
        problems.append(
            FieldProblem(
                "starts_at",
                f"Mulai {starts_at.isoformat()} terlalu jauh dari sekarang (1 hari lalu..90 hari lagi)",
                f"Start {starts_at.isoformat()} is too far from now (1 day ago to 90 days ahead)",
            )
        )
    if ends_at is not None and ends_at <= max(now, starts_at):
        problems.append(_past_end(ends_at))
    return problems


def _past_end(ends_at: datetime) -> FieldProblem:
    return FieldProblem(
        "ends_at",
        f"Akhir {ends_at.isoformat()} sudah lewat atau sebelum mulai",
        f"End {ends_at.isoformat()} has passed or is before the start",
    )
