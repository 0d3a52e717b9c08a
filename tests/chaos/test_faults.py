"""Every fault once, with seconds of traffic: nothing acknowledged is lost, nothing is there twice."""

from __future__ import annotations

from io import StringIO
from typing import cast
from uuid import uuid4

import pytest
from rich.console import Console

from chaos.command import Theatre
from chaos.faults import FAULTS
from chaos.scene import Fault, Scene
from chaos.stage import NotReady, Stage
from chaos.table import show

# all in one file, for a file is one process's: faults do not go well beside each other
pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(400)]


async def test_a_trial_that_cannot_go_on_says_why(stand: Theatre) -> None:
    """And the next one goes on: this is the first of all trials on this stand."""

    async def fails(scene: Scene) -> float:
        await scene.moment()
        raise NotReady("it does not strike")

    async def refused(scene: Scene) -> float:
        await scene.traffic.dispatchers[0]._took(str(uuid4()))
        raise AssertionError("a call that nobody made was taken")

    async def not_put_right(stage: Stage) -> None:
        raise NotReady("it is not put right")

    faults = [
        (Fault("is refused", 5.0, refused), ["Refused: take: 404 not_found"]),
        (
            Fault("is not put right", 5.0, fails, restore=not_put_right),
            ["NotReady: it does not strike (trial.py:", "NotReady: it is not put right (trial.py:"],
        ),
    ]
    outcomes = [await stand.play(fault, short=True) for fault, _ in faults]
    for outcome, (_, why) in zip(outcomes, faults, strict=True):
        assert all(words in outcome.stuck for words in why)
        assert not outcome.whole
        assert not outcome.in_time
    paper = Console(file=StringIO(), width=118)
    show(outcomes, paper)
    shown = cast(StringIO, paper.file).getvalue()
    assert all(words in shown for fault, why in faults for words in (fault.name, *why))


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
async def test_nothing_is_lost_or_doubled(stand: Theatre, fault: Fault) -> None:
    outcome = await stand.play(fault, short=True)
    print(outcome.fault.name, outcome.parts, outcome.notes)
    assert not outcome.stuck
    assert list(outcome.findings.all()) == []
    assert outcome.recovery_s is not None
    assert outcome.in_flight > 0
    assert outcome.acknowledged > 0
