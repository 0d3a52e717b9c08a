"""Sends the messages that are due, each for itself: one that fails or takes its time delays no other."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter

from dispatch.jobs.presence import Presence
from dispatch.notify.transport import Gone, Message, NotDelivered, Transports
from dispatch.services.centre import Centre
from dispatch.services.due_messages import DueMessage, claim_messages, mark_sent, mark_unsent
from dispatch.services.push_phones import push_gone
from dispatch.services.tenants import TenantEntry

log = logging.getLogger(__name__)

AT_ONCE = 16
"""Messages of one tenant and channel on their way at the same time: a dead push service holds up no SMS."""
CHANNELS = ("sms", "push", "file")
SEND_WITHIN_S = 15.0
_ROOM_WITHIN_S = 0.2
_PASSING = (NotDelivered, OSError, TimeoutError)


class PostOffice:
    """The messages under way of one worker. `look` claims what is due and starts it, and waits for none."""

    def __init__(self, centre: Centre, transports: Transports, presence: Presence | None = None) -> None:
        """Nothing is claimed before `look`, under the number of `presence`."""
        self._centre = centre
        self._presence = presence or Presence()
        self._transports = transports
        self._flying: dict[asyncio.Task[None], tuple[int, str]] = {}
        self.sent = 0

    async def look(self, entry: TenantEntry) -> int:
        """Start sending what is due for a tenant, as far as there is room; return how many were started."""
        started = 0
        while True:
            got, full = await self._start(entry)
            started += got
            if not (got and full):
                return started
            # quick ways make room at once; a slow one is left to itself until the next look
            mine = [task for task, (regency_id, _) in self._flying.items() if regency_id == entry.tenant.id]
            if mine:
                await asyncio.wait(mine, timeout=_ROOM_WITHIN_S, return_when=asyncio.FIRST_COMPLETED)

    async def _start(self, entry: TenantEntry) -> tuple[int, bool]:
        busy = Counter(self._flying.values())
        started, full = 0, False
        for channel in CHANNELS:
            room = AT_ONCE - busy[entry.tenant.id, channel]
            claimed: list[DueMessage] = []
            if room > 0:
                claimed = await claim_messages(self._centre, entry, channel, room, self._presence.number)
            for due in claimed:
                task = asyncio.create_task(self._send(entry, due))
                self._flying[task] = (entry.tenant.id, channel)
                task.add_done_callback(self._landed)
            started += len(claimed)
            full |= len(claimed) == room
        return started, full

    def _landed(self, task: asyncio.Task[None]) -> None:
        self._flying.pop(task, None)
        if not task.cancelled() and (failure := task.exception()) is not None:
            # the claim lapses by itself, and the message is tried again
            log.warning("a message was not seen through: %s: %s", type(failure).__name__, failure)

    async def close(self) -> None:
        """Wait for what is under way, whatever becomes of it."""
        await asyncio.gather(*self._flying, return_exceptions=True)

    async def _send(self, entry: TenantEntry, due: DueMessage) -> None:
        centre, slug = self._centre, entry.tenant.slug
        if due.recipient is None:
            error = "the recipient was erased, or cannot be opened"
            await mark_unsent(centre, entry, due, error, final=True)
            return
        # whatever the row says: nothing of a training tenant leaves the machine
        channel = "file" if entry.tenant.training else due.channel
        transport, note = self._transports.of(channel)
        message = Message(due.id, slug, due.recipient, due.words, due.purpose, due.created_at)
        try:
            async with asyncio.timeout(SEND_WITHIN_S):
                await transport.deliver(message)
        except Gone as gone:
            await push_gone(centre, entry, due.recipient)
            await mark_unsent(centre, entry, due, str(gone), final=True, told=False)
            log.info("%s: message %s by %s: %s; forgotten", slug, due.id, channel, gone)
            return
        # whatever it was: a message that is neither sent nor given up would be tried, and not told, for ever
        except Exception as failure:
            error = f"{type(failure).__name__}: {failure}"
            failed = await mark_unsent(centre, entry, due, error)
            level = logging.ERROR if failed else logging.WARNING
            if not isinstance(failure, _PASSING):
                log.exception("%s: message %s by %s", slug, due.id, channel)
            log.log(level, "%s: message %s by %s, attempt %d: %s", slug, due.id, channel, due.attempt, error)
            return
        await mark_sent(centre, entry, due, note)
        self.sent += 1


async def send_due_messages(centre: Centre, entry: TenantEntry, transports: Transports) -> int:
    """Send a tenant's due messages until none is left; return how many were sent."""
    office = PostOffice(centre, transports)
    try:
        while await office.look(entry):
            await office.close()
    finally:
        await office.close()
    return office.sent
