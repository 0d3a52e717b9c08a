"""Messages that are due: claimed under a lease, opened for sending, then marked sent or tried again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import text

from dispatch.domain.events import EventKind
from dispatch.domain.roles import SYSTEM
from dispatch.services.centre import Centre
from dispatch.services.due_timers import pause
from dispatch.services.tenants import TenantEntry
from dispatch.storage.transaction import Transaction
from dispatch.storage.vault import SealBroken

LEASE = timedelta(seconds=25)
"""Longer than the longest sending; a push whose worker died goes out before its offer ends."""
MOST_ATTEMPTS = 8  # about four minutes: an offer is answered or long over by then
_CAUSE = "outbox"
_WORDS = 500


@dataclass(frozen=True, slots=True)
class DueMessage:
    """One claimed message. `id` is the same at every attempt: a transport that saw it need not send again.

    `recipient` is None when the person was erased, or the sealed number is damaged: nobody to send to.
    """

    id: UUID
    channel: str
    purpose: str
    subject_id: UUID
    recipient: str | None
    words: str
    created_at: datetime
    attempt: int


_CLAIM = text(
    """
    WITH next AS MATERIALIZED (
        SELECT id FROM outbox
        WHERE regency_id = :regency AND sent_at IS NULL AND failed_at IS NULL AND due_at <= :now
        AND channel = :channel
        ORDER BY due_at, id LIMIT :most FOR UPDATE SKIP LOCKED)
    UPDATE outbox o SET due_at = :lease, attempts = o.attempts + 1, claimed_by = CAST(:worker AS integer),
        claimed_until = CASE WHEN CAST(:worker AS integer) IS NOT NULL THEN CAST(:lease AS timestamptz) END
    FROM next WHERE o.regency_id = :regency AND o.id = next.id
    RETURNING o.id, o.channel, o.purpose, o.subject_id, o.key_id, o.recipient_sealed, o.recipient,
        o.text, o.created_at, o.attempts
    """
)
# also one that was withdrawn, or given up, while it was on its way: it did go out
_SENT = text(
    "UPDATE outbox SET sent_at = :now, failed_at = NULL, last_error = :note "
    "WHERE regency_id = :regency AND id = :id AND sent_at IS NULL"
)
_RETRY = text(
    "UPDATE outbox SET due_at = :due, last_error = :error WHERE regency_id = :regency AND id = :id "
    "AND sent_at IS NULL AND failed_at IS NULL AND attempts = :attempt"
)
_FAILED = text(
    "UPDATE outbox SET failed_at = :now, last_error = :error WHERE regency_id = :regency AND id = :id "
    "AND sent_at IS NULL AND failed_at IS NULL RETURNING id"
)


async def claim_messages(
    centre: Centre, entry: TenantEntry, channel: str, most: int, worker: int | None = None
) -> list[DueMessage]:
    """Claim up to `most` due messages of a channel under a lease, those due longest first.

    A claim under the number of a `worker` ends with it (`dead_claims`), if that is sooner.
    """
    async with centre.begin(entry.tenant, SYSTEM, _CAUSE) as tx:
        given = {"regency": tx.tenant.id, "now": tx.now, "lease": tx.now + LEASE, "worker": worker}
        rows = await tx.session.execute(_CLAIM, {**given, "channel": channel, "most": most})
        return [
            DueMessage(
                row.id,
                row.channel,
                row.purpose,
                row.subject_id,
                await _recipient(tx, row.key_id, row.recipient_sealed, row.recipient),
                row.text,
                row.created_at,
                row.attempts,
            )
            for row in rows.all()
        ]


async def _recipient(
    tx: Transaction, key_id: UUID | None, sealed: bytes | None, plain: str | None
) -> str | None:
    if key_id is None or sealed is None:
        return plain
    try:
        key = await tx.person(key_id)
        return key.open(sealed, "outbox.recipient") if key else None
    except SealBroken:
        return None  # one damaged row must not hold the others up


async def mark_sent(centre: Centre, entry: TenantEntry, message: DueMessage, note: str | None) -> None:
    """Write down that the message went out; `note` says so when it went another way than it was meant to."""
    async with centre.begin(entry.tenant, SYSTEM, _CAUSE) as tx:
        await tx.session.execute(
            _SENT, {"regency": tx.tenant.id, "id": message.id, "now": tx.now, "note": note}
        )


async def mark_unsent(
    centre: Centre,
    entry: TenantEntry,
    message: DueMessage,
    error: str,
    *,
    final: bool = False,
    told: bool = True,
) -> bool:
    """Have the message tried again after a growing pause; after the last attempt it has failed.

    Returns whether it failed for good; the operators are told then, so that somebody picks up the phone,
    unless `told` is false: a browser that is gone was one way of several.
    """
    async with centre.begin(entry.tenant, SYSTEM, _CAUSE) as tx:
        about = {"regency": tx.tenant.id, "id": message.id, "error": error[:_WORDS]}
        if not final and message.attempt < MOST_ATTEMPTS:
            due = tx.now + 2 * pause(message.attempt, message.id)
            await tx.session.execute(_RETRY, {**about, "due": due, "attempt": message.attempt})
            return False
        failed = (await tx.session.execute(_FAILED, {**about, "now": tx.now})).first() is not None
        if failed and told:
            data = {
                "purpose": message.purpose,
                "subject_id": str(message.subject_id),
                "channel": message.channel,
            }
            await tx.record(EventKind.MESSAGE_FAILED, ("outbox", str(message.id)), data=data)
        return failed
