"""Processes killed without warning, each brought back by the supervisor."""

from __future__ import annotations

import asyncio
import time

from chaos import processes
from chaos.scene import DATABASE_S, SERVE_S, WORKER_S, Fault, Scene

ANSWER_WITHIN_S = 15.0
"""After which an unanswered call rings at every console."""
LAUNCHER_S = 30.0
"""What starts the launcher again is outside (systemd): it migrates, loads and starts everything anew."""


async def _kill(scene: Scene, name: str) -> float:
    pid = scene.stage.pid(name)
    since = await scene.moment()
    processes.kill(processes.family(pid))
    await scene.stage.until_runs(name, other_than=pid)
    return since


async def kill_serve(scene: Scene) -> float:
    """Kill the serving process that everybody is connected to."""
    return await _kill(scene, processes.SERVE)


async def kill_registry(scene: Scene) -> float:
    """Kill the stand-in of the resident registry."""
    return await _kill(scene, processes.REGISTRY)


async def kill_redis(scene: Scene) -> float:
    """Kill Redis."""
    return await _kill(scene, processes.REDIS)


async def kill_worker(scene: Scene) -> float:
    """Kill the worker while deadlines run out: three calls nobody answers ring once, and not twice."""
    due = time.monotonic() + ANSWER_WITHIN_S
    silent = await scene.traffic.call_into_silence(3)
    await asyncio.sleep(due - time.monotonic())
    since = await _kill(scene, processes.WORKER)
    await scene.traffic.until_heard("call_unanswered", silent)
    scene.parts["alarm"] = time.monotonic() - since
    scene.traffic.answer(silent)
    return since


async def kill_postgres(scene: Scene) -> float:
    """Kill PostgreSQL with all its processes at once: nothing can be written to disk any more."""
    return await _kill(scene, processes.POSTGRES)


async def kill_launcher(scene: Scene) -> float:
    """Kill the launcher, with which everything ends; it is started again as systemd would."""
    since = await scene.moment()
    scene.stage.kill_launcher()
    scene.stage.launch()
    await scene.stage.until_started()
    return since


FAULTS = (
    Fault("serve killed (one, no proxy)", SERVE_S, kill_serve),
    Fault("worker killed as deadlines run out", WORKER_S, kill_worker),
    Fault("registry stand-in killed", SERVE_S, kill_registry),
    Fault("Redis killed", SERVE_S, kill_redis),
    Fault("PostgreSQL killed (-9, all of it)", DATABASE_S, kill_postgres),
    Fault("launcher killed, everything with it", LAUNCHER_S, kill_launcher),
)
