"""One trial: traffic, one fault in the middle of it, recovery, the end of all cases, and the audit."""

from __future__ import annotations

import asyncio
import subprocess
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from traceback import extract_tb

import asyncpg

from chaos import reading
from chaos.audit import Findings, audit, audit_messages, audit_screen
from chaos.board import picture_of
from chaos.cast import Cast
from chaos.door import Refused
from chaos.ledger import Ledger
from chaos.link import Link
from chaos.proxy import Proxy
from chaos.scene import Fault, Scene
from chaos.stage import REGENCY, NotReady, Stage
from chaos.traffic import DRAINED_S, Doors, Stuck, Traffic, traffic, within

EVERY_S = 2.5
"""A resident's pause between two calls, on average."""
_HERE = Path(__file__).parent
_GIVEN_UP = (
    Stuck, NotReady, Refused, OSError, subprocess.TimeoutExpired,
    asyncpg.PostgresError, asyncpg.InterfaceError,
)  # fmt: skip
"""What the system under test can do to a trial: it is given up, and the others go on."""


@dataclass(slots=True)
class Outcome:
    """What came of one fault. recovery_s: None when service did not come back. stuck: why it was given up.

    means: how the fault was made, where machines differ in what they allow.
    """

    fault: Fault
    in_flight: int = 0
    acknowledged: int = 0
    findings: Findings = field(default_factory=Findings)
    recovery_s: float | None = None
    parts: dict[str, float | None] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    stuck: str = ""
    means: str = ""

    @property
    def whole(self) -> bool:
        """Whether nothing was lost, doubled or wrong, and all came to its end."""
        return self.findings.clean and not self.stuck

    @property
    def in_time(self) -> bool:
        """Whether service was back within the limit."""
        return self.recovery_s is not None and self.recovery_s <= self.fault.limit_s


async def try_fault(stage: Stage, cast: Cast, proxy: Proxy, fault: Fault, *, short: bool) -> Outcome:
    """Play one fault and audit what it left; a trial that cannot go on says so in its outcome."""
    outcome = Outcome(fault)
    try:
        try:
            await fault.prepare(stage)
            async with Link(stage.ports[0]) as link:
                http = proxy.address if fault.through_proxy else stage.address()
                phones = link.address if fault.over_link else http
                first = await reading.head(stage)
                async with traffic(cast, Doors(http, phones), every_s=EVERY_S) as everybody:
                    scene = Scene(stage, everybody, proxy, link, short)
                    await _play(scene, fault, outcome)
                    await _audit(stage, everybody, first, outcome)
        except* _GIVEN_UP as failures:
            _give_up(outcome, failures)
        finally:
            outcome.notes += stage.deaths()
            await fault.restore(stage)
            await stage.until_healthy()
    except* _GIVEN_UP as failures:
        _give_up(outcome, failures)
        await _begin_anew(stage, outcome)
    return outcome


def _give_up(outcome: Outcome, failures: BaseExceptionGroup[BaseException]) -> None:
    said = [f"{type(failure).__name__}: {failure} ({_where(failure)})" for failure in _single(failures)]
    outcome.stuck = "; ".join([*filter(None, [outcome.stuck]), *said])


