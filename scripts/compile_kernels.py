"""Compiles the kernels of roads and intake, or finds them in their cache: half a minute once per machine."""

import tempfile
import time
from pathlib import Path

import routing
from dispatch.live.ordinary_fixes import OrdinaryFixes
from dispatch.live.sender_cells import SenderTable

EXTRACT = Path(__file__).resolve().parents[1] / "tests" / "routing" / "data" / "kota-tegal.osm.pbf"


def main() -> None:
    """Build a small network and warm it up."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="semar-kernels-") as folder:
        store = Path(folder) / "store"
        routing.build_store(EXTRACT, store)
        routing.open_store(store).warm_up()
    OrdinaryFixes(SenderTable()).prepare()
    print(f"  kernel siap / kernels ready ({time.monotonic() - began:.0f} s)")


if __name__ == "__main__":
    main()
