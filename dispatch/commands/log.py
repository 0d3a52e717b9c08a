"""`dispatch log`: verifies the event logs, rebuilds current state from them, and signs checkpoints."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dispatch.commands.plainly import fail, say, with_centre

if TYPE_CHECKING:
    from dispatch.services.centre import Centre
    from dispatch.services.tenants import TenantEntry
    from dispatch.storage.rebuild import Difference

app = typer.Typer(no_args_is_help=True, help="Catatan peristiwa / event logs.")

Slugs = Annotated[list[str] | None, typer.Argument(metavar="[SLUG]...", help="kosong: semua / empty: all")]
_MOST_SHOWN = 20


@app.command()
def verify(
    slugs: Slugs = None,
    checkpoints: Annotated[
        Path | None, typer.Option(help="folder catatan bertanda tangan / folder of signed checkpoints")
    ] = None,
    public_key: Annotated[
        list[Path] | None,
        typer.Option(help="kunci publik tepercaya, boleh beberapa / trusted public keys (default: FOLDER's)"),
    ] = None,
) -> None:
    """Periksa rantai dan ekor log / verify chain and tail. Names the first bad event; exit 1."""

    async def work(centre: Centre) -> int:
        faults = 0
        trusted = _trusted(public_key or ())
        for entry in await _entries(centre, slugs):
            folder = checkpoints or centre.settings.checkpoints_dir
            faults += not await verified(centre, entry, folder, trusted)
        return faults

    if with_centre(work):
        raise typer.Exit(1)


@app.command()
def rebuild(
    slugs: Slugs = None,
    check: Annotated[bool, typer.Option("--check", help="bandingkan / compare with the tables")] = False,
) -> None:
    """Bangun ulang keadaan dari log / rebuild all current state from the log, and compare it. Exit 1 if not
    equal. Nothing is written."""
    if not check:
        fail(
            "Tulis --check: perintah ini membandingkan, tidak menulis",
            "Say --check: this command compares and writes nothing",
        )

    async def work(centre: Centre) -> int:
        return sum([not await rebuilt(centre, entry) for entry in await _entries(centre, slugs)])

    if with_centre(work):
        raise typer.Exit(1)


@app.command()
def checkpoint(
    slugs: Slugs = None,
    accept_loss: Annotated[
        bool,
        typer.Option("--accept-loss", help="sisihkan catatan yang hilang / set aside those of what is lost"),
    ] = False,
) -> None:
    """Tanda tangani ujung log sekarang / sign how far the logs have come, now."""

    async def work(centre: Centre) -> None:
        from dispatch.commands.restore import tell_lost
        from dispatch.services.checkpoint_log import write_checkpoint
        from dispatch.storage.checkpoints import Signer

        signer = Signer.from_file(centre.settings.checkpoint_key_path)
        entries = await _entries(centre, slugs)
        if accept_loss:
            await tell_lost(centre, entries)
        for entry in entries:
            made = await write_checkpoint(centre, entry, signer)
            slug = entry.tenant.slug
            if made is None:
                say(f"{slug}: tidak ada peristiwa baru", f"{slug}: no new event")
            else:
                typer.echo(f"{slug}: {made.seq} -> {made.path}")
            if made is not None and made.other_key is not None:
                say_other_key(made.other_key)

    with_centre(work)


def say_other_key(aside: Path) -> None:
    """Say that the key which signs is another one than before, and where the former one's half is kept."""
    say(
        f"Kunci tanda tangan berganti: catatan kunci lama disisihkan, diperiksa dengan {aside.name}",
        f"the signing key has changed: what the former one signed is set aside, and checked by {aside.name}",
    )


async def _entries(centre: Centre, slugs: list[str] | None) -> list[TenantEntry]:
    if slugs:
        return [await centre.tenants.by_slug(slug) for slug in slugs]
    return list(await centre.tenants.all())


