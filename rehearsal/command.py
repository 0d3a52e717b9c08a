"""`dispatch rehearsal`: start, stop, status, check, and the attendant that the launcher keeps."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import secrets
import signal
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from rehearsal.audit import TOLERANCE_S, Audit, audit
from rehearsal.cast import OWN, Accounts
from rehearsal.casting import training_tenant
from rehearsal.client import Connection, OfficeClient
from rehearsal.control import Control, Wish
from rehearsal.ensemble import PlayWishes
from rehearsal.findings import FAILURES, Mismatch, NotPossible, describe
from rehearsal.performance import LEAVES_WITHIN_S, perform
from rehearsal.player import Player
from rehearsal.scenario import FLAT_DAY, USUAL_DAY
from rehearsal.scene import LARGEST_FACTOR, find_bundle
from rehearsal.takeover import take_over

DONE, DIFFERS, NOT_POSSIBLE = 0, 1, 2
DEFAULT_REGENCY = "32.14-latihan"
_CHECKOUT = Path(__file__).resolve().parents[1]
_AGAIN_AFTER_S = 10.0
_LOOKS_EVERY_S = 0.5


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status: 0 done, 1 the report differs, 2 not possible here."""
    words = list(sys.argv[1:] if argv is None else argv)
    options = _options(words)
    try:
        match options.command:
            case "start":
                return _start(options, tuple(words[1:]))
            case "stop":
                return _stop(options)
            case "status":
                return _status(options)
            case "check":
                return asyncio.run(_check(options))
            case "demo-check":
                return asyncio.run(_demo_check(options))
            case _:
                return asyncio.run(_attend(options))
    except NotPossible as refused:
        print(f"dispatch rehearsal: {refused}", file=sys.stderr)
    except FAILURES as failure:
        print("\n".join(describe(failure)), file=sys.stderr)
    return NOT_POSSIBLE


def _options(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="dispatch rehearsal",
        description="Gladi: warga, operator, awak dan faskes semu di regency latihan / "
        "virtual residents, operators, crews and facilities in a training tenant.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    run_dir = Path(os.environ.get("SEMAR_RUN_DIR", ".run"))
    for name, words_of in (
        ("start", "mulai / begin"),
        ("stop", "hentikan / end"),
        ("status", "keadaan / how it stands"),
        ("check", "bandingkan laporan / compare the report with the own log"),
        ("demo-check", "ambil alih satu kasus / take one case over and finish it"),
        ("attend", "untuk peluncur / for the launcher"),
    ):
        command = commands.add_parser(name, help=words_of)
        command.add_argument("--regency", default=DEFAULT_REGENCY, help="regency latihan / training tenant")
        command.add_argument("--run-dir", type=Path, default=run_dir, help=argparse.SUPPRESS)
        if name not in ("stop", "status"):
            command.add_argument("--address", help="alamat sistem / address (default: addresses.json)")
            command.add_argument("--accounts", type=Path, help="berkas akun / accounts")
        if name in ("start", "attend"):
            _add_wishes(command)
        if name == "demo-check":
            command.add_argument("--within", type=float, default=900.0, help="detik / seconds")
        if name == "check":
            command.add_argument(
                "--from", dest="from_day", type=date.fromisoformat, help="hari pertama / first day"
            )
            command.add_argument(
                "--to", dest="to_day", type=date.fromisoformat, help="hari terakhir / last day"
            )
            command.add_argument("--tolerance", type=float, default=TOLERANCE_S, help="detik / seconds")
    return parser.parse_args(words)


def _add_wishes(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--speed", type=_number(1.0, LARGEST_FACTOR), default=1.0, help="1 = waktu nyata / real"
    )
    command.add_argument(
        "--rate", type=_number(0.0, 600.0), default=6.0, help="panggilan per jam / calls an hour"
    )
    command.add_argument(
        "--curve", type=_curve, default=USUAL_DAY, help="24 bobot jam, atau 'flat' / 24 weights"
    )
    command.add_argument("--hours", type=_number(0.01, 10_000.0), help="jam simulasi / simulated hours")
    command.add_argument("--seed", type=int, help="dadu yang sama / the same dice")
    command.add_argument("--operators", type=int, default=2, help="operator semu / virtual operators (2)")
    command.add_argument("--crews", type=int, default=40, help="awak semu / virtual crews (40)")
    command.add_argument("--bundle", type=Path, help="folder regency (default: regencies/<code>-*)")


def _number(least: float, most: float) -> Callable[[str], float]:
    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"{least:g}..{most:g}")
        return value

    return read


