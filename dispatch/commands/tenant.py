"""`dispatch tenant`: makes live tenants."""

from __future__ import annotations

from typing import Annotated

import typer

from dispatch.commands.folders import regency_folder
from dispatch.commands.passwords import PasswordFile, PasswordPrompt, new_password, show_password
from dispatch.commands.plainly import say, with_centre
from dispatch.commands.regency import road_progress, say_report

app = typer.Typer(no_args_is_help=True, help="Regency nyata / live tenants.")


@app.callback()
def tenant() -> None:
    """Regency nyata / live tenants."""


@app.command()
def create(
    folder_or_code: Annotated[
        str, typer.Argument(metavar="FOLDER_OR_CODE", help="folder atau kode / folder or code")
    ],
    admin_username: Annotated[str, typer.Option(help="nama pengguna admin / its user name")] = "admin",
    admin_name: Annotated[str, typer.Option(help="nama tampilan / display name")] = "Administrator",
    admin_password_file: PasswordFile = None,
    admin_password_prompt: PasswordPrompt = False,
) -> None:
    """Buat regency nyata dengan admin pertamanya / make a live tenant with its first administrator."""
    from dispatch.domain.roles import Role
    from dispatch.services.create_tenant import create_tenant
    from dispatch.services.staff_accounts import NewStaff

    path = regency_folder(folder_or_code)
    password, generated = new_password(admin_password_file, admin_password_prompt)
    admin = NewStaff(admin_username, Role.ADMIN, admin_name, password)
    with road_progress() as progress:
        created = with_centre(
            lambda centre: create_tenant(centre, path, admin, progress=progress), owner=True
        )
    say_report(created.report)
    made = created.report.entry.tenant
    say(f"Regency nyata {made.slug} {made.name} siap", f"live tenant {made.slug} {made.name} is ready")
    show_password(made.slug, created.admin.username, password, generated)
