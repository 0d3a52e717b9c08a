"""The command line of the road network."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from road_sketch import PURWAKARTA

from routing import Network
from routing.__main__ import main


def run(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    monkeypatch.setattr(sys, "argv", ["routing", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def test_build_and_info(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    store = tmp_path / "store"
    assert run(monkeypatch, "build", PURWAKARTA, store, "--exclude", "motorway", "--data-date", "2022") == 0
    built = capsys.readouterr().out
    assert "98.94%" in built
    assert run(monkeypatch, "info", store) == 0
    assert capsys.readouterr().out == built


def test_route(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], purwakarta_store: Path,
    purwakarta: Network,
) -> None:  # fmt: skip
    ends = "107.44,-6.55", "107.5,-6.6"
    assert run(monkeypatch, "route", purwakarta_store, *ends) == 0
    truth = purwakarta.route((107.44, -6.55), (107.5, -6.6))
    assert f"total_s: {truth.total_s}" in capsys.readouterr().out
    assert run(monkeypatch, "route", purwakarta_store, *ends, "--geojson") == 0
    feature = json.loads(capsys.readouterr().out)
    assert [tuple(place) for place in feature["geometry"]["coordinates"]] == truth.geometry


def test_nearest(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], purwakarta_store: Path
) -> None:
    assert run(monkeypatch, "nearest", purwakarta_store, "107.44,-6.55", "107.5,-6.6") == 0
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_what_is_wrong_is_said_in_one_line(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    purwakarta_store: Path,
    tmp_path: Path,
) -> None:
    assert run(monkeypatch, "nearest", purwakarta_store, "-6.55,107.44") == 1
    assert "swapped" in capsys.readouterr().err
    assert run(monkeypatch, "info", tmp_path / "nowhere") == 1
    assert "python -m routing build" in capsys.readouterr().err
    assert run(monkeypatch, "build", tmp_path / "nowhere.osm.pbf", tmp_path / "store") == 1
    assert "nowhere.osm.pbf" in capsys.readouterr().err
    assert run(monkeypatch, "nearest", purwakarta_store, "di sana") == 2
