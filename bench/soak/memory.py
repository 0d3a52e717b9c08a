"""What processes hold in memory, sampled through a run, and how fast it grows."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

MB = 1024 * 1024


def tree(pid: int) -> list[int]:
    """Return a process and all its descendants that live now."""
    found = [pid]
    for parent in found:
        with suppress(OSError):
            children = Path(f"/proc/{parent}/task/{parent}/children").read_text()
            found += [int(child) for child in children.split()]
    return found


def proportional_bytes(pids: Sequence[int]) -> int:
    """Return the proportional set size of processes, bytes: a page that several share is counted once.

    The resident size would count PostgreSQL's shared buffers once for every connection.
    """
    total = 0
    for pid in pids:
        with suppress(OSError):  # it ended between the listing and the look
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1]) * 1024
    return total


@dataclass
class Memory:
    """Samples of named groups of processes; times in seconds, sizes in bytes."""

    groups: Mapping[str, Callable[[], Sequence[int]]]
    at: list[float] = field(default_factory=list)
    sizes: dict[str, list[int]] = field(default_factory=dict)

    def sample(self) -> None:
        """Look at all groups once."""
        self.at.append(time.monotonic())
        for name, pids in self.groups.items():
            self.sizes.setdefault(name, []).append(proportional_bytes(pids()))

    @property
    def total_peak(self) -> int:
        """The most that all groups held together at one sample."""
        totals: list[int] = [sum(sizes) for sizes in zip(*self.sizes.values(), strict=True)]
        return max(totals)

    def slope(self, name: str, settled_s: float) -> float:
        """Return the growth of a group in bytes a minute, by least squares, after `settled_s` seconds."""
        since = np.asarray(self.at) - self.at[0]
        late = since >= settled_s
        if late.sum() < 2:
            return float("nan")
        return float(np.polyfit(since[late] / 60.0, np.asarray(self.sizes[name], float)[late], 1)[0])
