"""The pages in a real browser: the console with 300 units, and the residents' page on a bad network.

Everything is real: servers, PostgreSQL, Chromium.
"""

from __future__ import annotations

import asyncio
import subprocess
import tempfile
from pathlib import Path

from bench.pages import console, resident
from bench.pages.browser import CHROMIUM, Chromium, chromium
from bench.pages.fleet import UNITS, fleet_bundle, open_scene
from bench.private_system import REPOSITORY, PrivateSystem, private_system


def main() -> None:
    """Print the figures, each beside its limit.

    Raises:
        FileNotFoundError: there is no Chromium, and nothing was measured.
    """
    if not CHROMIUM.is_file():
        raise FileNotFoundError(f"{CHROMIUM} is missing, nothing is measured")
    subprocess.run([REPOSITORY / "scripts" / "web"], check=True)
    with tempfile.TemporaryDirectory(prefix="semar-bench-fleet-") as folder:
        bundle = fleet_bundle(Path(folder) / "regency")
        with private_system(bundle) as system:
            asyncio.run(_measure(system))


async def _measure(system: PrivateSystem) -> None:
    async with open_scene(system) as scene, chromium() as browser, chromium(webgl=False) as without_map:
        _tell_machine(browser)
        await resident.measure(scene, browser)
        print(f"console: {UNITS} units, {scene.incidents} open cases")
        await console.measure_ready(scene, browser)
        await console.measure_desk(scene, browser, without_map)


def _tell_machine(browser: Chromium) -> None:
    print(f"Chromium {browser.version}, WebGL by: {browser.drawing}")
    print(
        "load matters here: on a busy machine a drawing of the map by the processor takes many times as long"
    )
    if browser.in_software:
        print("no graphics card: the processor draws the map, on the same cores as the servers")
