"""Crews: signing on to a unit opens its shift, signing off closes it; relief in mid-run keeps the run."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select

from dispatch.domain.errors import Conflict
from dispatch.domain.events import EventKind
from dispatch.domain.roles import Actor
from dispatch.domain.unit import Tracking, UnitStatus
from dispatch.services.centre import Centre
from dispatch.services.tenants import TenantEntry
from dispatch.services.unit_state import status_of
from dispatch.services.waiting import ring_for_waiting
from dispatch.storage.queries.units import one_unit
from dispatch.storage.tables.shift import CrewMembership, Shift
from dispatch.storage.tables.staff import StaffUser
from dispatch.storage.tables.unit import Unit
from dispatch.storage.transaction import Transaction

AD_HOC = timedelta(hours=8)
EARLY = timedelta(minutes=30)  # so long before its shift begins a crew may sign on


@dataclass(frozen=True, slots=True)
class Aboard:
    """A crew member's place on a unit."""

    unit_id: UUID
    call_sign: str
    shift_id: UUID
    shift_ends_at: datetime
    joined_at: datetime


async def aboard(tx: Transaction, staff_id: UUID) -> Aboard | None:
    """Return where the driver is signed on now, or None."""
    row = (
        await tx.session.execute(
            select(CrewMembership, Shift, Unit)
            .join(
                Shift,
                (Shift.regency_id == CrewMembership.regency_id) & (Shift.id == CrewMembership.shift_id),
            )
            .join(Unit, (Unit.regency_id == Shift.regency_id) & (Unit.id == Shift.unit_id))
            .where(
                CrewMembership.regency_id == tx.tenant.id,
                CrewMembership.staff_id == staff_id,
                CrewMembership.left_at.is_(None),
            )
        )
    ).one_or_none()
    if row is None:
        return None
    member, shift, unit = row
    return Aboard(unit.id, unit.call_sign, shift.id, shift.ends_at, member.joined_at)


async def sign_on(
    centre: Centre,
    entry: TenantEntry,
    actor: Actor,
    call_sign: str,
    check: dict[str, Any] | None,
    *,
    cause: str,
) -> Aboard:
    """Sign the driver on to a tracked unit. Signing on to the same unit again is harmless.

    Raises:
        Conflict: there is no such tracked unit, or the driver's present unit is on a run with nobody else
            aboard.
    """
    async with centre.begin(entry.tenant, actor, cause) as tx:
        staff_id = _driver(actor)
        unit = (
            await tx.session.execute(
                select(Unit).where(
                    Unit.regency_id == tx.tenant.id, Unit.call_sign == call_sign.strip(), Unit.active
                )
            )
        ).scalar_one_or_none()
        if unit is None or unit.tracking != Tracking.APP:
            raise Conflict(
                f"Tidak ada unit terlacak '{call_sign}' di {tx.tenant.name}",
                f"There is no tracked unit '{call_sign}' in {tx.tenant.name}",
                unit=call_sign,
            )
        present = await _lock(tx, staff_id, unit.id)
        if present is not None and present.unit_id == unit.id:
            return present
        if present is not None:
            await _leave(tx, staff_id)
        shift, opened = await _shift(tx, unit, check)
        member = CrewMembership(
            regency_id=tx.tenant.id,
            id=tx.id(),
            shift_id=shift.id,
            staff_id=staff_id,
            duty="driver",
            joined_at=tx.now,
            left_at=None,
        )
        await tx.add(member)
        await tx.record(
            EventKind.SHIFT_OPENED if opened else EventKind.CREW_CHANGED,
            shift,
            data={"unit_id": str(unit.id), "call_sign": unit.call_sign, "joined": str(staff_id)},
        )
        if opened:
            await _ring_if_free(tx, unit.id)
        return Aboard(unit.id, unit.call_sign, shift.id, shift.ends_at, member.joined_at)


async def sign_off(centre: Centre, entry: TenantEntry, actor: Actor, *, cause: str) -> None:
    """Sign the driver off; the last one aboard closes the shift. Signed off already is harmless.

    Raises:
        Conflict: the unit is on a run and nobody else is aboard.
    """
    async with centre.begin(entry.tenant, actor, cause) as tx:
        staff_id = _driver(actor)
        await _lock(tx, staff_id)
        await _leave(tx, staff_id)


