"""What makes minutes doubtful is found, with figures, and nothing is found where nothing is wrong."""

from __future__ import annotations

from datetime import date

import pytest
from road_sketch import Edge, at, network_of

from routing import BadQuestion, Facility, Network, QualityReport
from routing.arrays import CLOSED_MS

TODAY = date(2026, 11, 20)


def codes(report: QualityReport) -> dict[str, str]:
    return {finding.code: finding.severity for finding in report.findings}


def test_main_roads_only(purwakarta: Network) -> None:
    report = purwakarta.quality([(107.443, -6.556), (107.30, -6.50)], names=["Kota", "Sukasari"], today=TODAY)
    found = codes(report)
    assert found["missing_classes"] == found["far_villages"] == "serious"
    assert found["toll_excluded"] == "info"
    assert {"connectors", "uncalibrated", "no_directions"} <= set(found)
    assert list(found.values()) == sorted(found.values(), key=["serious", "warning", "info"].index)
    far = next(finding for finding in report.findings if finding.code == "far_villages")
    assert [place.name for place in far.places] == ["Sukasari"]
    assert far.places[0].metres == far.figures["worst_m"] > 2500
    for finding in report.findings:
        assert finding.text_id != finding.text_en
        assert "  " not in finding.text_id + finding.text_en
    assert report.version == purwakarta.route((107.44, -6.55), (107.45, -6.56)).version


def test_places_that_rely_on_a_connector() -> None:
    """The facility is in the west; the eastern village is reached over the connector only."""
    line = [(0.0, 0.0), (100.0, 0.0), (300.0, 0.0), (500.0, 0.0)]
    edges = [Edge(0, 1, 9_000, 9_000), Edge(1, 2, 9_000, 9_000, (), True), Edge(2, 3, 9_000, 9_000)]
    network = network_of(line, edges)
    clinic = Facility("Puskesmas", *at(10, 0), True)
    report = network.quality(
        [at(50, 0), at(450, 0)], names=["Barat", "Timur"], facilities=[clinic], today=TODAY
    )
    found = next(finding for finding in report.findings if finding.code == "connectors")
    assert [place.name for place in found.places] == ["Timur"]
    assert found.figures == {"edges": 1, "km": 0.2, "places": 1}
    assert codes(report)["approximate_facilities"] == "warning"


def test_toll_roads_without_directions() -> None:
    nodes = [(0.0, 0.0), (9000.0, 0.0), (0.0, 500.0), (9000.0, 500.0)]
    edges = [
        Edge(0, 1, 400_000, 400_000, road_class="motorway"),
        Edge(0, 2, 60_000, 60_000),
        Edge(2, 3, 900_000, 900_000),
    ]
    assert codes(network_of(nodes, edges).quality(today=TODAY))["toll_access"] == "serious"
    split = [Edge(0, 1, 400_000, CLOSED_MS, road_class="motorway"), *edges[1:], Edge(1, 3, 60_000, 60_000)]
    assert "toll_access" not in codes(network_of(nodes, split).quality(today=TODAY))


def test_no_places_no_findings_about_places(batang: Network) -> None:
    found = codes(batang.quality(today=TODAY))
    assert "far_villages" not in found
    assert "missing_classes" not in found


def test_names_go_with_places(batang: Network) -> None:
    with pytest.raises(BadQuestion):
        batang.quality([(109.73, -6.91)], names=["a", "b"])
