"""A case in a made-up regency, for whoever needs no other beginning than noon with everybody on duty."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest
from case_scene import Case, HasUrls, copied_case, open_case

from dispatch.local.postgres import APP_ROLE, OWNER_ROLE, PrivatePostgres

_MADE = "case_made"
_numbers = count(1)


@dataclass(frozen=True)
class Urls:
    """Where a test's database is."""

    owner_url: str
    app_url: str


@pytest.fixture(scope="session")
def made_case(
    postgres_server: PrivatePostgres, database_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Case:
    """The regency with its units on duty and its people, in a database that each test has copied."""
    postgres_server.create_database(_MADE, database_template)

    async def make() -> Case:
        async with open_case(_urls(postgres_server, _MADE), tmp_path_factory.mktemp("case")) as made:
            return made

    with ThreadPoolExecutor(1) as aside:  # the test has an event loop of its own
        made = aside.submit(asyncio.run, make()).result()
    postgres_server.execute(f"ALTER DATABASE {_MADE} ALLOW_CONNECTIONS false")
    return made


@pytest.fixture
def case_database(postgres_server: PrivatePostgres, made_case: Case) -> Iterator[HasUrls]:
    """A copy for this test."""
    name = f"case_{next(_numbers)}"
    postgres_server.create_database(name, _MADE)
    yield _urls(postgres_server, name)
    postgres_server.drop_database(name)


@pytest.fixture
async def case(case_database: HasUrls, made_case: Case, tmp_path: Path) -> AsyncIterator[Case]:
    """The regency, its roads and its people, by a clock that the test moves."""
    async with copied_case(case_database, tmp_path, made_case) as scene:
        yield scene


def _urls(server: PrivatePostgres, name: str) -> Urls:
    return Urls(server.url(OWNER_ROLE, name), server.url(APP_ROLE, name))
