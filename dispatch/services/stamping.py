"""Writing stamps: once each, with source and honest clocks; a moment nobody saw gets none."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from uuid import UUID

from sqlalchemy import Select, bindparam, select

from dispatch.domain.stamps import Stamp as StampName
from dispatch.domain.stamps import StampSource
from dispatch.storage.tables.stamp import Stamp
from dispatch.storage.transaction import Transaction

# a phone whose clock is off by less than this is believed as it is
CLOCK_TOLERANCE = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class Moment:
    """When something happened, and whether the reporting clock had to be corrected."""

    occurred_at: datetime
    corrected: bool = False
    device_at: datetime | None = None


def moment(
    received_at: datetime,
    *,
    device_at: datetime | None = None,
    sent_at: datetime | None = None,
    not_before: datetime | None = None,
) -> Moment:
    """Return the server's time of what a device says happened at `device_at` by its own clock.

    `sent_at` is the device's clock at the moment of sending: its difference from `received_at` is the
    clock's error. A result in the future, or before `not_before` (what it reports on did not exist yet), is
    put at the nearest possible moment and flagged.
    """
    if device_at is None:
        return Moment(received_at)
    offset = received_at - sent_at if sent_at else timedelta(0)
    wrong = abs(offset) > CLOCK_TOLERANCE
    occurred = device_at + offset if wrong else device_at
    if occurred > received_at:
        wrong = wrong or occurred - received_at > CLOCK_TOLERANCE
        occurred = received_at
    if not_before is not None and occurred < not_before:
        occurred, wrong = not_before, True
    return Moment(occurred, wrong, device_at)


async def stamp(
    tx: Transaction,
    name: StampName,
    when: Moment,
    source: StampSource,
    *,
    incident_id: UUID,
    assignment_id: UUID | None = None,
    leg_id: UUID | None = None,
) -> None:
    """Write a stamp unless it exists already: the first report of a moment counts."""
    given = {
        "regency": tx.tenant.id,
        "incident": incident_id,
        "assignment": assignment_id,
        "leg": leg_id,
        "name": name.value,
    }
    query = _existing(assignment_id is not None, leg_id is not None)
    if (await tx.session.execute(query, given)).first() is not None:
        return
    await tx.add(first_stamp(tx, name, when, source, incident_id, assignment_id, leg_id))


@cache
def _existing(of_run: bool, of_leg: bool) -> Select[UUID]:
    return select(Stamp.id).where(
        Stamp.regency_id == bindparam("regency"),
        Stamp.incident_id == bindparam("incident"),
        Stamp.assignment_id == bindparam("assignment") if of_run else Stamp.assignment_id.is_(None),
        Stamp.leg_id == bindparam("leg") if of_leg else Stamp.leg_id.is_(None),
        Stamp.name == bindparam("name"),
    )


def first_stamp(
    tx: Transaction,
    name: StampName,
    when: Moment,
    source: StampSource,
    incident_id: UUID,
    assignment_id: UUID | None = None,
    leg_id: UUID | None = None,
) -> Stamp:
    """Return a stamp to be added, of something so new that it cannot have one of this name."""
    return Stamp(
        regency_id=tx.tenant.id,
        id=tx.id(),
        incident_id=incident_id,
        assignment_id=assignment_id,
        leg_id=leg_id,
        name=name.value,
        occurred_at=when.occurred_at,
        received_at=tx.now,
        source=source.value,
        clock_corrected=when.corrected,
    )
