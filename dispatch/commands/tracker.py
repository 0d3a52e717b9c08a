"""`dispatch tracker`: devices built into vehicles that tell their places by themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from dispatch.commands.plainly import fail, say, with_centre
from dispatch.domain.roles import SYSTEM

if TYPE_CHECKING:
    from dispatch.services.centre import Centre
    from dispatch.services.trackers import NewTracker, TrackerView

app = typer.Typer(no_args_is_help=True, help="Pelacak kendaraan / vehicle trackers.")

Slug = Annotated[str, typer.Argument(metavar="SLUG", help="regency: 32.14, 32.14-latihan")]
_CAUSE = "command line"


@app.command()
def add(
    slug: Slug,
    call_sign: Annotated[str, typer.Argument(metavar="UNIT", help="nama unit / the unit's call sign")],
    name: Annotated[str, typer.Option(help="nama alat / the device's name")] = "tracker",
    identifier: Annotated[
        str | None, typer.Option(help="pengenal bawaan alat, mis. IMEI / what the device is built with")
    ] = None,
) -> None:
    """Daftarkan pelacak pada unit / register a tracker to a unit; its identifier is shown this once."""
    from dispatch.services.trackers import register_tracker
    from dispatch.services.unit_state import list_units

    async def work(centre: Centre) -> NewTracker:
        entry = await centre.tenants.by_slug(slug)
        units = {unit.call_sign: unit.id for unit in await list_units(centre, entry)}
        if call_sign not in units:
            fail(f"Tidak ada unit '{call_sign}'", f"There is no unit '{call_sign}'")
        return await register_tracker(centre, entry, SYSTEM, units[call_sign], name, identifier, cause=_CAUSE)

    made = with_centre(work)
    typer.echo(f"{made.tracker.call_sign}  {made.tracker.id}")
    typer.echo(f"  id={made.identifier}   ->  /api/v1/tracker")


@app.command(name="list")
def show(slug: Slug) -> None:
    """Sebut semua pelacak / list all trackers."""
    from dispatch.services.trackers import list_trackers

    async def work(centre: Centre) -> list[TrackerView]:
        return await list_trackers(centre, await centre.tenants.by_slug(slug))

    for tracker in with_centre(work):
        ended = "" if tracker.revoked_at is None else f"  dicabut / revoked {tracker.revoked_at:%Y-%m-%d}"
        typer.echo(f"{tracker.call_sign}  {tracker.id}  {tracker.name}{ended}")


@app.command()
def revoke(slug: Slug, tracker_id: Annotated[UUID, typer.Argument(metavar="ID")]) -> None:
    """Cabut pelacak: posisinya ditolak / refuse a tracker's fixes from now on."""
    from dispatch.services.trackers import revoke_tracker

    async def work(centre: Centre) -> TrackerView:
        entry = await centre.tenants.by_slug(slug)
        return await revoke_tracker(centre, entry, SYSTEM, tracker_id, cause=_CAUSE)

    revoked = with_centre(work)
    say(f"{revoked.call_sign}: pelacak dicabut", f"{revoked.call_sign}: tracker revoked")
