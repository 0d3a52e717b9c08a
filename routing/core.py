"""What all questions to one open network share: its arrays, its engine, and the terms of one question."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from routing.arrays import Floats, NetworkArrays
from routing.asked import Asked, placed
from routing.engine import Engine, Hierarchy
from routing.errors import BadQuestion
from routing.grid import Frame
from routing.metric import Box
from routing.store import Manifest
from routing.weighting import ChangedMetrics, Metric, Metrics


@dataclass(frozen=True, slots=True)
class Core:
    """One open store. `flags` are all flags that some edge of it carries."""

    manifest: Manifest
    arrays: NetworkArrays
    hierarchy: Hierarchy
    engine: Engine
    metrics: Metrics
    flags: int

    @property
    def frame(self) -> Frame:
        return self.manifest.frame

    @property
    def box(self) -> Box:
        return self.manifest.report.box


@dataclass(frozen=True, slots=True)
class Terms:
    """The terms of one question: `metrics` with the live changes that count, the `profile`, the time `at`
    which it is asked for, and the speed off the network. Raises BadQuestion for a speed that is none."""

    core: Core
    metrics: Metrics | ChangedMetrics
    profile: str
    at: datetime | None
    access_kmh: float

    def __post_init__(self) -> None:
        if not (self.access_kmh > 0 and math.isfinite(self.access_kmh)):
            raise BadQuestion(
                f"access_kmh harus angka positif, bukan {self.access_kmh}",
                f"access_kmh must be a positive number, not {self.access_kmh}",
                self.access_kmh,
            )

    @property
    def metric(self) -> Metric:
        return self.metrics.get(self.profile, self.at)

    def without(self, flag: int) -> Metric:
        """The metric in which edges with the flag are closed."""
        return self.metrics.get(self.profile, self.at, flag)

    @property
    def changed(self) -> bool:
        """Whether live changes count."""
        return isinstance(self.metrics, ChangedMetrics)

    def unchanged(self) -> Metric:
        """The metric without live changes."""
        return self.core.metrics.get(self.profile, self.at)

    def place(self, points: Floats, metric: Metric) -> Asked:
        """Checked points (n, 2) on the network."""
        core = self.core
        return placed(points, core.arrays, core.frame, core.box, metric.times, self.access_kmh)


def flags_of(arrays: NetworkArrays) -> int:
    """All flags that some edge carries."""
    return int(np.bitwise_or.reduce(arrays.edge_flags, initial=0))
