"""On which units a driver was aboard, and from when to when: whose fixes a phone's are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from dispatch.services.centre import Centre
from dispatch.services.tenants import TenantEntry
from dispatch.storage.queries.crews import crew_turn_rows
from dispatch.storage.queries.positions import LastPlace


@dataclass(frozen=True, slots=True)
class Turn:
    """One stay aboard a unit; `left_at` is None for the present one."""

    unit_id: UUID
    joined_at: datetime
    left_at: datetime | None


@dataclass(frozen=True, slots=True)
class Boarding:
    """A driver's turns, newest first, and where the marker of the present unit is, as of one event.

    `marker` is None off duty and before the unit's first fix. `seq` is the last event of the log.
    """

    seq: int
    turns: Sequence[Turn]
    marker: LastPlace | None


async def read_boardings(
    centre: Centre, entry: TenantEntry, staff_ids: Sequence[UUID], since: datetime
) -> list[Boarding]:
    """Return the boardings of drivers, in their order, with the turns that had not ended at `since`."""
    async with centre.read(entry.tenant) as tx:
        rows = await crew_turn_rows(tx.session, tx.tenant.id, staff_ids, since)
    turns: defaultdict[UUID, list[Turn]] = defaultdict(list)
    for row in rows:
        if row.unit_id is not None and row.joined_at is not None:
            turns[row.staff_id].append(Turn(row.unit_id, row.joined_at, row.left_at))
    seqs = {row.staff_id: row.seq for row in rows}
    markers = {row.staff_id: row.marker for row in rows if row.marker is not None}
    return [Boarding(seqs[each], turns[each], markers.get(each)) for each in staff_ids]
