"""The worker process: looks for due work all the time, at once when an event says so, until stopped."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress

import asyncpg
import uvloop
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from dispatch.jobs.clock_watch import LOOK_EVERY_S as LOOK_AT_CLOCK_EVERY_S
from dispatch.jobs.clock_watch import ClockWatch
from dispatch.jobs.outbox import PostOffice
from dispatch.jobs.paper import LOOK_EVERY_S as LOOK_FOR_PAPER_EVERY_S
from dispatch.jobs.paper import PaperPrinter
from dispatch.jobs.timers import DISPATCH, OUTSIDE, run_due_timers
from dispatch.jobs.upkeep import Upkeep
from dispatch.jobs.wakeup import wake_on_events
from dispatch.notify.choice import transports
from dispatch.notify.transport import Transports
from dispatch.services.centre import Centre, open_centre
from dispatch.services.signals import watch_signals
from dispatch.services.tenants import TenantEntry
from dispatch.settings import Settings

log = logging.getLogger(__name__)

LOOK_EVERY_S = 0.25
LOOK_OUTSIDE_EVERY_S = 1.0
LOOK_AT_SIGNALS_EVERY_S = 5.0
UPKEEP_EVERY_S = 30.0
TENANTS_AT_ONCE = 4
AFTER_TROUBLE_S = 1.0

TenantWork = Callable[[TenantEntry], Awaitable[object]]
WhichTenants = Callable[[Centre], Awaitable[list[TenantEntry]]]


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
    # one lane each, so that a slow registry or message service never holds up an offer
    due, every = due_tenants, all_tenants
    office = PostOffice(centre, ways)
    lanes: list[tuple[WhichTenants, TenantWork, float]] = [
        (due, lambda entry: run_due_timers(centre, entry, DISPATCH, stop), LOOK_EVERY_S),
        (due, lambda entry: run_due_timers(centre, entry, OUTSIDE, stop), LOOK_OUTSIDE_EVERY_S),
        (due, office.look, LOOK_OUTSIDE_EVERY_S),
        (every, lambda entry: watch_signals(centre, entry), LOOK_AT_SIGNALS_EVERY_S),
    ]
    wakes = [asyncio.Event() for _ in lanes]
    # an event is no reason to look at the fleet: silence makes none
    hinted = [wake for (which, *_), wake in zip(lanes, wakes, strict=True) if which is due]
    listener = asyncio.create_task(wake_on_events(centre.settings.database_app_url, hinted))
    log.info("worker ready")
    try:
        async with asyncio.TaskGroup() as tasks:
            for (which, lane, every_s), wake in zip(lanes, wakes, strict=True):
                tasks.create_task(_lane(centre, which, lane, every_s, wake, stop))
            tasks.create_task(_again(ClockWatch(centre).pass_once, LOOK_AT_CLOCK_EVERY_S, stop))
            tasks.create_task(_again(Upkeep(centre).pass_once, UPKEEP_EVERY_S, stop))
            tasks.create_task(_again(PaperPrinter(centre, stop).pass_once, LOOK_FOR_PAPER_EVERY_S, stop))
    finally:
        await office.close()
        await ways.aclose()
        listener.cancel()
        with suppress(asyncio.CancelledError):
            await listener


async def _lane(
    centre: Centre,
    which: WhichTenants,
    lane: TenantWork,
    every_s: float,
    wake: asyncio.Event,
    stop: asyncio.Event,
) -> None:
    room = asyncio.Semaphore(TENANTS_AT_ONCE)

    async def one(entry: TenantEntry) -> None:
        async with room:
            if not stop.is_set():
                await _surviving(lane(entry), stop)

    async def look() -> None:
        await asyncio.gather(*(one(entry) for entry in await which(centre)))

    while not stop.is_set():
        wake.clear()
        await _surviving(look(), stop)
        await _either(wake, stop, every_s)


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


async def _again(work_once: Callable[[], Awaitable[object]], every_s: float, stop: asyncio.Event) -> None:
    while not stop.is_set():
        await _surviving(work_once(), stop)
        await _either(stop, stop, every_s)


async def _surviving(piece: Awaitable[object], stop: asyncio.Event) -> None:
    """Do a piece of work; a database that is away is waited for, as nothing is lost meanwhile."""
    try:
        await piece
    except (SQLAlchemyError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as trouble:
        log.warning("the database does not answer as it should: %s: %s", type(trouble).__name__, trouble)
        await _either(stop, stop, AFTER_TROUBLE_S)
    # one lane's trouble, or one tenant's, must not end the others: an offer goes on whatever else is broken
    except Exception:
        log.exception("a piece of the work failed; it is tried again")
        await _either(stop, stop, AFTER_TROUBLE_S)


async def _either(one: asyncio.Event, other: asyncio.Event, seconds: float) -> None:
    """Wait until one of the two is set, at most for the given time."""
    waits = {asyncio.ensure_future(event.wait()) for event in {one, other}}
    _, left = await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    for wait in left:
        wait.cancel()
