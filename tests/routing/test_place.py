"""Downloading a place by its name, from a stand-in of the two services that osmnx asks."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import osmnx
import pytest
from map_sketch import ROAD
from road_sketch import at

from routing import PROFILES, BadExtract
from routing.build import build_store
from routing.place import download_place
from routing.store import read_store

NODES = {1: (0, 0), 2: (100, 0), 3: (200, 50), 4: (300, 0)}
WAYS = {10: ([1, 2, 3], ROAD | {"name": "Jalan Contoh", "surface": "mud"}), 11: ([3, 4], ROAD)}


def outline() -> dict[str, object]:
    corners = [at(x, y) for x, y in ((-900, -900), (900, -900), (900, 900), (-900, 900), (-900, -900))]
    return {"type": "Polygon", "coordinates": [corners]}


class Services(BaseHTTPRequestHandler):
    """Answers a search for "Contoh" with an outline, and any question for roads with the sketch."""

    asked: list[str]

    def do_GET(self) -> None:
        west, south = at(-900, -900)
        east, north = at(900, 900)
        place = {
            "place_id": 1, "osm_type": "relation", "osm_id": 1, "lat": str(south), "lon": str(west),
            "class": "boundary", "type": "administrative", "display_name": "Contoh", "importance": 0.5,
            "boundingbox": [str(south), str(north), str(west), str(east)], "geojson": outline(),
        }  # fmt: skip
        self.answer([place] if "Contoh" in self.path else [])

    def do_POST(self) -> None:
        self.asked.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
        nodes = [
            {"type": "node", "id": number, "lon": at(*place)[0], "lat": at(*place)[1]}
            | ({"tags": {"barrier": "gate"}} if number == 2 else {})
            for number, place in NODES.items()
        ]
        ways = [
            {"type": "way", "id": number, "nodes": refs, "tags": tags}
            for number, (refs, tags) in WAYS.items()
        ]
        self.answer({"elements": [*nodes, *ways]})

    def answer(self, content: object) -> None:
        body = json.dumps(content).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def services(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    asked: list[str] = []
    handler = type("Handler", (Services,), {"asked": asked})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setattr(osmnx.settings, "nominatim_url", address)
    monkeypatch.setattr(osmnx.settings, "overpass_url", address)
    monkeypatch.setattr(osmnx.settings, "overpass_rate_limit", False)
    monkeypatch.setattr(socket, "getaddrinfo", socket.getaddrinfo)  # osmnx replaces it: put it back
    yield asked
    server.shutdown()
    server.server_close()


def test_a_place_becomes_a_store(
    services: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "contoh.graphml"
    download_place("Contoh, Indonesia", file, PROFILES)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["contoh.graphml"]  # no cache of osmnx's
    assert any("residential" in question for question in services)
    assert any("ferry" in question for question in services)
    report = build_store(file, tmp_path / "store")
    assert (report.ways_kept, report.vertices) == (2, 4)
    assert report.barriers is not None
    assert report.barriers.kinds == {"gate": 1}
    arrays = read_store(tmp_path / "store").arrays
    assert {arrays.name(int(n)) for n in arrays.edge_name} == {"Jalan Contoh", None}
    assert arrays.edge_mm.sum() == pytest.approx(100_000 + 2 * 111_803, abs=100)


def test_an_unknown_place(services: list[str], tmp_path: Path) -> None:
    with pytest.raises(BadExtract, match="Atlantis") as caught:
        download_place("Atlantis", tmp_path / "x.graphml", PROFILES)
    assert "Periksa namanya" in caught.value.message_id
    assert list(tmp_path.iterdir()) == []


def test_without_internet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as closed:  # a port that nobody listens on
        closed.bind(("127.0.0.1", 0))
        monkeypatch.setattr(osmnx.settings, "nominatim_url", f"http://127.0.0.1:{closed.getsockname()[1]}")
        with pytest.raises(BadExtract, match="no internet connection") as caught:
            download_place("Contoh", tmp_path / "x.graphml", PROFILES)
    assert "tidak ada sambungan internet" in caught.value.message_id
    assert ".osm.pbf" in caught.value.message_en
