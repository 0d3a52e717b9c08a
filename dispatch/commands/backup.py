"""`dispatch backup` and `dispatch archive`: base backups with checksums, and the log between them, kept."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dispatch.commands.plainly import fail, require_keys, say

if TYPE_CHECKING:
    from dispatch.local.backup_source import Look, Source
    from dispatch.settings import Settings
    from dispatch.storage.backup_folder import BackupFolder
    from dispatch.storage.backup_inventory import Contents

NOTE_FILE = "backup.json"
"""In the run folder: where the log is kept, for the launcher's `archive`."""
To = Annotated[Path, typer.Option("--to", help="folder cadangan, di disk lain / on another disk")]


def backup(
    to: To,
    keep: Annotated[int, typer.Option(help="simpan sekian cadangan dasar / base backups kept", min=1)] = 7,
    passphrase_file: Annotated[
        Path | None,
        typer.Option(
            help="kata sandi penyegel kunci, bukan di folder cadangan / seals the keys; not in the folder"
        ),
    ] = None,
) -> None:
    """Cadangkan sistem yang berjalan / back the running system up, and keep its log from then on."""
    from dispatch.settings import settings

    deployment = settings()
    require_keys(deployment)
    with plainly():
        _back_up(deployment, to.absolute(), keep, passphrase_of(passphrase_file, to))


def archive(
    to: Annotated[
        Path | None, typer.Option(help="folder cadangan / backup folder (default: of the last backup)")
    ] = None,
) -> None:
    """Terima log tanpa henti ke folder cadangan / receive the log without end; 'dispatch run' runs this."""
    import signal
    import threading

    from dispatch.local.backup_source import keep_receiving
    from dispatch.settings import settings
    from dispatch.storage import backup_wal
    from dispatch.storage.backup_folder import BackupFolder
    from dispatch.storage.backup_outside import copy_outside

    deployment = settings()
    folder = BackupFolder(to.absolute() if to else _noted(deployment))
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())

    def look() -> None:
        try:
            backup_wal.seal_arrived(folder.wal)
            if deployment.checkpoints_dir.is_dir():
                copy_outside(deployment.checkpoints_dir, folder.outside)
        except OSError as trouble:
            typer.echo(f"{folder.path}: {trouble}", err=True)  # the server keeps its log meanwhile
        if to is None and _noted(deployment) != folder.path:
            stop.set()  # the launcher starts it again, and it finds the new folder

    with plainly():
        source = source_of(deployment)
        if to is None:
            folder.require_kept()
        folder.claim(source.look().cluster)
        keep_receiving(
            source, folder.wal / backup_wal.INCOMING, look, stop.is_set, lambda w: typer.echo(w, err=True)
        )


def _back_up(deployment: Settings, to: Path, keep: int, passphrase: str | None) -> None:
    from dispatch.local.backup_source import programs_for
    from dispatch.storage.backup_folder import BackupFolder

    source, folder = source_of(deployment), BackupFolder(to)
    if _note_of(deployment) == to:
        folder.require_kept()
    before = source.look()
    with folder.alone():
        folder.claim(before.cluster)
        folder.refuse_small_disk(before.bytes)
        if not external(deployment):  # a foreign server must not keep its log for a receiver nobody started
            source.ensure_slot()
        _note(deployment, to)
        with folder.writing(datetime.now(UTC)) as draft:
            with bar("pg_basebackup") as told:
                source.copy(draft / "data", programs_for(before.version), told)
            contents = _completed(deployment, draft, source, before, passphrase)
        removed, forgotten = folder.keep(keep)
    _report(folder, contents, removed, forgotten)
    _tell_of_the_log(folder)


def _completed(
    deployment: Settings, draft: Path, source: Source, before: Look, passphrase: str | None
) -> Contents:
    """Add what lies outside the cluster, and the inventory of it all."""
    from importlib.metadata import version

    from dispatch.storage.backup_inventory import Contents, inventory_of, sync_tree, write_inventory
    from dispatch.storage.backup_outside import copy_outside
    from dispatch.storage.backup_secrets import FILE, NEEDED, key_names, seal_secrets, trusted_files
    from dispatch.storage.checkpoints import Signer

    begins = json.loads((draft / "data" / "backup_manifest").read_text())["WAL-Ranges"][0]
    if deployment.checkpoints_dir.is_dir():
        copy_outside(deployment.checkpoints_dir, draft / "outside")
    signer_file = deployment.checkpoint_key_path
    Signer.from_file(signer_file)  # made when there is none yet
    if passphrase is not None:
        paths = (deployment.master_key_path, deployment.lookup_key_path, signer_file)
        named = {name: path.read_bytes() for name, path in zip(NEEDED, paths, strict=True)}
        trusted = trusted_files(deployment.run_dir / "secrets", push_key=deployment.push_key_path)
        seal_secrets(draft / FILE, trusted | named, passphrase)
    masters, lookup = key_names(deployment.master_key_path, deployment.lookup_key_path)
    with bar("SHA-256") as told:
        files = inventory_of(draft, told)
    contents = Contents(
        cluster=before.cluster,
        version=before.version,
        timeline=int(begins["Timeline"]),
        start=begins["Start-LSN"],
        began_at=before.at,
        ended_at=source.look().at,
        master_keys=masters,
        lookup_key=lookup,
        secrets=passphrase is not None,
        program=version("semar"),
        files=files,
    )
    write_inventory(draft, contents, bytes.fromhex(signer_file.read_text().strip()))
    sync_tree(draft)
    return contents


