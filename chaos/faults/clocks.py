"""Clocks that jump: that of the server with everything on it, and those of the phones."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from chaos import clocked, reading
from chaos.scene import SERVE_S, Fault, Scene
from chaos.stage import NotReady, Stage

JUMP = timedelta(minutes=15)
"""Longer than any lease or deadline, shorter than what is left of a shift."""
_UNANSWERED = 2
_IN_STEP = timedelta(minutes=1)
PHONES_OFF = (timedelta(hours=3), timedelta(hours=-3), timedelta(0))


async def with_movable_clock(stage: Stage) -> None:
    """Start the system anew, with serving processes, a worker and a database whose clock can be moved."""
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
    draft.write_text(f"{off.total_seconds():+.0f}\n")
    draft.chmod(0o644)  # the database's user reads it, too
    draft.replace(_file(stage))


async def jump_server(scene: Scene) -> float:
    """Put the server's clock forward, far back, and right again, in the middle of everything.

    Calls that nobody answers are made while it is ahead: their alarm must not wait until it is there again.
    """
    since = 0.0
    unanswered: list[str] = []
    database = clocked.faketime() is not None
    scene.means = "programs and database" if database else "programs alone, no libfaketime here"
    for off in (JUMP, -JUMP, timedelta(0)):
        since = await scene.moment()
        _move(scene.stage, off)
        scene.traffic.clocks.set_server(off)
        if database:
            await _check_database(scene.stage, off)
        scene.traffic.ledger.mark(since)
        await scene.traffic.until_back()
        await scene.traffic.until_stepped()
        if off == JUMP:
            unanswered = await scene.traffic.call_into_silence(_UNANSWERED)
        await scene.last(2.0, 30.0)
    await scene.traffic.until_heard("call_unanswered", unanswered)
    scene.traffic.answer(unanswered)
    return since


async def _check_database(stage: Stage, off: timedelta) -> None:
    """Raise NotReady unless the database's clock is off by as much: what does not strike proves nothing."""
    told = await reading.clock(stage) - datetime.now(UTC)
    if abs(told - off) > _IN_STEP:
        raise NotReady(f"the database's clock should be off by {off}, and is by {told}")


async def jump_phones(scene: Scene) -> float:
    """Put the phones' clocks wrong by hours, this way and that, while they drive.

    Every crew gets fixes through that it makes by the wrong clock, and a step is taken by it.
    """
    since = 0.0
    for off in PHONES_OFF:
        since = await scene.moment()
        scene.traffic.clocks.set_phones(off)
        await scene.traffic.until_back()
        await scene.traffic.until_stepped()
        await scene.last(3.0, 30.0)
    return since


FAULTS = (
    Fault(
        "server's clock jumps 15 min both ways",
        SERVE_S,
        jump_server,
        prepare=with_movable_clock,
        restore=with_own_clock,
    ),
    Fault("phones' clocks jump 3 h both ways", SERVE_S, jump_phones),
)
