"""All faults, in the order in which they are tried."""

from __future__ import annotations

from chaos.faults import killing, network, standby, surroundings
from chaos.scene import Fault

FAULTS: tuple[Fault, ...] = (*killing.FAULTS, *surroundings.FAULTS, *network.FAULTS, *standby.FAULTS)
