"""The event log: no change without an event, no gap, no rewriting, one unbroken chain."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from itertools import groupby, pairwise

import asyncpg
import pytest
from log_scene import BODY, NOON, VAULT, HasUrls, World, make_tenant
from one_of_each import fill
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from dispatch.domain.events import EventKind
from dispatch.domain.roles import SYSTEM
from dispatch.storage.database import Database, Tenant
from dispatch.storage.rebuild import current, differences, rebuild
from dispatch.storage.tables import Base
from dispatch.storage.tables.event import Event
from dispatch.storage.tables.notice import CrewNotice
from dispatch.storage.tables.unit import Unit
from dispatch.storage.transaction import StateWithoutEvent, _columns, new_id, transaction
from dispatch.storage.verify_log import verify_log

Denied = asyncpg.InsufficientPrivilegeError
EVENTED = sorted(m.class_.__tablename__ for m in Base.registry.mappers if m.class_.evented)


@pytest.mark.parametrize("table", EVENTED)
async def test_state_does_not_change_without_an_event(
    world: World, app: asyncpg.Connection, table: str
) -> None:
    column = "home_regency_id" if table == "resident" else "regency_id"
    unnoticed = f"UPDATE {table} SET {column} = {column} WHERE {column} = $1"
    assert await app.execute(unnoticed, world.mine.id) == "UPDATE 1"
    with pytest.raises(asyncpg.IntegrityConstraintViolationError, match="without an event"):
        await app.execute("SET CONSTRAINTS ALL IMMEDIATE")  # as the commit does


async def test_a_change_without_an_event_is_not_committed(world: World) -> None:
    """However many events the tenant wrote before."""
    unnoticed = "UPDATE unit SET plate = 'B 1 X' WHERE regency_id = $1"
    with pytest.raises(asyncpg.IntegrityConstraintViolationError, match="without an event"):
        await world.refused_to_owner(unnoticed, world.mine.id)
    assert {row["plate"] for row in await world.as_owner("SELECT plate FROM unit")} == {"T 0000 XX"}


async def test_an_event_of_another_tenant_does_not_count(world: World, app: asyncpg.Connection) -> None:
    """A transaction that writes to two tenants needs an event in both logs."""
    await app.execute("UPDATE unit SET plate = plate")
    await app.execute("SELECT set_config('semar.regency', $1, true)", str(world.other.id))
    await app.execute("SELECT append_events($1, $2)", world.other.id, [BODY])
    with pytest.raises(asyncpg.IntegrityConstraintViolationError, match="without an event"):
        await app.execute("SET CONSTRAINTS ALL IMMEDIATE")


async def test_a_resident_is_changed_with_the_home_regencys_log_only(
    world: World, app: asyncpg.Connection
) -> None:
    """Residents are seen in their whole realm."""
    moved = "UPDATE resident SET trust = 'doubtful' WHERE home_regency_id = $1"
    assert await app.execute(moved, world.other.id) == "UPDATE 1"
    await app.execute("SELECT append_events($1, $2)", world.mine.id, [BODY])
    with pytest.raises(asyncpg.IntegrityConstraintViolationError, match="without an event"):
        await app.execute("SET CONSTRAINTS ALL IMMEDIATE")


@pytest.mark.parametrize("table", EVENTED)
async def test_what_the_log_carries_is_never_deleted(
    world: World, app: asyncpg.Connection, table: str
) -> None:
    with pytest.raises(Denied):
        await app.execute(f"DELETE FROM {table}")
    # to the owner a foreign key may refuse it before the trigger does
    with pytest.raises(asyncpg.IntegrityConstraintViolationError):
        await world.refused_to_owner(f"DELETE FROM {table}")


@pytest.mark.parametrize("statement", ["UPDATE event SET cause = 'x'", "DELETE FROM event", "TRUNCATE event"])
async def test_not_even_the_owner_rewrites_the_log(world: World, statement: str) -> None:
    with pytest.raises(asyncpg.IntegrityConstraintViolationError, match="append-only"):
        await world.refused_to_owner(statement)


async def test_the_program_refuses_a_change_without_an_event_too(database: HasUrls) -> None:
    async with opened(database) as (app, tenant):
        filled = await fill(app, tenant)
        with pytest.raises(StateWithoutEvent, match="unit"):
            async with transaction(app, tenant, VAULT, SYSTEM, "test", NOON) as tx:
                (await tx.get(Unit, filled.key("unit"))).plate = "B 1 X"
        with pytest.raises(StateWithoutEvent, match="as objects only"):
            async with transaction(app, tenant, VAULT, SYSTEM, "test", NOON) as tx:
                await tx.session.execute(update(Unit).values(plate="B 1 X"))


async def test_what_is_added_stands_behind_what_was_changed_before_it_and_is_carried_by_the_event(
    database: HasUrls,
) -> None:
    def one_more(notice: CrewNotice) -> CrewNotice:
        values = {name: getattr(notice, name) for name in _columns(CrewNotice)}
        return CrewNotice(**values | {"id": new_id(), "ended_at": None, "ended_why": None})

    async with opened(database) as (app, tenant):
        filled = await fill(app, tenant)
        async with transaction(app, tenant, VAULT, SYSTEM, "test", NOON) as tx:
            first = one_more(await tx.get(CrewNotice, filled.key("crew_notice")))
            await tx.add(first)
            await tx.record(EventKind.NOTICE_SHOWN, first)
        with pytest.raises(IntegrityError, match="crew_notice_open"):
            async with transaction(app, tenant, VAULT, SYSTEM, "test", NOON) as tx:
                await tx.add(one_more(first))
        ended = one_more(first)
        ended.ended_at, ended.ended_why = NOON, "moot"
        with pytest.raises(StateWithoutEvent, match="crew_notice"):
            async with transaction(app, tenant, VAULT, SYSTEM, "test", NOON) as tx:
                await tx.add(ended)
        async with transaction(app, tenant, VAULT, SYSTEM, "test", NOON) as tx:
            known = await tx.get(CrewNotice, first.id)
            known.ended_at, known.ended_why = NOON, "moot"
            second = one_more(first)
            await tx.add(second)  # there can be one that is open
            second.call_tries = 3
            await tx.record(EventKind.NOTICE_MOOT, second)
        async with transaction(app, tenant, VAULT, SYSTEM, "read", NOON) as tx:
            found = (
                await tx.session.execute(select(CrewNotice).where(CrewNotice.ended_at.is_(None)))
            ).scalars()
            assert [(row.id, row.call_tries) for row in found] == [(second.id, 3)]
            last = (await tx.session.execute(select(Event).order_by(Event.seq.desc()).limit(1))).scalar_one()
            carried = json.loads(last.body)["changes"]
            assert {change["row"]["id"] for change in carried} == {str(first.id), str(second.id)}
            assert list(differences(await rebuild(tx), await current(tx))) == []


async def test_the_log_has_no_gaps_and_one_chain_under_concurrency(database: HasUrls) -> None:
    """Eight writers; every fifth transaction fails after its events were numbered and leaves no hole."""
    async with opened(database) as (app, tenant):
        filled = await fill(app, tenant)

        async def write(writer: int) -> int:
            committed = 0
            for number in range(25):
                try:
                    async with transaction(app, tenant, VAULT, SYSTEM, f"{writer}/{number}", NOON) as tx:
                        for part in range(number % 3 + 1):
                            await tx.record(EventKind.UNIT_LOADED, ("unit", f"{writer}/{number}/{part}"))
                        if number % 5 == 4:
                            await tx._finish()
                            raise Abandoned
                except Abandoned:
                    continue
                committed += number % 3 + 1
            return committed

        written = sum(await asyncio.gather(*(write(writer) for writer in range(8))))
        async with transaction(app, tenant, VAULT, SYSTEM, "read", NOON) as tx:
            assert (await verify_log(tx)).fault is None
            rows = (await tx.session.execute(select(Event).order_by(Event.seq))).scalars().all()
        assert [row.seq for row in rows] == list(range(1, 1 + 1 + written))
        assert all(a.recorded_at <= b.recorded_at for a, b in pairwise(rows))
        assert filled.tenant.id == tenant.id
        # each transaction's events follow each other
        causes = [row.cause for row in rows[1:]]
        assert len(list(groupby(causes))) == len(set(causes)) == 8 * 20


class Abandoned(Exception):
    """The transaction is rolled back at its very end."""


async def test_the_chain_names_the_first_broken_event(database: HasUrls) -> None:
    async with opened(database) as (app, tenant):
        await fill(app, tenant)
        async with transaction(app, tenant, VAULT, SYSTEM, "test", NOON) as tx:
            for number in range(6):
                await tx.record(EventKind.UNIT_LOADED, ("unit", str(number)), data={"words": "ä ☃ \"'\\ "})
        damages = {
            "UPDATE event SET body = replace(body, '\"test\"', '\"text\"') WHERE seq = 4": (4, "changed"),
            "UPDATE event SET recorded_at = recorded_at + interval '1 microsecond' WHERE seq = 5": (
                5,
                "changed",
            ),
            "DELETE FROM event WHERE seq = 3": (3, "missing"),
            "UPDATE event SET previous_hash = hash WHERE seq = 2": (2, "not_linked"),
            "UPDATE event SET hash = previous_hash WHERE seq = 5": (5, "changed"),
            "UPDATE event SET hash = previous_hash WHERE seq = 7": (7, "changed"),
            "DELETE FROM event WHERE seq = 7": (7, "head_elsewhere"),
            "UPDATE event SET kind = 'unit_cleared' WHERE seq = 6": (6, "columns_changed"),
            "UPDATE event SET subject_type = 'call' WHERE seq = 6": (6, "columns_changed"),
            "UPDATE event SET subject_id = 'another' WHERE seq = 3": (3, "columns_changed"),
            "UPDATE event SET actor = 'another' WHERE seq = 4": (4, "columns_changed"),
            "UPDATE event SET cause = 'another' WHERE seq = 5": (5, "columns_changed"),
            "UPDATE event SET incident_id = gen_random_uuid() WHERE seq = 7": (7, "columns_changed"),
            'UPDATE event SET data = \'{"words": ""}\' WHERE seq = 6': (6, "columns_changed"),
            "UPDATE event SET occurred_at = occurred_at - interval '1 minute' WHERE seq = 4": (
                4,
                "columns_changed",
            ),
            "UPDATE event_head SET hash = previous_hash FROM event WHERE event.seq = 7": (
                8,
                "head_elsewhere",
            ),
            "UPDATE event_head SET seq = 9": (8, "head_elsewhere"),
            "UPDATE event_head SET recorded_at = '2100-01-01'": (7, "head_changed"),
            "UPDATE event_head SET recorded_at = recorded_at - interval '1 microsecond'": (7, "head_changed"),
            "DELETE FROM event_head": (8, "head_missing"),
        }
        for damage, (seq, code) in damages.items():
            owner = await asyncpg.connect(database.owner_url)
            try:
                await owner.execute("ALTER TABLE event DISABLE TRIGGER event_append_only")
                kept = await owner.fetch("SELECT * FROM event"), await owner.fetch("SELECT * FROM event_head")
                await owner.execute(damage)
                async with transaction(app, tenant, VAULT, SYSTEM, "read", NOON) as tx:
                    fault = (await verify_log(tx)).fault
                await owner.execute("DELETE FROM event")
                await owner.execute("DELETE FROM event_head")
                await owner.copy_records_to_table("event", records=kept[0])
                await owner.copy_records_to_table("event_head", records=kept[1])
            finally:
                await owner.close()
            assert fault is not None, damage
            assert (fault.seq, fault.code) == (seq, code), damage
        async with transaction(app, tenant, VAULT, SYSTEM, "read", NOON) as tx:
            assert (await verify_log(tx)).fault is None


async def test_the_logs_clock_goes_on_while_the_servers_is_behind_it(database: HasUrls) -> None:
    async with opened(database) as (app, tenant):
        owner = await asyncpg.connect(database.owner_url)
        try:
            await owner.execute("UPDATE event_head SET recorded_at = now() + interval '1 hour'")
            ahead = await owner.fetchval("SELECT recorded_at FROM event_head")
        finally:
            await owner.close()
        for _ in range(3):
            async with transaction(app, tenant, VAULT, SYSTEM, "test", NOON) as tx:
                for _ in range(20):
                    await tx.record(EventKind.UNIT_LOADED, ("unit", "x"))
        async with transaction(app, tenant, VAULT, SYSTEM, "read", NOON) as tx:
            in_order = select(Event.recorded_at).order_by(Event.seq)
            times = [ahead, *(await tx.session.execute(in_order)).scalars()]
            steps = {later - sooner for sooner, later in pairwise(times)}
            assert min(steps) > timedelta(0)
            assert max(steps) <= timedelta(milliseconds=1)
            # a log that is restored and goes on from the same event does so by other steps
            assert len(steps) > 1
            assert (await verify_log(tx)).fault is None


@asynccontextmanager
async def opened(database: HasUrls) -> AsyncIterator[tuple[Database, Tenant]]:
    """A pool of the application's login and one empty tenant."""
    tenant = await make_tenant(database.owner_url, "99.01", "training")
    app = Database(database.app_url, pool_size=8, name="test")
    try:
        yield app, tenant
    finally:
        await app.close()
