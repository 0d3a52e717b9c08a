"""`make bench`: runs every measurement, or those that are named on the command line."""

from __future__ import annotations

import argparse
import importlib
import os
import sys

MEASUREMENTS = ("routing", "matching", "tiles", "calls", "ranking", "claims", "ingest", "pages")


def main() -> int:
    """Run the chosen measurements one after the other; a failing one does not keep the others back."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("which", nargs="*", help=f"of: {', '.join(MEASUREMENTS)}; all by default")
    parser.add_argument("--big", action="store_true", help="routing also on a network of 1.5 million nodes")
    options = parser.parse_args()
    which = options.which
    if wrong := [name for name in which if name not in MEASUREMENTS]:
        parser.error(f"{', '.join(wrong)}: choose from {', '.join(MEASUREMENTS)}")
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} before the start")
    failed = []
    for name in which or MEASUREMENTS:
        print(f"\n== {name}", flush=True)
        try:
            measurement = importlib.import_module(f"bench.{name}")
            measurement.main(**{"big": True} if options.big and name == "routing" else {})
        except (RuntimeError, OSError) as problem:
            failed.append(name)
            print(f"{name}: {problem}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
