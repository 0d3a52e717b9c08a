"""`dispatch restore`: a whole system from a backup folder, at a moment or at the end of the kept log."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dispatch.commands.backup import bar, passphrase_of, plainly
from dispatch.commands.plainly import fail, run_plainly, say

if TYPE_CHECKING:
    from dispatch.local.backup_recover import Recovery
    from dispatch.services.centre import Centre
    from dispatch.services.tenants import TenantEntry
    from dispatch.storage.backup_folder import BackupFolder
    from dispatch.storage.backup_inventory import Contents


@dataclass(frozen=True, slots=True)
class _Wish:
    """What is restored: from a base backup, into a run folder, to a moment or to the end."""

    folder: BackupFolder
    base: Path
    contents: Contents
    run_dir: Path
    at: datetime | None


def restore(
    source: Annotated[Path, typer.Option("--from", help="folder cadangan / backup folder")],
    to: Annotated[Path, typer.Option("--to", help="folder kerja baru / new run folder")],
    at: Annotated[
        str | None, typer.Option(help='saat, seperti / a moment like "2026-11-21T14:03:20+07:00"')
    ] = None,
    base: Annotated[
        str | None,
        typer.Option(help="nama cadangan dasar / name of a base backup, when the newest is damaged"),
    ] = None,
    passphrase_file: Annotated[Path | None, typer.Option(help="kata sandi kunci / opens the keys")] = None,
    keys: Annotated[
        Path | None, typer.Option(help="folder berisi / folder with master.key, lookup.key, checkpoint.key")
    ] = None,
    checkpoints: Annotated[
        Path | None,
        typer.Option(help="catatan dan daftar penghapusan lebih baru / newer checkpoints, erasures"),
    ] = None,
    public_key: Annotated[
        Path | None, typer.Option(help="kunci publik / public key of the signatures")
    ] = None,
) -> None:
    """Pulihkan sistem dari cadangan / restore a system from a backup. Nothing that runs is written over."""
    from dispatch.local.backup_recover import Recovery, refuse_other_keys
    from dispatch.storage.backup_folder import BackupFolder

    with plainly():
        moment = _moment(at)
        folder = BackupFolder(source.absolute())
        public = bytes.fromhex(public_key.read_text().strip()) if public_key else None
        begin, contents = folder.newest_before(moment, public, base)
        secrets = _secrets(begin, contents, passphrase_of(passphrase_file, folder.path), keys)
        say(f"Dari {begin}, selesai {contents.ended_at}", f"from {begin}, complete at {contents.ended_at}")
        wish = _Wish(folder, begin, contents, to.absolute(), moment)
        refuse_other_keys(wish.run_dir, secrets)
        server = Recovery(wish.run_dir, contents.version, lambda words: typer.echo(words, err=True))
        try:
            _copy(wish, server)
            server.recover(moment)
            server.provision()
            _refuse_missing_masters(server, secrets)
            whole = _put_right(wish, server, secrets, checkpoints)
            place = server.in_place()
        except BaseException:
            server.give_up()
            raise
    say(
        f"Dipulihkan ke {place}. Jalankan: SEMAR_RUN_DIR={wish.run_dir} dispatch run, lalu muat regency",
        f"restored into {place}. Start it: SEMAR_RUN_DIR={wish.run_dir} dispatch run, then load the "
        "regencies again (dispatch regency load): their road stores are built anew",
    )
    if not whole:
        raise typer.Exit(1)


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        fail(
            f"--at {text}: tulis dengan zona waktu, seperti 2026-11-21T14:03:20+07:00",
            f"--at {text}: write it with its time zone, like 2026-11-21T14:03:20+07:00",
        )
    if moment > datetime.now(UTC):
        fail(
            f"--at {text} belum terjadi",
            f"--at {text} has not happened yet; leave it away for all there is",
        )
    return moment


def _secrets(base: Path, contents: Contents, passphrase: str | None, keys: Path | None) -> dict[str, bytes]:
    """Return the key files, and see that they are of the system that this backup is of.

    Another master key than the backup's may have taken its place since, in the log behind it.
    """
    from dispatch.storage.backup_secrets import (
        FILE,
        NEEDED,
        joined_keys,
        lookup_key_id,
        master_names,
        open_secrets,
        trusted_files,
    )

    files: dict[str, bytes] = {}
    if contents.secrets and passphrase is not None:
        files = open_secrets(base / FILE, passphrase)
    if keys is not None:
        given = {name: (keys / name).read_bytes() for name in NEEDED if (keys / name).is_file()}
        files = joined_keys(given | trusted_files(keys), files)
    if not files:
        option = "--passphrase-file" if contents.secrets else "--keys"
        fail(
            f"Kunci belum ada: pakai {option}. Tanpa master.key dan lookup.key data pribadi tidak terbaca",
            f"The keys are missing: use {option}. Without master.key and lookup.key names stay sealed",
        )
    try:
        masters = master_names(files)
        lookup = lookup_key_id(bytes.fromhex(files["lookup.key"].decode().strip()))
    except (KeyError, ValueError):
        fail(
            "master.key atau lookup.key tidak ada atau rusak",
            "master.key or lookup.key is missing or damaged",
        )
    if lookup != contents.lookup_key:
        fail(
            f"Kunci ini bukan kunci cadangan ini (kunci induk {contents.master_keys[0]})",
            f"These keys are not this backup's (its master key is {contents.master_keys[0]})",
        )
    if contents.master_keys[0] not in masters:
        say(
            f"Kunci induk cadangan ini ({contents.master_keys[0]}) tidak ada: hanya saat sesudah kuncinya "
            "diganti dapat dipulihkan",
            f"this backup's master key ({contents.master_keys[0]}) is not among them: only a moment "
            "after its replacement can be restored",
        )
    return files


def _refuse_missing_masters(server: Recovery, secrets: dict[str, bytes]) -> None:
    """See, before anything is rebuilt, that every person's key can be opened. Raises BackupFault."""
    import asyncio

    from dispatch.services.rotate_keys import masters_in_use
    from dispatch.storage.backup_inventory import BackupFault
    from dispatch.storage.backup_secrets import master_names

    missing = ", ".join(sorted(asyncio.run(masters_in_use(server.owner_url)) - master_names(secrets)))
    if missing:
        raise BackupFault(
            f"Pada saat itu diperlukan kunci induk {missing}: pakai --keys dengan master.key yang memuatnya, "
            "bersama --passphrase-file",
            f"That moment needs master key {missing}: use --keys with a master.key that has it, "
            "together with --passphrase-file",
        )


