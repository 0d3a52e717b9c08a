"""The road network as it is now: the regency's store under the changes that are in force."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import shapely
from geoalchemy2.shape import to_shape
from sqlalchemy import or_, select

import routing
from dispatch.services.centre import Centre
from dispatch.services.tenants import TenantEntry
from dispatch.storage.tables.road_change import RoadChange
from dispatch.storage.transaction import Transaction


@dataclass(frozen=True, slots=True)
class InForce:
    """The changes in force at one moment, in the order of their ids."""

    changes: tuple[routing.RoadChange, ...]
    at: datetime


class RoadsNow(NamedTuple):
    """The network under what is in force `at` a moment, which its answers are to be asked for."""

    network: routing.Network
    at: datetime


async def changes_in_force(tx: Transaction) -> InForce:
    """Return the changes in force at the transaction's moment.

    Every answer reads them from the database: a change counts in the next answer of every process, after a
    restart as well, and ends by the clock alone.
    """
    rows = await tx.session.execute(
        select(RoadChange)
        .where(
            RoadChange.regency_id == tx.tenant.id,
            RoadChange.lifted_at.is_(None),
            RoadChange.starts_at <= tx.now,
            or_(RoadChange.ends_at.is_(None), RoadChange.ends_at > tx.now),
        )
        .order_by(RoadChange.id)
    )
    return InForce(tuple(as_routing(row) for row in rows.scalars()), tx.now)


def as_routing(row: RoadChange) -> routing.RoadChange:
    """Return a change as the road network takes it."""
    shape = to_shape(row.shape)
    assert isinstance(shape, shapely.Point | shapely.LineString | shapely.Polygon), "as drawn"
    return routing.RoadChange(
        id=str(row.id),
        geometry=shape,
        effect="close" if row.speed_factor is None else row.speed_factor,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        reason=row.reason,
        author=str(row.author_id),
    )


async def roads_under(centre: Centre, entry: TenantEntry, in_force: InForce) -> routing.Network:
    """Return the tenant's network under these changes. To be called outside of transactions: it computes.

    Raises:
        Unavailable: the tenant's road network cannot be read.
    """
    network = await centre.roads.of(entry)
    if not in_force.changes:
        return network
    return await asyncio.to_thread(network.with_changes, in_force.changes, in_force.at)


async def roads_now(centre: Centre, entry: TenantEntry) -> RoadsNow:
    """Return the tenant's network as it is at this moment. Raises as `roads_under`."""
    async with centre.read(entry.tenant) as tx:
        in_force = await changes_in_force(tx)
    return RoadsNow(await roads_under(centre, entry, in_force), in_force.at)
