"""`dispatch log`: verifies the event logs, rebuilds current state from them, and signs checkpoints."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dispatch.commands.plainly import fail, say, with_centre

if TYPE_CHECKING:
    from dispatch.services.centre import Centre
    from dispatch.services.tenants import TenantEntry
    from dispatch.storage.checkpoints import Statement
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
        Path | None, typer.Option(help="kunci publik / public key (default: FOLDER/public.key)")
    ] = None,
) -> None:
    """Periksa rantai dan ekor log / verify chain and tail. Names the first bad event; exit 1."""

    async def work(centre: Centre) -> int:
        faults = 0
        for entry in await _entries(centre, slugs):
            folder = checkpoints or centre.settings.checkpoints_dir
            faults += not await verified(centre, entry, folder, public_key)
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
        if accept_loss:
            await tell_lost(centre)
        for entry in await _entries(centre, slugs):
            made = await write_checkpoint(centre, entry, signer)
            slug = entry.tenant.slug
            if made is None:
                say(f"{slug}: tidak ada peristiwa baru", f"{slug}: no new event")
            else:
                typer.echo(f"{slug}: {made.seq} -> {made.path}")

    with_centre(work)


async def _entries(centre: Centre, slugs: list[str] | None) -> list[TenantEntry]:
    if slugs:
        return [await centre.tenants.by_slug(slug) for slug in slugs]
    return list(await centre.tenants.all())


async def verified(centre: Centre, entry: TenantEntry, folder: Path, public_key: Path | None) -> bool:
    """Verify one log against the checkpoints in `folder`, say what was found; return whether it is whole."""
    from dispatch.storage.checkpoints import CheckpointFault
    from dispatch.storage.verify_log import verify_log

    slug = entry.tenant.slug
    try:
        signed = _signed(folder, slug, public_key)
    except CheckpointFault as fault:
        say(f"{slug}: {fault.message_id}", fault.message_en)
        return False
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
    say(
        f"{slug}: utuh, {found.events} peristiwa, {found.checkpoints} catatan bertanda tangan{last}",
        f"whole, {found.events} events, {found.checkpoints} signed checkpoints{last}",
    )
    return True


def _signed(folder: Path, slug: str, public_key: Path | None) -> list[Statement]:
    from dispatch.storage.checkpoints import PUBLIC_KEY, file_of, read_checkpoints

    if not file_of(folder, slug).is_file():
        say(
            f"{slug}: tidak ada catatan bertanda tangan di {folder}; ekor yang terpotong tidak terlihat",
            f"no signed checkpoints in {folder}; a tail that was cut off cannot be seen",
        )
        return []
    key = public_key or folder / PUBLIC_KEY
    text = key.read_text().strip() if key.is_file() else ""
    if len(text) != 64 or set(text.lower()) - set("0123456789abcdef"):
        fail(
            f"Kunci publik {key} tidak ada atau bukan 64 angka heksadesimal",
            f"The public key {key} is missing or is not 64 hex digits",
        )
    return read_checkpoints(folder, slug, bytes.fromhex(text))


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
