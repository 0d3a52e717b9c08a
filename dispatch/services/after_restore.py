"""What a restored deployment lacks: its signed checkpoints know of events after the restored moment."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select

from dispatch.services.centre import Centre
from dispatch.services.tenants import TenantEntry
from dispatch.storage import checkpoints
from dispatch.storage.checkpoints import Statement
from dispatch.storage.line_file import append_line, read_lines
from dispatch.storage.tables.event import EventHead


@dataclass(frozen=True, slots=True)
class Lost:
    """Events first to last of a tenant that were signed once and are not in the restored log.

    signed_at: when the last of them was signed. kept_in: the file that now holds those checkpoints.
    """

    tenant: str
    first: int
    last: int
    signed_at: str
    kept_in: Path


async def set_aside_lost(centre: Centre, entry: TenantEntry, stamp: str) -> Lost | None:
    """Take the checkpoints beyond the restored head out of the tenant's file into one of their own.

    The file goes on from the restored head; what was lost stays provable. None when nothing is missing.
    """
    folder, slug = centre.settings.checkpoints_dir, entry.tenant.slug
    async with centre.read(entry.tenant) as tx:
        query = select(EventHead.seq).where(EventHead.regency_id == tx.tenant.id)
        head = (await tx.session.execute(query)).scalar_one()
    path = checkpoints.file_of(folder, slug)
    lines = read_lines(path)
    known = [checkpoints.statement_of(line) for line in lines]
    beyond = next((n for n, statement in enumerate(known) if statement and statement.seq > head), None)
    if beyond is None:
        return None
    aside = folder / f"{slug}.lost-{stamp}.jsonl"
    for line in lines[beyond:]:
        append_line(aside, line)
    draft = folder / f".{slug}.{stamp}"
    draft.write_bytes(b"".join(line + b"\n" for line in lines[:beyond]))
    draft.replace(path)
    last = _last(known[beyond:])
    return Lost(slug, head + 1, last.seq, last.made_at, aside)


def _last(statements: list[Statement | None]) -> Statement:
    return max((s for s in statements if s is not None), key=lambda s: s.seq)
