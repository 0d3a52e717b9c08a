"""Reading an extract's roads for drawing."""

from __future__ import annotations

from pathlib import Path

import pytest
from road_sketch import PURWAKARTA, at, write_osm

import routing


def test_everything_on_the_ground_is_drawn(tmp_path: Path) -> None:
    nodes = {1: (0.0, 0.0), 2: (100.0, 0.0), 3: (200.0, 0.0), 4: (200.0, 100.0)}
    extract = write_osm(
        tmp_path / "roads.osm.pbf",
        nodes,
        [
            ((1, 2), {"highway": "motorway", "oneway": "yes", "name": "Tol Contoh"}),
            ((2, 3, 3), {"highway": "tertiary", "ref": "K1"}),
            ((2, 4), {"highway": "path", "access": "no"}),
            ((1, 4), {"highway": "tertiary", "source": "connector"}),
            ((1, 2, 3, 1), {"highway": "pedestrian", "area": "yes"}),
            ((1, 3), {"highway": "proposed"}),
            ((1, 2, 9, 3, 4), {"highway": "service"}),
            ((9, 1), {"highway": "service"}),
        ],
    )
    roads = routing.read_drawn_roads(extract)

    assert [(r.highway, r.name, len(r.points)) for r in roads] == [
        ("motorway", "Tol Contoh", 2),
        ("tertiary", "K1", 2),
        ("path", None, 2),
        ("service", None, 2),  # cut where a node is not in the file
        ("service", None, 2),
    ]
    assert roads[0].points[1] == pytest.approx(at(100.0, 0.0), abs=1e-6)


def test_the_digest_follows_the_content(tmp_path: Path) -> None:
    one, other = tmp_path / "one.osm.pbf", tmp_path / "other.osm.pbf"
    one.write_bytes(PURWAKARTA.read_bytes())
    other.write_bytes(PURWAKARTA.read_bytes() + b" ")
    assert routing.drawn_digest(one) == routing.drawn_digest(PURWAKARTA)
    assert routing.drawn_digest(one) != routing.drawn_digest(other)


def test_an_unreadable_extract_is_named(tmp_path: Path) -> None:
    broken = tmp_path / "roads.osm.pbf"
    broken.write_bytes(b"no roads")
    with pytest.raises(routing.BadExtract, match=r"roads\.osm\.pbf"):
        routing.read_drawn_roads(broken)
