"""`dispatch standby`: a second PostgreSQL that has every acknowledged commit, and can take over."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dispatch.commands.backup import bar
from dispatch.commands.plainly import fail, keep_beside_standby, say
from dispatch.commands.standby_words import keys_are_here, report, told

if TYPE_CHECKING:
    from dispatch.local.standby_servers import PrivatePair

Primary = Annotated[
    str | None,
    typer.Option(help="di mesin lain / elsewhere: postgresql://semar_standby@HOST/postgres?passfile=FILE"),
]
Listen = Annotated[str, typer.Option(help="alamat mesin ini / this machine's address")]
Port = Annotated[int, typer.Option(help="port mesin ini / this machine's port")]
Allow = Annotated[str, typer.Option(help="jaringan yang boleh masuk / network that may connect: 10.0.0.0/24")]
OwnFolder = Annotated[Path, typer.Option("--folder", help="folder mesin ini / this machine's folder")]
MaybeFolder = Annotated[
    Path | None,
    typer.Option("--folder", help="folder cadangan mesin ini / the folder of this machine's standby"),
]

app = typer.Typer(
    no_args_is_help=True, help="PostgreSQL cadangan yang selalu seiring / the standby database."
)


@app.command()
def setup(
    folder: Annotated[Path, typer.Option(help="folder kosong, di disk lain / empty, on another disk")],
    primary: Primary = None,
    listen: Listen = "",
    port: Port = 5432,
    allow: Allow = "",
) -> None:
    """Buat cadangan dari sistem yang berjalan / make a standby of the running system. Commits wait for it.

    With --primary: of one on another machine; keep 'dispatch standby run' running here afterwards.
    """
    from dispatch.local import standby_machine
    from dispatch.local.standby_pair import SECOND
    from dispatch.local.standby_switch import set_up
    from dispatch.settings import settings

    if primary is not None:
        _require(listen=listen, allow=allow)
        machine = standby_machine.Machine(primary, listen, port, SECOND)
        with _refusals(), bar("pg_basebackup") as progress:
            standby_machine.set_up(folder.absolute(), machine, allow, progress)
        say(
            f"Disalin. Jalankan terus: dispatch standby run --folder {folder}",
            f"copied. Keep running: dispatch standby run --folder {folder}",
        )
        return
    with _plainly() as servers, bar("pg_basebackup") as progress:
        set_up(servers, folder, progress, _aside)
    if not keep_beside_standby(settings()):
        raise typer.Exit(1)
    say(
        f"Cadangan siap di {folder.absolute()}; yang dikonfirmasi kini tersimpan di dua tempat",
        f"the standby in {folder.absolute()} is ready; what is acknowledged is now stored in two places",
    )


@app.command()
def role(
    password_file: Annotated[Path, typer.Option(help="berkas sandi baru / password file to be made")],
    url: Annotated[
        str, typer.Option(help="alamat administrator / administrator's address, database postgres")
    ],
) -> None:
    """Buat peran replikasi di primer / make the replication role on the primary, for two machines."""
    from dispatch.local.standby_machine import ROLE, make_role

    with _refusals():
        make_role(url, password_file)
    say(
        f"Peran {ROLE} siap, sandinya di {password_file}: salin ke mesin cadangan. Untuk pg_hba.conf primer:",
        f"the role {ROLE} is ready: copy {password_file} to the standby's machine. For pg_hba.conf:",
    )
    for database in ("replication", "postgres"):
        typer.echo(f"host {database} {ROLE} ALAMAT-CADANGAN/32 scram-sha-256")


@app.command()
def run(folder: OwnFolder) -> None:
    """Jalankan PostgreSQL mesin ini / keep this machine's standby running; it serves when it is promoted."""
    from dispatch.local.standby_machine import run as keep

    with _refusals():
        raise typer.Exit(keep(folder.absolute(), _aside))


