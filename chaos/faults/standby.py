"""The primary lost for good, with its disk: the standby is promoted, and services follow it by themselves."""

from __future__ import annotations

import asyncio
import shutil
import time

from chaos import processes
from chaos.scene import STANDBY_S, Fault, Scene
from chaos.stage import NotReady, Stage
from dispatch.local.standby_note import read_note
from dispatch.local.standby_pair import read_pair
from dispatch.local.standby_servers import PrivatePair, SeatPostgres
from dispatch.local.tether import working_in

_FOLLOWS_S = 120.0


async def set_up(stage: Stage) -> None:
    """Give the system a standby, and wait until commits wait for it."""
    if read_pair(stage.run_dir) is None:
        await _command(stage, "setup", "--folder", str(stage.run_dir.with_name("second")))
    until = time.monotonic() + _FOLLOWS_S
    while (note := read_note(stage.run_dir)) is None or not note.synchronous:
        if time.monotonic() > until:
            raise NotReady("commits do not wait for the standby")
        await asyncio.sleep(0.1)


async def lose_primary(scene: Scene) -> float:
    """Destroy the primary's data and kill it with all its processes; promote the standby as people would."""
    primary = _primary(scene.stage)
    since = await scene.moment()
    gone = primary.data.with_name("gone")
    primary.data.rename(gone)
    processes.kill(working_in(gone, "postgres"))
    shutil.rmtree(gone, ignore_errors=True)
    told = await _command(scene.stage, "promote")
    scene.notes.append(told.strip().splitlines()[-1])
    if _primary(scene.stage).seat == primary.seat:
        raise NotReady(f"the standby was not promoted: {told}")
    return since


async def rejoin(stage: Stage) -> None:
    """Make the lost one a standby anew: a centre does not stay on one copy."""
    await _command(stage, "rejoin")


def _primary(stage: Stage) -> SeatPostgres:
    servers = PrivatePair(stage.run_dir, say=lambda _: None)
    servers.primary.locate()
    return servers.primary


async def _command(stage: Stage, *arguments: str) -> str:
    status, said = await stage.command("standby", *arguments)
    if status != 0:
        raise NotReady(f"dispatch standby {' '.join(arguments)}: {said}")
    return said


FAULTS = (
    Fault("primary lost for good, standby promoted", STANDBY_S, lose_primary, prepare=set_up, restore=rejoin),
)
