"""The log of views: whoever sees personal data leaves a line that says whose, which and why."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from dispatch.domain.roles import Actor
from dispatch.storage.tables.session import ViewLog
from dispatch.storage.transaction import Transaction


async def log_view(
    tx: Transaction,
    viewer: Actor,
    subject_type: str,
    subject_id: UUID,
    key_id: UUID | None,
    fields: Sequence[str],
    reason: str,
) -> None:
    """Write one line; part of the transaction that reads the data, so that no view goes unlogged."""
    await tx.add(
        ViewLog(
            regency_id=tx.tenant.id,
            id=tx.id(),
            at=tx.now,
            viewer=viewer.as_text(),
            subject_type=subject_type,
            subject_id=subject_id,
            key_id=key_id,
            fields=list(fields),
            reason=reason,
        )
    )