def _single(failures: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    for failure in failures.exceptions:
        if isinstance(failure, BaseExceptionGroup):
            yield from _single(failure)
        else:
            yield failure


def _where(failure: BaseException) -> str:
    """The line of a trial in which it went wrong: a failure of the network says no more than its number."""
    ours = [frame for frame in extract_tb(failure.__traceback__) if Path(frame.filename).parent == _HERE]
    return f"{Path(ours[-1].filename).name}:{ours[-1].lineno}" if ours else "elsewhere"


async def _begin_anew(stage: Stage, outcome: Outcome) -> None:
    """Start the whole system again, as systemd would: this trial has left it unwell for those that follow."""
    try:
        stage.kill_launcher()
        await stage.start()
    except NotReady as dead:
        outcome.stuck += f"; {dead}"


async def _play(scene: Scene, fault: Fault, outcome: Outcome) -> None:
    everybody = scene.traffic
    await everybody.until_steady()
    await scene.last(0.0, 10.0)
    everybody.ledger.mark(time.monotonic())
    since = await fault.strike(scene)
    if everybody.ledger.marked < since:
        everybody.ledger.mark(since)
    await everybody.until_back()
    outcome.parts = {**everybody.recovery(), **scene.parts}
    outcome.recovery_s = max(seconds for seconds in outcome.parts.values() if seconds is not None)
    outcome.in_flight = scene.in_flight
    outcome.notes, outcome.means = scene.notes, scene.means
    await scene.last(0.5, 15.0)
    await everybody.drain()


async def _audit(stage: Stage, everybody: Traffic, first: int, outcome: Outcome) -> None:
    ledger, findings = everybody.ledger, outcome.findings
    # crews drive on meanwhile: what is acknowledged from here on may not be in what is read
    ledger = replace(ledger, fixes=defaultdict(set, {p: set(seqs) for p, seqs in ledger.fixes.items()}))
    installations = [crew.installation for crew in everybody.crews]
    held = await _settled(stage, first, installations)
    outcome.acknowledged = (
        len(ledger.calls) + len(ledger.sends) + len(ledger.steps) + sum(map(len, ledger.fixes.values()))
    )
    found = audit(ledger, held)
    audit_messages(held, stage.run_dir / "outbox", found)
    last = held.events[-1]["seq"] if held.events else first
    await _shown(everybody, last)
    for dispatcher in everybody.dispatchers:
        console = dispatcher.console
        shown = [event for event in console.events if event["seq"] <= last]
        there = [event for event in held.events if event["seq"] > console.first]
        audit_screen(dispatcher.name, shown, there, found)
        found.wrong += [f"console of {dispatcher.name}: {fault}" for fault in console.faults]
    await _boards(stage, everybody, found)
    await _commands(stage, found)
    findings.lost += found.lost
    findings.doubled += found.doubled
    findings.wrong += found.wrong
    if everybody.clocks.setting:
        outcome.notes.append(_times_compared(ledger))
    outcome.notes.append(f"retries {dict(ledger.retries)}" if ledger.retries else "no retries")


def _times_compared(ledger: Ledger) -> str:
    steps = [step.taken for step in ledger.steps if step.taken is not None]
    corrected, fixes = sum(taken.apart for taken in steps), sum(map(len, ledger.fix_times.values()))
    return (
        f"times compared of {len(steps)} steps ({corrected} by a wrong clock) and {fixes} fixes; "
        f"{len(ledger.refused_fixes)} fixes from across a setting refused"
    )


async def _settled(stage: Stage, first: int, installations: list[str]) -> reading.Held:
    """Read the database once every message that was wanted has been dealt with."""
    until = time.monotonic() + DRAINED_S
    while True:
        held = await reading.read(stage, first, installations)
        if not held.unsent or time.monotonic() > until:
            return held
        await asyncio.sleep(0.2)


async def _shown(everybody: Traffic, last: int) -> None:
    until = time.monotonic() + DRAINED_S
    while any(d.console.picture.seq < last for d in everybody.dispatchers) and time.monotonic() < until:
        await asyncio.sleep(0.05)


async def _boards(stage: Stage, everybody: Traffic, findings: Findings) -> None:
    """Compare each console's own picture with the board, at one and the same event."""
    for dispatcher in everybody.dispatchers:
        console = dispatcher.console
        until = time.monotonic() + DRAINED_S
        while True:
            board = picture_of(await within(DRAINED_S, "board", console.board()))
            await _shown(everybody, board.seq)
            if console.picture.seq == board.seq:
                break
            if time.monotonic() > until:
                findings.wrong.append(f"the console of {dispatcher.name} never stood where the board stood")
                break
        if console.picture != board:
            findings.wrong.append(f"board of {dispatcher.name}: {console.picture} instead of {board}")


async def _commands(stage: Stage, findings: Findings) -> None:
    checks = (("log", "verify", REGENCY), ("log", "rebuild", "--check", REGENCY))
    answers = await asyncio.gather(*(stage.command(*arguments) for arguments in checks))
    for arguments, (status, said) in zip(checks, answers, strict=True):
        if status != 0:
            findings.wrong.append(f"dispatch {' '.join(arguments)}: {said.strip()}")
