"""Periodic signed checkpoints of a tenant's log, and the list of erasures that outlives the database."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select

from dispatch.domain.errors import Conflict
from dispatch.services.after_restore import stands
from dispatch.services.centre import Centre
from dispatch.services.tenants import TenantEntry
from dispatch.storage import checkpoints
from dispatch.storage.checkpoints import Signer, Statement
from dispatch.storage.images import iso
from dispatch.storage.tables.event import EventHead


@dataclass(frozen=True, slots=True)
class NewCheckpoint:
    """Where a checkpoint was written, and the event it stands at."""

    path: Path
    seq: int


async def write_checkpoint(centre: Centre, entry: TenantEntry, signer: Signer) -> NewCheckpoint | None:
    """Sign how far the tenant's log has come; None when it has not moved since the last checkpoint.

    Only one process at a time may write to the folder (the worker does under the upkeep's lock).

    Raises:
        OSError: the folder cannot be written.
        Conflict: this is not the log that was signed before. It went back and has grown again, or was
            rewritten; signed over, what was lost could not be told from what is there any more.
    """
    folder = centre.settings.checkpoints_dir
    slug = entry.tenant.slug
    async with centre.read(entry.tenant) as tx:
        head = (
            await tx.session.execute(select(EventHead).where(EventHead.regency_id == tx.tenant.id))
        ).scalar_one()
        made_at = iso(tx.now)
        last = checkpoints.last_line(folder, slug)
        if last is not None and last[0].seq < head.seq and not await stands(tx, last[0]):
            raise Conflict(
                f"{slug}: log ini bukan yang ditandatangani sampai peristiwa {last[0].seq}; periksa dengan "
                "'dispatch log verify'. Bila hilangnya diketahui: 'dispatch log checkpoint --accept-loss'",
                f"{slug}: this is not the log that was signed up to event {last[0].seq}; look with "
                "'dispatch log verify'. If the loss is known: 'dispatch log checkpoint --accept-loss'",
            )
    # a log that is shorter than its last checkpoint is told by `dispatch log verify`, not signed again
    if head.seq == 0 or (last is not None and last[0].seq >= head.seq):
        return None
    statement = Statement(
        tenant=slug,
        seq=head.seq,
        hash=head.hash.hex(),
        recorded_at=iso(head.recorded_at),
        made_at=made_at,
        previous=last[1] if last else "",
    )
    return NewCheckpoint(checkpoints.append(folder, signer.sign(statement), signer.public), head.seq)
