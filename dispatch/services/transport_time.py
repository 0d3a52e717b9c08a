"""Until when a run that carries its patient should have come to its facility, by the roads between."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select

import routing
from dispatch.domain.deadlines import transport_seconds
from dispatch.domain.errors import Unavailable
from dispatch.domain.stamps import Stamp
from dispatch.services.centre import Centre
from dispatch.services.live_roads import InForce, changes_in_force, roads_under
from dispatch.services.placing import Point, point_of
from dispatch.services.rank_units import access_kmh
from dispatch.services.tenants import TenantEntry
from dispatch.storage.tables.assignment import Assignment, Leg
from dispatch.storage.tables.facility import Facility
from dispatch.storage.tables.incident import Incident
from dispatch.storage.tables.stamp import Stamp as StampRow
from dispatch.storage.transaction import Transaction


async def transport_due(centre: Centre, entry: TenantEntry, run_id: UUID, since: datetime | None) -> datetime:
    """Return until when the run's last leg may take.

    `since` is when it was led to its present destination; left out, it counts from when it left. Where either
    end of the way is unknown, or no road is known between them, the tenant's setting holds.
    """
    async with centre.read(entry.tenant) as tx:
        run = await tx.get(Assignment, run_id)
        incident = await tx.get(Incident, run.incident_id)
        legs = await _last_legs(tx, run)
        began = since or (await _left_at(tx, legs[0]) if legs else None) or tx.now
        origin = await _origin(tx, incident, legs)
        goal = await _end(tx, legs[0]) if legs else None
        in_force = await changes_in_force(tx)
    predicted = None
    if origin is not None and goal is not None:
        predicted = await _drive(centre, entry, origin, goal, in_force)
    pace = incident.speed_factor or 1.0
    return began + timedelta(seconds=transport_seconds(predicted, pace, entry.tenant.settings))


async def _last_legs(tx: Transaction, run: Assignment) -> list[Leg]:
    """The leg that is under way, and the one before it where there was one."""
    rows = await tx.session.execute(
        select(Leg)
        .where(Leg.regency_id == tx.tenant.id, Leg.assignment_id == run.id)
        .order_by(Leg.position.desc())
        .limit(2)
    )
    return list(rows.scalars())


async def _left_at(tx: Transaction, leg: Leg) -> datetime | None:
    found: datetime | None = await tx.session.scalar(
        select(StampRow.occurred_at).where(
            StampRow.regency_id == tx.tenant.id,
            StampRow.leg_id == leg.id,
            StampRow.name == Stamp.LEFT_SCENE.value,
        )
    )
    return found


async def _origin(tx: Transaction, incident: Incident, legs: list[Leg]) -> Point | None:
    """Where the leg began: at the scene, or at the facility that could not take the patient."""
    return await _end(tx, legs[1]) if len(legs) > 1 else point_of(incident.place)


async def _end(tx: Transaction, leg: Leg) -> Point | None:
    return point_of((await tx.get(Facility, leg.facility_id)).place) if leg.facility_id else None


async def _drive(
    centre: Centre, entry: TenantEntry, origin: Point, goal: Point, in_force: InForce
) -> float | None:
    try:
        network = await roads_under(centre, entry, in_force)
        (travel,) = await asyncio.to_thread(
            network.from_one,
            (origin.lon, origin.lat),
            [(goal.lon, goal.lat)],
            at=in_force.at,
            access_kmh=access_kmh(entry),
        )
    except (Unavailable, routing.BadPoint):  # the alarm comes by the setting: it must not wait for roads
        return None
    return float(travel.total_s) if travel.reachable else None
