"""One running system for all trials; each fault is put right before the next one."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from chaos.command import Theatre, theatre


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def stand() -> AsyncIterator[Theatre]:
    """A system of its own on a real disk, with HAProxy before it, and everybody signed in."""
    async with theatre() as running:
        yield running
