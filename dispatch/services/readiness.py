"""Units that cannot be sent for a while, and their return."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select

from dispatch.domain.errors import Conflict, Forbidden
from dispatch.domain.events import EventKind
from dispatch.domain.roles import Actor, Role
from dispatch.domain.unit import UnavailabilityReason, UnitStatus
from dispatch.domain.words import words
from dispatch.services.centre import Centre
from dispatch.services.crew import aboard
from dispatch.services.deadlines import watch_return
from dispatch.services.stamping import moment
from dispatch.services.tenants import TenantEntry
from dispatch.services.unit_state import status_of
from dispatch.services.waiting import ring_for_waiting
from dispatch.storage.queries.units import one_unit
from dispatch.storage.tables.unit import Unavailability, Unit
from dispatch.storage.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Said:
    """When a phone was told, by its own clock, and when it sent that: it may have had no signal between."""

    device_at: datetime | None = None
    sent_at: datetime | None = None


NOW = Said()


async def _own_unit(tx: Transaction, actor: Actor, unit_id: UUID) -> None:
    if actor.role is not Role.DRIVER or actor.id is None:
        return
    present = await aboard(tx, actor.id)
    if present is None or present.unit_id != unit_id:
        raise Forbidden("Anda tidak sedang bertugas di unit ini", "You are not aboard this unit")


async def _open(tx: Transaction, unit_id: UUID) -> Unavailability | None:
    return (
        await tx.session.execute(
            select(Unavailability)
            .where(
                Unavailability.regency_id == tx.tenant.id,
                Unavailability.unit_id == unit_id,
                Unavailability.ended_at.is_(None),
            )
            .with_for_update()
        )
    ).scalar_one_or_none()


async def make_unavailable(
    centre: Centre,
    entry: TenantEntry,
    actor: Actor,
    unit_id: UUID,
    reason: UnavailabilityReason,
    note: str | None,
    expected_until: datetime | None,
    *,
    cause: str,
    said: Said = NOW,
) -> None:
    """Take a unit out of service; a run in progress goes on. A crew's phone may say the same twice.

    Raises:
        Conflict: it is out of service already. Forbidden: a driver who is not aboard.
    """
    async with centre.begin(entry.tenant, actor, cause) as tx:
        unit = await tx.get(Unit, unit_id, lock=True)
        await _own_unit(tx, actor, unit_id)
        if (present := await _open(tx, unit_id)) is not None:
            if present.reason == reason and actor.role is Role.DRIVER:
                return
            why = words("unavailability", present.reason)
            raise Conflict(
                f"{unit.call_sign} sudah tercatat tidak siap: {why.id}",
                f"{unit.call_sign} is out of service already: {why.en}",
                reason=present.reason,
            )
        last = await _last_end(tx, unit_id)
        began = moment(tx.now, device_at=said.device_at, sent_at=said.sent_at, not_before=last)
        row = Unavailability(
            regency_id=tx.tenant.id,
            id=tx.id(),
            unit_id=unit_id,
            reason=reason.value,
            note=note,
            began_at=began.occurred_at,
            expected_until=expected_until,
            ended_at=None,
        )
        await tx.add(row)
        watch_return(tx, row)
        await tx.record(
            EventKind.UNIT_MADE_UNAVAILABLE,
            row,
            data={"unit_id": str(unit_id), "call_sign": unit.call_sign, "reason": reason.value},
            occurred_at=began.occurred_at,
            device_at=began.device_at,
        )


async def _last_end(tx: Transaction, unit_id: UUID) -> datetime | None:
    """Return when the unit was last put back: what is told late cannot begin before."""
    ended = await tx.session.execute(
        select(func.max(Unavailability.ended_at)).where(
            Unavailability.regency_id == tx.tenant.id, Unavailability.unit_id == unit_id
        )
    )
    return ended.scalar_one()


async def make_available(
    centre: Centre, entry: TenantEntry, actor: Actor, unit_id: UUID, *, cause: str, said: Said = NOW
) -> None:
    """Put a unit back into service and ring for whoever waits. In service already is harmless.

    Raises:
        Conflict: it was said before the unit was last taken out. Forbidden: a driver who is not aboard.
    """
    async with centre.begin(entry.tenant, actor, cause) as tx:
        unit = await tx.get(Unit, unit_id, lock=True)
        await _own_unit(tx, actor, unit_id)
        row = await _open(tx, unit_id)
        if row is None:
            return
        ended = moment(tx.now, device_at=said.device_at, sent_at=said.sent_at)
        if ended.occurred_at < row.began_at:
            why = words("unavailability", row.reason)
            raise Conflict(
                f"Sesudah itu {unit.call_sign} dinyatakan tidak siap: {why.id}",
                f"After that {unit.call_sign} was taken out of service: {why.en}",
                reason=row.reason,
            )
        row.ended_at = ended.occurred_at
        watch_return(tx, row)
        await tx.record(
            EventKind.UNIT_MADE_AVAILABLE,
            row,
            data={"unit_id": str(unit_id), "call_sign": unit.call_sign},
            occurred_at=ended.occurred_at,
            device_at=ended.device_at,
        )
        now = await one_unit(tx.session, tx.tenant.id, tx.now, unit_id)
        if now is not None and status_of(now) is UnitStatus.AVAILABLE:
            await ring_for_waiting(tx, await tx.get(Unit, unit_id))
