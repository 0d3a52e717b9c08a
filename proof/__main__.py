"""`python -m proof`: explore to exhaustion; `--long`: a larger centre, as far as time and memory reach."""

from __future__ import annotations

import argparse
import resource
import sys
from dataclasses import dataclass

from proof.explore import Exploration, Found, Size
from proof.mutations import MUTATIONS, hunt
from proof.report import summary, told, trace
from proof.rules import Rules
from proof.wire import check_wire


@dataclass(frozen=True, slots=True)
class Part:
    """One exploration of a run."""

    name: str
    size: Size
    manual: int = 0
    stamps: bool = False


# The whole, and what would multiply it, in centres small enough to carry it.
PARTS = (
    Part("every stamp", Size(1, 1), stamps=True),
    Part("a unit without a screen", Size(2, 1), manual=0b10),
    Part("units break down", Size(1, 2, readiness=True)),
    Part("the centre", Size(2, 2)),
)
LONG = (
    Part("every stamp of two units", Size(2, 1), stamps=True),
    Part("three units", Size(3, 1)),
    Part("three incidents", Size(2, 3)),
    Part("the larger centre", Size(3, 3)),
)


def explore(
    part: Part, *, seconds: float | None = None, states: int | None = None, quiet: bool = False
) -> Found:
    """Run one part and print what it found."""
    rules = Rules(manual=part.manual, stamps=part.stamps)
    found = Exploration(rules, part.size).run(
        most_seconds=seconds,
        most_states=states,
        keep_ways=seconds is None,
        tell=None if quiet else lambda progress: print(told(progress), file=sys.stderr, flush=True),
    )
    print("\n".join(summary(found, part.name)), flush=True)
    return found


def check_mutations() -> bool:
    """Take guards away one by one; return whether every loss was found."""
    all_found = True
    print("taken away, one at a time, and what that breaks:")
    for mutation in MUTATIONS:
        caught = hunt(mutation)
        good = caught.invariant == mutation.breaks
        all_found = all_found and good
        word, broken = "found" if good else "NOT FOUND", caught.found.broken or caught.invariant
        print(f"  {word}: {mutation.name} -> {broken}")
        if not good:
            print("\n".join(trace(caught.found.trace)))
    return all_found


def main() -> int:
    """Explore, and return 0 when everything held."""
    parser = argparse.ArgumentParser(prog="python -m proof", description=__doc__)
    parser.add_argument("--long", action="store_true", help="the larger centre, bounded by time and memory")
    parser.add_argument("--seconds", type=float, default=3600.0, help="time for each part of the long run")
    parser.add_argument("--states", type=int, default=25_000_000, help="states kept in the long run")
    parser.add_argument("--quiet", action="store_true", help="no progress lines")
    given = parser.parse_args()
    good = check_wire() and check_mutations()
    for part in LONG if given.long else PARTS:
        bounds = {"seconds": given.seconds, "states": given.states} if given.long else {}
        found = explore(part, quiet=given.quiet, **bounds)
        good = good and found.broken is None and not found.unfinishable
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak memory {peak:,.0f} MB; {'everything held' if good else 'SOMETHING IS BROKEN'}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