@app.command()
def status(folder: MaybeFolder = None) -> None:
    """Sebut keadaan keduanya / tell the state of both. Exit 1 unless every commit is in two places."""
    from dispatch.local import standby_machine
    from dispatch.local.standby_kept import what_is_not_kept
    from dispatch.local.standby_note import read_note
    from dispatch.local.standby_pair import read_pair
    from dispatch.settings import settings

    if folder is not None:
        with _refusals():
            machine = standby_machine.read_machine(folder)
            server = standby_machine.MachinePostgres(folder.absolute(), machine)
            kind = "primer / primary" if machine.promoted else "cadangan / standby"
            in_step = told(server, machine.seat, kind)
            keys = keys_are_here(server)
        raise typer.Exit(int((machine.promoted and not in_step) or not keys))
    with _plainly() as servers:
        pair = read_pair(servers.run_dir)
        if pair is None:
            fail(
                "Tidak ada cadangan: buat dengan 'dispatch standby setup --folder FOLDER'",
                "There is no standby: make one with 'dispatch standby setup --folder FOLDER'",
            )
        healthy = told(servers.primary, pair.primary, "primer / primary")
        other = "cadangan / standby" if pair.standby else "diganti, tidak dijalankan / replaced, down"
        told(servers.secondary, pair.other, other)
        note = read_note(servers.run_dir)
        if note is not None:
            kept = "seiring / in step" if note.synchronous else "TIDAK seiring / NOT in step"
            typer.echo(f"  {kept}, sejak / since {note.since}")
        if lacks := what_is_not_kept(settings(), pair):
            typer.echo(f"  kunci TIDAK tersalin ke cadangan / keys NOT kept beside the standby: {lacks}")
            healthy = False
    if not healthy:
        raise typer.Exit(1)


@app.command()
def promote(
    accept_loss: Annotated[
        bool,
        typer.Option("--accept-loss", help="meski ada yang hanya di primer lama / despite what it lacks"),
    ] = False,
    folder: MaybeFolder = None,
    old_is_off: Annotated[
        bool,
        typer.Option("--old-is-off", help="mesin lama sudah dimatikan / the old machine is switched off"),
    ] = False,
) -> None:
    """Jadikan cadangan primer, pagari yang lama / make the standby the primary, fence the old one.

    --folder of a standby on this machine: goes on from that folder alone, in a new run folder.
    """
    from dispatch.commands.plainly import with_centre
    from dispatch.commands.restore import tell_lost
    from dispatch.local import standby_machine
    from dispatch.local.standby_kept import FOLDER
    from dispatch.local.standby_switch import promote as promote_standby
    from dispatch.settings import settings

    if folder is not None and (folder / FOLDER).is_dir():
        _take_up(folder, accept_loss=accept_loss)
        return
    if folder is not None:
        with _refusals():
            standby_machine.promote(folder.absolute(), old_is_off=old_is_off)
            machine = standby_machine.read_machine(folder)
            keys_are_here(standby_machine.MachinePostgres(folder.absolute(), machine))
        say(
            "Mesin ini kini primer; layanan mengikuti sendiri. Periksa: 'dispatch log verify'",
            "this machine is the primary now; services follow by themselves. Check: 'dispatch log verify'",
        )
        return
    with _plainly() as servers:
        done = promote_standby(servers, accept_loss=accept_loss)
    report(done)
    keep_beside_standby(settings())
    if accept_loss and done.at_once:
        with_centre(tell_lost)
    elif accept_loss:
        say(
            "Sesudah sistem jalan lagi, sebut yang hilang: 'dispatch log checkpoint --accept-loss'",
            "once the system runs again, have the loss named: 'dispatch log checkpoint --accept-loss'",
        )


@app.command()
def rejoin(
    folder: MaybeFolder = None,
    primary: Primary = None,
    listen: Listen = "",
    port: Port = 5432,
    allow: Allow = "",
    seat: Annotated[str, typer.Option(help="a: mesin pertama / the first machine; b: kedua / second")] = "a",
) -> None:
    """Jadikan primer lama cadangan yang baru / make the replaced primary a standby of the present one."""
    from dispatch.local import standby_machine
    from dispatch.local.standby_switch import rejoin as rejoin_standby
    from dispatch.settings import settings

    if folder is not None:
        _require(primary=primary or "", listen=listen, allow=allow)
        machine = standby_machine.Machine(primary or "", listen, port, seat)
        with _refusals(), bar("pg_basebackup") as progress:
            how = standby_machine.rejoin(folder.absolute(), machine, allow, progress, _aside)
    else:
        with _plainly() as servers, bar("pg_basebackup") as progress:
            how = rejoin_standby(servers, progress, _aside)
        if not keep_beside_standby(settings()):
            raise typer.Exit(1)
    words = {"rewound": ("diputar balik", "wound back"), "copied": ("disalin baru", "copied anew")}[how]
    say(f"Cadangan mengikuti lagi ({words[0]})", f"the standby follows again ({words[1]})")


