"""How the soak's crews take a refusal."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bench.soak.load import Crew, Tally
from dispatch.domain.errors import IllegalStep


class _Refusing:
    """A phone's socket whose server refuses every step with one problem."""

    def __init__(self, code: str) -> None:
        self._code = code
        self.on_text: Any = None

    def send(self, text: bytes) -> None:
        frame = json.loads(text)
        problem = {"code": self._code, "detail_en": "no"}
        self.on_text(json.dumps({"t": "error", "id": frame["id"], "problem": problem}).encode())


@pytest.mark.parametrize(("code", "wrong"), [(IllegalStep.code, 0), ("invalid_input", 1)])
async def test_a_run_that_was_called_back_is_no_fault_and_another_refusal_is(
    code: str, wrong: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bench.soak.load.PAUSE_S", (0.0, 0.0))
    tally = Tally()
    crew = Crew(1, _Refusing(code), tally, "facility")  # type: ignore[arg-type]
    await crew._go("run")
    assert tally.counts["runs left"] == 1
    assert len(tally.wrong) == wrong
