"""What a deployment lacks after a restore or a loss: signed checkpoints know of events that are not there."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select

from dispatch.domain.roles import SYSTEM
from dispatch.services.centre import Centre
from dispatch.services.open_incident import skip_numbers
from dispatch.services.tenants import TenantEntry
from dispatch.storage import checkpoints
from dispatch.storage.checkpoints import Statement
from dispatch.storage.line_file import append_line, read_lines
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
    """Take the checkpoints that the log does not bear out from the tenant's file into one of their own.

    The file goes on from the last that it does; what was lost stays provable. None when nothing is missing.
    """
    folder, slug = centre.settings.checkpoints_dir, entry.tenant.slug
    path = checkpoints.file_of(folder, slug)
    lines = read_lines(path)
    known = [checkpoints.statement_of(line) for line in lines]
    async with centre.read(entry.tenant) as tx:
        borne_out = len(known)
        while borne_out and not await stands(tx, known[borne_out - 1]):
            borne_out -= 1
        head_of = select(EventHead.seq).where(EventHead.regency_id == tx.tenant.id)
        head = (await tx.session.execute(head_of)).scalar_one()
    if borne_out == len(known):
        return None
    aside = folder / f"{slug}.lost-{stamp}.jsonl"
    for line in lines[borne_out:]:
        append_line(aside, line)
    draft = folder / f".{slug}.{stamp}"
    draft.write_bytes(b"".join(line + b"\n" for line in lines[:borne_out]))
    draft.replace(path)
    lost = [statement for statement in known[borne_out:] if statement is not None]
    before = known[borne_out - 1] if borne_out else None
    after = head if all(s.seq > head for s in lost) else before.seq if before else 0
    last = max(lost, key=lambda s: s.seq, default=None)
    return Lost(slug, after, last.seq if last else after, last.made_at if last else "?", aside)


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
