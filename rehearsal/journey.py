"""Driving a leg along the real roads, and seeing it arrive on the console."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from rehearsal import shapes
from rehearsal.findings import demand
from rehearsal.scene import LEG_AT_LEAST_S
from rehearsal.sockets import Frame
from rehearsal.stage import Console, Driver
from rehearsal.track import Track, metres_between

NEAR_M = 60.0


async def drive_leg(
    driver: Driver,
    origin: shapes.Place,
    target: shapes.Place,
    speed_factor: float,
    see: Callable[[str], None],
) -> None:
    """Drive from `origin` to `target` on the route the system gives, that many times faster than life.

    The ways off the network at both ends are driven straight. Returns once every fix is acknowledged.

    Raises:
        Mismatch: a fix was refused or never acknowledged.
    """
    route = await driver.client.route(origin, target)
    demand(len(route.geometry) >= 2, "points of the route's line", "two or more", len(route.geometry))
    track = Track([(origin.lon, origin.lat), *route.geometry, (target.lon, target.lat)])
    real_s = max(route.total_s / speed_factor, LEG_AT_LEAST_S)
    speed_ms = track.length_m / route.total_s if route.total_s > 0 else 0.0
    fixes = await driver.crew.drive(track, speed_ms, real_s)
    saved = await driver.crew.all_saved()
    see(f"{track.length_m / 1000:.1f} km, {route.total_s / 60:.1f} min dalam / in {real_s:.1f} s")
    see(f"{fixes} posisi, semua {saved} tersimpan / {fixes} fixes, all {saved} saved")


async def demand_seen_arriving(console: Console, unit_id: UUID, target: shapes.Place, since: int) -> str:
    """See that the operator's socket showed the unit at more than one place, the last one at the target.

    Raises:
        Mismatch: it did not move there.
    """

    def arrived(frame: Frame) -> bool:
        return frame.get("t") == "positions" and any(
            unit["id"] == str(unit_id)
            and metres_between((unit["lon"], unit["lat"]), (target.lon, target.lat)) <= NEAR_M
            for unit in frame["units"]
        )

    await console.socket.wait(f"the unit within {NEAR_M:g} m of its target", arrived, since=since)
    places = console.places_of(unit_id, since)
    demand(len(places) >= 2, "places of the unit on the console", "two or more", len(places))
    return f"{len(places)} tempat di peta / places on the map"
