"""Compiled kernels are kept, in a folder the user can write, and a second start does not compile again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from road_sketch import REPOSITORY

from routing import compiled

START = """
import json, sys
from pathlib import Path
import numba.core.dispatcher
import routing
network = routing.open_store(Path(sys.argv[1]))
network.warm_up()
kernels = [
    kernel
    for name, module in list(sys.modules.items()) if name.startswith("routing.")
    for kernel in vars(module).values()
    if isinstance(kernel, numba.core.dispatcher.Dispatcher) and kernel.signatures
]
hits = sum(sum(kernel.stats.cache_hits.values()) for kernel in kernels)
misses = sum(sum(kernel.stats.cache_misses.values()) for kernel in kernels)
before = {kernel.__name__: len(kernel.signatures) for kernel in kernels}
point = network.box[:2]
network.to_one([point] * 3, point)
network.from_one(point, [point] * 3, k=2)
network.route(point, network.box[2:])
after = {kernel.__name__: len(kernel.signatures) for kernel in kernels}
print(json.dumps({"hits": hits, "misses": misses, "warm": before == after}))
"""


def start(store: Path) -> dict[str, int]:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", START, str(store)],
        cwd=REPOSITORY, check=True, capture_output=True, text=True,
        env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"},
    )  # fmt: skip
    answer: dict[str, int] = json.loads(done.stdout)
    return answer


def test_the_second_start_compiles_nothing(purwakarta_store: Path) -> None:
    start(purwakarta_store)
    second = start(purwakarta_store)
    assert second["misses"] == 0
    assert second["hits"] >= 15
    assert second["warm"]


def test_where_the_cache_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocked = tmp_path / "a file, no folder"
    blocked.touch()
    wished, home, temporary = tmp_path / "wished", tmp_path / "home", tmp_path / "temporary"
    temporary.mkdir()
    beside = tmp_path / "source"
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    monkeypatch.setenv("XDG_CACHE_HOME", str(home))

    def chosen() -> Path | None:
        folder = compiled.choose_cache("kernels", beside)
        return folder and folder.parent

    monkeypatch.setenv("NUMBA_CACHE_DIR", str(wished))
    assert chosen() == wished

    monkeypatch.delenv("NUMBA_CACHE_DIR")
    assert chosen() == beside / "__pycache__"

    beside = blocked  # a checkout this user cannot write
    assert chosen() == home / "semar-numba"

    monkeypatch.setenv("XDG_CACHE_HOME", str(blocked))
    private = temporary / f"semar-numba-{os.getuid()}"
    assert chosen() == private
    assert private.stat().st_mode & 0o777 == 0o700

    private.chmod(0o777)  # somebody else could put code there
    assert chosen() is None

    monkeypatch.setenv("NUMBA_CACHE_DIR", str(blocked / "wished"))
    assert chosen() is None


def test_a_change_of_what_kernels_are_made_of_is_a_new_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "cache"))

    def after(name: str, content: str) -> Path | None:
        (tmp_path / f"{name}.py").write_text(content)
        return compiled.Compiler("routing", compiled.own_sources(tmp_path)).folder

    for name in ("costs", "units"):
        (tmp_path / f"{name}.py").write_text("FAR = 1")
    first = after("kernels", "from routing.costs import FAR\nfrom routing import units\n@compiled\n")
    assert after("pages", "no kernel here") == first
    folders = [
        first,
        after("kernels", "from routing.costs import FAR\nfrom routing import units\n@compiled\n1"),
        after("costs", "FAR = 2"),
        after("units", "FAR = 2"),
    ]
    assert len(set(folders)) == 4
