"""The table of all trials: what was under way, what was lost or doubled, and how long it took to recover."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from chaos.trial import Outcome

_MOST_SAID = 8


def show(outcomes: Sequence[Outcome], console: Console) -> None:
    """Print the one table, and what the audits found below it."""
    table = Table(box=None, pad_edge=False)
    table.add_column("fault")
    for name in ("in flight", "acknowledged", "lost", "doubled", "recovery s", "(limit)"):
        table.add_column(name, justify="right")
    for outcome in outcomes:
        table.add_row(
            f"{outcome.fault.name}: {outcome.means}" if outcome.means else outcome.fault.name,
            str(outcome.in_flight),
            str(outcome.acknowledged),
            _number(len(outcome.findings.lost)),
            _number(len(outcome.findings.doubled)),
            _recovery(outcome),
            f"({outcome.fault.limit_s:g})",
        )
    console.print()
    console.print(table)
    for outcome in outcomes:
        for line in said(outcome):
            console.print(f"{outcome.fault.name}: {line}", style="red", markup=False)


def said(outcome: Outcome) -> list[str]:
    """Return what is wrong with an outcome in words; of very much the first of it."""
    found = [*outcome.findings.all(), *filter(None, [outcome.stuck])]
    more = len(found) - _MOST_SAID
    return [*found[:_MOST_SAID], *([f"and {more} more"] if more > 0 else [])]


def _number(count: int) -> str:
    return f"[red]{count}[/red]" if count else "0"


def _recovery(outcome: Outcome) -> str:
    if outcome.recovery_s is None:
        return "[red]never[/red]"
    text = f"{outcome.recovery_s:.1f}"
    return text if outcome.in_time else f"[red]{text}[/red]"
