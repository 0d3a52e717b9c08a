"""The order in which a hierarchy contracts the nodes: those that part the network come last."""

from __future__ import annotations

import importlib.util

import numpy as np
from numpy.typing import NDArray

from routing.costs import Ints
from routing.dissection import dissection_order

Floats = NDArray[np.float64]


def node_order(node_count: int, tail: Ints, head: Ints, lon: Floats, lat: Floats) -> Ints:
    """All nodes (N,), the one to contract first in front.

    By routingkit-cch where its wheel is installed (inertial flow in C++), otherwise by `dissection_order`,
    whose hierarchies are a tenth larger. Either gives the same answers.
    """
    if importlib.util.find_spec("routingkit_cch") is None or node_count < 2:
        return dissection_order(node_count, tail, head, lon, lat)
    import routingkit_cch  # only a build needs it, and not every machine has it

    order = routingkit_cch.compute_order_inertial(
        node_count, tail.tolist(), head.tolist(),
        lat.tolist(), lon.tolist(),
    )  # fmt: skip
    return np.array(order, np.int32)
