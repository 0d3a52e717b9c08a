"""Threads for writing messages: a share that hangs takes these, and none that dispatch works with."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

MOST = 16
_threads = ThreadPoolExecutor(MOST, "notify")


async def aside(work: Callable[[], None]) -> None:
    """Do this in a thread. When all of them hang it waits, until whoever asked has no more patience."""
    await asyncio.get_running_loop().run_in_executor(_threads, work)