def _copy(wish: _Wish, server: Recovery) -> None:
    """Copy the base backup, each file checked, and lay out the kept log behind it."""
    from dispatch.local.backup_recover import empty_folders
    from dispatch.storage.backup_inventory import DATA, Kept, check_files, copied_checked

    prefix = f"{DATA}/"
    files = [
        Kept(one.path.removeprefix(prefix), one.size, one.sha256)
        for one in wish.contents.files
        if one.path.startswith(prefix)
    ]
    outside = [one for one in wish.contents.files if one.path.startswith("outside/")]
    check_files(wish.base, outside, lambda done, total: None)
    empty_folders(wish.base / DATA, server.data)
    with bar("SHA-256") as told:
        copied_checked(wish.base / DATA, server.data, files, told)
    _lay_out_log(wish, server.data / "pg_wal")


def _lay_out_log(wish: _Wish, pg_wal: Path) -> None:
    from dispatch.local.backup_recover import whole_segment
    from dispatch.storage import backup_wal
    from dispatch.storage.backup_inventory import BackupFault

    first = backup_wal.segment_at(wish.contents.timeline, wish.contents.start)
    present = {path.name for path in pg_wal.iterdir() if len(path.name) == len(first)}
    segments, fault = backup_wal.needed(backup_wal.segments(wish.folder.wal), first, present)
    draft = pg_wal / "expanding"
    for segment in segments:
        try:
            backup_wal.expand(segment, draft)
        except BackupFault as damage:
            fault = damage
            break
        target = pg_wal / segment.name
        # of a segment that both have, the one that was written further: the copy's or the receiver's
        if not target.exists() or backup_wal.filled(draft) >= backup_wal.filled(target):
            draft.replace(target)
            if not segment.name.endswith(".history"):
                whole_segment(target, backup_wal.SEGMENT_BYTES)
    draft.unlink(missing_ok=True)
    if fault is not None and wish.at is None:
        raise fault
    if fault is not None:
        say(fault.message_id, fault.message_en)


