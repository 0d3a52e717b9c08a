"""`dispatch staff` and `dispatch demo-accounts`: accounts of people who work with the system."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from dispatch.commands.passwords import PasswordFile, PasswordPrompt, new_password, show_password
from dispatch.commands.plainly import fail, say, with_centre
from dispatch.domain.roles import SYSTEM, Role

if TYPE_CHECKING:
    from dispatch.services.centre import Centre
    from dispatch.services.demo_accounts import DemoAccount
    from dispatch.services.staff_accounts import StaffView

app = typer.Typer(no_args_is_help=True, help="Akun petugas / staff accounts.")

Slug = Annotated[str, typer.Argument(metavar="SLUG", help="regency: 32.14, 32.14-latihan")]
Username = Annotated[str, typer.Argument(metavar="USERNAME", help="nama pengguna / user name")]
_CAUSE = "command line"


@app.command()
def add(
    slug: Slug,
    username: Username,
    role: Annotated[Role, typer.Argument(help="peran / role")],
    name: Annotated[str, typer.Option(help="nama tampilan / display name")] = "",
    facility: Annotated[str | None, typer.Option(help="kode faskes / facility code")] = None,
    password_file: PasswordFile = None,
    password_prompt: PasswordPrompt = False,
) -> None:
    """Tambah akun petugas / add a staff account."""
    from dispatch.services.staff_accounts import NewStaff, add_staff

    password, generated = new_password(password_file, password_prompt)
    new = NewStaff(username, role, name or username, password, facility)

    async def work(centre: Centre) -> StaffView:
        return await add_staff(centre, await centre.tenants.by_slug(slug), SYSTEM, new, cause=_CAUSE)

    with_centre(work)
    show_password(slug, username, password, generated)


@app.command()
def set_password(
    slug: Slug,
    username: Username,
    password_file: PasswordFile = None,
    password_prompt: PasswordPrompt = False,
) -> None:
    """Beri kata sandi baru dan akhiri sesinya / give a new password and end the account's sessions."""
    from dispatch.services.staff_accounts import set_staff_password

    password, generated = new_password(password_file, password_prompt)

    async def work(centre: Centre) -> None:
        entry = await centre.tenants.by_slug(slug)
        await set_staff_password(centre, entry, SYSTEM, username, password, cause=_CAUSE)

    with_centre(work)
    show_password(slug, username, password, generated)


@app.command("list")
def list_accounts(slug: Slug) -> None:
    """Daftar akun petugas / list the staff accounts of a tenant."""
    from dispatch.services.staff_accounts import list_staff

    async def work(centre: Centre) -> list[StaffView]:
        return await list_staff(centre, await centre.tenants.by_slug(slug))

    for view in with_centre(work):
        notes = [
            *(["latihan / demo"] if view.demo else []),
            *([] if view.active else ["nonaktif / inactive"]),
        ]
        typer.echo(f"{view.role.value:<14} {view.username:<20} {view.display_name:<28} {' '.join(notes)}")


def demo_accounts(
    external: Annotated[bool, typer.Option(envvar="SEMAR_EXTERNAL_DATABASE", hidden=True)] = False,
) -> None:
    """Buat akun latihan / make the training tenants' accounts."""
    from dispatch.services.demo_accounts import make_demo_accounts
    from dispatch.settings import settings

    if external:
        fail(
            "Akun latihan tidak dibuat di basis data luar; tambah akun dengan 'dispatch staff add'",
            "No demo account is made in an external database; add accounts with 'dispatch staff add'",
        )
    path = settings().accounts_path

    async def work(centre: Centre) -> dict[str, list[DemoAccount]]:
        return await make_demo_accounts(centre, path)

    made = with_centre(work)
    for slug, accounts in made.items():
        say(
            f"{slug}: {len(accounts)} akun latihan, lihat {path}",
            f"{len(accounts)} demo accounts, see {path}",
        )
