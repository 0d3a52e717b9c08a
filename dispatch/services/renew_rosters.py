"""Keeps a tenant's roster planned some days ahead, so that every day has its shifts."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

from sqlalchemy import select, text

from dispatch.domain.events import EventKind
from dispatch.domain.roles import SYSTEM
from dispatch.domain.roster import PlannedShift, Roster
from dispatch.services.centre import Centre
from dispatch.services.tenants import TenantEntry
from dispatch.storage.tables.shift import Shift
from dispatch.storage.tables.unit import Unit
from dispatch.storage.transaction import Transaction

_LOCK = 7_362_716  # with the regency's id: two programs do not plan one tenant's roster at once
_CAUSE = "roster"


@dataclass(frozen=True, slots=True)
class RosterPass:
    """What one pass changed: shifts planned anew or again, and planned ones taken back."""

    planned: int
    withdrawn: int


async def renew_rosters(
    centre: Centre, entry: TenantEntry, until: date | None = None, *, thorough: bool = False
) -> RosterPass:
    """Plan the tenant's shifts from now to the end of the local day `until`.

    Without `until` that is today and the days ahead which its roster names. Shifts that stand are left as
    they are; future ones that the roster no longer holds are taken back. When the last day is planned
    already this is one look at an index; `thorough` compares every day all the same (after a reload).
    One transaction per day.
    """
    kept = entry.settings.get("roster")
    if kept is None:
        return RosterPass(0, 0)
    roster = Roster.from_settings(kept)
    zone = entry.tenant.zone
    today = centre.clock().astimezone(zone).date()
    last = until or today + timedelta(days=roster.days_ahead)
    if not thorough and await _covered(centre, entry, roster, last):
        return RosterPass(0, 0)
    planned = withdrawn = 0
    # yesterday's night shift may still be on
    for ordinal in range(today.toordinal() - 1, last.toordinal() + 1):
        async with centre.begin(entry.tenant, SYSTEM, _CAUSE) as tx:
            done = await _renew_day(tx, roster, date.fromordinal(ordinal))
        planned += done.planned
        withdrawn += done.withdrawn
    return RosterPass(planned, withdrawn)


async def _covered(centre: Centre, entry: TenantEntry, roster: Roster, last: date) -> bool:
    start = roster.last_start(last, entry.tenant.zone)
    if start is None:
        return False
    async with centre.read(entry.tenant) as tx:
        query = (
            select(Shift.id)
            .where(
                Shift.regency_id == entry.tenant.id,
                Shift.starts_at >= start,
                Shift.closed_at.is_(None),
                Shift.origin == "roster",
            )
            .limit(1)
        )
        return (await tx.session.execute(query)).first() is not None


async def _renew_day(tx: Transaction, roster: Roster, day: date) -> RosterPass:
    await tx.session.execute(
        text("SELECT pg_advisory_xact_lock(:lock, :regency)"), {"lock": _LOCK, "regency": tx.tenant.id}
    )
    units = await tx.session.execute(
        select(Unit.id, Unit.call_sign).where(Unit.regency_id == tx.tenant.id, Unit.active)
    )
    fleet = [(row.id, row.call_sign) for row in units]
    wanted = {
        (shift.unit_id, shift.starts_at): shift
        for shift in roster.plan_day(day, tx.tenant.zone, fleet)
        if shift.ends_at > tx.now
    }
    standing = await _standing(tx, day)
    groups: dict[str, list[Shift]] = defaultdict(list)
    for key, shift in wanted.items():
        row = standing.get(key)
        if row is None:
            groups[shift.code].append(_new_row(tx, shift))
        elif _still_only_planned(row, tx) and (row.closed_at is not None or row.ends_at != shift.ends_at):
            row.ends_at, row.closed_at = shift.ends_at, None
            groups[shift.code].append(row)
    for code, rows in groups.items():
        tx.session.add_all(rows)
        await _record(tx, EventKind.SHIFT_PLANNED, day, code, rows)
    stale = [
        row
        for key, row in standing.items()
        if key not in wanted and _still_only_planned(row, tx) and row.closed_at is None
    ]
    for row in stale:
        row.closed_at = tx.now
    if stale:
        await _record(tx, EventKind.SHIFT_CLOSED, day, "withdrawn", stale)
    return RosterPass(sum(map(len, groups.values())), len(stale))


async def _standing(tx: Transaction, day: date) -> dict[tuple[UUID | None, datetime], Shift]:
    """The roster's shifts that start on the local day, locked."""
    begin, end = (
        datetime.combine(d, time(), tx.tenant.zone).astimezone(UTC) for d in (day, day + timedelta(days=1))
    )
    rows = await tx.session.scalars(
        select(Shift)
        .where(
            Shift.regency_id == tx.tenant.id,
            Shift.origin == "roster",
            Shift.unit_id.is_not(None),
            Shift.starts_at >= begin,
            Shift.starts_at < end,
        )
        .order_by(Shift.id)
        .with_for_update()
    )
    return {(row.unit_id, row.starts_at): row for row in rows}


def _still_only_planned(row: Shift, tx: Transaction) -> bool:
    return row.opened_at is None and row.starts_at > tx.now


def _new_row(tx: Transaction, shift: PlannedShift) -> Shift:
    return Shift(
        regency_id=tx.tenant.id,
        id=tx.id(),
        unit_id=shift.unit_id,
        desk=None,
        starts_at=shift.starts_at,
        ends_at=shift.ends_at,
        opened_at=None,
        closed_at=None,
        origin="roster",
        start_check=None,
    )


async def _record(tx: Transaction, kind: EventKind, day: date, code: str, rows: list[Shift]) -> None:
    data = {"day": day.isoformat(), "shift": code, "units": len(rows)}
    await tx.record(kind, ("roster", f"{day.isoformat()}/{code}"), data=data)
