"""The residents' page: what it weighs on the wire, and how soon its big button works on a bad network."""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from bench.pages.browser import Chromium, Fetched, Tab
from bench.pages.fleet import Scene
from bench.pages.wire import Wire, wire
from bench.private_system import SLUG
from bench.verdicts import show

FIRST_LIMIT_KB, SCRIPT_LIMIT_KB, TOTAL_LIMIT_KB, MAP_LIMIT_KB = 100.0, 60.0, 150.0, 700.0
REQUESTS_LIMIT = 15
RUNS = 3
QUIET_S = 2.0
CPU_SLOWER = 4
BUTTON = "button.call"
PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844},
    "device_scale_factor": 2,
    "has_touch": True,
}


@dataclass(frozen=True)
class Network:
    """A network as developer tools emulate it; bytes per second, and milliseconds there and back."""

    name: str
    down: float
    up: float
    latency_ms: float
    limit_s: float


NETWORKS = (
    Network("no limit", -1, -1, 0, 1.0),
    Network("slow 4G (1.4 Mbit/s, 560 ms)", 180_000, 84_375, 562.5, 5.0),
    Network("slow 3G (0.4 Mbit/s, 2 s)", 50_000, 50_000, 2000, 12.0),
)


def session(scene: Scene) -> dict[str, object]:
    """What the page keeps of a signed-in resident."""
    resident = {"token": scene.resident, "id": "uji", "regency": SLUG, "training": True}
    return {"semar.session.resident": resident | {"name": "Warga Uji 1", "role": "resident"}}


async def measure(scene: Scene, browser: Chromium) -> None:
    """Weigh the page, then time its button."""
    print("residents' page, signed in, empty cache")
    async with (
        wire(scene.system.port) as counted,
        browser.tab(session(scene), {"button": BUTTON}, **PHONE) as tab,
    ):
        await _weigh(counted, tab)
    print(f"residents' button works after, with a processor {CPU_SLOWER} times slower")
    for network in NETWORKS:
        empty, full = [], []
        for _ in range(RUNS):
            async with browser.tab(session(scene), {"button": BUTTON}, **PHONE) as tab:
                await _slow_down(tab, network)
                empty.append(await _until_button(scene.address, tab))
                full.append(await _until_button(scene.address, tab))
        show(f"{network.name}, empty cache", statistics.median(empty), "s", network.limit_s)
        show(f"{network.name}, second visit", statistics.median(full), "s")


async def _weigh(counted: Wire, tab: Tab) -> None:
    await _until_button(counted.address, tab)
    first, by_then = await tab.fetched(), counted.down
    total = await _resting(counted)
    requests = len(await tab.fetched())
    # without a place from the device the nearest facilities begin with the map
    await tab.page.evaluate("location.hash = '#faskes'")
    await tab.until("document.querySelector('canvas.maplibregl-canvas') !== null")
    opened = await _resting(counted)
    script = _kb(file for file in first if file.kind == "script")
    show("first screen, when the button works", by_then / 1000, "kB", FIRST_LIMIT_KB, remark=_kinds(first))
    show("thereof script", script, "kB", SCRIPT_LIMIT_KB)
    show("until the network rests", total / 1000, "kB", TOTAL_LIMIT_KB)
    show("requests", requests, "", REQUESTS_LIMIT)
    show("with the map opened, its worker and tiles", opened / 1000, "kB", MAP_LIMIT_KB)


async def _resting(counted: Wire) -> int:
    """Wait until nothing more comes, and return the bytes so far."""
    before = -1
    while before != counted.down:
        before = counted.down
        await asyncio.sleep(QUIET_S)
    return before


def _kb(files: Iterable[Fetched]) -> float:
    return sum(file.size for file in files) / 1000


def _kinds(files: list[Fetched]) -> str:
    kinds = sorted({file.kind for file in files})
    return "(" + ", ".join(f"{kind} {_kb(f for f in files if f.kind == kind):.0f}" for kind in kinds) + ")"


async def _slow_down(tab: Tab, network: Network) -> None:
    await tab.cdp.send(
        "Network.emulateNetworkConditions",
        {
            "offline": False,
            "latency": network.latency_ms,
            "downloadThroughput": network.down,
            "uploadThroughput": network.up,
        },
    )
    await tab.cdp.send("Emulation.setCPUThrottlingRate", {"rate": CPU_SLOWER})


async def _until_button(address: str, tab: Tab) -> float:
    """Seconds from navigation to a button that answers."""
    await tab.page.goto("about:blank")
    await tab.page.goto(f"{address}/warga", wait_until="commit")
    appeared: float = await tab.until("observed.seen.appeared.button")
    box = await tab.page.locator(BUTTON).bounding_box()
    assert box is not None
    await tab.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    await tab.page.mouse.down()
    await tab.until(f"document.querySelector({BUTTON + '.held'!r}) !== null")
    await tab.page.mouse.up()  # held too short to call
    return appeared / 1000
