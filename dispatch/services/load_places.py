"""Brings a tenant's facilities and units to what its bundle says, one event per changed row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar
from uuid import UUID, uuid5

import shapely
from geoalchemy2 import WKBElement
from geoalchemy2.shape import from_shape
from sqlalchemy import select

from dispatch.bundle import Bundle
from dispatch.domain.events import EventKind
from dispatch.domain.roles import SYSTEM
from dispatch.services.centre import Centre
from dispatch.storage.database import Tenant
from dispatch.storage.images import ewkb
from dispatch.storage.tables.assignment import Assignment
from dispatch.storage.tables.facility import Facility
from dispatch.storage.tables.unit import Unit
from dispatch.storage.transaction import Transaction

_PLACES = UUID("6f1f4c1e-5b0a-4c8e-9c39-2f0d7a9b3214")  # namespace of the ids below; never to be changed
_EVENTS_AT_ONCE = 50
CAUSE = "regency load"

Columns = Mapping[str, Any]
Place = TypeVar("Place", Facility, Unit)


@dataclass
class PlaceChanges:
    """Codes and call signs of what a load changed. `on_run` are units to be taken out that are on a run."""

    added: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    withdrawn: list[str] = field(default_factory=list)
    on_run: list[str] = field(default_factory=list)

    @property
    def count(self) -> int:
        """How many rows were written."""
        return len(self.added) + len(self.changed) + len(self.withdrawn)


def facility_id(regency_id: int, code: str) -> UUID:
    """Return the id that a facility has at every load."""
    return uuid5(_PLACES, f"{regency_id}/facility/{code}")


def unit_id(regency_id: int, call_sign: str) -> UUID:
    """Return the id that a unit has at every load."""
    return uuid5(_PLACES, f"{regency_id}/unit/{call_sign}")


async def load_facilities(centre: Centre, tenant: Tenant, bundle: Bundle) -> PlaceChanges:
    """Write the bundle's facilities; those it no longer lists become inactive. Their EMS status is kept."""
    wanted: dict[UUID, Columns] = {
        facility_id(tenant.id, spec.code): {
            "code": spec.code,
            "name": spec.name,
            "kind": spec.kind,
            "address": spec.address,
            "phone": spec.phone,
            "place": _point(spec.lon, spec.lat),
            "position_quality": spec.position_quality,
            "capabilities": list(spec.capabilities),
            "beds": spec.beds,
            "source": spec.source,
            "active": True,
        }
        for spec in bundle.facilities
    }
    return await _apply(centre, tenant, Facility, wanted, {"ems_status": "normal"})


async def load_units(centre: Centre, tenant: Tenant, bundle: Bundle) -> PlaceChanges:
    """Write the bundle's units; those it no longer lists become inactive, unless they are on a run."""
    wanted: dict[UUID, Columns] = {}
    for spec in bundle.units:
        base = spec.base_facility_code
        wanted[unit_id(tenant.id, spec.call_sign)] = {
            "call_sign": spec.call_sign,
            "plate": spec.plate,
            "kind": spec.type,
            "tracking": spec.tracking,
            "capabilities": list(spec.capabilities),
            "base_facility_id": facility_id(tenant.id, base) if base else None,
            "base": _point(*bundle.base_point(spec)),
            "phone": spec.phone,
            "active": True,
        }
    return await _apply(centre, tenant, Unit, wanted, {})


async def _apply(
    centre: Centre,
    tenant: Tenant,
    table: type[Place],
    wanted: Mapping[UUID, Columns],
    at_first: Columns,
) -> PlaceChanges:
    async with centre.read(tenant) as tx:
        rows = await tx.session.scalars(select(table).where(table.regency_id == tenant.id))
        standing: dict[UUID, Place] = {row.id: row for row in rows}
    differing: list[UUID] = [i for i in wanted if i not in standing or _differences(standing[i], wanted[i])]
    gone: list[UUID] = [row_id for row_id, row in standing.items() if row_id not in wanted and row.active]
    changes = PlaceChanges()
    todo = sorted([*differing, *gone])
    for at in range(0, len(todo), _EVENTS_AT_ONCE):
        async with centre.begin(tenant, SYSTEM, CAUSE) as tx:
            for row_id in todo[at : at + _EVENTS_AT_ONCE]:
                columns = wanted.get(row_id)
                if columns is None:
                    await _withdraw(tx, table, row_id, changes)
                else:
                    await _write(tx, table, row_id, columns, at_first, changes)
    return changes


async def _write(
    tx: Transaction,
    table: type[Place],
    row_id: UUID,
    columns: Columns,
    at_first: Columns,
    changes: PlaceChanges,
) -> None:
    row = await tx.find(table, row_id, lock=True)
    if row is None:
        row = table(regency_id=tx.tenant.id, id=row_id, **columns, **at_first)
        await tx.add(row)
        await _record(tx, row, "added")
        changes.added.append(_name(row))
        return
    different = _differences(row, columns)
    for name in different:
        setattr(row, name, columns[name])
    if different:
        await _record(tx, row, "changed")
        changes.changed.append(_name(row))


async def _withdraw(tx: Transaction, table: type[Place], row_id: UUID, changes: PlaceChanges) -> None:
    row = await tx.get(table, row_id, lock=True)
    if isinstance(row, Unit) and await _on_run(tx, row_id):
        changes.on_run.append(row.call_sign)
        return
    row.active = False
    await _record(tx, row, "withdrawn")
    changes.withdrawn.append(_name(row))


async def _on_run(tx: Transaction, unit_id: UUID) -> bool:
    query = select(Assignment.id).where(
        Assignment.regency_id == tx.tenant.id,
        Assignment.unit_id == unit_id,
        Assignment.released_at.is_(None),
    )
    return (await tx.session.execute(query)).first() is not None


async def _record(tx: Transaction, row: Facility | Unit, change: str) -> None:
    if isinstance(row, Facility):
        await tx.record(EventKind.FACILITY_LOADED, row, data={"code": row.code, "change": change})
    else:
        await tx.record(EventKind.UNIT_LOADED, row, data={"call_sign": row.call_sign, "change": change})


def _differences(row: Facility | Unit, columns: Columns) -> Sequence[str]:
    return [name for name, value in columns.items() if _comparable(getattr(row, name)) != _comparable(value)]


def _comparable(value: object) -> object:
    return ewkb(value) if isinstance(value, WKBElement) else value


def _name(row: Facility | Unit) -> str:
    return row.code if isinstance(row, Facility) else row.call_sign


def _point(lon: float, lat: float) -> WKBElement:
    return from_shape(shapely.Point(lon, lat), srid=4326, extended=True)
