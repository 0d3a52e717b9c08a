"""The ways between people and processes: the phones' network, two servers behind a proxy, the proxy."""

from __future__ import annotations

import asyncio
import os
import signal
import time

from chaos import processes
from chaos.scene import SERVE_S, Fault, Scene

PHONES_S = 10.0
_CHECKED_WITHIN_S = 1.5
"""The proxy asks its servers every half second."""


async def cut_phones(scene: Scene) -> float:
    """Hold back what phones and server say, then break every connection, then let nobody in for a while."""
    await scene.moment()
    scene.link.hold()
    await scene.last(6.0, 60.0)
    scene.link.heal()  # what was held arrives late, on connections that the phones have given up
    await asyncio.sleep(1.0)
    await scene.moment()
    scene.link.refuse()
    await scene.last(2.0, 120.0)
    scene.link.heal()
    return time.monotonic()


async def kill_one_of_two(scene: Scene) -> float:
    """Kill one serving process behind the proxy; the other one goes on."""
    pid = scene.stage.pid(processes.SERVE, 0)
    since = await scene.moment()
    processes.kill([pid])
    await scene.stage.until_runs(processes.SERVE, 0, other_than=pid)
    return since


async def drain_one_of_two(scene: Scene) -> float:
    """Take one serving process out of the proxy, restart it, put it back: an update at noon."""
    pid = scene.stage.pid(processes.SERVE, 1)
    scene.proxy.set_state(2, "drain")
    await scene.last(1.0, 5.0)
    since = await scene.moment()
    os.kill(pid, signal.SIGTERM)
    await scene.stage.until_runs(processes.SERVE, 1, other_than=pid)
    while not await scene.stage.healthy(1):
        await asyncio.sleep(0.1)
    scene.proxy.set_state(2, "ready")
    await asyncio.sleep(_CHECKED_WITHIN_S)
    return since


async def kill_proxy(scene: Scene) -> float:
    """Kill the proxy, and start it again."""
    since = await scene.moment()
    scene.proxy.kill()
    await scene.last(1.0, 5.0)
    await scene.proxy.start()
    return since


FAULTS = (
    Fault("network of the phones cut", PHONES_S, cut_phones, over_link=True),
    Fault("one of two serve killed (HAProxy)", SERVE_S, kill_one_of_two, through_proxy=True),
    Fault("one of two serve drained, restarted", SERVE_S, drain_one_of_two, through_proxy=True),
    Fault("HAProxy killed and started again", SERVE_S + 5.0, kill_proxy, through_proxy=True),
)
