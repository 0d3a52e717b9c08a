"""Draws the pictures of the gallery and writes its page: python -m scripts.make_gallery."""

from __future__ import annotations

import tempfile
from pathlib import Path

import routing
from scripts.make_gallery import scenes

REPOSITORY = Path(__file__).resolve().parents[2]
REGENCIES = REPOSITORY / "regencies"
ANDORRA = REPOSITORY / "tests" / "routing" / "data" / "andorra.osm.pbf"
OUT = REPOSITORY / "docs" / "gallery"
TOLL = frozenset({"motorway", "motorway_link"})

PAGE = """\
# What the road network answers

Drawn by `scripts/gallery` from the maps in this repository; nothing in the pictures is edited by hand.

## A route with its steps

![A route through Andorra](gallery/route.svg)

`python -m routing route STORE {origin} {target}` tells it step by step:

{steps}

## How far one gets: isochrones

![5, 10, 15 and 20 minutes from the hospital of Batang](gallery/isochrones.svg)

`python -m routing reach STORE LON,LAT --geojson`, or `Network.isochrones`. Holes are places more than 250 m
from any road of the map that is reached in time.

## Who is reached in time: coverage

![Minutes from the nearest hospital to each village of Batang](gallery/coverage.svg)

`Network.coverage`: per village the minutes and the unit that is there first, and the share of what one
weighs them by.

## A road is closed

![A flood and the way around it](gallery/closure.svg)

`Network.with_changes`: a light view of the same network in which the drawn stretches are closed or slow.
Nothing else changes, and the next answer knows it.

## Where an ambulance really drove: map matching

![A noisy track and the roads it was matched to](gallery/match.svg)

`python -m routing match STORE TRACKS`, or `Network.match`. The track is made from a known drive, so that it
can be told how much of it was found: {found} of its length.
"""


def main() -> None:
    OUT.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        andorra = _open(ANDORRA, Path(folder) / "andorra", frozenset())
        batang = _open(REGENCIES / "33.25-batang" / "roads.osm.pbf", Path(folder) / "batang", TOLL)
        regency = scenes.read_regency(REGENCIES / "33.25-batang")
        scenes.draw_route(andorra, OUT / "route.svg")
        scenes.draw_isochrone(batang, regency, OUT / "isochrones.svg")
        scenes.draw_coverage(batang, regency, OUT / "coverage.svg")
        scenes.draw_closure(batang, regency, OUT / "closure.svg")
        found = scenes.draw_match(andorra, OUT / "match.svg")
        ends = (",".join(map(str, place)) for place in (scenes.ENCAMP, scenes.SANT_JULIA))
        page = PAGE.format(
            steps=scenes.steps_table(andorra), found=found, origin=next(ends), target=next(ends)
        )
    (REPOSITORY / "docs" / "gallery.md").write_text(page, encoding="utf-8")


def _open(extract: Path, store: Path, exclude: frozenset[str]) -> routing.Network:
    routing.build_store(extract, store, exclude_highway=exclude)
    return routing.open_store(store)


if __name__ == "__main__":
    main()
