"""Periodic signed checkpoints of a tenant's log, and the list of erasures that outlives the database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dispatch.domain.errors import Conflict
from dispatch.services.after_restore import head_of, stands
from dispatch.services.centre import Centre
from dispatch.services.tenants import TenantEntry
from dispatch.storage.checkpoint_folder import (
    Last,
    append,
    begin_with,
    file_of,
    last_line,
    last_lines,
)
from dispatch.storage.checkpoints import Signer, Statement
from dispatch.storage.folder_lock import alone
from dispatch.storage.images import iso
from dispatch.storage.tables.event import EventHead
from dispatch.storage.transaction import Transaction


@dataclass(frozen=True, slots=True)
class NewCheckpoint:
    """Where a checkpoint was written, and the event it stands at.

    other_key: the public key of those before, set aside with what it signed, when the key has changed.
    """

    path: Path
    seq: int
    other_key: Path | None


async def write_checkpoint(centre: Centre, entry: TenantEntry, signer: Signer) -> NewCheckpoint | None:
    """Sign how far the tenant's log has come; None when it has not moved since the last checkpoint.

    Any number of processes may do so at once: each follows the line that the one before has written. A key
    other than the folder's begins new files, and has to stand by what the former one signed.

    Raises:
        OSError: the folder cannot be written.
        Conflict: this is not the log that was signed before. It went back and has grown again, or was
            rewritten; signed over, what was lost could not be told from what is there any more.
    """
    folder, slug = centre.settings.checkpoints_dir, entry.tenant.slug
    folder.mkdir(parents=True, exist_ok=True)
    async with centre.read(entry.tenant) as tx:
        head = await head_of(tx)
        made_at = tx.now
        known = last_lines(folder, slug)
        await _refuse_another_log(tx, slug, known, head)
    # a log that is shorter than its last checkpoint is told by `dispatch log verify`, not signed again
    if head.seq == 0 or any(last.statement.seq > head.seq for last in known):
        return None
    with alone(folder):
        other_key = begin_with(folder, signer.public, made_at.strftime("%Y%m%dT%H%M%SZ"))
        last = last_line(file_of(folder, slug))
        # as far, or further, when another process has signed meanwhile
        if last is not None and last.statement.seq >= head.seq:
            return None
        statement = Statement(
            tenant=slug,
            seq=head.seq,
            hash=head.hash.hex(),
            recorded_at=iso(head.recorded_at),
            made_at=iso(made_at),
            previous=last.hash if last else "",
        )
        return NewCheckpoint(append(folder, signer.sign(statement)), head.seq, other_key)


async def _refuse_another_log(tx: Transaction, slug: str, known: Sequence[Last], head: EventHead) -> None:
    for last in known:
        signed = last.statement
        if signed.seq <= head.seq and not await stands(tx, signed):
            raise Conflict(
                f"{slug}: log ini bukan yang ditandatangani sampai peristiwa {signed.seq}; periksa dengan "
                "'dispatch log verify'. Bila hilangnya diketahui: 'dispatch log checkpoint --accept-loss'",
                f"{slug}: this is not the log that was signed up to event {signed.seq}; look with "
                "'dispatch log verify'. If the loss is known: 'dispatch log checkpoint --accept-loss'",
            )
