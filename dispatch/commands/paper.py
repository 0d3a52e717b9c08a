"""`dispatch paper`: makes a paper board by hand."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dispatch.commands.plainly import fail, say, with_centre

if TYPE_CHECKING:
    from dispatch.services.centre import Centre

app = typer.Typer(no_args_is_help=True, help="Papan kertas / paper board.")


@app.callback()
def paper() -> None:
    """Papan kertas / paper board."""


@app.command()
def now(
    regency: Annotated[str, typer.Option(metavar="SLUG", help="regency, mis. / such as 32.14-latihan")],
    to: Annotated[Path, typer.Option(metavar="FILE", help="berkas PDF / PDF file")],
    forms: Annotated[int | None, typer.Option(min=0, max=99, help="formulir kosong / blank forms")] = None,
) -> None:
    """Buat papan kertas saat ini / make a paper board of this moment; the file can be read by you alone."""
    from dispatch.paper.folders import write_whole
    from dispatch.paper.press import printed
    from dispatch.services.paper_by_hand import sheet_by_hand

    async def work(centre: Centre) -> dict[str, Any]:
        entry = await centre.tenants.by_slug(regency)
        return await sheet_by_hand(centre, entry, centre.settings.paper_forms if forms is None else forms)

    sheet = with_centre(work)
    try:
        write_whole(to.absolute(), printed(sheet))
    except OSError as trouble:
        fail(f"{to} tidak dapat ditulis: {trouble.strerror}", f"{to} cannot be written: {trouble.strerror}")
    numbers = sheet["forms"]
    span = f"{numbers[0]} - {numbers[-1]}" if numbers else "-"
    say(
        f"{to}: dibuat {sheet['made']}, formulir {span}. Memuat data pribadi",
        f"made, forms {span}. It holds personal data",
    )
