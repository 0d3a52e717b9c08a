"""The store on disk: whole or not there, opened quickly, refused when damaged."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from road_sketch import BATANG, PURWAKARTA, REPOSITORY, TOLL, Scatter

import routing
from routing import BadStore, Network
from routing.arrays import ARRAY_TYPES
from routing.extract import read_extract
from routing.graph import build_arrays, build_graph
from routing.store import MANIFEST, SCHEMA, read_manifest


@pytest.fixture
def copied(purwakarta_store: Path, tmp_path: Path) -> Path:
    """A store of one's own to damage."""
    return Path(shutil.copytree(purwakarta_store, tmp_path / "store"))


def test_round_trip(purwakarta: Network) -> None:
    roads = read_extract(PURWAKARTA, routing.PROFILES, TOLL, None, lambda stage, share: None)
    arrays, frame = build_arrays(roads, build_graph(roads))
    assert purwakarta._manifest.frame == frame
    for name, kind in ARRAY_TYPES.items():
        stored = getattr(purwakarta._arrays, name)
        assert stored.dtype == kind
        np.testing.assert_array_equal(stored, getattr(arrays, name))


def test_profiles_are_kept_with_all_their_rules(purwakarta_store: Path) -> None:
    assert tuple(read_manifest(purwakarta_store).profiles) == routing.PROFILES


def test_the_report_is_kept(copied: Path) -> None:
    report = routing.build_store(PURWAKARTA, copied, exclude_highway=TOLL, data_date="2022")
    network = routing.open_store(copied)
    assert network.report == report
    assert network.version == report.version
    assert network.box == report.box


def test_opening_is_quick(purwakarta_store: Path) -> None:
    times = []
    for _ in range(5):
        began = time.perf_counter()
        routing.open_store(purwakarta_store)
        times.append(time.perf_counter() - began)
    assert min(times) < 0.05


def test_a_store_that_is_written_to_a_readable_place_can_be_moved(copied: Path, purwakarta: Network) -> None:
    moved = copied.rename(copied.with_name("elsewhere"))
    assert routing.open_store(moved).version == purwakarta.version


def test_missing_and_incomplete(tmp_path: Path, copied: Path) -> None:
    for folder in (tmp_path / "nowhere", tmp_path):
        with pytest.raises(BadStore, match="not there or not complete"):
            routing.open_store(folder)
    (copied / "edge_mm.npy").unlink()
    with pytest.raises(BadStore, match="edge_mm"):
        routing.open_store(copied)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b'{"schema": 1}', b"\xff\xfe"])
def test_damaged_manifest(copied: Path, content: bytes) -> None:
    (copied / MANIFEST).write_bytes(content)
    with pytest.raises(BadStore, match=str(copied)) as caught:
        routing.open_store(copied)
    assert "Bangun ulang" in caught.value.message_id
    assert "Rebuild" in caught.value.message_en


def test_another_schema(copied: Path) -> None:
    manifest = json.loads((copied / MANIFEST).read_text())
    (copied / MANIFEST).write_text(json.dumps(manifest | {"schema": 1}))
    with pytest.raises(BadStore, match=f"schema 1, not {SCHEMA}"):
        routing.open_store(copied)


@pytest.mark.parametrize("name", ["out_head", "h_up_head"])
@pytest.mark.parametrize("damage", ["truncated", "empty", "other type", "other length", "not numpy"])
def test_damaged_array(copied: Path, damage: str, name: str) -> None:
    file = copied / f"{name}.npy"
    if damage == "truncated":
        file.write_bytes(file.read_bytes()[:-100])
    elif damage == "empty":
        file.write_bytes(b"")
    elif damage == "not numpy":
        file.write_bytes(b"bukan larik" * 50)
    elif damage == "other type":
        np.save(file, np.load(file).astype(np.float64))
    else:
        np.save(file, np.load(file)[:-1])
    with pytest.raises(BadStore, match=name):
        routing.open_store(copied)


def test_rebuilding_leaves_open_networks_alone(copied: Path, scatter: Scatter) -> None:
    network = routing.open_store(copied)
    points = scatter(network, 20)
    before = network.to_one(points, points[0])
    report = routing.build_store(BATANG, copied)
    assert network.to_one(points, points[0]) == before
    assert routing.open_store(copied).version == report.version != network.version


def test_a_folder_of_something_else_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "surat.txt").write_text("penting")
    with pytest.raises(BadStore, match="is not a road store"):
        routing.build_store(PURWAKARTA, tmp_path / "letters")
    assert [file.name for file in (tmp_path / "letters").iterdir()] == ["surat.txt"]
    assert [file.name for file in tmp_path.iterdir()] == ["letters"]


def test_a_failing_build_leaves_nothing(tmp_path: Path) -> None:
    class Stop(Exception):
        pass

    def stop(stage: str, share: float) -> None:
        if stage == "write":
            raise Stop

    with pytest.raises(Stop):
        routing.build_store(PURWAKARTA, tmp_path / "store", progress=stop)
    assert list(tmp_path.iterdir()) == []


KILLED_WHILE_WRITING = """
import os, signal, sys
from pathlib import Path
import numpy, routing
save = numpy.save
def save_some(file, *args, **kwargs):
    save(file, *args, **kwargs)
    if file.name == "shape_lon.npy":
        os.kill(os.getpid(), signal.SIGKILL)
numpy.save = save_some
routing.build_store(Path(sys.argv[1]), Path(sys.argv[2]))
"""


def test_a_killed_build_leaves_no_half_store(tmp_path: Path) -> None:
    """What a killed builder leaves is no store, and the next build clears it away."""
    out = tmp_path / "store"
    command = [sys.executable, "-c", KILLED_WHILE_WRITING, str(PURWAKARTA), str(out)]
    assert subprocess.run(command, cwd=REPOSITORY, check=False).returncode == -signal.SIGKILL
    assert not out.exists()
    assert len(list(tmp_path.iterdir())) == 1
    routing.build_store(PURWAKARTA, out)
    assert [folder.name for folder in tmp_path.iterdir()] == ["store"]
    assert routing.open_store(out).node_count > 0


def test_builders_at_the_same_time(tmp_path: Path) -> None:
    out = tmp_path / "store"
    with ThreadPoolExecutor(4) as pool:
        builds = [pool.submit(routing.build_store, source, out) for source in (PURWAKARTA, BATANG) * 4]
        versions = {build.result().version for build in builds}
    assert routing.open_store(out).version in versions
    assert len(versions) == 2
    assert [folder.name for folder in tmp_path.iterdir()] == ["store"]


def test_other_users_may_read(tmp_path: Path) -> None:
    """The web server's user reads what another user built."""
    before = os.umask(0o022)
    try:
        routing.build_store(PURWAKARTA, tmp_path / "store")
    finally:
        os.umask(before)
    assert (tmp_path / "store").stat().st_mode & 0o777 == 0o755
    assert all(file.stat().st_mode & 0o444 == 0o444 for file in (tmp_path / "store").iterdir())
