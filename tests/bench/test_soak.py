"""What the soak fails for."""

from __future__ import annotations

from typing import Any

import pytest

from bench import verdicts
from bench.soak import SLOPE_LIMIT, TOTAL_LIMIT, judge
from bench.soak.memory import MB, Memory

MINUTES = 15


def _memory(growth: float = 0.0, more: float = 0.0) -> Memory:
    """A sample a minute; `growth` of the worker in bytes a minute, `more` bytes in all."""
    memory = Memory({"serve": list, "worker": list, "PostgreSQL": list})
    memory.at = [60.0 * n for n in range(MINUTES)]
    memory.sizes = {
        "serve": [300 * MB] * MINUTES,
        "worker": [int(200 * MB + growth * n) for n in range(MINUTES)],
        "PostgreSQL": [int(400 * MB + more + 5 * MB * n) for n in range(MINUTES)],  # its buffers fill
    }
    return memory


def _result(**other: Any) -> dict[str, Any]:
    fine = {"counts": {}, "seen_ms": [20.0] * 50, "asked_ms": [9.0], "board_ms": [9.0], "left_open": 0}
    return fine | other


@pytest.mark.parametrize(
    ("memory", "result", "problems", "missing", "missed"),
    [
        (_memory(), _result(), 0, 0, None),
        (_memory(growth=0.9 * SLOPE_LIMIT), _result(), 0, 0, None),
        (_memory(growth=1.1 * SLOPE_LIMIT), _result(), 0, 0, "memory of worker"),
        (_memory(more=TOTAL_LIMIT - 900 * MB), _result(), 0, 0, "whole system"),
        (_memory(), _result(left_open=1), 0, 0, "cases not finished"),
        (_memory(), _result(counts={"wrong": 1}), 0, 0, "errors and gaps"),
        (_memory(), _result(seen_ms=[20.0] * 50 + [2_001.0] * 5), 0, 0, "console's socket"),
        (_memory(), _result(seen_ms=[]), 0, 0, "console's socket"),
        (_memory(), _result(), 1, 0, "in logs"),
        (_memory(), _result(), 0, 1, "calls missing"),
    ],
)
def test_the_soak_is_judged_by_everything_it_promises(
    memory: Memory,
    result: dict[str, Any],
    problems: int,
    missing: int,
    missed: str | None,
    capsys: pytest.CaptureFixture[str],
) -> None:
    verdicts.conclude()
    judge(result, memory, ("serve", "worker"), MINUTES * 60 / 3, problems, missing)
    lines = [line for line in capsys.readouterr().out.splitlines() if "MISSED" in line]
    assert verdicts.conclude() == (0 if missed is None else 1)
    assert len(lines) == (0 if missed is None else 1)
    if missed is not None:
        assert missed in lines[0]
