"""`dispatch openapi`: the description of the API, without a server that answers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from dispatch.commands.plainly import say


def openapi(
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="berkas; bawaan: ke layar / file; default: standard output"),
    ] = None,
) -> None:
    """Tulis uraian API (OpenAPI) / write the API's description."""
    from dispatch.api.app import described

    document = json.dumps(described(), ensure_ascii=False, indent=2, sort_keys=True) + "\n"
    if out is None:
        typer.echo(document, nl=False)
        return
    out.write_text(document, "utf-8")
    say(f"Uraian API ditulis ke {out}", f"The API's description is in {out}")
