"""A database with two loaded regencies and their staff, made once and copied for every test."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

import pytest
from live_scene import ServerThread, World, open_world

from dispatch.local.postgres import APP_ROLE, OWNER_ROLE, PrivatePostgres
from dispatch.services.centre import open_centre
from dispatch.services.demo_accounts import make_demo_accounts
from dispatch.services.load_regency import load_regency
from dispatch.settings import Settings

REPOSITORY = Path(__file__).resolve().parents[2]
LOADED = "semar_loaded"

_numbers = count(1)


async def _load(settings: Settings) -> None:
    centre = open_centre(settings, name="test load")
    try:
        for folder in ("32.14-purwakarta", "33.25-batang"):
            await load_regency(centre, REPOSITORY / "regencies" / folder)
        await make_demo_accounts(centre, settings.accounts_path)
    finally:
        await centre.close()


def _settings(server: PrivatePostgres, database: str, run_dir: Path) -> Settings:
    return Settings(
        database_url=server.url(OWNER_ROLE, database),
        database_app_url=server.url(APP_ROLE, database),
        run_dir=run_dir,
    )


@pytest.fixture(scope="session")
def live_run_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder with keys and, once loaded, road stores."""
    folder = tmp_path_factory.mktemp("live-run")
    (folder / "secrets").mkdir()
    for name in ("master", "lookup"):
        (folder / "secrets" / f"{name}.key").write_text(os.urandom(32).hex())
    return folder


@pytest.fixture(scope="session")
def loaded_template(postgres_server: PrivatePostgres, database_template: str, live_run_dir: Path) -> str:
    """The name of a database with both regencies loaded, that nobody may enter."""
    postgres_server.create_database(LOADED, database_template)
    with ThreadPoolExecutor(1) as aside:
        aside.submit(asyncio.run, _load(_settings(postgres_server, LOADED, live_run_dir))).result()
    postgres_server.execute(f"ALTER DATABASE {LOADED} ALLOW_CONNECTIONS false")
    return LOADED


@pytest.fixture
def live_database(postgres_server: PrivatePostgres, loaded_template: str) -> Iterator[str]:
    """A copy of the loaded database for one test."""
    name = f"live_{next(_numbers)}"
    postgres_server.create_database(name, loaded_template)
    yield name
    postgres_server.drop_database(name)


@pytest.fixture
async def world(
    postgres_server: PrivatePostgres, live_database: str, live_run_dir: Path
) -> AsyncIterator[World]:
    """The loaded regencies, and the test's own hand on them."""
    settings = _settings(postgres_server, live_database, live_run_dir)
    async with open_world(settings, postgres_server.url("postgres", live_database)) as world:
        yield world


@pytest.fixture
def server(world: World) -> Iterator[ServerThread]:
    """One server without Redis."""
    with world.serving() as running:
        yield running
