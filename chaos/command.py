"""`make chaos`: all faults, or those that are named, and one table at the end."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from rich.console import Console

from chaos import reading
from chaos.cast import Cast, sign_in
from chaos.disk import small_disk
from chaos.faults import FAULTS
from chaos.places import NoPlace, file_system, folder_on_disk
from chaos.proxy import Proxy
from chaos.scene import Fault
from chaos.stage import NotReady, Stage
from chaos.table import said, show
from chaos.trial import Outcome, try_fault

PASSED, FAILED, NOT_STARTED = 0, 1, 2
_DURABLE = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}


@dataclass(frozen=True, slots=True)
class Theatre:
    """A running system with its proxy, and everybody signed in."""

    stage: Stage
    proxy: Proxy
    cast: Cast

    async def play(self, fault: Fault, *, short: bool) -> Outcome:
        """Try one fault."""
        return await try_fault(self.stage, self.cast, self.proxy, fault, short=short)


@asynccontextmanager
async def theatre() -> AsyncIterator[Theatre]:
    """Start a system of its own, and end it with the context. Enter from the main thread.

    Raises:
        NotReady: it does not start, or is not durable. NoPlace: there is no disk for it.
    """
    with folder_on_disk() as folder, small_disk(folder / "disk") as disk:
        stage = Stage(disk.folder if disk else folder, disk)
        proxy = Proxy(folder, stage.ports)
        try:
            await stage.start()
            told = await reading.settings(stage, *_DURABLE)
            if told != _DURABLE:
                raise NotReady(f"the database is not durable: {told}")
            await proxy.start()
            yield Theatre(stage, proxy, await sign_in(stage))
        finally:
            proxy.stop()
            await stage.stop()


def main(argv: Sequence[str] | None = None) -> int:
    """Try the faults; return 0 when nothing was lost or doubled and all came back in time, else 1.

    Ctrl-C and SIGTERM end the trial, show what was played, and are no success.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    options = _options(argv)
    console = Console(highlight=False, width=118, soft_wrap=True)
    outcomes: list[Outcome] = []
    whole = False
    try:
        asyncio.run(_play(options, console, outcomes))
        whole = True
    except KeyboardInterrupt:
        console.print("dihentikan / stopped: this is what was played", style="yellow")
    except (NotReady, NoPlace) as unfit:
        console.print(str(unfit), style="red", markup=False)
        return NOT_STARTED
    show(outcomes, console)
    good = whole and all(outcome.whole and outcome.in_time for outcome in outcomes)
    console.print("LULUS / PASSED" if good else "GAGAL / FAILED", style="bold green" if good else "bold red")
    return PASSED if good else FAILED


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument(
        "which", nargs="*", help="faults whose names contain one of these words; all by default"
    )
    parser.add_argument(
        "--short", action="store_true", help="seconds of traffic where the long form takes minutes"
    )
    parser.add_argument("--rounds", type=int, help="how often each fault is tried (3; once with --short)")
    options = parser.parse_args(argv)
    options.rounds = options.rounds or (1 if options.short else 3)
    options.faults = [f for f in FAULTS if not options.which or any(word in f.name for word in options.which)]
    if not options.faults:
        parser.error(f"no fault is called so; there are: {'; '.join(fault.name for fault in FAULTS)}")
    return options


async def _play(options: argparse.Namespace, console: Console, outcomes: list[Outcome]) -> None:
    console.print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} before the start")
    async with theatre() as stand:
        console.print(
            f"{stand.stage.run_dir} ({file_system(stand.stage.run_dir)}), fsync on, synchronous_commit on"
        )
        for number in range(options.rounds):
            for fault in options.faults:
                began = time.monotonic()
                outcome = await stand.play(fault, short=options.short)
                outcomes.append(outcome)
                _say(outcome, f"{number + 1}/{options.rounds}", time.monotonic() - began, console)


def _say(outcome: Outcome, which: str, seconds: float, console: Console) -> None:
    parts = ", ".join(
        f"{name} {'never' if took is None else f'{took:.1f} s'}" for name, took in outcome.parts.items()
    )
    mark = "ok  " if outcome.whole and outcome.in_time else "FAIL"
    console.print(f"{mark} {which} {outcome.fault.name} ({seconds:.0f} s): {parts}", markup=False)
    for note in (*outcome.notes, *said(outcome)):
        console.print(f"       {note}", markup=False)
