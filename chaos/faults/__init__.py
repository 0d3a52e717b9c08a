"""All faults, in the order in which they are tried."""

from __future__ import annotations

from chaos.faults import clocks, killing, network, standby, surroundings
from chaos.scene import Fault

FAULTS: tuple[Fault, ...] = (
    *killing.FAULTS,
    *surroundings.FAULTS,
    *network.FAULTS,
    *clocks.FAULTS,
    *standby.FAULTS,  # last: the processes of two clusters are told apart by none of the others
)
