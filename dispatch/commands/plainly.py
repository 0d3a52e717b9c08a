"""How commands run their work: with a centre that is closed again, and failures said in one clear line."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import typer

if TYPE_CHECKING:
    from dispatch.bundle import Finding
    from dispatch.services.centre import Centre
    from dispatch.settings import Settings

Result = TypeVar("Result")


def fail(message_id: str, message_en: str) -> NoReturn:
    """Say why the command ends, on stderr, and end it with status 1."""
    typer.echo(f"{message_id} / {message_en}", err=True)
    raise typer.Exit(1)


def say(message_id: str, message_en: str) -> None:
    """Say something in both languages."""
    typer.echo(f"{message_id} / {message_en}")


def say_findings(title_id: str, title_en: str, findings: tuple[Finding, ...], *, err: bool = False) -> None:
    """List findings of a bundle under a title with their number; nothing when there is none."""
    if not findings:
        return
    typer.echo(f"{title_id} / {title_en} ({len(findings)}):", err=err)
    for found in findings:
        typer.echo(f"  {found.where}: {found.message_id} / {found.message_en}", err=err)


def run_plainly(work: Callable[[], Coroutine[Any, Any, Result]]) -> Result:
    """Run asynchronous work; what can be expected to fail ends the command with one clear line."""
    try:
        return asyncio.run(work())
    except Exception as failure:
        _fail_plainly(failure)
        raise


def _fail_plainly(failure: Exception) -> None:
    """Say why the command ends, and end it; return when nobody could expect this failure."""
    # only now: whatever could name all of these would be read in at each start
    from asyncpg import InterfaceError, PostgresError
    from sqlalchemy.exc import ArgumentError, DBAPIError

    from dispatch.bundle import BundleError
    from dispatch.domain.errors import DispatchError
    from dispatch.services.load_regency import BundleRefused
    from dispatch.storage.vault import SealBroken

    match failure:
        case DispatchError():
            fail(failure.message_id, failure.message_en)
        case BundleError():
            typer.echo(str(failure), err=True)
            raise typer.Exit(1) from failure
        case BundleRefused():
            found = failure.findings
            say_findings("Peringatan", "Warnings", found.warnings, err=True)
            say_findings("Masalah", "Problems", found.problems, err=True)
            fail(
                f"{failure.folder} ditolak: perbaiki masalah di atas; basis data tidak diubah",
                f"{failure.folder} is refused: repair the problems above; the database is unchanged",
            )
        case SealBroken():
            fail(
                "Ada data yang dikunci kunci induk lain; kembalikan berkas kunci dari cadangan",
                "Some data are under another master key; restore the key file from your backup",
            )
        case ArgumentError():
            fail(
                "Alamat basis data tidak terbaca; tulis seperti postgresql://nama:sandi@host/basisdata",
                "The database address cannot be read; write it like postgresql://name:password@host/database",
            )
        case DBAPIError():
            fail_database(failure.orig or failure)
        case PostgresError() | InterfaceError() | OSError():
            fail_database(failure)


def fail_database(reason: BaseException) -> NoReturn:
    """Say that the database did not do it, with its own words on one line."""
    from asyncpg import UndefinedTableError

    words = " ".join(str(reason).split()) or type(reason).__name__
    if isinstance(getattr(reason, "__cause__", None) or reason, UndefinedTableError):
        fail(
            f"Basis data belum siap ({words}); jalankan 'dispatch migrate'",
            f"The database is not ready ({words}); run 'dispatch migrate'",
        )
    fail(
        f"Basis data menolak atau tidak terjangkau: {words}; periksa DATABASE_URL dan DATABASE_APP_URL",
        f"The database refused or cannot be reached: {words}; check DATABASE_URL and DATABASE_APP_URL",
    )


def with_centre(work: Callable[[Centre], Coroutine[Any, Any, Result]], *, owner: bool = False) -> Result:
    """Run work on a centre of this deployment; `owner` says that it needs the owner's connection too."""
    # what is read in lives as long as the command, and there is nothing to collect: a fifth of its start
    gc.disable()
    from dispatch.services.centre import open_centre
    from dispatch.settings import settings

    gc.freeze()
    gc.enable()
    deployment = settings()
    require_urls(deployment, owner=owner)
    require_keys(deployment)

    async def within() -> Result:
        centre = open_centre(deployment, name="semar command")
        try:
            return await work(centre)
        finally:
            await centre.close()

    return run_plainly(within)


def require_ready(deployment: Settings) -> None:
    """End the command when a process could not even begin: settings, keys, database, login."""
    from dispatch.storage.database import Database

    require_urls(deployment)
    require_keys(deployment)

    async def refusal() -> str | None:
        database = Database(deployment.database_app_url, pool_size=1, name="semar command")
        try:
            await database.refuse_a_strong_role()
        except RuntimeError as strong:
            return str(strong)
        finally:
            await database.close()
        return None

    words = run_plainly(refusal)
    if words is not None:
        fail("DATABASE_APP_URL memakai peran yang terlalu kuat; pakai semar_app", words)


def require_urls(deployment: Settings, *, owner: bool = False, app: bool = True) -> None:
    """End the command when an address it needs is not set."""
    needed = {"DATABASE_APP_URL": deployment.database_app_url if app else "-"}
    needed["DATABASE_URL"] = deployment.database_url if owner else "-"
    for name, value in needed.items():
        if not value:
            fail(
                f"{name} tidak diisi: jalankan 'make run', atau isi dengan alamat PostgreSQL Anda",
                f"{name} is not set: start with 'make run', or set it to your PostgreSQL's address",
            )


def require_keys(deployment: Settings) -> None:
    """End the command when a key file is missing or damaged."""
    for path in (deployment.master_key_path, deployment.lookup_key_path):
        _require_key(str(path), path.read_text().strip() if path.is_file() else None)


def _require_key(path: str, text: str | None) -> None:
    if text is None:
        fail(
            f"Berkas kunci {path} tidak ada: jalankan 'make run', atau kembalikan dari cadangan",
            f"The key file {path} is missing: start with 'make run', or restore it from your backup",
        )
    lines = text.split()
    if not lines or any(len(line) != 64 or set(line.lower()) - set("0123456789abcdef") for line in lines):
        fail(
            f"Berkas kunci {path} rusak: tiap baris harus 64 angka heksadesimal; kembalikan dari cadangan",
            f"The key file {path} is damaged: a line must hold 64 hex digits; restore it from your backup",
        )


def keep_beside_standby(deployment: Settings) -> bool:
    """Bring the copy of the keys beside the standby up to date, if there is one; say what fails."""
    from dispatch.local.errors import LocalError
    from dispatch.local.standby_kept import keep

    try:
        keep(deployment)
    except (LocalError, OSError) as trouble:
        typer.echo(
            f"Kunci tidak tersalin ke folder cadangan / the keys are not kept beside the standby: {trouble}",
            err=True,
        )
        return False
    return True