def _put_right(wish: _Wish, server: Recovery, secrets: dict[str, bytes], newer: Path | None) -> bool:
    """Bring back keys and checkpoints, erase again, name what is missing, verify and rebuild."""
    from dispatch.services.centre import open_centre
    from dispatch.settings import Settings
    from dispatch.storage.backup_inventory import sync, sync_tree
    from dispatch.storage.backup_outside import gather_outside

    folder = wish.run_dir / "secrets"
    folder.mkdir(mode=0o700, exist_ok=True)
    for name, content in secrets.items():
        path = folder / name
        path.parent.mkdir(mode=0o700, exist_ok=True)
        path.touch(mode=0o600)
        path.write_bytes(content)
    sync_tree(folder)
    sync(wish.run_dir)
    own = {"database_app_url": server.app_url, "database_url": server.owner_url, **_own_paths(wish.run_dir)}
    deployment = Settings().model_copy(update=own)
    copies = [wish.base / "outside", wish.folder.outside, *([newer] if newer else [])]
    gather_outside(copies, deployment.checkpoints_dir)

    async def work() -> bool:
        centre = open_centre(deployment, name="semar restore")
        try:
            return await _checked(centre, wish)
        finally:
            await centre.close()

    return run_plainly(work)


def _own_paths(run_dir: Path) -> dict[str, object]:
    """The restored system's own files, whatever the environment of this command says of the old one's."""
    secrets = run_dir / "secrets"
    names = {
        "master_key_file": "master.key",
        "lookup_key_file": "lookup.key",
        "checkpoint_key_file": "checkpoint.key",
    }
    return {
        "run_dir": run_dir,
        "checkpoint_folder": None,
        "registry_url": "",
        **{key: secrets / name for key, name in names.items()},
    }


async def _checked(centre: Centre, wish: _Wish) -> bool:
    from dispatch.commands.log import rebuilt, say_other_key, verified
    from dispatch.domain.roles import SYSTEM
    from dispatch.services.checkpoint_log import write_checkpoint
    from dispatch.services.erase_person import replay_erasures
    from dispatch.storage.checkpoints import Signer

    entries = await centre.tenants.all()
    await tell_lost(centre, entries)
    waiting: list[str] = []
    again = await replay_erasures(centre, SYSTEM, cause="restore", waiting=waiting)
    say(f"{again} orang dihapus lagi", f"{again} persons erased again")
    for resident in waiting:
        say(
            f"Warga {resident} belum dihapus lagi: kasusnya masih berjalan; dihapus sendiri setelah selesai",
            f"resident {resident} is not erased again yet: the case is open; it is done when that has ended",
        )
    whole = True
    folder = centre.settings.checkpoints_dir
    for entry in entries:
        whole &= await verified(centre, entry, folder)
        whole &= await rebuilt(centre, entry)
    signer = Signer.from_file(centre.settings.checkpoint_key_path)
    for entry in entries:
        made = await write_checkpoint(centre, entry, signer)
        if made is not None and made.other_key is not None:
            say_other_key(made.other_key)
    return whole


async def tell_lost(centre: Centre, entries: Sequence[TenantEntry] | None = None) -> None:
    """Name the signed events that these logs do not have, and let the checkpoints go on from what is there.

    No case number of today is given twice, also where no signature tells of a loss.
    entries: of which tenants; None: of all.
    """
    from dispatch.services.after_restore import NUMBERS_SKIPPED, set_aside_lost, skip_lost_numbers

    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    for entry in entries if entries is not None else await centre.tenants.all():
        lost = await set_aside_lost(centre, entry, stamp)
        if lost is not None:
            say(
                f"{lost.tenant}: peristiwa sesudah {lost.after} sampai {lost.last} HILANG; catatan bertanda "
                f"tangan dari {lost.signed_at} mengenalnya ({lost.kept_in.name})",
                f"events after {lost.after} up to {lost.last} were lost; the signed checkpoint of "
                f"{lost.signed_at} knows them",
            )
        await skip_lost_numbers(centre, entry)
    say(
        f"Nomor kasus hari ini dilompati {NUMBERS_SKIPPED}: nomor kasus yang hilang tidak diberikan lagi",
        f"today's case numbers go on {NUMBERS_SKIPPED} later: none of a lost case is given again",
    )
