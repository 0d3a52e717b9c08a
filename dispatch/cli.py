"""The `dispatch` command: runs the system, prepares it, and keeps its tenants and accounts."""

from __future__ import annotations

import gc
from typing import Annotated

import typer

from dispatch.commands import (
    backup,
    database,
    description,
    keys,
    log,
    paper,
    regency,
    restore,
    staff,
    standby,
    tenant,
    tls,
    tracker,
)

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="SEMAR: pengiriman ambulans / ambulance dispatch.",
)
app.add_typer(regency.app, name="regency")
app.add_typer(tenant.app, name="tenant")
app.add_typer(staff.app, name="staff")
app.add_typer(tracker.app, name="tracker")
app.add_typer(tls.app, name="tls")
app.add_typer(log.app, name="log")
app.add_typer(keys.app, name="keys")
app.add_typer(paper.app, name="paper")
app.add_typer(standby.app, name="standby")
app.command()(database.migrate)
app.command()(backup.backup)
app.command()(backup.archive)
app.command()(restore.restore)
app.command()(staff.demo_accounts)
app.command()(description.openapi)


@app.command()
def prepare(
    folder: regency.Folder,
    demo_accounts: Annotated[bool, typer.Option(help="buat akun latihan / make demo accounts")] = False,
) -> None:
    """Skema, regency latihan dan akun sekaligus / migrate, load and demo accounts in one go."""
    database.migrate()
    regency.load(folder)
    if demo_accounts:
        staff.demo_accounts()


@app.command()
def run(
    with_tls: Annotated[
        bool | None, typer.Option("--tls/--no-tls", help="HTTPS untuk ponsel / HTTPS for phones (SEMAR_TLS)")
    ] = None,
) -> None:
    """Jalankan semuanya / run everything here."""
    from dispatch.local.launcher import run as launch

    raise typer.Exit(launch(tls=with_tls))


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="alamat / address (SEMAR_HOST)")] = None,
    port: Annotated[int | None, typer.Option(help="port (SEMAR_PORT)", min=0, max=65535)] = None,
    with_tls: Annotated[
        bool, typer.Option("--tls", help="HTTPS saja / HTTPS alone (SEMAR_TLS_HOST, SEMAR_TLS_PORT)")
    ] = False,
) -> None:
    """Layani HTTP dan WebSocket / serve HTTP and WebSocket."""
    # reading the program in makes much that lives as long as the process, and nothing to collect: a fifth of
    # the time until it serves again after a crash
    gc.disable()
    from dispatch.api.serve import serve as serve_api
    from dispatch.commands.plainly import require_ready
    from dispatch.settings import settings

    deployment = settings()
    require_ready(deployment)
    if with_tls:
        host = deployment.tls_host if host is None else host
        serve_api(deployment, host, deployment.tls_port if port is None else port, tls=True)
        return
    serve_api(deployment, host or deployment.host, deployment.port if port is None else port)


@app.command()
def worker() -> None:
    """Kerjakan tenggat dan pesan / work off timers and messages."""
    gc.disable()  # as in `serve`
    from dispatch.commands.plainly import require_ready
    from dispatch.jobs.worker import run as work
    from dispatch.settings import settings

    require_ready(settings())
    work(settings())


@app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}
)
def drill(context: typer.Context) -> None:
    """Mainkan satu kasus latihan / play one whole training case."""
    from rehearsal.drill import main

    raise typer.Exit(main(context.args))


@app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}
)
def rehearsal(context: typer.Context) -> None:
    """Gladi: start, stop, status, check / the rehearsal that keeps the training tenant alive."""
    from rehearsal.command import main

    raise typer.Exit(main(context.args))


@app.command()
def version() -> None:
    """Sebut versi program / print the program's version."""
    from importlib.metadata import version as installed

    typer.echo(installed("semar"))