def _curve(text: str) -> tuple[float, ...]:
    if text == "flat":
        return FLAT_DAY
    try:
        weights = tuple(float(part) for part in text.split(","))
    except ValueError:
        weights = ()
    if len(weights) != 24 or min(weights) < 0 or max(weights) <= 0:
        raise argparse.ArgumentTypeError("24 x >= 0")
    return weights


def _wishes(options: argparse.Namespace) -> PlayWishes:
    return PlayWishes(
        regency=options.regency,
        address=options.address or _address(options.run_dir),
        accounts=options.accounts or options.run_dir / "accounts.json",
        bundle=find_bundle(options.regency, options.bundle, [Path.cwd(), _CHECKOUT]),
        speed=options.speed,
        rate=options.rate,
        seed=secrets.randbelow(10**6) if options.seed is None else options.seed,
        hours=options.hours,
        operators=max(0, options.operators),
        crews=max(0, options.crews),
        curve=options.curve,
    )


def _address(run_dir: Path) -> str:
    path = run_dir / "addresses.json"
    try:
        return str(json.loads(path.read_text(encoding="utf-8"))["serve"])
    except (OSError, ValueError, KeyError, TypeError) as missing:
        raise NotPossible(
            f"{path} tidak terbaca: jalankan 'make run' dulu, atau pakai --address",
            f"{path} cannot be read: start with 'make run', or use --address",
        ) from missing


# --- start, stop, status --------------------------------------------------------------------------


def _start(options: argparse.Namespace, words: tuple[str, ...]) -> int:
    """Hand the wish to the attendant of a running system; where there is none, play here until the end."""
    control = Control.of(options.run_dir, options.regency)
    if control.held():
        if control.state().get("state") == "playing":
            raise NotPossible(
                "gladi sudah berjalan; hentikan dulu: dispatch rehearsal stop",
                "a rehearsal is on already; stop it first: dispatch rehearsal stop",
            )
        control.ask(on=True, options=words)
        print("Gladi dimulai / the rehearsal begins: dispatch rehearsal status")
        return DONE
    wishes = _wishes(options)
    with control.stage():
        wish = control.ask(on=True)
        print(f"Gladi / rehearsal {wishes.regency} @ {wishes.address}, --seed {wishes.seed}", flush=True)
        outcome = asyncio.run(_play(control, wishes, wish))
    print(json.dumps(outcome, ensure_ascii=False, indent=1))
    if wishes.hours is None:
        return DONE
    return asyncio.run(
        _check(argparse.Namespace(**vars(options), from_day=None, to_day=None, tolerance=TOLERANCE_S))
    )


async def _play(control: Control, wishes: PlayWishes, wish: Wish) -> dict[str, Any]:
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    try:
        outcome = await perform(
            wishes,
            control.folder,
            partial(_is_over, control, wish, told),
            control.tell,
        )
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
    control.tell({**outcome, "state": "off"})
    return outcome


def _is_over(control: Control, wish: Wish, ended: asyncio.Event) -> bool:
    """Whether this wish holds no more: there is a newer one, or this process is to end."""
    return ended.is_set() or control.wish().serial != wish.serial


async def _until_over(control: Control, wish: Wish, ended: asyncio.Event) -> None:
    while not _is_over(control, wish, ended):
        with suppress(TimeoutError):
            await asyncio.wait_for(ended.wait(), _LOOKS_EVERY_S)


def _stop(options: argparse.Namespace) -> int:
    control = Control.of(options.run_dir, options.regency)
    control.ask(on=False)
    until = time.monotonic() + LEAVES_WITHIN_S + 15.0
    while control.held() and control.state().get("state") in ("playing", "leaving", "beginning"):
        if time.monotonic() > until:
            raise NotPossible("gladi tidak berhenti dalam waktunya", "the rehearsal did not stop in time")
        time.sleep(0.1)
    print("Gladi berhenti / the rehearsal is off")
    return DONE


def _status(options: argparse.Namespace) -> int:
    control = Control.of(options.run_dir, options.regency)
    state = control.state() if control.held() else {**control.state(), "state": "off"}
    print(json.dumps(state, ensure_ascii=False, indent=1))
    return DONE