@app.command()
def watch(
    patience: Annotated[
        float, typer.Option(help="detik menunggu cadangan / seconds to wait for it", min=1)
    ] = 5.0,
    url: Annotated[
        str | None,
        typer.Option(help="alamat kedua mesin / both machines' address; default: of the run folder"),
    ] = None,
    password_file: Annotated[Path | None, typer.Option(help="berkas sandi / password file for --url")] = None,
) -> None:
    """Jaga replikasi sinkron / watch over synchronous replication; 'dispatch run' runs this by itself."""
    import asyncio
    import logging
    import signal

    from dispatch.local.standby_keeper import Keeper
    from dispatch.local.standby_machine import with_password
    from dispatch.local.standby_watch import Watcher
    from dispatch.settings import settings

    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    run_dir = settings().run_dir
    if url is None:
        with _plainly() as servers:
            watched = servers.admin_url
    else:
        watched = with_password(url, password_file) if password_file else url
        run_dir.mkdir(parents=True, exist_ok=True)
    keeper = Keeper(settings()) if url is None else None
    watcher = Watcher(watched, run_dir, patience_s=patience, fenced=url is None, keeper=keeper)

    async def work() -> None:
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        await watcher.run(stop)

    asyncio.run(work())


@app.command()
def alone(
    url: Annotated[str, typer.Option(help="alamat kedua mesin / both machines' address")],
    password_file: Annotated[Path | None, typer.Option(help="berkas sandi / password file for --url")] = None,
) -> None:
    """Biarkan primer jalan sendiri / let the primary go on without a standby.

    For two machines, after the watcher said that all commits wait: only when the other one is no primary.
    """
    import asyncio

    import asyncpg

    from dispatch.local.errors import LocalError
    from dispatch.local.standby_machine import with_password
    from dispatch.local.standby_watch import go_alone
    from dispatch.settings import settings

    run_dir = settings().run_dir
    run_dir.mkdir(parents=True, exist_ok=True)
    with _refusals():
        try:
            asyncio.run(go_alone(with_password(url, password_file) if password_file else url, run_dir))
        except (OSError, asyncpg.PostgresError) as away:
            raise LocalError(str(away)) from away
    say("Komit tidak menunggu cadangan lagi", "commits wait for no standby, until it has kept up again")


def _take_up(folder: Path, *, accept_loss: bool) -> None:
    from dispatch.local.standby_taken_up import take_up
    from dispatch.settings import settings

    with _refusals():
        kept = take_up(settings(), folder, accept_loss=accept_loss)
    run_dir = settings().run_dir.absolute()
    say(
        f"Sistem dari {kept.run_dir} dilanjutkan di {run_dir}: SEMAR_RUN_DIR={run_dir} dispatch run",
        f"the system of {kept.run_dir} goes on in {run_dir}: SEMAR_RUN_DIR={run_dir} dispatch run",
    )
    say(
        f"Terakhir terlihat {kept.seen or '?'}; bila sistem masih bekerja sesudahnya, yang dikonfirmasi "
        "sejak itu mungkin hilang: 'dispatch log verify' menyebutnya",
        f"last seen {kept.seen or '?'}: should the system have worked on after that, what was acknowledged "
        "since may be missing: 'dispatch log verify' names it",
    )


@contextmanager
def _plainly() -> Iterator[PrivatePair]:
    """Yield the servers of this run folder; say in one line what ends the command."""
    from dispatch.local.standby_servers import PrivatePair
    from dispatch.settings import settings

    with _refusals():
        servers = PrivatePair(settings().run_dir, say=_aside)
        for seat in servers.seats.values():
            seat.locate()
        yield servers


@contextmanager
def _refusals() -> Iterator[None]:
    from dispatch.local.errors import LocalError

    try:
        yield
    except LocalError as refusal:
        typer.echo(f"Tidak bisa / cannot: {refusal}", err=True)
        raise typer.Exit(1) from refusal


def _require(**options: str) -> None:
    for name, value in options.items():
        if not value:
            fail(f"--{name} belum diisi", f"--{name} is needed for two machines")


def _aside(words: str) -> None:
    typer.echo(words, err=True)
