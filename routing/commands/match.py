"""`match`: show which roads recorded tracks followed."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from routing.errors import BadTrack
from routing.match import Match, Matcher
from routing.store import read_store
from routing.tracks import Track, read_tracks
from routing.trails import as_geojson

ENDINGS = (".csv", ".gpx", ".jsonl", ".ndjson")

StorePath = Annotated[
    Path, typer.Argument(help="folder simpanan jalan | road store folder", show_default=False)
]
TracksPath = Annotated[
    Path,
    typer.Argument(
        help="berkas .gpx .csv .jsonl, atau folder berisi itu | track file, or a folder of them",
        show_default=False,
    ),
]
ProfileName = Annotated[str, typer.Option(help="profil | profile")]


def match(
    store: StorePath,
    tracks: TracksPath,
    profile: ProfileName = "ambulance",
    geojson: Annotated[
        Path | None,
        typer.Option(help="tulis GeoJSON ke berkas ini, - ke layar | write GeoJSON here, - prints"),
    ] = None,
    fixes: Annotated[
        bool, typer.Option("--fixes", help="juga tiap titik dalam GeoJSON | each fix in it, too")
    ] = False,
) -> None:
    """Cocokkan jejak rekaman ke jalan. | Match recorded tracks to roads."""
    opened = read_store(store)
    matcher = Matcher(opened.manifest, opened.arrays, profile)
    matches = list(matched(matcher, tracks_in(tracks)))
    if geojson is not None:
        features = [part for one in matches for part in as_geojson(matcher.ground, one, fixes=fixes)]
        text = json.dumps({"type": "FeatureCollection", "features": features})
        if str(geojson) == "-":
            typer.echo(text)
            return
        geojson.write_text(text, encoding="utf-8")
    _print(matches)


def tracks_in(path: Path) -> list[Track]:
    """The tracks of a file, or of all track files in a folder by name; raises BadTrack."""
    if not path.is_dir():
        return read_tracks(path)
    files = sorted(file for file in path.iterdir() if file.suffix.lower() in ENDINGS)
    if not files:
        raise BadTrack(
            f"Folder {path} tidak memuat berkas jejak ({', '.join(ENDINGS)})",
            f"Folder {path} holds no track file ({', '.join(ENDINGS)})",
            path,
            0,
        )
    return [track for file in files for track in read_tracks(file)]


def matched(matcher: Matcher, tracks: Sequence[Track]) -> Iterator[Match]:
    """Match one track after the other and show how far it got."""
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        for track in bar.track(tracks, description="cocokkan | match"):
            yield matcher.match(track)


def _print(matches: Sequence[Match]) -> None:
    table = Table(box=None)
    table.add_column("kendaraan | vehicle")
    for name in ("titik | fixes", "di jalan | on roads", "km", "keyakinan | confidence"):
        table.add_column(name, justify="right")
    table.add_column("putus | breaks")
    for one in matches:
        reasons = Counter(gap.reason for gap in one.breaks)
        table.add_row(
            one.track.vehicle or "-",
            str(len(one.track)),
            f"{(one.edge >= 0).mean():.1%}",
            f"{one.metres / 1000:.2f}",
            f"{one.confidence:.2f}",
            ", ".join(f"{reason} {count}" for reason, count in reasons.items()) or "0",
        )
    Console().print(table)
