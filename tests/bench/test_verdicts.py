"""A limit that is missed fails the bench, and everything else is printed all the same."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import pytest

from bench import verdicts
from bench.__main__ import main
from bench.verdicts import show


@pytest.fixture(autouse=True)
def _nothing_missed_before() -> None:
    verdicts.conclude()


@pytest.fixture
def measurements(monkeypatch: pytest.MonkeyPatch) -> dict[str, ModuleType]:
    """Measurements of their own, by the names of those that the bench runs."""
    made = {name: ModuleType(f"bench.{name}") for name in ("alpha", "beta", "gamma")}
    for name, module in made.items():
        module.main = lambda name=name: show(f"{name}'s figure", 1.0, "ms", 2.0)  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, f"bench.{name}", module)
    monkeypatch.setattr("bench.__main__.MEASUREMENTS", tuple(made))
    return made


@pytest.mark.parametrize(
    ("figure", "limit", "least", "kept"),
    [
        (10.0, 10.0, False, True),
        (10.1, 10.0, False, False),
        (200.0, 200.0, True, True),
        (199.9, 200.0, True, False),
        (1.0, 0.0, False, False),
        (0.0, 0.0, False, True),
        (float("nan"), 10.0, False, False),
        (float("nan"), 10.0, True, False),
        (float("inf"), None, False, True),
    ],
)
def test_a_figure_keeps_its_limit_or_misses_it(
    figure: float, limit: float | None, least: bool, kept: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    assert show("something", figure, "ms", limit, least=least) is kept
    line = capsys.readouterr().out
    assert ("MISSED" in line) is not kept
    assert ("kept" in line) is (kept and limit is not None)
    assert verdicts.conclude() == (0 if kept else 1)


def test_a_goal_that_is_not_reached_fails_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    show("something", 3.0, "x", 4.0, goal=2.5)
    show("other", 0.6, "x", goal=0.5, least=True)
    first, second = capsys.readouterr().out.splitlines()
    assert "kept" in first
    assert "goal 2.5 not reached" in first
    assert "goal 0.5 reached" in second
    assert verdicts.conclude() == 0


def test_all_limits_kept_is_success(measurements: object, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    told = capsys.readouterr().out
    assert "all limits kept" in told
    assert told.rstrip().endswith("make soak")  # what was left out


def test_a_missed_limit_fails_the_bench_and_is_told_again_at_the_end(
    measurements: dict[str, ModuleType], capsys: pytest.CaptureFixture[str]
) -> None:
    measurements["alpha"].main = lambda: show("alpha's figure", 3.0, "ms", 2.0)  # type: ignore[attr-defined]
    assert main([]) == 1
    report, _, summary = capsys.readouterr().out.partition("\nMISSED (1):\n")
    assert "gamma's figure" in report
    assert "  alpha: alpha's figure: 3.0 ms, limit 2\n" in summary
    assert main(["beta"]) == 0  # it was told


@pytest.mark.parametrize(
    "problem", [RuntimeError("no"), AssertionError("no"), ExceptionGroup("no", [OSError()])]
)
def test_a_measurement_that_breaks_fails_the_bench_and_keeps_no_other_back(
    problem: Exception, measurements: dict[str, ModuleType], capsys: pytest.CaptureFixture[str]
) -> None:
    def broken() -> None:
        raise problem

    measurements["alpha"].main = broken  # type: ignore[attr-defined]
    assert main([]) == 1
    told = capsys.readouterr().out
    assert "gamma's figure" in told
    assert "alpha: failed: " in told


def test_without_a_browser_the_pages_are_not_measured_and_that_is_a_failure(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    monkeypatch.setattr("bench.pages.CHROMIUM", tmp_path / "no-chromium")
    assert main(["pages"]) == 1
    assert "is missing, nothing is measured" in capsys.readouterr().out
