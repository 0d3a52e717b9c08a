"""Opens and closes shifts when their time has come: the clock's part in manning units."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, and_, exists, false, func, or_, select

from dispatch.domain.events import EventKind
from dispatch.domain.incident import IncidentState
from dispatch.domain.roles import SYSTEM
from dispatch.domain.unit import Tracking, UnitStatus
from dispatch.services.centre import Centre
from dispatch.services.crew import EARLY
from dispatch.services.tenants import TenantEntry
from dispatch.services.unit_state import status_of
from dispatch.services.waiting import ring_for_waiting
from dispatch.storage.queries.units import one_unit
from dispatch.storage.tables.assignment import Assignment
from dispatch.storage.tables.incident import Incident
from dispatch.storage.tables.shift import CrewMembership, Shift
from dispatch.storage.tables.unit import Unit
from dispatch.storage.transaction import Transaction

Item = TypeVar("Item")

# crews of tracked units sign themselves off; those who forget are signed off after this
SIGN_OFF_GRACE = timedelta(hours=2)
# a crew that came aboard for what follows, after the shift's end or a little before, keeps it open this long
RELIEF = timedelta(hours=12)
_EVENTS_AT_ONCE = 50
_EVENTS_PER_UNIT = 3  # closed, opened, passed over; then an alarm for every incident that waits for a unit
_ROWS_PER_EVENT = 100
_CAUSE = "roster"


@dataclass(frozen=True, slots=True)
class ShiftPass:
    """What one pass did. `opened` are the units now on shift, `closed` those whose shift ended.

    `lapsed` counts planned shifts that passed without being opened.
    """

    opened: tuple[UUID, ...] = ()
    closed: tuple[UUID, ...] = ()
    lapsed: int = 0


async def open_due_shifts(centre: Centre, entry: TenantEntry, *, sign_off: bool = True) -> ShiftPass:
    """Open the shifts of manual units that have begun and close those that are over.

    Tracked units sign on and off by themselves; one that nobody signed off is closed two hours late, its
    crew with it. A unit on a run is left alone: the first pass after its release finds it. A new shift ends
    the one before it in the same transaction, and incidents that wait for a unit hear of it. When nothing is
    due this is one look at an index. Safe to run from several workers at once.

    Without `sign_off` no crew is signed off: the clock may be ahead, and the fleet would be off duty.
    """
    async with centre.read(entry.tenant) as tx:
        waiting = await tx.session.scalar(select(func.count()).where(*_waiting(tx)))
        due = sorted(set(await tx.session.scalars(select(Unit.id).join(*_SHIFT).where(*_due(tx, sign_off)))))
        over = list(await tx.session.scalars(select(Shift.id).where(*_lapsed(tx)).order_by(Shift.id)))
    opened: list[UUID] = []
    closed: list[UUID] = []
    for units in _slices(due, max(1, _EVENTS_AT_ONCE // (_EVENTS_PER_UNIT + (waiting or 0)))):
        async with centre.begin(entry.tenant, SYSTEM, _CAUSE) as tx:
            for unit_id, shifts in (await _due_of(tx, units, sign_off)).items():
                turn = _Turn(tx, unit_id, shifts)
                await turn.change()
                opened += [unit_id] if turn.opened else []
                closed += [unit_id] if turn.closed and not turn.opened else []
    lapsed = 0
    for rows in _slices(over, 10 * _ROWS_PER_EVENT):
        async with centre.begin(entry.tenant, SYSTEM, _CAUSE) as tx:
            lapsed += await _lapse(tx, rows)
    return ShiftPass(tuple(opened), tuple(closed), lapsed)


_SHIFT = (Shift, and_(Unit.regency_id == Shift.regency_id, Unit.id == Shift.unit_id))


def _due(tx: Transaction, sign_off: bool) -> tuple[ColumnElement[bool], ...]:
    """Shifts to open or to close now, of units that are not on a run."""
    on_run = exists().where(
        Assignment.regency_id == Unit.regency_id,
        Assignment.unit_id == Unit.id,
        Assignment.released_at.is_(None),
    )
    manual = Unit.tracking == Tracking.MANUAL
    begun = and_(Shift.opened_at.is_(None), Shift.ends_at > tx.now, manual, Unit.active)
    relieved = exists().where(
        CrewMembership.regency_id == Shift.regency_id,
        CrewMembership.shift_id == Shift.id,
        CrewMembership.left_at.is_(None),
        # who signs on early for the next shift gets into the one that is still open
        CrewMembership.joined_at >= Shift.ends_at - EARLY,
        func.greatest(CrewMembership.joined_at, Shift.ends_at) > tx.now - RELIEF,
    )
    ended = or_(
        and_(Shift.ends_at <= tx.now, manual),
        and_(Shift.ends_at <= tx.now - SIGN_OFF_GRACE, ~relieved) if sign_off else false(),
        Unit.active.is_(False),
    )
    return (
        Shift.regency_id == tx.tenant.id,
        Shift.closed_at.is_(None),
        Shift.starts_at <= tx.now,
        or_(begun, and_(Shift.opened_at.is_not(None), ended)),
        ~on_run,
    )


def _waiting(tx: Transaction) -> tuple[ColumnElement[bool], ...]:
    return (
        Incident.regency_id == tx.tenant.id,
        Incident.state == IncidentState.CONFIRMED.value,
        Incident.waiting_since.is_not(None),
    )


def _lapsed(tx: Transaction) -> tuple[ColumnElement[bool], ...]:
    return (
        Shift.regency_id == tx.tenant.id,
        Shift.closed_at.is_(None),
        Shift.starts_at <= tx.now,
        Shift.opened_at.is_(None),
        Shift.ends_at <= tx.now,
        Shift.unit_id.is_not(None),
    )


async def _due_of(tx: Transaction, units: Sequence[UUID], sign_off: bool) -> dict[UUID, list[Shift]]:
    """The shifts of these units that are due or open, by unit; units are locked first, then shifts."""
    mine = and_(Unit.regency_id == tx.tenant.id, Unit.id.in_(units))
    await tx.session.execute(select(Unit.id).where(mine).order_by(Unit.id).with_for_update())
    # asked again under the locks: a run may have begun, or another worker may have been here
    still = list(await tx.session.scalars(select(Unit.id).join(*_SHIFT).where(mine, *_due(tx, sign_off))))
    rows = await tx.session.scalars(
        select(Shift)
        .where(
            Shift.regency_id == tx.tenant.id,
            Shift.unit_id.in_(still),
            Shift.closed_at.is_(None),
            or_(Shift.opened_at.is_not(None), and_(Shift.starts_at <= tx.now, Shift.ends_at > tx.now)),
        )
        .order_by(Shift.unit_id, Shift.starts_at, Shift.id)
        .with_for_update()
    )
    found: dict[UUID, list[Shift]] = {}
    for row in rows:
        assert row.unit_id is not None
        found.setdefault(row.unit_id, []).append(row)
    return found


class _Turn:
    """One unit's change of shifts within a transaction."""

    def __init__(self, tx: Transaction, unit_id: UUID, shifts: list[Shift]) -> None:
        """`shifts` are the unit's open one and those to be opened, by start."""
        self.tx = tx
        self.unit_id = unit_id
        self.standing = next((s for s in shifts if s.opened_at is not None), None)
        self.waiting = [s for s in shifts if s.opened_at is None]
        self.opened = self.closed = False

    async def change(self) -> None:
        """Close what is over, open what has begun; of several that have begun the last one."""
        unit = await self.tx.get(Unit, self.unit_id)
        manual = unit.tracking == Tracking.MANUAL
        begun = self.waiting if manual and unit.active else []
        coming = begun[-1] if begun else None
        if coming and self.standing and coming.starts_at <= self.standing.starts_at:
            coming = None
        # tracked units are only here when their shift is to be closed
        if self.standing and (
            coming or not manual or not unit.active or self.standing.ends_at <= self.tx.now
        ):
            await self._close(self.standing, unit.call_sign)
        if coming:
            coming.opened_at = self.tx.now
            data = self._data(coming, unit.call_sign) | {"ends_at": coming.ends_at.isoformat()}
            await self.tx.record(EventKind.SHIFT_OPENED, coming, data=data)
            self.opened = True
            await self._ring_if_free()
        passed_over = [shift for shift in begun if shift is not coming]
        if passed_over:
            await _record_lapsed(self.tx, passed_over)

    async def _close(self, shift: Shift, call_sign: str) -> None:
        shift.closed_at = self.tx.now
        crew = await self.tx.session.scalars(
            select(CrewMembership)
            .where(
                CrewMembership.regency_id == self.tx.tenant.id,
                CrewMembership.shift_id == shift.id,
                CrewMembership.left_at.is_(None),
            )
            .with_for_update()
        )
        for member in crew:
            member.left_at = self.tx.now
        await self.tx.record(EventKind.SHIFT_CLOSED, shift, data=self._data(shift, call_sign))
        self.closed = True

    async def _ring_if_free(self) -> None:
        unit = await one_unit(self.tx.session, self.tx.tenant.id, self.tx.now, self.unit_id)
        if unit is not None and status_of(unit) is UnitStatus.AVAILABLE:
            await ring_for_waiting(self.tx, await self.tx.get(Unit, self.unit_id))

    def _data(self, shift: Shift, call_sign: str) -> dict[str, object]:
        return {"shift_id": str(shift.id), "unit_id": str(self.unit_id), "call_sign": call_sign}


async def _lapse(tx: Transaction, ids: Sequence[UUID]) -> int:
    """Close planned shifts that nobody opened, many to an event: nothing about their units changes."""
    rows = list(
        await tx.session.scalars(
            select(Shift)
            .where(*_lapsed(tx), Shift.id.in_(ids))
            .order_by(Shift.unit_id, Shift.starts_at, Shift.id)
            .with_for_update()
        )
    )
    for part in _slices(rows, _ROWS_PER_EVENT):
        await _record_lapsed(tx, part)
    return len(rows)


async def _record_lapsed(tx: Transaction, rows: Sequence[Shift]) -> None:
    for row in rows:
        row.closed_at = tx.now
    data = {"opened": False, "shifts": len(rows)}
    await tx.record(EventKind.SHIFT_CLOSED, ("roster", "lapsed"), data=data)


def _slices(items: Sequence[Item], size: int) -> list[Sequence[Item]]:
    return [items[at : at + size] for at in range(0, len(items), size)]