async def verified(centre: Centre, entry: TenantEntry, folder: Path, trusted: Sequence[bytes] = ()) -> bool:
    """Verify one log against the checkpoints in `folder`, say what was found; return whether it is whole.

    The chain is read also when a file of checkpoints has a fault: up to there its lines count.
    """
    from dispatch.storage.checkpoint_folder import check_file, files_of
    from dispatch.storage.verify_log import verify_log

    slug = entry.tenant.slug
    checked = [check_file(file, slug, trusted) for file in files_of(folder, slug)]
    signed = [statement for each in checked for statement in each.statements]
    faults = [each.fault for each in checked if each.fault is not None]
    for fault in faults:
        say(f"{slug}: {fault.message_id}", fault.message_en)
    if not checked:
        say(
            f"{slug}: tidak ada catatan bertanda tangan di {folder}; ekor yang terpotong tidak terlihat",
            f"no signed checkpoints in {folder}; a tail that was cut off cannot be seen",
        )
    with _counting(slug) as told:
        async with centre.snapshot(entry.tenant) as tx:
            found = await verify_log(tx, signed, told=told)
    if found.fault is not None:
        fault_at = found.fault
        say(
            f"{slug}: RUSAK pada peristiwa {fault_at.seq}: {fault_at.what_id}",
            f"BROKEN at event {fault_at.seq}: {fault_at.what_en}",
        )
        return False
    last = f", {signed[-1].made_at}" if signed else ""
    if faults:
        say(
            f"{slug}: rantai tidak terputus, {found.events} peristiwa; tanda tangan hanya sampai "
            f"{found.checkpoints} catatan{last}",
            f"the chain is unbroken, {found.events} events; signatures reach only {found.checkpoints} "
            f"checkpoints{last}",
        )
        return False
    say(
        f"{slug}: utuh, {found.events} peristiwa, {found.checkpoints} catatan bertanda tangan{last}",
        f"whole, {found.events} events, {found.checkpoints} signed checkpoints{last}",
    )
    return True


def _trusted(public_keys: Sequence[Path]) -> list[bytes]:
    from dispatch.storage.checkpoint_folder import public_key_in

    keys = []
    for path in public_keys:
        key = public_key_in(path)
        if key is None:
            fail(
                f"Kunci publik {path} tidak ada atau bukan 64 angka heksadesimal",
                f"The public key {path} is missing or is not 64 hex digits",
            )
        keys.append(key)
    return keys


async def rebuilt(centre: Centre, entry: TenantEntry) -> bool:
    """Rebuild one tenant's state from its log, say what differs, and return whether nothing does."""
    from dispatch.storage.rebuild import current, differences, rebuild

    slug = entry.tenant.slug
    with _counting(slug) as told:
        async with centre.snapshot(entry.tenant) as tx:
            left, right = await rebuild(tx, told=told), await current(tx)
    rows = sum(len(table) for table in right.values())
    found = list(differences(left, right))
    if not found:
        say(
            f"{slug}: sama persis, {len(right)} tabel, {rows} baris",
            f"exactly equal, {len(right)} tables, {rows} rows",
        )
        return True
    say(f"{slug}: {len(found)} perbedaan", f"{len(found)} differences")
    for difference in found[:_MOST_SHOWN]:
        typer.echo(f"  {_line(difference)}")
    if len(found) > _MOST_SHOWN:
        say(f"  … dan {len(found) - _MOST_SHOWN} lagi", f"and {len(found) - _MOST_SHOWN} more")
    return False


def _line(difference: Difference) -> str:
    key = ", ".join(str(part) for part in difference.key)
    if difference.column is None:
        where = "log" if difference.right is None else "tabel / table"
        return f"{difference.table} ({key}): hanya di / only in {where}"
    values = f"log {difference.left!r}, tabel / table {difference.right!r}"
    return f"{difference.table} ({key}) {difference.column}: {values}"


@contextmanager
def _counting(slug: str) -> Iterator[Callable[[int], None]]:
    """Show on a terminal how many events have been read."""
    from rich.console import Console

    with Console(stderr=True).status(slug) as status:
        yield lambda number: status.update(f"{slug}: {number}")
