"""`dispatch tls`: certificates, so that phones may use their location and work without signal."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from dispatch.commands.plainly import fail, say

if TYPE_CHECKING:
    from dispatch.settings import Settings
    from dispatch.tls.errors import TlsError
    from dispatch.tls.folder import Standing, TlsFolder

app = typer.Typer(no_args_is_help=True, help="HTTPS untuk ponsel / HTTPS for phones.")

NameOption = Annotated[
    list[str] | None,
    typer.Option("--name", metavar="NAMA/NAME", help="nama atau alamat lain / another name or address"),
]


@app.callback()
def tls() -> None:
    """HTTPS untuk ponsel / HTTPS for phones."""


@app.command()
def make(
    name: NameOption = None,
    new_authority: Annotated[
        bool,
        typer.Option(
            "--new-authority",
            help="CA baru; semua ponsel mendaftar lagi / a new one; every phone enrols again",
        ),
    ] = False,
) -> None:
    """Buat CA dan sertifikat server / make the authority and the server's certificate. Safe to repeat."""
    deployment, folder = _own()
    _tell(deployment, folder, _ensured(folder, name, new_authority=new_authority))


@app.command()
def renew(name: NameOption = None) -> None:
    """Perbarui sertifikat server, CA tetap / replace the server's certificate, keep the authority."""
    deployment, folder = _own()
    if not folder.made:
        _not_made()
    _tell(deployment, folder, _ensured(folder, name, renew=True))


@app.command()
def show() -> None:
    """Sebut alamat, kode QR dan sidik jari / print addresses, QR code and fingerprint."""
    from dispatch.settings import settings

    deployment = settings()
    if deployment.tls_cert is not None or deployment.tls_key is not None:
        _show_given(deployment)
        return
    _, folder = _own()
    if not folder.made:
        _not_made()
    _tell(deployment, folder, _ensured(folder, None))


def _own() -> tuple[Settings, TlsFolder]:
    from dispatch.settings import settings
    from dispatch.tls.folder import folder_of

    deployment = settings()
    if deployment.tls_cert is not None or deployment.tls_key is not None:
        fail(
            "SEMAR_TLS_CERT terisi: sertifikat itu yang dipakai, CA sendiri tidak diperlukan",
            "SEMAR_TLS_CERT is set: that certificate is used, an authority of our own is not needed",
        )
    return deployment, folder_of(deployment)


def _ensured(
    folder: TlsFolder, names: list[str] | None, *, renew: bool = False, new_authority: bool = False
) -> Standing:
    from dispatch.tls.errors import TlsError

    try:
        return folder.ensure(names, renew=renew, new_authority=new_authority)
    except TlsError as unfit:
        _fail(unfit)
    except OSError as unwritable:
        words = f"{unwritable.filename}: {unwritable.strerror}"
        fail(f"Berkas tidak dapat ditulis: {words}", f"A file cannot be written: {words}")


def _fail(unfit: TlsError) -> NoReturn:
    fail(unfit.message_id, unfit.message_en)


def _not_made() -> NoReturn:
    fail("Belum dibuat: jalankan 'dispatch tls make'", "Not made yet: run 'dispatch tls make'")


def _show_given(deployment: Settings) -> None:
    from dispatch.tls.authority import names_in
    from dispatch.tls.errors import TlsError
    from dispatch.tls.given import check_given
    from dispatch.tls.told import https_addresses

    try:
        certificate = check_given(deployment.tls_cert, deployment.tls_key)
    except TlsError as unfit:
        _fail(unfit)
    end = certificate.not_valid_after_utc
    say(f"Sertifikat {deployment.tls_cert} sampai {end:%Y-%m-%d}", f"certificate until {end:%Y-%m-%d}")
    for address in https_addresses(names_in(certificate), deployment.tls_port):
        typer.echo(f"  {address}")


def _tell(deployment: Settings, folder: TlsFolder, standing: Standing) -> None:
    from dispatch.tls.told import qr_lines, standing_lines

    running = _addresses(deployment.run_dir)
    for line in standing_lines(standing, str(folder.path)):
        typer.echo(line)
    typer.echo()
    if "enrolment" not in running:
        say(
            "Jalankan 'make run' (lagi): alamat dan kode QR untuk ponsel tampil di sana",
            "Start 'make run' (again): it shows the address and the QR code for phones",
        )
        return
    say(f"Daftarkan ponsel di {running['enrolment']}", f"enrol phones at {running['enrolment']}")
    if sys.stdout.isatty():
        typer.echo("\n".join(qr_lines(running["enrolment"])))
    typer.echo(f"HTTPS: {running['https']}")


def _addresses(run_dir: Path) -> dict[str, str]:
    """The addresses of the system that runs now, empty when none does."""
    try:
        found: dict[str, str] = json.loads((run_dir / "addresses.json").read_text())
    except FileNotFoundError:
        return {}
    return found
