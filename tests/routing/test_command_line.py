"""The questions one can ask from the command line."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import shapely

from routing import Network
from routing.__main__ import main

Run = Callable[..., str]
TOWN, SOUTH = "107.44,-6.55", "107.5,-6.6"


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*arguments: object, code: int = 0) -> str:
        monkeypatch.setattr(sys, "argv", ["routing", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        assert int(ended.value.code or 0) == code, said.err
        return said.out if code == 0 else said.err

    return call


def test_route(run: Run, purwakarta_store: Path, purwakarta: Network) -> None:
    truth = purwakarta.route((107.44, -6.55), (107.5, -6.6), steps=True)
    said = run("route", purwakarta_store, TOWN, SOUTH)
    assert f"total_s: {truth.total_s}" in said
    assert "Berangkat ke arah" in said
    feature = json.loads(run("route", purwakarta_store, TOWN, SOUTH, "--geojson"))
    assert [tuple(place) for place in feature["geometry"]["coordinates"]] == truth.geometry
    whole = json.loads(run("route", purwakarta_store, TOWN, SOUTH, "--json", "--profile", "car"))
    assert whole["steps"][0]["maneuver"] == "depart"
    assert ".car." in whole["version"]
    rush = run("route", purwakarta_store, TOWN, SOUTH, "--at", "2026-11-20T07:30+07:00")
    assert "version" in rush


def test_nearest(run: Run, purwakarta_store: Path, tmp_path: Path) -> None:
    assert len(run("nearest", purwakarta_store, TOWN, SOUTH).splitlines()) == 2
    table = tmp_path / "units.csv"
    table.write_text("lon,lat\n107.44,-6.55\n107.5,-6.6\n", encoding="utf-8")
    first, second = json.loads(run("nearest", purwakarta_store, table, "--to", "107.49,-6.6", "--json"))
    assert (first["index"], second["index"]) == (1, 0)
    assert first["total_s"] < second["total_s"]
    assert len(json.loads(run("nearest", purwakarta_store, table, "--geojson"))["features"]) == 2
    assert "doubts" in run("nearest", purwakarta_store, table, "--to", TOWN, "-k", 1)


def test_matrix(run: Run, purwakarta_store: Path, purwakarta: Network) -> None:
    rows = json.loads(run("matrix", purwakarta_store, TOWN, SOUTH, "--to", TOWN, "--json"))["seconds"]
    truth = purwakarta.matrix([(107.44, -6.55), (107.5, -6.6)], [(107.44, -6.55)]).seconds
    assert np.array(rows) == pytest.approx(truth, abs=1e-3)
    assert len(run("matrix", purwakarta_store, TOWN, SOUTH).splitlines()) == 3


def test_reach(run: Run, purwakarta_store: Path) -> None:
    five, ten = json.loads(run("reach", purwakarta_store, TOWN, "--minutes", 5, "--minutes", 10, "--json"))
    assert five["minutes"] == 5
    assert 0 < five["road_km"] < ten["road_km"]
    assert 0 < five["km2"] < ten["km2"]
    features = json.loads(run("reach", purwakarta_store, TOWN, "--geojson"))["features"]
    large, _, small = (shapely.geometry.shape(feature["geometry"]) for feature in features)
    assert large.contains(small)
    assert "%" in run("reach", purwakarta_store, TOWN)


def test_bench(run: Run, purwakarta_store: Path) -> None:
    found = json.loads(run("bench", purwakarta_store, "--units", 5, "--json"))
    assert found["ms"]["open"] > 0
    assert found["warm_up_s"] > 0


def test_what_is_wrong_is_said_in_one_line(run: Run, purwakarta_store: Path, tmp_path: Path) -> None:
    for arguments, words in (
        (("nearest", purwakarta_store, "-6.55,107.44"), "swapped"),
        (("route", purwakarta_store, TOWN, "95.3,5.5"), "outside the network"),
        (("route", purwakarta_store, TOWN, SOUTH, "--profile", "truk"), "ambulance"),
        (("reach", purwakarta_store, TOWN, "--minutes", "-3"), "seconds"),
        (("route", tmp_path, TOWN, SOUTH), "python -m routing build"),
    ):
        said = run(*arguments, code=1)
        assert words in said
        assert len(said.splitlines()) == 1
    for arguments in (
        ("nearest", purwakarta_store, "di sana"),
        ("nearest", purwakarta_store, tmp_path / "no.csv"),
        ("route", purwakarta_store, TOWN, SOUTH, "--at", "2026-11-20T07:30"),
    ):
        assert "Error" in run(*arguments, code=2)
