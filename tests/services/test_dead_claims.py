"""What a worker had in hand when it died is due again as soon as it is gone, once, and nothing else is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime

from case_scene import Case
from sqlalchemy import text

from dispatch.domain.deadlines import TimerKind
from dispatch.domain.events import EventKind
from dispatch.jobs.presence import Presence, keep_present
from dispatch.jobs.timers import HANDLERS
from dispatch.services.dead_claims import free_dead_claims
from dispatch.services.due_messages import claim_messages
from dispatch.services.due_timers import LEASE, Firing, claim_timer

K = TimerKind


@asynccontextmanager
async def worker(case: Case) -> AsyncIterator[Presence]:
    """What others see of a worker; at the end it is gone, and PostgreSQL has noticed."""
    presence, ready = Presence(), asyncio.Event()
    keeping = asyncio.create_task(
        keep_present(case.centre.settings.database_app_url, presence, [ready]), name="worker"
    )
    async with asyncio.timeout(20):
        await ready.wait()
    number = presence.number
    assert number is not None
    try:
        yield presence
    finally:
        keeping.cancel()
        await asyncio.wait([keeping])
        assert presence.number is None
        await until_gone(case, number)


async def until_gone(case: Case, number: int) -> None:
    async with asyncio.timeout(20):
        while True:
            if not await case.value("SELECT worker_lives(:n)", n=number):
                return
            await asyncio.sleep(0.01)


async def claim(case: Case, presence: Presence) -> Firing:
    firing = await claim_timer(case.centre, case.entry, list(HANDLERS), presence.number)
    assert firing is not None
    return firing


async def due(case: Case, kind: K) -> datetime:
    return await case.value("SELECT due_at FROM timer WHERE kind = :k AND done_at IS NULL", k=kind)


async def test_a_timer_is_due_as_soon_as_its_worker_is_gone(case: Case) -> None:
    await case.ring()
    case.pass_time(15)
    async with worker(case) as killed:
        first = await claim(case, killed)
        assert await free_dead_claims(case.centre) == 0, "it lives"
        assert await due(case, K.CALL_UNANSWERED) == case.now + LEASE
    assert await free_dead_claims(case.centre) == 1
    assert await free_dead_claims(case.centre) == 0
    async with worker(case) as other:
        second = await claim(case, other)
        assert (second.id, second.attempt) == (first.id, 2)
        # what was begun by the one that died, and comes through late, has no effect
        await HANDLERS[K.CALL_UNANSWERED](case.centre, case.entry, first)
        assert await case.events(EventKind.CALL_UNANSWERED) == []
        await HANDLERS[K.CALL_UNANSWERED](case.centre, case.entry, second)
        assert len(await case.events(EventKind.CALL_UNANSWERED)) == 1
    # it was set for the next alarm: nobody has it in hand, and no death brings it forward
    again = await due(case, K.CALL_UNANSWERED)
    assert again > case.now
    assert await free_dead_claims(case.centre) == 0
    assert await due(case, K.CALL_UNANSWERED) == again


async def test_a_message_is_due_as_soon_as_its_worker_is_gone(case: Case) -> None:
    await case.send("M-1", await case.incident())  # by SMS, as it has no app
    async with worker(case) as killed:
        [first] = await claim_messages(case.centre, case.entry, "file", 5, killed.number)
        assert await free_dead_claims(case.centre) == 0
    assert await claim_messages(case.centre, case.entry, "file", 5) == []
    assert await free_dead_claims(case.centre) == 1
    [second] = await claim_messages(case.centre, case.entry, "file", 5)
    assert (second.id, second.attempt) == (first.id, 2)


async def test_what_may_have_killed_its_workers_waits_for_its_lease(case: Case) -> None:
    await case.ring()
    case.pass_time(15)
    for attempt, freed in ((1, 1), (2, 1), (3, 0)):
        async with worker(case) as killed:
            assert (await claim(case, killed)).attempt == attempt
        assert await free_dead_claims(case.centre) == freed
    assert await claim_timer(case.centre, case.entry, list(HANDLERS)) is None
    case.pass_time(LEASE.total_seconds())
    assert await claim_timer(case.centre, case.entry, list(HANDLERS)) is not None


async def test_a_claim_of_nobody_in_particular_waits_for_its_lease(case: Case) -> None:
    await case.ring()
    case.pass_time(15)
    assert (await claim(case, Presence())).attempt == 1
    assert await free_dead_claims(case.centre) == 0


async def test_a_worker_that_lost_its_connection_has_another_number(case: Case) -> None:
    await case.ring()
    case.pass_time(15)
    async with worker(case) as here:
        number = here.number
        assert number is not None
        first = await claim(case, here)
        # cut in the database, as by a restart
        async with case.centre.database.sessions() as session:
            await session.execute(
                text("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE objid = CAST(:n AS integer)::oid"),
                {"n": number},
            )
        await until_gone(case, number)
        async with asyncio.timeout(20):
            while True:
                if here.number not in (None, number):
                    break
                await asyncio.sleep(0.01)
        assert await free_dead_claims(case.centre) == 1
        assert (await claim(case, here)).id == first.id
        assert await free_dead_claims(case.centre) == 0
