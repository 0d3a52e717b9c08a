"""Every fault once, with seconds of traffic: nothing acknowledged is lost, nothing is there twice."""

from __future__ import annotations

import pytest

from chaos.command import Theatre
from chaos.faults import FAULTS
from chaos.scene import Fault

# all in one file, for a file is one process's: faults do not go well beside each other
pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(400)]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
async def test_nothing_is_lost_or_doubled(stand: Theatre, fault: Fault) -> None:
    outcome = await stand.play(fault, short=True)
    print(outcome.fault.name, outcome.parts, outcome.notes)
    assert not outcome.stuck
    assert list(outcome.findings.all()) == []
    assert outcome.recovery_s is not None
    assert outcome.in_flight > 0
    assert outcome.acknowledged > 0
