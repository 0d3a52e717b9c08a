"""Which handler each kind of timer has, and the running of those that are due."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping

from dispatch.domain.deadlines import LEG_KINDS, NOTICE_KINDS, RUN_KINDS, TimerKind
from dispatch.jobs.presence import Presence
from dispatch.services import alarms, change_roads, crew_notices, signals, widen_offer
from dispatch.services.centre import Centre
from dispatch.services.due_timers import LEASE, Firing, claim_timer, postpone_timer, settle_timer
from dispatch.services.register_resident import verify_resident
from dispatch.services.tenants import TenantEntry

log = logging.getLogger(__name__)

Handler = Callable[[Centre, TenantEntry, Firing], Awaitable[object]]

WITHIN_S = LEASE.total_seconds() - 5.0
"""Seconds that a handler may take: then it is broken off, while its claim still holds."""
PATIENCE_S = 0.5
"""Seconds after which the next timer no longer waits for this one."""
SLOW_OF_ONE = 2
SLOW_AT_ONCE = 8
"""Handlers of one tenant, and of all, that may be slow at a time: each may hold a database connection."""


async def _ask_registry(centre: Centre, entry: TenantEntry, firing: Firing) -> None:
    failed = int(firing.data.get("failed", 0))
    await verify_resident(centre, entry, firing.subject_id, cause="timer", failed=failed)


K = TimerKind
DISPATCH: Mapping[str, Handler] = {
    K.CALL_UNANSWERED: alarms.call_unanswered,
    K.NO_VERDICT: alarms.no_verdict,
    K.UNASSIGNED: alarms.unassigned,
    K.UNCLOSED: alarms.not_closed,
    K.CANCEL_UNHEEDED: alarms.cancel_unheeded,
    K.NOT_BACK: alarms.not_back,
    **dict.fromkeys(RUN_KINDS, alarms.run_waits),
    K.OFFER_UNACKNOWLEDGED: widen_offer.widen_unacknowledged,
    K.OFFER_EXPIRES: widen_offer.expire_offer,
    **dict.fromkeys(LEG_KINDS, alarms.leg_waits),
    **dict.fromkeys(NOTICE_KINDS, crew_notices.climb),
    K.SIGNAL_LOST: signals.still_lost,
    K.ROAD_STARTS: change_roads.road_change_starts,
    K.ROAD_ENDS: change_roads.road_change_ends,
}
# They ask for ways by road, and the first to ask after a start or another map waits until the roads are open.
BY_ROAD: Mapping[str, Handler] = {
    K.WIDEN: widen_offer.alert_next,
    K.NOT_AT_FACILITY: alarms.not_at_facility,
}
# They ask a service outside that may take its time: a lane of their own, so that no offer waits for it.
OUTSIDE: Mapping[str, Handler] = {K.RECHECK: _ask_registry}
HANDLERS: Mapping[str, Handler] = {**DISPATCH, **BY_ROAD, **OUTSIDE}


class TimerDesk:
    """The timers of some kinds that one worker runs: one after the other, unless one takes its time."""

    def __init__(
        self,
        centre: Centre,
        handlers: Mapping[str, Handler],
        stop: asyncio.Event,
        *,
        presence: Presence | None = None,
        patience_s: float | None = PATIENCE_S,
    ) -> None:
        """Nothing is claimed before `look`, under the number of `presence`, and no more once `stop` is set.

        After `patience_s` seconds a timer no longer keeps the next one; None: it does until it ends.
        """
        self._centre = centre
        self._handlers = handlers
        self._stop = stop
        self._presence = presence or Presence()
        self._patience_s = patience_s
        self._running: dict[asyncio.Task[None], int] = {}

    async def look(self, entry: TenantEntry) -> int:
        """Run what is due for a tenant, those due longest first; return how many were begun.

        One that is slow goes on by itself. No further one is begun while as many are slow as may be.
        """
        begun = 0
        while not self._stop.is_set() and self._has_room(entry.tenant.id):
            firing = await claim_timer(self._centre, entry, list(self._handlers), self._presence.number)
            if firing is None:
                break
            task = asyncio.create_task(_run(self._centre, entry, self._handlers[firing.kind], firing))
            self._running[task] = entry.tenant.id
            task.add_done_callback(self._ended)
            await asyncio.wait({task}, timeout=self._patience_s)
            begun += 1
        return begun

    async def close(self) -> None:
        """Wait for what is under way, whatever becomes of it."""
        if self._running:
            await asyncio.wait(self._running)

    def _has_room(self, regency_id: int) -> bool:
        slow = Counter(self._running.values())
        return slow[regency_id] < SLOW_OF_ONE and slow.total() < SLOW_AT_ONCE

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.pop(task, None)
        if not task.cancelled() and (failure := task.exception()) is not None:
            # the claim lapses by itself, and the timer is due again
            log.warning("a timer was not seen through: %s: %s", type(failure).__name__, failure)


async def run_due_timers(
    centre: Centre, entry: TenantEntry, handlers: Mapping[str, Handler] = HANDLERS
) -> int:
    """Run a tenant's due timers, one after the other, until none is left; return how many ran."""
    return await TimerDesk(centre, handlers, asyncio.Event(), patience_s=None).look(entry)


async def _run(centre: Centre, entry: TenantEntry, handler: Handler, firing: Firing) -> None:
    """Run one timer. A handler ends or moves it in the transaction that has its effect, or it is ended here.

    When the handler fails, or does not come to an end, the timer is kept and tried again.
    """
    about = (entry.tenant.slug, firing.kind, firing.subject_id, firing.attempt)
    limit = asyncio.timeout(WITHIN_S)
    try:
        async with limit:
            await handler(centre, entry, firing)
            await settle_timer(centre, entry, firing)
    # whatever went wrong with one timer: it must neither be lost nor hold up the others
    except Exception as failure:
        if limit.expired():
            error = f"broken off after {WITHIN_S:.0f} s"
            log.error("%s: timer %s of %s, attempt %d: %s", *about, error)
        else:
            error = f"{type(failure).__name__}: {failure}"
            log.exception("%s: timer %s of %s failed, attempt %d", *about)
        await postpone_timer(centre, entry, firing, error)
