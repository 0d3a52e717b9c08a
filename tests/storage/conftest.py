"""Fixtures of the storage tests: three filled tenants and the application's own login."""

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor

import asyncpg
import pytest
from log_scene import HasUrls, World, as_application, make_world


@pytest.fixture(scope="module")
def world(module_database: HasUrls) -> World:
    """Three tenants for a whole module, whose tests commit nothing."""
    with ThreadPoolExecutor(1) as aside:
        return aside.submit(asyncio.run, make_world(module_database)).result()


@pytest.fixture
async def app(world: World) -> AsyncIterator[asyncpg.Connection]:
    """The application's login in a transaction of my tenant."""
    async with as_application(world.database.app_url, world.mine.tenant) as connection:
        yield connection
