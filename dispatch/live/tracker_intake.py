"""Fixes of trackers on the way of all fixes: judged by the same steps, answered when they are committed."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from uuid import UUID

from dispatch.domain.errors import Unavailable
from dispatch.live.fix_steps import Phone, Refusal, sift
from dispatch.live.frames import PhoneFix
from dispatch.live.ingest import Ingest
from dispatch.services.centre import Centre
from dispatch.services.save_positions import begin_trail
from dispatch.services.trackers import KnownTracker

_MOST_KNOWN = 20_000


class _Answer:
    """Waits for the commit of one report."""

    def __init__(self) -> None:
        self.stored: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    def saved(self, seqs: Sequence[int]) -> None:
        self._tell(stored=True)

    def not_saved(self, seqs: Sequence[int]) -> None:
        self._tell(stored=False)

    def _tell(self, *, stored: bool) -> None:
        if not self.stored.done():  # who asked may have left
            self.stored.set_result(stored)


class TrackerIntake:
    """The trackers that this process has heard of, and what their fixes are compared with."""

    def __init__(self, centre: Centre, ingest: Ingest) -> None:
        """Know none yet."""
        self._centre = centre
        self._ingest = ingest
        self._known: OrderedDict[UUID, Phone] = OrderedDict()

    async def take(self, tracker: KnownTracker, fixes: Sequence[PhoneFix]) -> list[Refusal]:
        """Have fixes stored; they are committed on return. Returns those that can never be kept, and why.

        Raises:
            Unavailable: the database is away; the tracker has to send them again.
        """
        sender = await self._sender(tracker)
        good, refused = sift(fixes, sender, self._centre.clock().timestamp())
        if good:
            answer = _Answer()
            self._ingest.submit(tracker.entry, answer, good)
            if not await answer.stored:
                raise Unavailable("Posisi belum tersimpan; kirim lagi", "Not stored; send it again")
        return refused

    async def _sender(self, tracker: KnownTracker) -> Phone:
        sender = self._known.get(tracker.id)
        if sender is None:
            trail = await begin_trail(self._centre, tracker.entry, tracker.unit_id, tracker.id)
            sender = Phone(tracker.id, trail=trail, vehicle=tracker.unit_id)
            sender = self._known.setdefault(tracker.id, sender)
        self._known.move_to_end(tracker.id)
        if len(self._known) > _MOST_KNOWN:
            self._known.popitem(last=False)
        return sender
