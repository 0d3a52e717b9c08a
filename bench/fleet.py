"""A fleet for the measurements: thousands of units, each with a crew aboard and on a run of its own."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from datetime import timedelta
from typing import NamedTuple
from uuid import UUID

import numpy as np
import shapely
from geoalchemy2.shape import from_shape

import routing
from dispatch.domain.events import EventKind
from dispatch.domain.roles import SYSTEM
from dispatch.services.centre import Centre
from dispatch.services.tenants import TenantEntry
from dispatch.storage.tables.assignment import Assignment
from dispatch.storage.tables.base import Base
from dispatch.storage.tables.incident import Incident
from dispatch.storage.tables.session import Session
from dispatch.storage.tables.shift import CrewMembership, Shift
from dispatch.storage.tables.staff import StaffUser
from dispatch.storage.tables.stamp import Stamp
from dispatch.storage.tables.unit import Unit
from dispatch.storage.transaction import Transaction

_AT_ONCE = 250
_ROADS = 120
_SPEED_MS = 11.2


class Crew(NamedTuple):
    """A driver's token, the unit that is driven, and its own incident."""

    token: str
    unit_id: UUID
    incident_id: UUID


class Way(NamedTuple):
    """Where a vehicle is second by second, at 40 km/h along a road: (lon, lat) and heading in degrees."""

    places: list[tuple[float, float]]
    headings: list[float]


async def make_fleet(
    centre: Centre,
    entry: TenantEntry,
    count: int,
    *,
    needs: Sequence[str] = (),
    idle: bool = False,
    first: int = 0,
) -> list[Crew]:
    """Put `count` units with crews, incidents and runs into the database; two thirds of a second per hundred.

    needs: what the incidents ask of units. `idle` units are on no run, and their incidents wait. `first`: the
    number of the first unit, for a fleet that is made in parts.
    """
    crews: list[Crew] = []
    for start in range(first, first + count, _AT_ONCE):
        async with centre.begin(entry.tenant, SYSTEM, "bench") as tx:
            key = await tx.new_person()
            numbers = range(start, min(start + _AT_ONCE, first + count))
            made = [_rows(tx, n, key.id, list(needs), idle) for n in numbers]
            for rows in zip(*(rows for rows, _ in made), strict=True):  # a table at a time, parents first
                tx.session.add_all(rows)
                await tx.session.flush()
            await tx.record(EventKind.TENANT_LOADED, ("bench", "fleet"), data={"units": len(made)})
            crews += [crew for _, crew in made]
    return crews


def _rows(tx: Transaction, n: int, key_id: UUID, needs: list[str], idle: bool) -> tuple[list[Base], Crew]:
    regency, now, token = tx.tenant.id, tx.now, secrets.token_urlsafe(32)
    since = now - timedelta(minutes=10)
    here = from_shape(shapely.Point(107.4434 + n % 70 * 1e-3, -6.5567 - n // 70 * 1e-3), 4326, extended=True)
    unit = Unit(
        regency_id=regency, id=tx.id(), call_sign=f"UJI-{n:05d}", plate=f"T {n} UJI", kind="basic",
        tracking="app", capabilities=[], base=here, active=True,
    )  # fmt: skip
    driver = StaffUser(
        regency_id=regency, id=tx.id(), username=f"uji-{n:05d}", role="driver",
        display_name=f"Pengemudi Uji {n}", active=True, added_at=since,
    )  # fmt: skip
    session = Session(
        regency_id=regency, id=tx.id(), token_hash=hashlib.sha256(token.encode()).digest(),
        staff_id=driver.id, device="bench", created_at=now, seen_at=now, expires_at=now + timedelta(hours=8),
    )  # fmt: skip
    shift = Shift(
        regency_id=regency, id=tx.id(), unit_id=unit.id, starts_at=since, ends_at=now + timedelta(hours=8),
        opened_at=since, origin="ad_hoc",
    )  # fmt: skip
    crew = CrewMembership(
        regency_id=regency, id=tx.id(), shift_id=shift.id, staff_id=driver.id, duty="driver", joined_at=since
    )
    incident = Incident(
        regency_id=regency, id=tx.id(), realm=tx.tenant.realm, number=f"UJI-{n:05d}", kind="emergency",
        state="confirmed", triage="yellow" if idle else "red", needs=needs, key_id=key_id, place=here,
        outside=False, reported_at=since, waiting_since=since if idle else None,
    )  # fmt: skip
    run = Assignment(
        regency_id=regency, id=tx.id(), incident_id=incident.id, origin_incident_id=incident.id,
        unit_id=unit.id, state="en_route", origin="operator", rank=1, created_at=since, acknowledged_at=since,
    )  # fmt: skip
    stamp = Stamp(
        regency_id=regency, id=tx.id(), incident_id=incident.id, assignment_id=run.id, name="en_route_at",
        occurred_at=since, received_at=since, source="crew", clock_corrected=False,
    )  # fmt: skip
    rows: list[Base] = [unit, driver, session, shift, crew, incident]
    return rows if idle else [*rows, run, stamp], Crew(token, unit.id, incident.id)


def ways(network: routing.Network, seconds: int) -> list[Way]:
    """Return ways over real roads, each long enough for so many seconds there and back."""
    west, south, east, north = network.box
    throws = np.random.default_rng(20261120)
    found: list[Way] = []
    while len(found) < _ROADS:
        ends = throws.uniform((west, south), (east, north), (2, 2))
        try:
            route = network.route(tuple(ends[0]), tuple(ends[1]))
        except routing.RoutingError:
            continue
        line = np.array(route.geometry)
        if len(line) > 2:
            found.append(_driven(line, seconds))
    return found


def _driven(line: np.ndarray, seconds: int) -> Way:
    steps = np.diff(line, axis=0) * (111_195.0 * np.cos(np.radians(line[0, 1])), 111_195.0)
    along = np.concatenate([[0.0], np.cumsum(np.hypot(steps[:, 0], steps[:, 1]))])
    metres = np.arange(seconds) * _SPEED_MS % (2 * along[-1])
    metres = np.where(metres > along[-1], 2 * along[-1] - metres, metres)  # at the end it turns round
    places = np.column_stack([np.interp(metres, along, line[:, axis]) for axis in (0, 1)])
    ahead = np.roll(places, -1, axis=0) - places
    headings = np.degrees(np.arctan2(ahead[:, 0], ahead[:, 1])) % 360.0
    return Way([(float(x), float(y)) for x, y in places], headings.tolist())
