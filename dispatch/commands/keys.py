"""`dispatch keys`: replaces the master key that wraps every person's key, and erases persons again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from dispatch.commands.plainly import (
    keep_beside_standby,
    require_keys,
    require_urls,
    run_plainly,
    say,
    with_centre,
)

if TYPE_CHECKING:
    from dispatch.services.centre import Centre
    from dispatch.services.rotate_keys import Wrapped

app = typer.Typer(no_args_is_help=True, help="Kunci dan penghapusan data pribadi / keys and erasures.")


@app.command()
def rotate(
    resume: Annotated[
        bool, typer.Option("--resume", help="lanjutkan, tanpa kunci baru / go on, without another new key")
    ] = False,
) -> None:
    """Ganti kunci induk saat sistem berjalan / replace the master key while the system runs.

    Keep a copy of the key file before and after: without it personal data cannot be read.
    """
    from rich.console import Console
    from rich.progress import Progress

    from dispatch.local.standby_kept import kept_master_key
    from dispatch.services.rotate_keys import put_new_master, rewrap_all
    from dispatch.settings import settings
    from dispatch.storage.vault import Vault

    deployment = settings()
    require_urls(deployment, owner=True)
    require_keys(deployment)
    path = deployment.master_key_path
    if not resume:
        # a standby whose disk is away is told now, and gets the key when it is back
        copy = kept_master_key(deployment) if keep_beside_standby(deployment) else None
        name = put_new_master(path, copy)
        say(f"Kunci induk baru {name} di {path}", f"new master key {name} in {path}")
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("keys", total=None)

        async def work() -> Wrapped:
            vault = Vault.from_files(path, deployment.lookup_key_path)
            return await rewrap_all(
                deployment.database_url,
                vault,
                lambda done, total: bar.update(task, completed=done, total=total),
            )

        wrapped = run_plainly(work)
    say(
        f"{wrapped.rewrapped} dari {wrapped.keys} kunci dibungkus ulang. Sekarang: 'dispatch backup', simpan "
        f"salinan {path}, lalu 'dispatch keys retire'",
        f"{wrapped.rewrapped} of {wrapped.keys} keys wrapped anew. Now: 'dispatch backup', keep a copy of "
        f"{path}, then 'dispatch keys retire'",
    )


@app.command()
def retire() -> None:
    """Buang kunci induk lama yang tidak dipakai / take out old master keys that nothing needs any more."""
    from dispatch.services.rotate_keys import retire_masters
    from dispatch.settings import settings

    deployment = settings()
    require_urls(deployment, owner=True)
    require_keys(deployment)
    retired = run_plainly(lambda: retire_masters(deployment.database_url, deployment.master_key_path))
    keep_beside_standby(deployment)
    say(f"{retired} kunci induk lama dibuang", f"{retired} old master keys taken out")


@app.command()
def erase(
    slug: Annotated[str, typer.Argument(metavar="SLUG", help="regency asal / home regency")],
    resident: Annotated[str, typer.Argument(metavar="RESIDENT_ID")],
    reason: Annotated[str, typer.Option(help="dasar penghapusan / why")],
) -> None:
    """Hapus data pribadi warga untuk selamanya / erase a resident's personal data for good."""
    from uuid import UUID

    from dispatch.domain.roles import SYSTEM
    from dispatch.services.erase_person import Erased, erase_resident

    try:
        resident_id = UUID(resident)
    except ValueError:
        raise typer.BadParameter(f"bukan UUID / not a UUID: {resident}") from None

    async def work(centre: Centre) -> Erased:
        entry = await centre.tenants.by_slug(slug)
        return await erase_resident(centre, entry, SYSTEM, resident_id, cause="command line", reason=reason)

    erased = with_centre(work)
    calls = sum(erased.rows.values())
    say(f"Terhapus: {resident_id}, {calls} panggilan", f"erased: {resident_id}, {calls} calls")


@app.command()
def replay_erasures() -> None:
    """Hapus lagi setelah pemulihan cadangan / erase again, after a restore, whoever was erased before."""
    from dispatch.domain.roles import SYSTEM
    from dispatch.services.erase_person import replay_erasures as replay

    number = with_centre(lambda centre: replay(centre, SYSTEM, cause="command line"))
    say(f"{number} orang dihapus lagi", f"{number} persons erased again")
