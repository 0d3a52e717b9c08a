"""`build` and `info`: make a road store out of a map, and show what one holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from routing.build import build_store
from routing.place import download_place
from routing.profile import Profile
from routing.profile_file import read_profile
from routing.profiles import PROFILES
from routing.report import BuildReport
from routing.store import read_manifest
from routing.suspicious import KINDS, first_of

_STAGES = {
    "download": "unduh | download",
    "read": "baca | read",
    "connect": "sambung | connect",
    "order": "urutkan | order",
    "write": "tulis | write",
    "done": "selesai | done",
}
_PLACES_SHOWN = 3

StorePath = Annotated[
    Path, typer.Argument(help="folder simpanan jalan | road store folder", show_default=False)
]


def build(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="[EXTRACT] STORE",
            help=".osm.pbf / .graphml, lalu folder simpanan | and the store folder",
            show_default=False,
        ),
    ],
    place: Annotated[
        str | None, typer.Option(help="unduh tempat ini, tanpa EXTRACT | download this place, no EXTRACT")
    ] = None,
    profile: Annotated[
        list[Path] | None,
        typer.Option(help="berkas profil TOML tambahan | a further profile file, TOML (repeatable)"),
    ] = None,
    exclude: Annotated[
        list[str] | None,
        typer.Option(help="kelas jalan yang dibuang | highway class to leave out (repeatable)"),
    ] = None,
    data_date: Annotated[str | None, typer.Option(help="tanggal data | date of the map")] = None,
) -> None:
    """Bangun simpanan dari peta. | Build a store from an OpenStreetMap extract or an osmnx graph."""
    if len(paths) != (1 if place else 2):
        raise typer.BadParameter("EXTRACT STORE, atau | or --place TEMPAT STORE")
    profiles = with_files(profile or ())
    columns = TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=1.0)

        def show(stage: str, share: float) -> None:
            bar.update(task, description=_STAGES[stage], completed=share)

        extract = paths[0]
        if place:
            show("download", 0.0)
            # beside the store, so that it can be built again without the internet
            extract = paths[0].with_name(f"{paths[0].name}.graphml")
            download_place(place, extract, profiles)
        report = build_store(
            extract,
            paths[-1],
            profiles=profiles,
            exclude_highway=frozenset(exclude or ()),
            data_date=data_date,
            progress=show,
        )
    _print_report(report)


def info(
    store: StorePath,
    json: Annotated[bool, typer.Option("--json", help="seluruh laporan | the whole report, as JSON")] = False,
) -> None:
    """Tampilkan isi simpanan. | Show what a store holds."""
    report = read_manifest(store).report
    if json:
        typer.echo(msgspec.json.format(msgspec.json.encode(report), indent=1).decode())
    else:
        _print_report(report)


def with_files(files: Sequence[Path]) -> tuple[Profile, ...]:
    """The profiles that come with the program and those of the files; one of the same name takes its place.

    Raises BadProfile.
    """
    profiles = {profile.name: profile for profile in PROFILES}
    for file in files:
        profile = read_profile(file)
        profiles[profile.name] = profile
    return tuple(profiles.values())


def _print_report(report: BuildReport) -> None:
    table = Table(show_header=False, box=None)
    for name, value in (*_counts(report), *_hindrances(report), *_findings(report)):
        table.add_row(name, value)
    Console().print(table)


def _counts(report: BuildReport) -> Iterator[tuple[str, str]]:
    yield "sumber | source", report.source
    yield "versi | version", report.version
    yield "tanggal data | data date", report.data_date or "tidak diketahui | unknown"
    yield "jalan dipakai | ways kept", f"{report.ways_kept} / {report.ways_read}"
    yield "dibuang | dropped", _listed(report.ways_dropped)
    yield "simpul di luar berkas | nodes not in the file", str(report.clipped_nodes)
    yield "titik jalan | drivable vertices", str(report.vertices)
    yield "bagian terbesar | largest part", f"{report.largest_part_share:.2%} ({report.parts} bagian | parts)"
    for profile in report.profiles:
        share = f"{profile.largest_part_share:.2%}, {profile.parts} bagian | parts"
        yield f"profil | profile {profile.name}", f"{profile.km:.1f} km, {share}"
    yield "simpul, ruas, busur | nodes, edges, arcs", f"{report.nodes}, {report.edges}, {report.arcs}"
    made = f"({report.connector_km:.1f} sambungan buatan | invented connectors)"
    yield "km", f"{report.km_in_store:.1f} {made}"
    yield "km per kelas | by class", ", ".join(f"{name} {km:.1f}" for name, km in report.km_by_class.items())
    yield "kotak | box", ", ".join(f"{degree:.5f}" for degree in report.box)
    yield "detik | seconds", f"{report.seconds:.1f}"


def _hindrances(report: BuildReport) -> Iterator[tuple[str, str]]:
    if report.restrictions and report.restrictions.read:
        found = report.restrictions
        yield "larangan belok | turn restrictions", f"{found.read}: {_listed(found.kinds)}"
        yield "  berlaku bagi | kept by", _listed(found.kept)
        yield "  diabaikan | ignored", _listed(found.ignored)
        yield "  rusak | broken", _listed(found.broken)
    if report.barriers and report.barriers.kinds:
        yield "portal | barriers", _listed(report.barriers.kinds)
        yield "  tertutup bagi | closed to", _listed(report.barriers.closed)
    if report.ferries:
        yield "penyeberangan | ferries", str(report.ferries)


def _findings(report: BuildReport) -> Iterator[tuple[str, str]]:
    for part in report.cut_off:
        place = ", ".join(f"{degree:.5f}" for degree in part.box)
        yield "terputus | cut off", f"{part.km:.2f} km, {part.vertices} titik | vertices, {place}"
    for kind, count in report.suspicions.items():
        text_id, text_en = KINDS[kind]
        yield f"periksa | check: {kind}", f"{count}: {text_id} | {text_en}"
        for one in first_of(report.suspicious, kind, _PLACES_SHOWN):
            yield "", f"way {one.way}, {one.lon:.6f},{one.lat:.6f}  {one.detail}"


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items()) or "0"