async def _lock(tx: Transaction, staff_id: UUID, coming_to: UUID | None = None) -> Aboard | None:
    """Lock the driver, then the units that are left and joined, by id; return where the driver is aboard.

    A unit is locked before its run is looked at: a crew cannot leave while somebody sends it.
    """
    await tx.session.execute(
        select(StaffUser.id)
        .where(StaffUser.regency_id == tx.tenant.id, StaffUser.id == staff_id)
        .with_for_update(key_share=True)
    )
    present = await aboard(tx, staff_id)
    units = {coming_to, present.unit_id if present else None} - {None}
    await tx.session.execute(
        select(Unit.id)
        .where(Unit.regency_id == tx.tenant.id, Unit.id.in_(units))
        .order_by(Unit.id)
        .with_for_update()
    )
    # the shift's end may have signed the driver off while we waited
    return await aboard(tx, staff_id)


def _driver(actor: Actor) -> UUID:
    if actor.id is None:
        raise Conflict("Hanya awak yang dapat masuk dinas", "Only crew can sign on")
    return actor.id


async def _shift(tx: Transaction, unit: Unit, check: dict[str, Any] | None) -> tuple[Shift, bool]:
    shifts = (
        await tx.session.execute(
            select(Shift)
            .where(
                Shift.regency_id == tx.tenant.id,
                Shift.unit_id == unit.id,
                Shift.closed_at.is_(None),
                Shift.starts_at <= tx.now + EARLY,
                (Shift.ends_at > tx.now) | Shift.opened_at.is_not(None),
            )
            .order_by(Shift.opened_at.is_(None), Shift.starts_at)
            .with_for_update()
        )
    ).scalars()
    shift = next(iter(shifts), None)
    if shift is None:
        shift = Shift(
            regency_id=tx.tenant.id,
            id=tx.id(),
            unit_id=unit.id,
            desk=None,
            starts_at=tx.now,
            ends_at=tx.now + AD_HOC,
            opened_at=tx.now,
            closed_at=None,
            origin="ad_hoc",
            start_check=check,
        )
        await tx.add(shift)
        return shift, True
    if shift.opened_at is not None:
        return shift, False
    shift.opened_at = tx.now
    shift.start_check = check
    await tx.session.flush()
    return shift, True


async def _leave(tx: Transaction, staff_id: UUID) -> None:
    members = (
        await tx.session.execute(
            select(CrewMembership, Shift)
            .join(
                Shift,
                (Shift.regency_id == CrewMembership.regency_id) & (Shift.id == CrewMembership.shift_id),
            )
            .where(
                CrewMembership.regency_id == tx.tenant.id,
                CrewMembership.staff_id == staff_id,
                CrewMembership.left_at.is_(None),
            )
            .with_for_update()
        )
    ).one_or_none()
    if members is None:
        return
    member, shift = members
    others = (
        await tx.session.execute(
            select(CrewMembership.id).where(
                CrewMembership.regency_id == tx.tenant.id,
                CrewMembership.shift_id == shift.id,
                CrewMembership.left_at.is_(None),
                CrewMembership.id != member.id,
            )
        )
    ).first()
    unit = await one_unit(tx.session, tx.tenant.id, tx.now, shift.unit_id) if shift.unit_id else None
    if others is None and unit is not None and unit.assignment_id is not None:
        raise Conflict(
            f"{unit.call_sign} sedang bertugas untuk {unit.incident_number}; "
            "selesaikan atau tunggu pengganti",
            f"{unit.call_sign} is on a run for {unit.incident_number}; finish it or wait for your relief",
            incident=unit.incident_number,
        )
    member.left_at = tx.now
    if others is None:
        shift.closed_at = tx.now
    await tx.record(
        EventKind.SHIFT_CLOSED if others is None else EventKind.CREW_CHANGED,
        shift,
        data={"unit_id": str(shift.unit_id), "left": str(staff_id)},
    )


async def _ring_if_free(tx: Transaction, unit_id: UUID) -> None:
    unit = await one_unit(tx.session, tx.tenant.id, tx.now, unit_id)
    if unit is not None and status_of(unit) is UnitStatus.AVAILABLE:
        await ring_for_waiting(tx, await tx.get(Unit, unit_id))
