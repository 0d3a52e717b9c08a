"""Fixtures of the registry's tests: the real stand-in in its own process, clients, misbehaving servers."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from registry_scene import (
    DISTRICTS,
    PASSWORD,
    USER,
    VILLAGES,
    StandIn,
    start_standin,
    tcp_server,
    write_bundle,
)

from registry import RegistryClient
from registry.population import Population, from_bundle


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("regencies") / "32.14-purwakarta"
    return write_bundle(folder, "32.14", "Kabupaten Purwakarta", DISTRICTS, VILLAGES)


@pytest.fixture(scope="session")
def population(bundle: Path) -> Population:
    return from_bundle([bundle])


@pytest.fixture
def own_standin(bundle: Path) -> Iterator[StandIn]:
    """A stand-in that the test may stop."""
    running = start_standin(bundle)
    with running.process:
        yield running
        running.process.kill()


@pytest.fixture(scope="session")
def standin(bundle: Path) -> Iterator[StandIn]:
    running = start_standin(bundle)
    with running.process:
        yield running
        running.process.terminate()


@pytest.fixture
async def connect() -> AsyncIterator[Callable[..., RegistryClient]]:
    """Makes clients and closes them after the test."""
    async with AsyncExitStack() as stack:

        def make(url: str, user: str = USER, password: str = PASSWORD, **settings: Any) -> RegistryClient:
            client = RegistryClient(url, user, password, **settings)
            stack.push_async_callback(client.aclose)
            return client

        yield make


Serve = Callable[..., Awaitable[str]]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Starts a TCP server that reads one request, writes the given bytes and, if told so, never closes."""
    async with AsyncExitStack() as stack:

        async def start(answer: bytes, *, hang: bool = False) -> str:
            return await stack.enter_async_context(tcp_server(answer, hang))

        yield start
