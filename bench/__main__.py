"""`make bench`: runs every measurement, or those that are named on the command line."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from typing import Any

SOAK = "soak"  # a quarter of an hour: only when it is named
MEASUREMENTS = (
    "routing",
    "matching",
    "tiles",
    "calls",
    "ranking",
    "claims",
    "transactions",
    "ingest",
    "reconnect",
    "pages",
)


def main() -> int:
    """Run the chosen measurements one after the other; a failing one does not keep the others back."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("which", nargs="*", help=f"of: {', '.join(MEASUREMENTS)} (all by default); {SOAK}")
    parser.add_argument("--minutes", type=float, default=15.0, help="how long the soak lasts")
    parser.add_argument("--big", action="store_true", help="routing also on a network of 1.5 million nodes")
    options = parser.parse_args()
    which = options.which
    if wrong := [name for name in which if name not in (*MEASUREMENTS, SOAK)]:
        parser.error(f"{', '.join(wrong)}: choose from {', '.join((*MEASUREMENTS, SOAK))}")
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} before the start")
    failed = []
    for name in which or MEASUREMENTS:
        print(f"\n== {name}", flush=True)
        try:
            measurement = importlib.import_module(f"bench.{name}")
            measurement.main(**_options(name, options))
        except (RuntimeError, OSError) as problem:
            failed.append(name)
            print(f"{name}: {problem}", file=sys.stderr)
    return 1 if failed else 0


def _options(name: str, given: argparse.Namespace) -> dict[str, Any]:
    if name == SOAK:
        return {"minutes": given.minutes}
    return {"big": True} if given.big and name == "routing" else {}


if __name__ == "__main__":
    sys.exit(main())
