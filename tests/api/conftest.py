"""Fixtures of the API's tests: regencies loaded once, a copy of them and the application per module."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest
import pytest_asyncio
from api_scene import Api, Prepared, Urls, prepare, serving

from dispatch.local.postgres import APP_ROLE, OWNER_ROLE, PrivatePostgres

_LOADED = "api_loaded"
_numbers = count(1)


@pytest.fixture(scope="session")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run folder that holds the road stores."""
    return tmp_path_factory.mktemp("api")


@pytest.fixture(scope="session")
def loaded(postgres_server: PrivatePostgres, database_template: str, stores: Path) -> Prepared:
    """A database with the training tenants of Purwakarta and Batang, which the modules copy."""
    postgres_server.create_database(_LOADED, database_template)
    return prepare(_urls(postgres_server, _LOADED), stores)


@pytest.fixture(scope="module")
def prepared(postgres_server: PrivatePostgres, loaded: Prepared) -> Iterator[Prepared]:
    """A copy for all tests of the module, which must not mind each other's rows."""
    name = f"api_{next(_numbers)}"
    postgres_server.create_database(name, _LOADED)
    yield replace(loaded, database=_urls(postgres_server, name), tokens=dict(loaded.tokens))
    postgres_server.drop_database(name)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(prepared: Prepared) -> AsyncIterator[Api]:
    """The application on the module's database."""
    async with serving(prepared) as running:
        yield running


def _urls(server: PrivatePostgres, name: str) -> Urls:
    return Urls(server.url(OWNER_ROLE, name), server.url(APP_ROLE, name))
