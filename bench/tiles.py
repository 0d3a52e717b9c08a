"""Times the map's tiles of the shipped regencies, cold from PostGIS and warm from memory, and weighs them."""

from __future__ import annotations

import asyncio
import math
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import httpx

from bench.verdicts import alone, show
from dispatch.api.app import create_app
from dispatch.local import places
from dispatch.local.postgres import APP_ROLE, OWNER_ROLE, PrivatePostgres
from dispatch.services.centre import Centre
from dispatch.services.load_regency import load_regency
from dispatch.services.map_tile import MAX_ZOOM
from dispatch.services.roads import Roads
from dispatch.services.tenants import Tenants
from dispatch.services.tile_cache import TileCache
from dispatch.settings import Settings
from dispatch.storage.database import Database
from dispatch.storage.migrate import upgrade
from dispatch.storage.vault import Vault

REPOSITORY = Path(__file__).resolve().parents[1]
REGENCIES = ("32.14-purwakarta", "33.25-batang")
FIRST_ZOOM = 8
COLD_LIMIT_MS, WARM_LIMIT_MS, SIZE_LIMIT_KB = 100.0, 10.0, 64.0
Bounds = tuple[float, float, float, float]


def tiles(bounds: Bounds, z: int) -> Iterator[tuple[int, int]]:
    """Every tile of a zoom that the box touches."""
    west, south, east, north = bounds
    first, last = _tile(west, north, z), _tile(east, south, z)
    for x in range(first[0], last[0] + 1):
        for y in range(first[1], last[1] + 1):
            yield x, y


def _tile(lon: float, lat: float, z: int) -> tuple[int, int]:
    side = 1 << z
    row = (1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2
    return int((lon + 180) / 360 * side), int(row * side)


def p95(values: list[float]) -> float:
    """The value that 95 of 100 do not pass; of few values the largest."""
    return sorted(values)[math.ceil(0.95 * len(values)) - 1]


async def measure(centre: Centre, client: httpx.AsyncClient, slug: str) -> None:
    """Ask for all tiles of a regency twice, zoom by zoom, and print what was found."""
    view = (await client.get(f"/api/v1/map/{slug}")).json()
    print(f"{slug}: map {view['version']}")
    print(
        f"  {'zoom':>4}{'tiles':>7}{'cold p50':>10}{'p95 ms':>8}{'warm p50':>10}{'p95 ms':>8}"
        f"{'p50 kB':>8}{'max kB':>8}"
    )
    cold_all: list[float] = []
    warm_all: list[float] = []
    sizes_all: list[float] = []
    for z in range(FIRST_ZOOM, MAX_ZOOM + 1):
        wanted = [view["tiles"].format(z=z, x=x, y=y) for x, y in tiles(tuple(view["bounds"]), z)]
        cold, sizes = await ask(client, wanted)
        warm, _ = await ask(client, wanted)
        print(
            f"  {z:>4}{len(wanted):>7}{statistics.median(cold):>10.1f}{p95(cold):>8.1f}"
            f"{statistics.median(warm):>10.1f}{p95(warm):>8.1f}{statistics.median(sizes):>8.1f}{max(sizes):>8.1f}"
        )
        cold_all += cold
        warm_all += warm
        sizes_all += sizes
    for name, value, limit, unit in (
        ("tile p95 cold", p95(cold_all), COLD_LIMIT_MS, "ms"),
        ("tile p95 warm", p95(warm_all), WARM_LIMIT_MS, "ms"),
        ("largest tile, compressed", max(sizes_all), SIZE_LIMIT_KB, "kB"),
    ):
        show(f"{name}, {slug}", value, unit, limit)
    print(f"  kept in memory: {len(centre.tiles)} tiles, {centre.tiles.held / 1024:.0f} kB")


async def ask(client: httpx.AsyncClient, addresses: list[str]) -> tuple[list[float], list[float]]:
    """Milliseconds and compressed kilobytes of each answer, one after the other."""
    times: list[float] = []
    sizes: list[float] = []
    for address in addresses:
        began = time.perf_counter()
        answer = await client.get(address, headers={"Accept-Encoding": "gzip"})
        times.append((time.perf_counter() - began) * 1000)
        assert answer.status_code in (200, 204), answer.text
        sizes.append(int(answer.headers.get("content-length", 0)) / 1024)
    return times, sizes


async def run(server: PrivatePostgres, folder: Path) -> None:
    """Load the regencies into a new database and measure each."""
    settings = Settings(
        database_url=server.url(OWNER_ROLE), database_app_url=server.url(APP_ROLE), run_dir=folder
    )
    await upgrade(settings.database_url)
    app_database = Database(settings.database_app_url, name="bench")
    centre = Centre(
        settings=settings,
        database=app_database,
        vault=Vault(bytes(32), bytes(range(32))),
        tenants=Tenants(app_database),
        roads=Roads(settings.stores_dir),
        registry=None,
    )
    for name in REGENCIES:
        await load_regency(centre, REPOSITORY / "regencies" / name)
    transport = httpx.ASGITransport(create_app(centre))
    async with httpx.AsyncClient(transport=transport, base_url="http://semar.test") as client:
        for entry in await centre.tenants.all():
            centre.tiles = TileCache()
            await measure(centre, client, entry.tenant.slug)
    await centre.close()


def main() -> None:
    user = places.server_user()
    root = next(r for r in (Path(tempfile.gettempdir()), Path("/tmp")) if places.reaches(user, r))
    folder = Path(tempfile.mkdtemp(prefix="semar-bench-", dir=root))
    folder.chmod(0o711)
    server = PrivatePostgres(folder / "pg")
    try:
        server.start()
        asyncio.run(run(server, folder))
    finally:
        server.stop()
        shutil.rmtree(folder)


if __name__ == "__main__":
    sys.exit(alone(main))
