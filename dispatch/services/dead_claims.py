"""What workers had claimed when they died: it is due again at once, and not when its lease has run out.

A worker shows that it lives by an advisory lock under its number, held by a connection of its own. With the
connection PostgreSQL takes the lock away: within milliseconds when the process was killed. Where a whole
machine is gone, and nobody closes the connection, the lease runs out first.
"""

from __future__ import annotations

import logging

from sqlalchemy import text

from dispatch.domain.roles import SYSTEM
from dispatch.services.centre import Centre
from dispatch.services.tenants import TenantEntry

log = logging.getLogger(__name__)

SHOW_THAT_IT_LIVES = "SELECT pg_advisory_lock_shared(7362719, $1)"
"""For the driver; with the worker's number, on the connection that lasts as long as it works."""
_CAUSE = "worker gone"

# Rows that somebody else has locked are in good hands, or looked at again in a moment. Which attempts
# count is said beside the function that names the tenants.
_FREE = """
    WITH left_behind AS MATERIALIZED (
        SELECT id FROM {table}
        WHERE regency_id = :regency AND {still_open} AND due_at = claimed_until AND attempts < 3
        AND NOT worker_lives(claimed_by) FOR UPDATE SKIP LOCKED)
    UPDATE {table} t SET due_at = :now FROM left_behind l WHERE t.regency_id = :regency AND t.id = l.id
    RETURNING t.id
"""
_TIMERS = text(_FREE.format(table="timer", still_open="done_at IS NULL"))
_MESSAGES = text(_FREE.format(table="outbox", still_open="sent_at IS NULL AND failed_at IS NULL"))


async def free_dead_claims(centre: Centre) -> int:
    """Make due what dead workers had claimed, in all tenants; return how many timers and messages that were.

    Not what was tried for the third time or more often: whatever killed the worker may be in it.
    """
    async with centre.database.sessions() as session:
        ids = set((await session.execute(text("SELECT regencies_with_dead_claims()"))).scalars())
    freed = 0
    if ids:
        for entry in await centre.tenants.all():
            if entry.tenant.id in ids:
                freed += await _free(centre, entry)
    return freed


async def _free(centre: Centre, entry: TenantEntry) -> int:
    async with centre.begin(entry.tenant, SYSTEM, _CAUSE) as tx:
        about = {"regency": tx.tenant.id, "now": tx.now}
        timers = len((await tx.session.execute(_TIMERS, about)).all())
        messages = len((await tx.session.execute(_MESSAGES, about)).all())
    if timers or messages:
        log.warning(
            "%s: a worker is gone; %d timers and %d messages that it had in hand are due again",
            entry.tenant.slug,
            timers,
            messages,
        )
    return timers + messages
