"""`dispatch regency`: loads, checks and lists regencies."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from dispatch.commands.folders import regency_folder
from dispatch.commands.plainly import fail, require_urls, run_plainly, say, say_findings, with_centre

if TYPE_CHECKING:
    from dispatch.bundle import Findings
    from dispatch.services.centre import Centre
    from dispatch.services.load_regency import LoadReport
    from dispatch.services.road_quality import RoadQuality
    from dispatch.services.tenants import TenantEntry

app = typer.Typer(no_args_is_help=True, help="Kabupaten dan kota / regencies.")

_PLACES_SAID = 10
Folder = Annotated[str, typer.Argument(metavar="FOLDER", help="folder atau kode / folder or code")]


@app.command()
def load(
    folder: Folder,
    live: Annotated[bool, typer.Option("--live", help="regency nyata / the live tenant")] = False,
) -> None:
    """Muat folder ke regency latihannya / load a folder into its training tenant. Safe to repeat."""
    from dispatch.services.load_regency import load_regency

    path = regency_folder(folder)
    with road_progress() as progress:
        report = with_centre(
            lambda centre: load_regency(centre, path, live=live, create=not live, progress=progress),
            owner=True,
        )
    say_report(report)


@app.command()
def check(folder: Folder) -> None:
    """Periksa folder tanpa mengubah apa pun / check a folder and change nothing. Exit 1 on problems."""
    path = regency_folder(folder)
    with road_progress() as progress:
        findings = run_plainly(lambda: _check(str(path), progress))
    say_findings("Peringatan", "Warnings", findings.warnings)
    say_findings("Masalah", "Problems", findings.problems)
    if not findings.ok:
        fail(f"{path} tidak dapat dimuat", f"{path} cannot be loaded")
    say(f"{path} dapat dimuat", f"{path} can be loaded")


@app.command()
def quality(
    code: Annotated[str, typer.Argument(metavar="CODE", help="misalnya / such as 32.14-latihan")],
) -> None:
    """Mutu peta: apa yang membuat menit diragukan / quality of the map: what makes minutes doubtful."""
    from dispatch.services.road_quality import road_quality

    async def judged(centre: Centre) -> RoadQuality:
        return await road_quality(centre, await centre.tenants.by_slug(code))

    say_quality(with_centre(judged))


@app.command("list")
def list_regencies() -> None:
    """Daftar regency dalam basis data / list the tenants of the database."""
    from dispatch.settings import settings

    require_urls(settings())
    entries = run_plainly(lambda: _entries(settings().database_app_url))
    if not entries:
        say("Belum ada regency", "No tenant yet")
    for entry in entries:
        kind = "latihan / training" if entry.tenant.training else "nyata / live"
        state = entry.bundle_digest[:12] or "belum selesai dimuat / load not finished"
        typer.echo(f"{entry.tenant.slug:<16} {entry.tenant.name:<28} {kind:<20} {state}")


def say_report(report: LoadReport) -> None:
    """Say what a load did."""
    tenant = report.entry.tenant
    say_findings("Peringatan", "Warnings", report.warnings)
    if not report.changed:
        say(f"{tenant.slug} {tenant.name}: tidak berubah", "unchanged")
    else:
        for name_id, name_en, changes in (
            ("faskes", "facilities", report.facilities),
            ("unit", "units", report.units),
        ):
            counts = (len(changes.added), len(changes.changed), len(changes.withdrawn))
            say(
                f"{tenant.slug} {name_id}: {counts[0]} baru, {counts[1]} berubah, {counts[2]} ditarik",
                f"{name_en}: {counts[0]} new, {counts[1]} changed, {counts[2]} withdrawn",
            )
    opened, closed = len(report.shifts.opened), len(report.shifts.closed)
    if report.roster.planned or report.roster.withdrawn or opened or closed:
        say(
            f"{tenant.slug} dinas: {report.roster.planned} direncanakan, {opened} dibuka, {closed} ditutup",
            f"shifts: {report.roster.planned} planned, {opened} opened, {closed} closed",
        )


def say_quality(report: RoadQuality) -> None:
    """Say what makes minutes doubtful, the worst first, and how much is reached in time."""
    title = f"{report.regency} {report.regency_name}"
    say(f"{title}: {report.road_km:.0f} km jalan", f"{report.road_km:.0f} km of road")
    signs = {"serious": "!!", "warning": " !", "info": "  "}
    for found in report.findings:
        typer.echo(f"{signs[found.severity]} {found.text_id} / {found.text_en}")
        for place in found.places[:_PLACES_SAID]:
            typer.echo(
                f"     {place.name}" + (f" ({place.metres:.0f} m)" if place.metres is not None else "")
            )
        if len(found.places) > _PLACES_SAID:
            more = len(found.places) - _PLACES_SAID
            say(f"     dan {more} lagi", f"and {more} more")
    if report.promise is None:
        say(
            "Tidak ada unit yang siap, jadi tidak ada cakupan",
            "No unit is available, so there is no coverage",
        )
        return
    reached = f"{report.promise.villages_within}/{report.promise.villages} ({report.promise.share:.0%})"
    say(
        f"Dalam 10 menit dari {report.promise.available_units} unit siap: {reached} desa/kelurahan",
        f"Within 10 minutes of {report.promise.available_units} available units: {reached} villages",
    )


@contextmanager
def road_progress() -> Iterator[Callable[[str, float], None]]:
    """Show how far the building of roads is, when somebody watches."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    stages = {"read": "membaca / reading", "connect": "menyambung / connecting", "write": "menulis / writing"}
    columns = (TextColumn("Jalan / roads: {task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=1.0, visible=False)

        def tell(stage: str, share: float) -> None:
            bar.update(task, description=stages.get(stage, stage), completed=share, visible=True)

        yield tell


async def _check(folder: str, progress: Callable[[str, float], None]) -> Findings:
    from pathlib import Path

    from dispatch.bundle import read_bundle
    from dispatch.services.road_stores import check_with_roads
    from dispatch.settings import settings

    return check_with_roads(read_bundle(Path(folder)), settings().stores_dir, progress)


async def _entries(app_url: str) -> list[TenantEntry]:
    from dispatch.services.tenants import Tenants
    from dispatch.storage.database import Database

    database = Database(app_url, pool_size=1, name="semar command")
    try:
        return await Tenants(database).all()
    finally:
        await database.close()
