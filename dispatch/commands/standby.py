"""`dispatch standby`: a second PostgreSQL that has every acknowledged commit, and can take over."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dispatch.commands.plainly import fail, say

if TYPE_CHECKING:
    from dispatch.local.standby_servers import PrivatePair, SeatPostgres
    from dispatch.local.standby_switch import Promoted

_STATE = """
SELECT CASE WHEN pg_is_in_recovery() THEN 'recovery' ELSE 'primary' END,
       coalesce((SELECT state || ' ' || sync_state FROM pg_stat_replication
                  WHERE application_name LIKE 'semar_standby%' LIMIT 1), 'standby: -')
"""

app = typer.Typer(
    no_args_is_help=True, help="PostgreSQL cadangan yang selalu seiring / the standby database."
)


@app.command()
def setup(
    folder: Annotated[
        Path, typer.Option(help="folder kosong, sebaiknya di disk lain / empty, on another disk")
    ],
) -> None:
    """Buat cadangan dari sistem yang berjalan / make a standby of the running system. Commits wait for it."""
    from dispatch.local.standby_switch import set_up

    with _plainly() as servers, _bar("pg_basebackup") as progress:
        set_up(servers, folder, progress, _aside)
    say(
        f"Cadangan siap di {folder.absolute()}; yang dikonfirmasi kini tersimpan di dua tempat",
        f"the standby in {folder.absolute()} is ready; what is acknowledged is now stored in two places",
    )


@app.command()
def status() -> None:
    """Sebut keadaan keduanya / tell the state of both. Exit 1 unless every commit is in two places."""
    from dispatch.local.standby_pair import read_pair
    from dispatch.local.standby_watch import read_note

    with _plainly() as servers:
        pair = read_pair(servers.run_dir)
        if pair is None:
            fail(
                "Tidak ada cadangan: buat dengan 'dispatch standby setup --folder FOLDER'",
                "There is no standby: make one with 'dispatch standby setup --folder FOLDER'",
            )
        healthy = _told(servers.primary, "primer / primary")
        _told(
            servers.secondary,
            "cadangan / standby" if pair.standby else "diganti, tidak dijalankan / replaced, down",
        )
        note = read_note(servers.run_dir)
        if note is not None:
            kept = "seiring / in step" if note.synchronous else "TIDAK seiring / NOT in step"
            typer.echo(f"  {kept}, sejak / since {note.since}")
    if not healthy:
        raise typer.Exit(1)


@app.command()
def promote(
    accept_loss: Annotated[
        bool,
        typer.Option("--accept-loss", help="meski ada yang hanya di primer lama / despite what it lacks"),
    ] = False,
) -> None:
    """Jadikan cadangan primer, pagari yang lama / make the standby the primary, fence the old one."""
    from dispatch.local.standby_switch import promote as promote_standby

    with _plainly() as servers:
        done = promote_standby(servers, accept_loss=accept_loss)
    _report(done)


@app.command()
def rejoin() -> None:
    """Jadikan primer lama cadangan yang baru / make the replaced primary a standby of the present one."""
    from dispatch.local.standby_switch import rejoin as rejoin_standby

    with _plainly() as servers, _bar("pg_basebackup") as progress:
        how = rejoin_standby(servers, progress, _aside)
    words = {"rewound": ("diputar balik", "wound back"), "copied": ("disalin baru", "copied anew")}[how]
    say(f"Cadangan mengikuti lagi ({words[0]})", f"the standby follows again ({words[1]})")


@app.command()
def watch(
    patience: Annotated[
        float, typer.Option(help="detik menunggu cadangan / seconds to wait for it", min=1)
    ] = 5.0,
) -> None:
    """Jaga replikasi sinkron / watch over synchronous replication; 'dispatch run' runs this by itself."""
    import asyncio
    import logging
    import signal

    from dispatch.local.standby_watch import Watcher

    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    with _plainly() as servers:
        watcher = Watcher(servers.admin_url, servers.run_dir, patience_s=patience)

        async def work() -> None:
            stop = asyncio.Event()
            for number in (signal.SIGTERM, signal.SIGINT):
                asyncio.get_running_loop().add_signal_handler(number, stop.set)
            await watcher.run(stop)

        asyncio.run(work())


def _report(done: Promoted) -> None:
    order = (
        ("berhenti dengan tertib", "ended in order") if done.planned else ("tidak menjawab", "did not answer")
    )
    say(
        f"Cadangan kini primer ({done.seconds:.1f} s); primer lama {order[0]} dan dipagari. "
        "Layanan mengikuti sendiri",
        f"the standby is the primary now ({done.seconds:.1f} s); the old one {order[1]} and is fenced. "
        "Services follow by themselves",
    )
    if not done.planned and done.note is not None and done.note.synchronous:
        say(
            "Tidak ada yang dikonfirmasi yang hilang",
            f"nothing acknowledged is missing: in step {done.note.since}",
        )
    elif not done.planned:
        since = done.note.since if done.note else "?"
        say(
            f"Yang dikonfirmasi sejak {since} mungkin hilang: 'dispatch log verify' menyebutnya",
            f"what was acknowledged since {since} may be missing: 'dispatch log verify' names it",
        )
    say(
        "Sekarang satu salinan saja: perbaiki yang lama, lalu 'dispatch standby rejoin'",
        "there is one copy only now: repair the old one, then 'dispatch standby rejoin'",
    )


def _told(server: SeatPostgres, role: str) -> bool:
    """Tell what a server says of itself; return whether it is a primary with a standby in step."""
    from dispatch.local.postgres import PostgresError

    server.locate()
    try:
        kind, _, follower = server.execute(_STATE, timeout_s=5.0).partition("|")
    except PostgresError as away:
        typer.echo(f"{server.seat}  {role}  {server.data}: tidak menjawab / does not answer ({away})")
        return False
    behind = f", {follower}" if kind == "primary" else ""
    typer.echo(f"{server.seat}  {role}  {server.data}: {kind}{behind}")
    return kind == "primary" and follower.startswith("streaming sync")


@contextmanager
def _plainly() -> Iterator[PrivatePair]:
    """Yield the servers of this run folder; say in one line what ends the command."""
    from dispatch.local.errors import LocalError
    from dispatch.local.standby_servers import PrivatePair
    from dispatch.settings import settings

    deployment = settings()
    try:
        servers = PrivatePair(deployment.run_dir, say=_aside)
        for seat in servers.seats.values():
            seat.locate()
        yield servers
    except LocalError as refusal:
        typer.echo(f"Tidak bisa / cannot: {refusal}", err=True)
        raise typer.Exit(1) from refusal


@contextmanager
def _bar(label: str) -> Iterator[Callable[[int, int], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(label, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=max(done, total))


def _aside(words: str) -> None:
    typer.echo(words, err=True)
