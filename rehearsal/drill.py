"""`dispatch drill`: plays whole cases against a running system, and fails when anything is not as agreed."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import secrets
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from rehearsal.app_case import Case, play_app_case
from rehearsal.client import Connection
from rehearsal.finale import conclude, local_day, measured
from rehearsal.findings import FAILURES, NotPossible, describe
from rehearsal.leaving import leave
from rehearsal.phone_case import play_phone_case
from rehearsal.preparation import prepare
from rehearsal.scene import LARGEST_FACTOR, find_bundle
from rehearsal.stage import Stage, Wishes
from rehearsal.timeline import StepFailed, Timeline
from rehearsal.unanswered import play_unanswered_offer

PASSED, FAILED, NOT_STARTED, INTERRUPTED = 0, 1, 2, 130
_CHECKOUT = Path(__file__).resolve().parents[1]


def main(argv: Sequence[str] | None = None) -> int:
    """Play a drill and return the exit status.

    Returns:
        0 when every step passed, 1 when one failed, 2 when it could not be played here (wrong arguments, a
        live tenant, no accounts), 130 after Ctrl-C.
    """
    options = _options(argv)
    timeline = Timeline(Console(highlight=False), quiet=options.json)
    status = FAILED
    report: dict[str, Any] = {}
    try:
        wishes = _wishes(options)
        status, report = asyncio.run(_play(wishes, timeline))
    except NotPossible as refused:
        print(f"dispatch drill: {refused}", file=sys.stderr)
        return NOT_STARTED
    except KeyboardInterrupt:
        status = INTERRUPTED
    if options.json:
        print(json.dumps({**timeline.as_json(), **report, "status": status}, ensure_ascii=False, indent=2))
    return status


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    run_dir = Path(os.environ.get("SEMAR_RUN_DIR", ".run"))
    parser = argparse.ArgumentParser(
        prog="dispatch drill",
        description="Mainkan kasus latihan pada sistem yang berjalan / play cases against a running system.",
    )
    parser.add_argument("--regency", default="32.14-latihan", help="regency latihan / training tenant")
    parser.add_argument("--address", help="alamat sistem / address (default: addresses.json)")
    parser.add_argument(
        "--accounts", type=Path, default=run_dir / "accounts.json", help="berkas akun / accounts"
    )
    parser.add_argument("--bundle", type=Path, help="folder regency (default: regencies/<code>-*)")
    parser.add_argument("--speed", type=_speed, default=60.0, help="kali lebih cepat / times faster (60)")
    parser.add_argument("--seed", type=int, help="dadu yang sama, pemeran yang sama / for the same choices")
    parser.add_argument(
        "--long", action="store_true", help="juga tawaran tak dijawab / an unanswered offer, too"
    )
    parser.add_argument("--json", action="store_true", help="hasil sebagai JSON / the result as JSON")
    options = parser.parse_args(argv)
    options.addresses = run_dir / "addresses.json"
    return options


def _speed(text: str) -> float:
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if not 1.0 <= speed <= LARGEST_FACTOR:
        raise argparse.ArgumentTypeError(f"1..{LARGEST_FACTOR:g}")
    return speed


def _wishes(options: argparse.Namespace) -> Wishes:
    return Wishes(
        regency=options.regency,
        address=options.address or _address(options.addresses),
        accounts=options.accounts,
        bundle=find_bundle(options.regency, options.bundle, [Path.cwd(), _CHECKOUT]),
        speed=options.speed,
        seed=secrets.randbelow(10**6) if options.seed is None else options.seed,
        unanswered=options.long,
    )


def _address(path: Path) -> str:
    try:
        return str(json.loads(path.read_text(encoding="utf-8"))["serve"])
    except (OSError, ValueError, KeyError, TypeError) as missing:
        raise NotPossible(
            f"{path} tidak terbaca: jalankan 'make run' dulu, atau pakai --address",
            f"{path} cannot be read: start with 'make run', or use --address",
        ) from missing


async def _play(wishes: Wishes, timeline: Timeline) -> tuple[int, dict[str, Any]]:
    """Play; whatever happens, leave nothing open. Returns the exit status and what it was about."""
    task = asyncio.current_task()
    assert task is not None, "a play runs in a task"
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    timeline.say(f"LATIHAN / DRILL {wishes.regency} @ {wishes.address}, --seed {wishes.seed}", style="bold")
    status, case = FAILED, None
    dice = random.Random(wishes.seed)  # noqa: S311 - a play's dice, no secret
    async with Connection(wishes.address) as connection:
        stage = Stage(connection, timeline, wishes, dice)
        try:
            case = await _acts(stage)
            status = PASSED
        except StepFailed:
            status = FAILED
        except FAILURES as failure:
            # between two steps: shown like a step's failure
            timeline.say("\n".join(describe(failure)), style="red")
        except asyncio.CancelledError:
            # asked to stop: what follows is the stopping, which shall not be cancelled in turn
            task.uncancel()
            status = INTERRUPTED
        finally:
            if not await leave(stage) and status == PASSED:
                status = FAILED
    _summary(timeline, stage, case, status)
    return status, _report(stage, case)


async def _acts(stage: Stage) -> Case:
    company = await prepare(stage)
    with stage.timeline.step("Laporan sebelum kasus", "the report before the case") as step:
        today = local_day(stage.now(), company.tenant)
        before = await measured(company.office, today)
        step.see(f"{today}: to_patient n = {before}")
    case = await play_app_case(stage, company)
    await play_phone_case(stage, company)
    if stage.wishes.unanswered:
        await play_unanswered_offer(stage, company)
    if local_day(case.received_at, company.tenant) != today:
        before = 0  # midnight went by
    await conclude(stage, company, case.received_at, before)
    return case


def _summary(timeline: Timeline, stage: Stage, case: Case | None, status: int) -> None:
    steps = len(timeline.steps)
    timeline.say("")
    if case is not None:
        for name, moment in sorted(case.stamps.items(), key=lambda stamp: stamp[1]):
            since = (moment - case.received_at).total_seconds()
            timeline.say(f"  {name:<16} {moment:%H:%M:%S.%f} UTC  +{since:6.2f} s")
    if status == PASSED:
        timeline.say(
            f"LULUS / PASSED: {steps} langkah / steps, {timeline.seconds:.1f} s, {', '.join(stage.cases)}",
            style="bold green",
        )
        return
    failed = [step for step in timeline.steps if not step.ok]
    names = "; ".join(f"{step.name_id} / {step.name_en}" for step in failed) or "-"
    word = "DIHENTIKAN / INTERRUPTED" if status == INTERRUPTED else "GAGAL / FAILED"
    timeline.say(f"{word}: {names} ({timeline.seconds:.1f} s)", style="bold red")


def _report(stage: Stage, case: Case | None) -> dict[str, Any]:
    return {
        "regency": stage.wishes.regency,
        "address": stage.wishes.address,
        "seed": stage.wishes.seed,
        "cases": stage.cases,
        "stamps": {name: moment.isoformat() for name, moment in case.stamps.items()} if case else {},
    }