def _report(folder: BackupFolder, contents: Contents, removed: int, forgotten: int) -> None:
    size = sum(one.size for one in contents.files)
    say(
        f"Cadangan utuh: {folder.bases()[-1]}, {len(contents.files)} berkas, {size / 1e6:.0f} MB, diperiksa",
        f"whole backup, {len(contents.files)} files, {size / 1e6:.0f} MB, verified",
    )
    if removed or forgotten:
        say(
            f"{removed} cadangan lama dan {forgotten} segmen log dibuang",
            f"{removed} older backups and {forgotten} log segments removed",
        )
    if not contents.secrets:
        say(
            "Kunci TIDAK ikut: simpan salinan secrets/ di tempat lain, atau pakai --passphrase-file. "
            "Tanpa kunci induk, nama dan NIK hilang selamanya",
            "the keys are NOT in it: keep a copy of secrets/ elsewhere, or use --passphrase-file. "
            "Without the master key, names and NIK are lost for good",
        )


def _tell_of_the_log(folder: BackupFolder) -> None:
    """Wait until the kept log goes past the new backup's end, and say when it does not get there."""
    import time

    from dispatch.storage import backup_wal

    manifest = json.loads((folder.bases()[-1] / "data" / "backup_manifest").read_text())
    end = manifest["WAL-Ranges"][-1]
    arrived, since = backup_wal.newest(folder.wal), time.monotonic()
    while not backup_wal.has_passed(folder.wal, int(end["Timeline"]), end["End-LSN"]):
        if (now := backup_wal.newest(folder.wal)) != arrived:  # it has yet to catch up, and does
            arrived, since = now, time.monotonic()
        if time.monotonic() > since + 15.0:
            say(
                "Log belum diterima sampai cadangan ini: hanya saat cadangan ini dapat dipulihkan. "
                f"Lihat log/archive.log, atau jalankan terus: dispatch archive --to {folder.path}",
                "the log has not been received up to this backup: only the moment of this backup can be "
                f"restored. See log/archive.log, or keep running: dispatch archive --to {folder.path}",
            )
            return
        time.sleep(0.2)
    say("Log diterima terus: setiap saat dapat dipulihkan", "the log is received: any moment can be restored")


def source_of(deployment: Settings) -> Source:
    """Return the server of this deployment: its private pair, or the DBA's behind DATABASE_URL."""
    from dispatch.local.backup_source import Source
    from dispatch.local.standby_servers import PrivatePair

    if external(deployment):
        if not deployment.database_url:
            fail("DATABASE_URL tidak diisi", "DATABASE_URL is not set")
        return Source(deployment.database_url)
    servers = PrivatePair(deployment.run_dir, say=lambda words: typer.echo(words, err=True))
    servers.primary.locate()
    if not servers.primary.data.is_dir():
        fail(
            f"Tidak ada basis data di {deployment.run_dir}: jalankan 'dispatch run', atau isi DATABASE_URL",
            f"There is no database in {deployment.run_dir}: start 'dispatch run', or set DATABASE_URL",
        )
    return Source(servers.admin_url)


def external(deployment: Settings) -> bool:
    """Whether the database is somebody else's: then the run folder holds none of ours."""
    if os.environ.get("SEMAR_EXTERNAL_DATABASE"):
        return True
    private = (deployment.run_dir / "sock").exists() or (deployment.run_dir / "launcher.pid").exists()
    return bool(deployment.database_url) and not private


def passphrase_of(file: Path | None, backups: Path) -> str | None:
    """Read a passphrase from a file that must not lie with the backups; None without a file."""
    if file is None:
        return None
    if file.absolute().is_relative_to(backups.absolute()):
        fail(
            f"{file} ada di folder cadangan: sandi di samping yang disegelnya tidak menjaga apa pun",
            f"{file} lies in the backup folder: a passphrase beside what it seals guards nothing",
        )
    try:
        return file.read_text().strip()
    except OSError as refusal:
        fail(f"{file} tidak terbaca: {refusal.strerror}", f"{file} cannot be read: {refusal.strerror}")


@contextmanager
def plainly() -> Iterator[None]:
    """Say in one line what ends the command."""
    from dispatch.local.errors import LocalError
    from dispatch.storage.backup_inventory import BackupFault

    try:
        yield
    except BackupFault as fault:
        fail(fault.message_id, fault.message_en)
    except LocalError as refusal:
        words = str(refusal)
        if "No space left" in words:
            words += (
                "\nDisk penuh: kosongkan atau pakai yang lain / the disk is full: make room or use another"
            )
        typer.echo(f"Tidak bisa / cannot: {words}", err=True)
        raise typer.Exit(1) from refusal
    except OSError as refusal:
        typer.echo(f"Tidak bisa / cannot: {refusal}", err=True)
        raise typer.Exit(1) from refusal


@contextmanager
def bar(label: str) -> Iterator[Callable[[int, int], None]]:
    """Show on a terminal how many bytes of a long work are done."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task(label, total=None)
        yield lambda done, total: shown.update(task, completed=done, total=max(done, total))


def _noted(deployment: Settings) -> Path:
    noted = _note_of(deployment)
    if noted is None:
        fail(
            "Belum ada cadangan: jalankan 'dispatch backup --to FOLDER'",
            "There is no backup yet: run 'dispatch backup --to FOLDER'",
        )
    return noted


def _note_of(deployment: Settings) -> Path | None:
    try:
        return Path(json.loads((deployment.run_dir / NOTE_FILE).read_text())["to"])
    except FileNotFoundError:
        return None


def _note(deployment: Settings, to: Path) -> None:
    draft = deployment.run_dir / f".{NOTE_FILE}"
    draft.write_text(json.dumps({"to": str(to)}) + "\n")
    draft.replace(deployment.run_dir / NOTE_FILE)
