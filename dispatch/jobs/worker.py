"""The worker process: looks for due work all the time, at once when an event says so, until stopped."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
from contextlib import suppress
from functools import partial

import uvloop
from sqlalchemy import text

from dispatch.jobs.clock_watch import LOOK_EVERY_S as LOOK_AT_CLOCK_EVERY_S
from dispatch.jobs.clock_watch import ClockWatch
from dispatch.jobs.outbox import PostOffice
from dispatch.jobs.paper import LOOK_EVERY_S as LOOK_FOR_PAPER_EVERY_S
from dispatch.jobs.paper import PaperPrinter
from dispatch.jobs.presence import Presence, keep_present
from dispatch.jobs.rounds import Lane, again, surviving
from dispatch.jobs.timers import BY_ROAD, DISPATCH, OUTSIDE, TimerDesk
from dispatch.jobs.upkeep import Upkeep
from dispatch.notify.choice import transports
from dispatch.notify.transport import Transports
from dispatch.services.centre import Centre, open_centre
from dispatch.services.dead_claims import free_dead_claims
from dispatch.services.open_roads import open_roads
from dispatch.services.signals import watch_signals
from dispatch.services.tenants import TenantEntry
from dispatch.settings import Settings

log = logging.getLogger(__name__)

LOOK_EVERY_S = 0.25
LOOK_OUTSIDE_EVERY_S = 1.0
LOOK_AT_SIGNALS_EVERY_S = 5.0
LOOK_FOR_DEAD_EVERY_S = 0.5
UPKEEP_EVERY_S = 30.0


def run(settings: Settings) -> None:
    """Work until SIGTERM or SIGINT; the piece in hand is finished first. Any number may run at once.

    Raises:
        RuntimeError, FileNotFoundError: the settings do not suffice, or the database login is too strong.
    """
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    uvloop.run(_main(settings))


async def _main(settings: Settings) -> None:
    gc.freeze()
    gc.enable()  # off while the program was read in, see `dispatch serve`
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    centre = open_centre(settings, name="semar worker")
    try:
        await centre.database.refuse_a_strong_role()
        if settings.sms_spool is None:
            log.warning("no SMS gateway (SEMAR_SMS_SPOOL): messages are written to files, nothing is sent")
        await work(centre, transports(settings), stop)
    finally:
        await centre.close()
    log.info("worker stopped")


async def work(centre: Centre, ways: Transports, stop: asyncio.Event) -> None:
    """Run timers, outbox and upkeep until `stop` is set, and return when all pieces in hand are finished."""
    # one lane each, so that no offer waits for roads that are opened, a registry or a message service
    due, every = partial(due_tenants, centre), partial(all_tenants, centre)
    presence = Presence()
    office = PostOffice(centre, ways, presence)
    desks = [
        TimerDesk(centre, handlers, stop, presence=presence) for handlers in (DISPATCH, BY_ROAD, OUTSIDE)
    ]
    lanes = [
        *(Lane(due, desk.look, LOOK_EVERY_S, stop) for desk in desks[:2]),
        *(Lane(due, look, LOOK_OUTSIDE_EVERY_S, stop) for look in (desks[2].look, office.look)),
    ]
    # an event is no reason to look at the fleet: silence makes none
    fleet = Lane(every, partial(watch_signals, centre), LOOK_AT_SIGNALS_EVERY_S, stop)
    wakes = [lane.wake for lane in lanes]
    beside = [
        asyncio.create_task(keep_present(centre.settings.database_app_url, presence, wakes)),
        asyncio.create_task(_open_roads(centre, stop)),
    ]
    log.info("worker ready")
    try:
        async with asyncio.TaskGroup() as tasks:
            for lane in (*lanes, fleet):
                tasks.create_task(lane.run())
            tasks.create_task(again(partial(free_dead_claims, centre), LOOK_FOR_DEAD_EVERY_S, stop))
            tasks.create_task(again(ClockWatch(centre).pass_once, LOOK_AT_CLOCK_EVERY_S, stop))
            tasks.create_task(again(Upkeep(centre).pass_once, UPKEEP_EVERY_S, stop))
            tasks.create_task(again(PaperPrinter(centre, stop).pass_once, LOOK_FOR_PAPER_EVERY_S, stop))
    finally:
        for desk in desks:
            await desk.close()
        await office.close()
        await ways.aclose()
        for task in beside:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def _open_roads(centre: Centre, stop: asyncio.Event) -> None:
    while not stop.is_set() and not await surviving(open_roads(centre), stop):
        pass


async def due_tenants(centre: Centre) -> list[TenantEntry]:
    """Return the tenants that have a timer or a message due now."""
    async with centre.database.sessions() as session:
        query = text("SELECT regencies_with_due_work(:now)")
        ids = list((await session.execute(query, {"now": centre.clock()})).scalars())
    known = {entry.tenant.id: entry for entry in await centre.tenants.all()}
    # a tenant made this moment is in the directory a few seconds later
    return [known[i] for i in ids if i in known]


async def all_tenants(centre: Centre) -> list[TenantEntry]:
    """Return every tenant."""
    return await centre.tenants.all()