async def _attend(options: argparse.Namespace) -> int:
    """Play whenever it is wished, until told to end; for the launcher's supervisor."""
    control = Control.of(options.run_dir, options.regency)
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    with control.stage():
        while not ended.is_set():
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(number, ended.set)
            wish = control.wish()
            if not wish.on:
                control.tell({**control.state(), "state": "off"})
                await _until_over(control, wish, ended)
                continue
            control.tell({"state": "beginning"})
            try:
                wishes = _wishes(_options(["attend", *(wish.options or ())]))
                print(f"gladi / rehearsal: {wishes.regency}, --seed {wishes.seed}", flush=True)
                outcome = await perform(
                    wishes,
                    control.folder,
                    partial(_is_over, control, wish, ended),
                    control.tell,
                )
                control.tell(outcome)
                print(json.dumps(outcome, ensure_ascii=False), flush=True)
                if wishes.hours is not None and control.wish().serial == wish.serial:
                    control.ask(on=False)
            except (NotPossible, *FAILURES) as failure:
                print(f"gladi / rehearsal: {failure}", flush=True)
                control.tell({"state": "waiting", "words": str(failure)})
                await asyncio.sleep(_AGAIN_AFTER_S)
        control.tell({**control.state(), "state": "off"})
    return DONE


# --- check ----------------------------------------------------------------------------------------


async def _check(options: argparse.Namespace) -> int:
    """Compare the system's report with the own log; today's, or that of the days asked for."""
    run_dir = options.run_dir
    control = Control.of(run_dir, options.regency)
    accounts = Accounts(options.accounts or run_dir / "accounts.json", options.regency)
    async with Connection(options.address or _address(run_dir)) as connection:
        tenant = await training_tenant(connection, options.regency)
        zone = ZoneInfo(tenant.timezone)
        days = _days(control, zone, options.from_day, options.to_day)
        operator = Player(connection, options.regency, accounts.one("operator"))
        office = Player(connection, options.regency, accounts.one("health_office"))
        for player in (operator, office):
            await player.sign_in()
        report = OfficeClient(connection, office.token)
        try:
            result = await audit(control.folder, operator.operator, report, zone, days, options.tolerance)
        finally:
            for player in (operator, office):
                await player.sign_out()
    _show(result)
    return DONE if result.agrees else DIFFERS


async def _demo_check(options: argparse.Namespace) -> int:
    """Play a person at the operator's console who takes a case over; exit 1 when it is not left alone."""
    control = Control.of(options.run_dir, options.regency)
    if not control.held() or control.state().get("state") != "playing":
        raise NotPossible("gladi tidak sedang berjalan", "no rehearsal is on: dispatch rehearsal start")
    accounts = Accounts(options.accounts or options.run_dir / "accounts.json", options.regency)
    people = [a for a in accounts.of_role("operator") if not a.username.startswith(OWN)]
    if not people:
        raise NotPossible("tidak ada akun operator untuk orang", "there is no operator's account for people")
    async with Connection(options.address or _address(options.run_dir)) as connection:
        person = Player(connection, options.regency, people[-1])
        await person.sign_in()
        try:
            print(f"LULUS / PASSED {await take_over(person, options.within, print)}")
        except Mismatch as failed:
            print("GAGAL / FAILED", *describe(failed), sep="\n  ")
            return DIFFERS
        finally:
            await person.sign_out()
    return DONE


def _days(control: Control, zone: ZoneInfo, first: date | None, last: date | None) -> tuple[date, date]:
    today = datetime.now(zone).date()
    began = control.state().get("began")
    since = datetime.fromisoformat(began).astimezone(zone).date() if began else today
    return first or min(since, today), last or today


def _show(result: Audit) -> None:
    print(
        f"Laporan / report {result.from_day}..{result.to_day}: {result.cases} kejadian / cases, "
        f"{result.own_acts} tindakan gladi / own acts, {result.others} lainnya / by others"
    )
    for finding in result.findings:
        mark = "ok   " if finding.agrees else "BEDA "
        print(f"  {mark} {finding.what}: {finding.own} = {finding.system}")
    print("SAMA / EQUAL" if result.agrees else "BERBEDA / DIFFERENT")
