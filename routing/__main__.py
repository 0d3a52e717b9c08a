"""The command line: build a store, look into it, and ask it for a route or the nearest road."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

import routing

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Jaringan jalan: bangun dan tanya. | Road network: build and ask.",
)
# a western longitude or a swapped pair starts with a minus sign and is no option
_POINTS = {"ignore_unknown_options": True}

_STAGES = {
    "read": "baca | read",
    "connect": "sambung | connect",
    "write": "tulis | write",
    "done": "selesai | done",
}

StorePath = Annotated[
    Path, typer.Argument(help="folder simpanan jalan | road store folder", show_default=False)
]
PointText = Annotated[str, typer.Argument(metavar="LON,LAT", help="derajat | degrees", show_default=False)]
AccessSpeed = Annotated[float, typer.Option(help="km/jam di luar jalan | km/h off the network")]


@app.command()
def build(
    extract: Annotated[Path, typer.Argument(help=".osm.pbf", show_default=False)],
    out: StorePath,
    exclude: Annotated[
        list[str] | None,
        typer.Option(help="kelas jalan yang dibuang | highway class to leave out (repeatable)"),
    ] = None,
    data_date: Annotated[str | None, typer.Option(help="tanggal data | date of the map")] = None,
) -> None:
    """Bangun simpanan dari ekstrak OpenStreetMap. | Build a store from an OpenStreetMap extract."""
    columns = TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=1.0)

        def show(stage: str, share: float) -> None:
            bar.update(task, description=_STAGES[stage], completed=share)

        report = routing.build_store(
            extract, out, exclude_highway=frozenset(exclude or ()), data_date=data_date, progress=show
        )
    _print_report(report)


@app.command()
def info(store: StorePath) -> None:
    """Tampilkan isi simpanan. | Show what a store holds."""
    _print_report(routing.open_store(store).report)


@app.command(context_settings=_POINTS)
def route(
    store: StorePath,
    origin: PointText,
    target: PointText,
    access_kmh: AccessSpeed = 20.0,
    geojson: Annotated[bool, typer.Option("--geojson", help="cetak GeoJSON | print GeoJSON")] = False,
) -> None:
    """Rute tercepat antara dua titik. | The fastest route between two points."""
    found = routing.open_store(store).route(_point(origin), _point(target), access_kmh=access_kmh)
    figures = {
        "total_s": found.total_s,
        "road_s": found.road_s,
        "access_s": found.access_s,
        "road_m": round(found.road_m, 1),
        "access_m": round(found.access_m, 1),
        "connector_m": round(found.connector_m, 1),
        "version": found.version,
    }
    if geojson:
        line = {"type": "LineString", "coordinates": found.geometry}
        typer.echo(json.dumps({"type": "Feature", "properties": figures, "geometry": line}))
        return
    typer.echo(f"{found.total_s / 60:.1f} menit | min, {found.road_m / 1000:.2f} km")
    for name, value in figures.items():
        typer.echo(f"  {name}: {value}")


@app.command(context_settings=_POINTS)
def nearest(store: StorePath, points: Annotated[list[str], typer.Argument(metavar="LON,LAT...")]) -> None:
    """Tempat terdekat di jalan untuk tiap titik. | The nearest place on the network for each point."""
    for text, snap in zip(points, routing.open_store(store).snap([_point(p) for p in points]), strict=True):
        typer.echo(
            f"{text} -> {snap.lon:.7f},{snap.lat:.7f}  {snap.access_m:.1f} m"
            f"  (ruas | edge {snap.edge}, {snap.fraction:.4f})"
        )


def _point(text: str) -> tuple[float, float]:
    try:
        lon, lat = (float(part) for part in text.split(","))
    except ValueError:
        raise typer.BadParameter(f"bukan | not LON,LAT: {text}") from None
    return lon, lat


def _print_report(report: routing.BuildReport) -> None:
    table = Table(show_header=False, box=None)
    rows = {
        "versi | version": report.version,
        "tanggal data | data date": report.data_date or "tidak diketahui | unknown",
        "jalan dipakai | ways kept": f"{report.ways_kept} / {report.ways_read}",
        "dibuang | dropped": ", ".join(f"{why} {count}" for why, count in report.ways_dropped.items()) or "0",
        "simpul di luar berkas | nodes not in the file": str(report.clipped_nodes),
        "titik jalan | drivable vertices": str(report.vertices),
        "bagian terbesar | largest part": f"{report.largest_part_share:.2%} ({report.parts} bagian | parts)",
        "simpul, ruas, busur | nodes, edges, arcs": f"{report.nodes}, {report.edges}, {report.arcs}",
        "km": f"{report.km_in_store:.1f} ({report.connector_km:.1f} sambungan buatan | invented connectors)",
        "km per kelas | by class": ", ".join(f"{name} {km:.1f}" for name, km in report.km_by_class.items()),
        "kotak | box": ", ".join(f"{degree:.5f}" for degree in report.box),
    }
    for name, value in rows.items():
        table.add_row(name, value)
    for part in report.cut_off:
        place = ", ".join(f"{degree:.5f}" for degree in part.box)
        table.add_row("terputus | cut off", f"{part.km:.2f} km, {part.vertices} titik | vertices, {place}")
    Console().print(table)


def main() -> None:
    """Run the command line; what is wrong with the input is said in one line, without a traceback."""
    try:
        app()
    except routing.RoutingError as error:
        typer.echo(str(error), err=True)
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
