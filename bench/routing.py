"""Times the road network: a country's roads with the engine alone, then the bundled regencies end to end."""

from __future__ import annotations

import subprocess
import sys

from bench import routing_engine, routing_regencies


def main(*, big: bool = False) -> None:
    """`big` adds a made-up network of 1.5 million nodes, which takes a minute or two to order."""
    routing_engine.main()
    routing_regencies.main()
    if big:  # its memory is measured: it gets a process of its own
        subprocess.run([sys.executable, "-m", "bench.routing_big"], check=True)


if __name__ == "__main__":
    main()
