"""The bundled regencies' road networks, built once per test process."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from road_sketch import BATANG, PURWAKARTA, TOLL, Scatter

import routing


@pytest.fixture(scope="session")
def purwakarta_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("roads") / "purwakarta"
    routing.build_store(PURWAKARTA, folder, exclude_highway=TOLL)
    return folder


@pytest.fixture(scope="session")
def purwakarta(purwakarta_store: Path) -> routing.Network:
    return routing.open_store(purwakarta_store)


@pytest.fixture(scope="session")
def batang(tmp_path_factory: pytest.TempPathFactory) -> routing.Network:
    folder = tmp_path_factory.mktemp("roads") / "batang"
    routing.build_store(BATANG, folder, exclude_highway=TOLL)
    return routing.open_store(folder)


@pytest.fixture(scope="session")
def scatter() -> Scatter:
    """Points spread over the box of a network, always the same ones."""

    def spread(network: routing.Network, count: int) -> NDArray[np.float64]:
        west, south, east, north = network.box
        random = np.random.default_rng(20261120)
        return np.column_stack([random.uniform(west, east, count), random.uniform(south, north, count)])

    return spread
