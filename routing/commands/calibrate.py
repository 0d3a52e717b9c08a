"""`calibrate`: learn a profile's speeds, and how far its minutes may be off, from recorded tracks."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer
from rich.console import Console
from rich.table import Table

from routing.calibrate import estimate
from routing.calibration import Calibration, Evidence, calibration_of, write_calibration
from routing.commands.match import ProfileName, StorePath, TracksPath, matched, tracks_in
from routing.interval import Z80, bounds
from routing.match import Matcher
from routing.observations import Observations, observe
from routing.store import read_store

_SHOWN_S = (300.0, 900.0)


def calibrate(
    store: StorePath,
    tracks: TracksPath,
    out: Annotated[Path, typer.Argument(help="berkas hasil .toml | result file", show_default=False)],
    profile: ProfileName = "ambulance",
    timezone: Annotated[str, typer.Option(help="zona waktu setempat | local time zone")] = "Asia/Jakarta",
) -> None:
    """Pelajari kecepatan dari jejak rekaman. | Learn speeds from recorded tracks."""
    try:
        zone = ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError):
        raise typer.BadParameter(f"bukan zona waktu | no time zone: {timezone}") from None
    opened = read_store(store)
    classes = opened.manifest.classes
    matcher = Matcher(opened.manifest, opened.arrays, profile)
    seen = observe(matched(matcher, tracks_in(tracks)), opened.arrays.edge_class, zone)
    learnt = estimate(seen, len(classes), matcher.profile.hour_factors(classes))
    calibration = calibration_of(
        learnt, classes, matcher.profile, store_version=opened.manifest.version, timezone=timezone,
        evidence=_evidence(seen, zone),
    )  # fmt: skip
    write_calibration(out, calibration)
    _print(calibration)


def _evidence(seen: Observations, zone: ZoneInfo) -> Evidence:
    started = seen.rows.started_at
    km = float(seen.rows.metres.sum()) / 1000
    if len(started) == 0:
        return Evidence(0, km, None, None, seen.dropped)
    return Evidence(seen.trips, km, _day(started.min(), zone), _day(started.max(), zone), seen.dropped)


def _day(at: float, zone: ZoneInfo) -> date:
    return datetime.fromtimestamp(at / 1000, UTC).astimezone(zone).date()


def _print(calibration: Calibration) -> None:
    evidence = calibration.evidence
    dropped = ", ".join(f"{why} {count}" for why, count in evidence.dropped.items()) or "0"
    typer.echo(
        f"{evidence.trips} perjalanan | trips, {evidence.km:.1f} km,"
        f" {evidence.first_day}..{evidence.last_day}; dibuang | dropped: {dropped}"
    )
    table = Table(box=None)
    table.add_column("kelas | class")
    for name in ("km", "perjalanan | trips", "kecepatan x | speed x", "80 %"):
        table.add_column(name, justify="right")
    for name, part in calibration.classes.items():
        spread = Z80 * part.sd
        table.add_row(
            name, f"{part.km:.1f}", str(sum(part.trips)), f"{part.all_hours:.2f}",
            f"{part.all_hours * math.exp(-spread):.2f}..{part.all_hours * math.exp(spread):.2f}",
        )  # fmt: skip
    Console().print(table)
    for seconds in _SHOWN_S:
        low, high = bounds(seconds, 0.0, calibration.interval)
        typer.echo(f"{seconds / 60:.0f} menit | min: 80 % {low / 60:.1f}..{high / 60:.1f}")
