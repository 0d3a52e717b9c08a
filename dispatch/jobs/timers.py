"""Which handler each kind of timer has, and the running of those that are due."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping

from dispatch.domain.deadlines import LEG_KINDS, NOTICE_KINDS, RUN_KINDS, TimerKind
from dispatch.services import alarms, change_roads, crew_notices, signals, widen_offer
from dispatch.services.centre import Centre
from dispatch.services.due_timers import Firing, claim_timer, postpone_timer, settle_timer
from dispatch.services.register_resident import verify_resident
from dispatch.services.tenants import TenantEntry

log = logging.getLogger(__name__)

Handler = Callable[[Centre, TenantEntry, Firing], Awaitable[object]]


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
    K.NOT_AT_FACILITY: alarms.not_at_facility,
    K.OFFER_UNACKNOWLEDGED: widen_offer.widen_unacknowledged,
    K.OFFER_EXPIRES: widen_offer.expire_offer,
    **dict.fromkeys(LEG_KINDS, alarms.leg_waits),
    **dict.fromkeys(NOTICE_KINDS, crew_notices.climb),
    K.SIGNAL_LOST: signals.still_lost,
    K.WIDEN: widen_offer.alert_next,
    K.ROAD_STARTS: change_roads.road_change_starts,
    K.ROAD_ENDS: change_roads.road_change_ends,
}
# They ask a service outside that may take its time: a lane of their own, so that no offer waits for it.
OUTSIDE: Mapping[str, Handler] = {K.RECHECK: _ask_registry}
HANDLERS: Mapping[str, Handler] = {**DISPATCH, **OUTSIDE}


async def run_due_timers(
    centre: Centre,
    entry: TenantEntry,
    handlers: Mapping[str, Handler] = HANDLERS,
    stop: asyncio.Event | None = None,
) -> int:
    """Run the tenant's due timers of these kinds until none is left or `stop` is set; return how many.

    A handler ends or moves its timer in the transaction that has its effect; one that did neither has its
    timer ended here. A handler that fails has its timer kept and tried again.
    """
    done = 0
    while not (stop and stop.is_set()):
        firing = await claim_timer(centre, entry, list(handlers))
        if firing is None:
            break
        await _run(centre, entry, handlers[firing.kind], firing)
        done += 1
    return done


async def _run(centre: Centre, entry: TenantEntry, handler: Handler, firing: Firing) -> None:
    try:
        await handler(centre, entry, firing)
        await settle_timer(centre, entry, firing)
    # whatever went wrong with one timer: it must neither be lost nor hold up the others
    except Exception as failure:
        due = await postpone_timer(centre, entry, firing, f"{type(failure).__name__}: {failure}")
        log.exception(
            "%s: timer %s of %s failed, attempt %d, again at %s",
            entry.tenant.slug,
            firing.kind,
            firing.subject_id,
            firing.attempt,
            due.isoformat(timespec="seconds"),
        )
