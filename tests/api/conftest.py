"""Fixtures of the API's tests: a loaded regency per module, the application per test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from api_scene import Api, HasUrls, Prepared, prepare, serving


@pytest.fixture(scope="session")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run folder that holds the road stores, built once for all modules."""
    return tmp_path_factory.mktemp("api")


@pytest.fixture(scope="module")
def prepared(module_database: HasUrls, stores: Path) -> Prepared:
    """A database with Purwakarta's training tenant, for all tests of the module."""
    return prepare(module_database, stores)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(prepared: Prepared) -> AsyncIterator[Api]:
    """The application on the module's database."""
    async with serving(prepared) as running:
        yield running
