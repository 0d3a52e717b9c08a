"""`python -m routing build` and `info`."""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import osmnx
import pytest
from map_sketch import ROAD, write_map

from routing.__main__ import main
from routing.store import read_manifest

NODES = {1: (0, 0), 2: (100, 0), 3: (300, 0), 4: (200, 300)}
ROADS = [([1, 2], ROAD), ([2, 3], ROAD | {"maxspeed": "pelan"}), ([2, 4], ROAD)]
Run = Callable[..., tuple[int, str, str]]  # exit code, output, errors
RULE = [("w", 100, "from"), ("n", 2, "via"), ("w", 102, "to")]


@pytest.fixture
def extract(tmp_path: Path) -> Path:
    rules = [(RULE, {"type": "restriction", "restriction": "no_left_turn"})]
    return write_map(tmp_path / "peta.osm.pbf", NODES, ROADS, rules, {3: {"barrier": "gate"}})


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    def run_it(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["routing", *map(str, arguments)])
        monkeypatch.setenv("COLUMNS", "200")
        with pytest.raises(SystemExit) as ended:
            main()
        captured = capsys.readouterr()
        return int(ended.value.code or 0), captured.out, captured.err

    return run_it


def test_the_report_is_shown_now_and_later(run: Run, extract: Path, tmp_path: Path) -> None:
    store = tmp_path / "store"
    code, built, _ = run("build", extract, store, "--data-date", "2026-11-20")
    assert code == 0
    for text in (
        "peta.osm.pbf", "2026-11-20", "100.00%", "ambulance_siren", "no_left_turn 1", "ambulance 1",
        "check: maxspeed", "way 101", "pelan",
    ):  # fmt: skip
        assert text in built, text
    code, shown, _ = run("info", store)
    assert (code, shown) == (0, built)
    code, text, _ = run("info", store, "--json")
    report = json.loads(text)
    assert report["restrictions"]["kept"] == {"ambulance": 1, "ambulance_siren": 0, "car": 1}
    assert report["suspicious"][0]["kind"] == "maxspeed"
    assert report["profiles"][2]["name"] == "car"


def test_a_profile_of_ones_own(run: Run, extract: Path, tmp_path: Path) -> None:
    own = tmp_path / "motor.toml"
    own.write_text('based_on = "car"\nname = "motor"\n[speed_kmh]\ntertiary = 11\n', encoding="utf-8")
    store = tmp_path / "store"
    assert run("build", extract, store, "--profile", own)[0] == 0
    profiles = read_manifest(store).profiles
    assert [profile.name for profile in profiles] == ["ambulance", "ambulance_siren", "car", "motor"]
    assert profiles[3].speed_kmh["tertiary"] == 11.0
    own.write_text('based_on = "car"\nname = "motor"\nwarna = 1\n', encoding="utf-8")
    code, _, wrong = run("build", extract, store, "--profile", own)
    assert code == 1
    assert "warna tidak dikenal" in wrong
    assert len(wrong.splitlines()) == 1


def test_classes_can_be_left_out(run: Run, extract: Path, tmp_path: Path) -> None:
    code, _, wrong = run("build", extract, tmp_path / "store", "--exclude", "tertiary")
    assert code == 1
    assert "excluded:tertiary 3" in wrong
    assert not (tmp_path / "store").exists()


def test_a_place_needs_internet(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        monkeypatch.setattr(osmnx.settings, "nominatim_url", f"http://127.0.0.1:{closed.getsockname()[1]}")
        code, _, wrong = run("build", "--place", "Purwakarta, Indonesia", tmp_path / "store")
    assert code == 1
    assert "no internet connection" in wrong
    assert list(tmp_path.iterdir()) == []


def test_what_to_build_from_must_be_said(run: Run, extract: Path, tmp_path: Path) -> None:
    assert run("build", extract)[0] == 2
    assert run("build", extract, tmp_path / "store", "--place", "Purwakarta")[0] == 2
    assert run("build", tmp_path / "nowhere.osm.pbf", tmp_path / "store")[0] == 1
    code, _, wrong = run("info", tmp_path / "nowhere")
    assert code == 1
    assert "python -m routing build" in wrong
