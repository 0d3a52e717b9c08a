"""Sends the messages that are due, each for itself: one that fails holds no other up."""

from __future__ import annotations

import asyncio
import logging

from dispatch.notify.transport import Message, NotDelivered, Transports
from dispatch.services.centre import Centre
from dispatch.services.due_messages import DueMessage, claim_messages, mark_sent, mark_unsent
from dispatch.services.tenants import TenantEntry

log = logging.getLogger(__name__)

AT_ONCE = 8
SEND_WITHIN_S = 15.0


async def send_due_messages(
    centre: Centre, entry: TenantEntry, transports: Transports, stop: asyncio.Event | None = None
) -> int:
    """Send the tenant's due messages until none is left or `stop` is set; return how many were sent."""
    sent = 0
    while not (stop and stop.is_set()):
        claimed = await claim_messages(centre, entry, AT_ONCE)
        if not claimed:
            break
        sent += sum(await asyncio.gather(*(_send(centre, entry, transports, m) for m in claimed)))
    return sent


async def _send(centre: Centre, entry: TenantEntry, transports: Transports, due: DueMessage) -> bool:
    slug = entry.tenant.slug
    if due.recipient is None:
        await mark_unsent(centre, entry, due, "the recipient was erased, or cannot be opened", final=True)
        return False
    # whatever the row says: nothing of a training tenant leaves the machine
    channel = "file" if entry.tenant.training else due.channel
    transport, note = transports.of(channel)
    message = Message(due.id, slug, due.recipient, due.words, due.purpose, due.created_at)
    try:
        async with asyncio.timeout(SEND_WITHIN_S):
            await transport.deliver(message)
    except (NotDelivered, OSError, TimeoutError) as failure:
        error = f"{type(failure).__name__}: {failure}"
        failed = await mark_unsent(centre, entry, due, error)
        level = logging.ERROR if failed else logging.WARNING
        log.log(level, "%s: message %s by %s, attempt %d: %s", slug, due.id, channel, due.attempt, error)
        return False
    await mark_sent(centre, entry, due, note)
    return True
