"""Clocks that jump: that of the server with everything on it, and those of the phones."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from chaos import clocked
from chaos.scene import SERVE_S, Fault, Scene
from chaos.stage import Stage

JUMP = timedelta(minutes=15)
"""Longer than any lease or deadline, shorter than what is left of a shift."""
PHONES_OFF = (timedelta(hours=3), timedelta(hours=-3), timedelta(0))


async def with_movable_clock(stage: Stage) -> None:
    """Start the system anew, with serving processes and a worker whose clock can be moved."""
    await stage.stop()
    _move(stage, timedelta(0))
    await stage.start(program=("-m", "chaos.clocked"), **{clocked.FILE: str(_file(stage))})


async def with_own_clock(stage: Stage) -> None:
    """Start the system anew with the machine's clock."""
    await stage.stop()
    await stage.start()


def _file(stage: Stage) -> Path:
    return stage.run_dir.with_name("clock")


def _move(stage: Stage, off: timedelta) -> None:
    draft = _file(stage).with_name("clock.new")
    draft.write_text(f"{off.total_seconds():.0f}\n")
    draft.replace(_file(stage))


async def jump_server(scene: Scene) -> float:
    """Put the server's clock forward, far back, and right again, in the middle of everything."""
    since = 0.0
    for off in (JUMP, -JUMP, timedelta(0)):
        since = await scene.moment()
        _move(scene.stage, off)
        scene.traffic.ledger.mark(since)
        await scene.traffic.until_back()
        await scene.last(2.0, 30.0)
    return since


async def jump_phones(scene: Scene) -> float:
    """Put the phones' clocks wrong by hours, this way and that, while they drive."""
    since = 0.0
    for off in PHONES_OFF:
        since = await scene.moment()
        for crew in scene.traffic.crews:
            crew.clock_error = off
        await scene.last(3.0, 30.0)
    return since


FAULTS = (
    Fault(
        "server's clock jumps 15 min both ways",
        SERVE_S,
        jump_server,
        true_clocks=False,
        prepare=with_movable_clock,
        restore=with_own_clock,
    ),
    Fault("phones' clocks jump 3 h both ways", SERVE_S, jump_phones, true_clocks=False),
)
