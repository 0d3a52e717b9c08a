"""What a deployment lacks after a restore or a loss: signed checkpoints know of events that are not there."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select

from dispatch.domain.errors import Conflict
from dispatch.domain.roles import SYSTEM
from dispatch.services.centre import Centre
from dispatch.services.open_incident import skip_numbers
from dispatch.services.tenants import TenantEntry
from dispatch.storage import checkpoints
from dispatch.storage.checkpoint_folder import files_of
from dispatch.storage.checkpoints import Statement
from dispatch.storage.folder_lock import alone
from dispatch.storage.line_file import append_line, read_lines, replace_lines
from dispatch.storage.tables.event import Event, EventHead
from dispatch.storage.transaction import Transaction

NUMBERS_SKIPPED = 1000
"""Case numbers left out on the day of a restore or a loss: more than a regency gives in a day."""


@dataclass(frozen=True, slots=True)
class Lost:
    """Events of a tenant that were signed once and are not in its log: after `after`, up to `last`.

    after: the last signed event that is there; some that follow may be there, too. signed_at: when the last
    one was signed. kept_in: the file that now holds those checkpoints.
    """

    tenant: str
    after: int
    last: int
    signed_at: str
    kept_in: Path


async def set_aside_lost(centre: Centre, entry: TenantEntry, stamp: str) -> Lost | None:
    """Take the checkpoints that the log does not bear out from the tenant's files into others of their own.

    Each file goes on from the last that it does; what was lost stays provable. None when nothing is missing.

    Raises:
        Conflict: the log has no head.
    """
    folder, slug = centre.settings.checkpoints_dir, entry.tenant.slug
    kept: list[Statement] = []
    lost: list[Statement | None] = []
    aside: Path | None = None
    async with centre.read(entry.tenant) as tx:
        head = (await head_of(tx)).seq
        for file in files_of(folder, slug):
            borne_out, rest = await _part(tx, file.path, stamp)
            kept, lost = kept + borne_out, lost + rest
            if rest:
                aside = _aside(file.path, stamp)
    if aside is None:
        return None
    known = [statement for statement in lost if statement is not None]
    before = max((statement.seq for statement in kept), default=0)
    after = head if all(s.seq > head for s in known) else before
    last = max(known, key=lambda s: s.seq, default=None)
    return Lost(slug, after, last.seq if last else after, last.made_at if last else "?", aside)


async def _part(tx: Transaction, path: Path, stamp: str) -> tuple[list[Statement], list[Statement | None]]:
    """Part a file into what the log bears out, which stays, and the rest, which is set aside."""
    while True:
        lines = read_lines(path)
        known = [checkpoints.statement_of(line) for line in lines]
        borne_out = len(known)
        while borne_out and not await stands(tx, known[borne_out - 1]):
            borne_out -= 1
        if borne_out < len(known):
            with alone(path.parent):
                if read_lines(path) != lines:
                    continue  # another process has signed meanwhile
                for line in lines[borne_out:]:
                    append_line(_aside(path, stamp), line)
                replace_lines(path, lines[:borne_out])
        return [s for s in known[:borne_out] if s is not None], known[borne_out:]


def _aside(path: Path, stamp: str) -> Path:
    return path.with_name(f"{path.stem}.lost-{stamp}.jsonl")


async def head_of(tx: Transaction) -> EventHead:
    """Return the head of the tenant's log. Raises Conflict when there is none."""
    query = select(EventHead).where(EventHead.regency_id == tx.tenant.id)
    head = (await tx.session.execute(query)).scalar_one_or_none()
    if head is None:
        raise Conflict(
            f"{tx.tenant.slug}: kepala log tidak ada; periksa dengan 'dispatch log verify'",
            f"{tx.tenant.slug}: the head of the log is gone; look with 'dispatch log verify'",
        )
    return head


async def skip_lost_numbers(centre: Centre, entry: TenantEntry) -> None:
    """Give no case number of today twice.

    A lost case's number stands on the printed board and at the hospital, and the day's counter has gone back
    with the database. How many were lost nobody knows: `NUMBERS_SKIPPED` are left out. The counter is no
    part of what the log rebuilds.
    """
    async with centre.begin(entry.tenant, SYSTEM, "restore") as tx:
        await skip_numbers(tx, NUMBERS_SKIPPED)


async def stands(tx: Transaction, statement: Statement | None) -> bool:
    """Whether the log has the event that a checkpoint signed, as it was."""
    if statement is None:
        return False
    query = select(Event.hash).where(Event.regency_id == tx.tenant.id, Event.seq == statement.seq)
    found = (await tx.session.execute(query)).scalar_one_or_none()
    return found is not None and found.hex() == statement.hash
