"""Compiles the kernels of roads and intake, or finds them in their cache: a minute once per machine."""

import multiprocessing
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import routing
from dispatch.live.ordinary_fixes import OrdinaryFixes
from dispatch.live.sender_cells import SenderTable

EXTRACT = Path(__file__).resolve().parents[1] / "tests" / "routing" / "data" / "kota-tegal.osm.pbf"
ALONG = np.linspace((109.1250, -6.8700), (109.1400, -6.8700), 60)
"""A drive of a minute through the town, every 28 m."""


def roads(store: Path) -> None:
    """What a request needs, and the intake of fixes."""
    routing.open_store(store).warm_up()
    OrdinaryFixes(SenderTable()).prepare()


def matching(store: Path) -> None:
    """What tracks need to be laid on the roads."""
    lon, lat = ALONG.T
    track = routing.Track.of(lon, lat, 1_700_000_000_000 + 1000 * np.arange(len(lon)))
    routing.open_store(store).match(track)


def main() -> int:
    """Build a small network and use it, in a process for each part."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="semar-kernels-") as folder:
        store = Path(folder) / "store"
        routing.build_store(EXTRACT, store)
        spawn = multiprocessing.get_context("spawn")
        parts = [spawn.Process(target=part, args=(store,)) for part in (roads, matching)]
        for part in parts:
            part.start()
        for part in parts:
            part.join()
    if failed := [part for part in parts if part.exitcode]:
        return max(abs(part.exitcode or 1) for part in failed)
    print(f"  kernel siap / kernels ready ({time.monotonic() - began:.0f} s)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
