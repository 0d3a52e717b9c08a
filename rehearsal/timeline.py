"""The timeline of a rehearsal: every step checked, timed, kept and shown as it happens."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

from rich.console import Console
from rich.text import Text

from rehearsal.findings import FAILURES, describe


class StepFailed(Exception):
    """A step of the rehearsal failed; the timeline holds what and why."""


@dataclass(slots=True)
class Step:
    """One step: its name in both languages, when it began (s), how long it took (ms), and what was seen."""

    name_id: str
    name_en: str
    at_s: float
    ms: float = 0.0
    ok: bool = False
    seen: list[str] = field(default_factory=list)
    failure: list[str] = field(default_factory=list)

    def see(self, text: str) -> None:
        """Note what was found."""
        self.seen.append(text)


class Timeline:
    """Steps in their order; shown as they end unless `quiet`."""

    def __init__(self, console: Console, *, quiet: bool = False) -> None:
        self.steps: list[Step] = []
        self._console = console
        self._quiet = quiet
        self._began = time.perf_counter()

    @property
    def seconds(self) -> float:
        """Seconds since the beginning."""
        return time.perf_counter() - self._began

    @property
    def passed(self) -> bool:
        """Whether there were steps and all of them passed."""
        return bool(self.steps) and all(step.ok for step in self.steps)

    @contextmanager
    def step(self, name_id: str, name_en: str) -> Iterator[Step]:
        """Time and keep one step.

        Raises:
            StepFailed: the system failed within; what and why is kept and shown.
        """
        step = Step(name_id, name_en, self.seconds)
        try:
            yield step
            step.ok = True
        except FAILURES as failure:
            step.failure = describe(failure)
            raise StepFailed(f"{name_id} / {name_en}") from failure
        except asyncio.CancelledError:
            step.failure = ["dihentikan / interrupted"]
            raise
        finally:
            step.ms = (self.seconds - step.at_s) * 1000
            self.steps.append(step)
            self._show(step)

    def act(self, title_id: str, title_en: str) -> None:
        """Show that the next part begins."""
        self.say(f"\n{title_id} / {title_en}", style="bold")

    def say(self, text: str, style: str = "") -> None:
        """Show a line."""
        if not self._quiet:
            # soft wrap: a terminal breaks long lines, a file keeps them whole
            self._console.print(Text(text, style=style), soft_wrap=True)

    def _show(self, step: Step) -> None:
        if self._quiet:
            return
        line = Text(f"{step.at_s:7.2f} s ")
        line.append("  ok " if step.ok else "GAGAL", style="green" if step.ok else "bold red")
        line.append(f"{step.ms:9.0f} ms  {step.name_id} / {step.name_en}")
        if step.seen:
            line.append(f": {'; '.join(step.seen)}", style="dim")
        self._console.print(line, soft_wrap=True)
        for text in step.failure:
            self._console.print(Text(f"{' ' * 30}{text}", style="red"), soft_wrap=True)

    def as_json(self) -> dict[str, Any]:
        """Return the steps in a form for JSON."""
        return {"passed": self.passed, "seconds": self.seconds, "steps": [asdict(s) for s in self.steps]}
