"""`make bench`: runs every measurement, or those that are named on the command line.

Fails when a limit was missed or a measurement came to no end; the others run and print all the same.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import traceback
from collections.abc import Sequence
from typing import Any

from bench import verdicts

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


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the chosen measurements one after the other; return the exit status."""
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("which", nargs="*", help=f"of: {', '.join(MEASUREMENTS)} (all by default); {SOAK}")
    parser.add_argument("--minutes", type=float, default=15.0, help="how long the soak lasts")
    parser.add_argument("--big", action="store_true", help="routing also on a network of 1.5 million nodes")
    options = parser.parse_args(arguments)
    which = options.which
    if wrong := [name for name in which if name not in (*MEASUREMENTS, SOAK)]:
        parser.error(f"{', '.join(wrong)}: choose from {', '.join((*MEASUREMENTS, SOAK))}")
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} before the start")
    for name in which or MEASUREMENTS:
        print(f"\n== {name}", flush=True)
        verdicts.begin(name)
        try:
            importlib.import_module(f"bench.{name}").main(**_options(name, options))
        except Exception as problem:  # noqa: BLE001 - whatever it was, the others are measured
            traceback.print_exc()
            verdicts.failed(f"{type(problem).__name__}: {problem}")
    status = verdicts.conclude()
    if not which:
        print("not measured: the soak, whose limits take a quarter of an hour: make soak")
    return status


def _options(name: str, given: argparse.Namespace) -> dict[str, Any]:
    if name == SOAK:
        return {"minutes": given.minutes}
    return {"big": True} if given.big and name == "routing" else {}


if __name__ == "__main__":
    sys.exit(main())
