"""First and last words of a transaction: sent with BEGIN and COMMIT, and never left over for another one."""

from collections.abc import AsyncIterator

import asyncpg
import pytest
from log_scene import VAULT, HasUrls, World
from one_of_each import NOON
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from dispatch.domain.events import EventKind
from dispatch.domain.roles import SYSTEM
from dispatch.storage.connection import Connection
from dispatch.storage.database import Database
from dispatch.storage.transaction import transaction

BOUND = "SELECT current_setting('semar.regency', true)"


@pytest.fixture
async def wire(module_database: HasUrls) -> AsyncIterator[Connection]:
    connection: Connection = await asyncpg.connect(module_database.app_url, connection_class=Connection)
    yield connection
    await connection.close()


async def test_words_go_with_the_begin_and_the_commit_and_are_said_once(wire: Connection) -> None:
    wire.open_with("SELECT set_config('semar.regency', '7', true);")
    wire.close_with("SELECT set_config('semar.said', 'yes', false)")
    async with wire.transaction():
        assert await wire.fetchval(BOUND) == "7"
        assert await wire.fetchval("SELECT current_setting('semar.said', true)") is None
    assert await wire.fetchval("SELECT current_setting('semar.said', true)") == "yes"
    await wire.execute("SET semar.said = 'no'")
    async with wire.transaction():
        assert await wire.fetchval(BOUND) == ""
    assert await wire.fetchval("SELECT current_setting('semar.said', true)") == "no"


async def test_a_rollback_forgets_the_last_words(wire: Connection) -> None:
    begun = wire.transaction()
    await begun.start()
    wire.close_with("SELECT set_config('semar.said', 'yes', false)")
    await begun.rollback()
    async with wire.transaction():
        pass
    assert await wire.fetchval("SELECT current_setting('semar.said', true)") in (None, "")


async def test_last_words_that_fail_end_the_transaction_and_leave_the_connection_whole(
    wire: Connection,
) -> None:
    begun = wire.transaction()
    await begun.start()
    await wire.execute("CREATE TEMP TABLE left_over (a int)")
    wire.close_with("SELECT 1 / 0")
    with pytest.raises(asyncpg.DivisionByZeroError):
        await begun.commit()
    assert not wire.is_in_transaction()
    async with wire.transaction():
        assert await wire.fetchval("SELECT to_regclass('left_over')") is None


async def test_a_connection_whose_first_words_fail_is_not_used_again(wire: Connection) -> None:
    wire.open_with("SELECT 1 / 0;")
    with pytest.raises(asyncpg.DivisionByZeroError):
        await wire.transaction().start()
    assert wire.is_closed()


async def test_a_log_that_cannot_be_appended_to_undoes_the_whole_transaction(world: World) -> None:
    """The refusal comes with the commit; the only connection of the pool goes on to serve."""
    app = Database(world.database.app_url, pool_size=1, name="test")
    tenant = world.mine.tenant

    async def to_a_log_that_is_not_there() -> None:
        async with transaction(app, tenant, VAULT, SYSTEM, "test", NOON) as tx:
            await tx.record(EventKind.TIMER_FAILING, ("timer", "1"), data={"of": "refused"})
            await tx.session.execute(text("SELECT set_config('semar.regency', '0', true)"))

    try:
        with pytest.raises(DBAPIError, match="no rows"):
            await to_a_log_that_is_not_there()
        async with transaction(app, tenant, VAULT, SYSTEM, "test", NOON) as tx:
            await tx.record(EventKind.TIMER_FAILING, ("timer", "2"), data={"of": "taken"})
        rows = await world.as_owner("SELECT data->>'of' AS of FROM event WHERE kind = 'timer_failing'")
        assert [row["of"] for row in rows] == ["taken"]
    finally:
        await app.close()


async def test_a_transaction_that_never_began_binds_nobody_else(world: World) -> None:
    app = Database(world.database.app_url, pool_size=1, name="test")
    try:
        never = transaction(app, world.mine.tenant, VAULT, SYSTEM, "test", NOON)
        await never.__aenter__()
        await never.__aexit__(None, None, None)
        async with app.engine.connect() as connection:
            assert (await connection.execute(text(BOUND))).scalar() in (None, "")
    finally:
        await app.close()
