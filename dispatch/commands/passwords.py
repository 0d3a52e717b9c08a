"""Where a command gets a new password from: a file, the keyboard, or chance."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dispatch.commands.plainly import fail, say

PasswordFile = Annotated[
    Path | None, typer.Option(help="berkas berisi kata sandi / file that holds the password")
]
PasswordPrompt = Annotated[bool, typer.Option(help="tanyakan kata sandi / ask for the password")]


def new_password(file: Path | None, prompt: bool) -> tuple[str, bool]:
    """Return the password and whether it was made up here, to be shown once."""
    from dispatch.services.passwords import generate_password

    if file is not None and prompt:
        fail("Pilih satu: berkas atau tanya kata sandi", "Choose one: a password file or the prompt")
    if prompt:
        asked = typer.prompt("Kata sandi / password", hide_input=True, confirmation_prompt=True)
        return str(asked), False
    if file is None:
        return generate_password(), True
    try:
        return file.read_text(encoding="utf-8").rstrip("\r\n"), False
    except (OSError, UnicodeDecodeError) as unreadable:
        fail(
            f"Berkas kata sandi {file} tidak terbaca ({unreadable}); periksa nama dan izinnya",
            f"The password file {file} cannot be read ({unreadable}); check its name and permissions",
        )


def show_password(slug: str, username: str, password: str, generated: bool) -> None:
    """Say which account it is for; a made-up password is shown, this once."""
    if generated:
        say(
            f"Akun {username} di {slug}, kata sandi (hanya ditampilkan sekali): {password}",
            f"account {username} in {slug}, password (shown this once): {password}",
        )
    else:
        say(f"Akun {username} di {slug} siap", f"account {username} in {slug} is ready")
