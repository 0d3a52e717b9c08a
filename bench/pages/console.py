"""The operator's page with 300 units: how soon it is ready, how it answers, how smoothly it draws."""

from __future__ import annotations

import asyncio
import random
import statistics
import time
from dataclasses import dataclass
from typing import Any

from bench.pages.browser import Chromium, Tab
from bench.pages.figures import cut
from bench.pages.fleet import UNITS, Scene
from bench.private_system import SLUG
from bench.verdicts import show

READY_COLD_LIMIT_MS, READY_WARM_LIMIT_MS = 4000.0, 3000.0
INPUT_P95_LIMIT_MS, INPUT_P99_LIMIT_MS = 100.0, 200.0
MAIN_LIMIT, LATE_LIMIT = 25.0, 5.0
LATE_FRAME_MS, LONG_TASK_MS = 50.0, 50.0
OBSERVED_FROM_MS = 16.0
RUNS = 5
WINDOW_S = 12.0
ROUNDS = 8
SCREEN = {"viewport": {"width": 1600, "height": 900}}
_UNIT_ROWS = "document.querySelectorAll('section.units li button').length"
LISTED = {"listed": "[data-queue-row]"}
_SETTLE_S = 3.0


@dataclass
class Watched:
    """What one window of time cost."""

    took_s: float
    frames: list[float]
    tasks: list[float]
    inputs: list[dict[str, Any]]
    main_s: dict[str, float]
    cpu_s: dict[str, float]

    def share(self, seconds: float) -> float:
        """Return per cent of the time."""
        return seconds / self.took_s * 100

    @property
    def late_share(self) -> float:
        """Per cent of the frames that came later than 50 ms."""
        return sum(frame > LATE_FRAME_MS for frame in self.frames) / max(1, len(self.frames)) * 100


def session(scene: Scene) -> dict[str, object]:
    """What the page keeps of a signed-in operator."""
    operator = {"token": scene.operator, "id": "uji", "regency": SLUG, "training": True}
    return {"semar.session.operator": operator | {"name": "Petugas Uji", "role": "operator"}}


async def measure_ready(scene: Scene, browser: Chromium) -> None:
    """From navigation to queue, list and map with all units; with an empty cache, then with a full one."""
    times: dict[str, list[tuple[float, float]]] = {"cold": [], "warm": []}
    for number in range(RUNS + 1):  # the first one warms up the server
        async with browser.tab(session(scene), LISTED, **SCREEN) as tab:
            for cache in times:
                ready = await _ready(scene, tab)
                if number > 0:
                    times[cache].append(ready)
    for cache, limit in (("cold", READY_COLD_LIMIT_MS), ("warm", READY_WARM_LIMIT_MS)):
        queue, drawn = (statistics.median(column) for column in zip(*times[cache], strict=True))
        remark = f"(median of {RUNS}; queue and units listed after {queue:.0f} ms)"
        show(f"ready with {UNITS} units on the map, {cache} cache", drawn, "ms", limit, remark=remark)


async def _ready(scene: Scene, tab: Tab) -> tuple[float, float]:
    await tab.page.goto("about:blank")
    await tab.page.goto(f"{scene.address}/operator", wait_until="commit")
    drawn = await tab.until("observed.mark('map-units')")
    assert await tab.page.evaluate("observed.detail('map-units')") == UNITS
    assert await tab.page.evaluate(_UNIT_ROWS) == UNITS
    return await tab.page.evaluate("observed.seen.appeared.listed"), drawn


async def measure_desk(scene: Scene, browser: Chromium, without_map: Chromium) -> None:
    """The main thread, the frames and the hand's way, at rest and with everything moving.

    `without_map` is a browser without WebGL: what is left there is the page's own.
    """
    async with browser.tab(session(scene), LISTED, **SCREEN) as tab:
        await _ready(scene, tab)
        await asyncio.sleep(_SETTLE_S)
        rest = await _window(browser, tab, asyncio.sleep(WINDOW_S))
        pulled_at_rest = await _window(browser, tab, _pull(tab))
        async with scene.moving():
            await asyncio.sleep(_SETTLE_S)
            moving = await _window(browser, tab, asyncio.sleep(WINDOW_S))
            pulled = await _window(browser, tab, _pull(tab))
            worked = await _work_through(scene, browser, tab)
    async with without_map.tab(session(scene), LISTED, **SCREEN) as tab, scene.moving():
        await tab.page.goto(f"{scene.address}/operator")
        await tab.until(f"{_UNIT_ROWS} === {UNITS}")
        await asyncio.sleep(_SETTLE_S)
        worked_without_map = await _work_through(scene, without_map, tab)
    _tell_main(
        {
            "nothing moves": rest,
            f"{UNITS} units move": moving,
            "moving, calls, work": worked,
            "the same without the map": worked_without_map,
        }
    )
    _tell_frames(rest, moving, pulled_at_rest, pulled)
    _tell_inputs(worked)
    _tell_inputs(worked_without_map, ", no map drawn")


async def _work_through(scene: Scene, browser: Chromium, tab: Tab) -> Watched:
    async with scene.calling():
        return await _window(browser, tab, _work(tab))


async def _window(browser: Chromium, tab: Tab, work: Any) -> Watched:
    main, cpu = await tab.busy_s(), await browser.cpu_s()
    await tab.page.evaluate("observed.begin()")
    began = time.perf_counter()
    counted = await work
    took = time.perf_counter() - began
    await tab.page.evaluate("observed.end()")
    main_after, cpu_after = await tab.busy_s(), await browser.cpu_s()
    seen = await tab.page.evaluate("observed.seen")
    return Watched(
        took,
        seen["frames"],
        seen["tasks"],
        _interactions(seen["inputs"], counted or 0),
        {name: main_after[name] - main[name] for name in main},
        {name: cpu_after[name] - cpu.get(name, 0.0) for name in cpu_after},
    )


def _interactions(entries: list[dict[str, Any]], done: int) -> list[dict[str, Any]]:
    """The longest event of each interaction; those that the browser does not tell were below its 16 ms."""
    longest: dict[int, dict[str, Any]] = {}
    for entry in entries:
        known = longest.get(entry["id"])
        if known is None or entry["duration"] > known["duration"]:
            longest[entry["id"]] = entry
    quick = {"wait": 0.0, "duration": OBSERVED_FROM_MS}
    return [*longest.values(), *([quick] * (done - len(longest)))]


async def _pull(tab: Tab) -> None:
    """Drag the map to and fro: every frame draws it whole."""
    box = await tab.page.locator("section.map canvas").first.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    await tab.page.mouse.move(x, y)
    await tab.page.mouse.down()
    until = time.monotonic() + WINDOW_S / 2
    step = 0
    while time.monotonic() < until:
        step += 1
        await tab.page.mouse.move(x + 60 * ((step % 40) / 20 - 1), y + 30 * ((step % 30) / 15 - 1))
        await asyncio.sleep(0.016)
    await tab.page.mouse.up()


async def _work(tab: Tab) -> int:
    """Open cases and units, look for units by typing; return how many clicks and keys that were."""
    dice = random.Random(1)
    done = 0
    for _ in range(ROUNDS):
        done += await _click(tab, "[data-queue-row]", dice)
        done += await _click(tab, "section.units li button", dice)
        done += await _click(tab, "#unit-filter", dice)
        for key in ("U", "J", "I", "Backspace", "Backspace", "Backspace", "Escape"):
            await tab.page.keyboard.press(key)
            done += 1
            await asyncio.sleep(0.12)
    await asyncio.sleep(0.5)
    return done


async def _click(tab: Tab, selector: str, dice: random.Random) -> int:
    places = await tab.page.evaluate(
        """(selector) => [...document.querySelectorAll(selector)].map((one) => {
            const { x, y, width, height } = one.getBoundingClientRect()
            return [x + width / 2, y + height / 2]
        }).filter(([x, y]) => document.elementFromPoint(x, y)?.closest(selector))""",
        selector,
    )
    if not places:
        return 0
    await tab.page.mouse.click(*dice.choice(places))
    await asyncio.sleep(0.25)
    return 1


def _tell_main(windows: dict[str, Watched]) -> None:
    heads = f"{'main':>8}{'script':>8}{'style':>8}{'layout':>8}{'drawing':>9}{'tasks > 50 ms':>15}"
    print(f"  {'per cent of one core':<28}{heads}")
    for name, seen in windows.items():
        parts = (seen.share(seen.main_s[part]) for part in ("all", "script", "style", "layout"))
        drawing = seen.share(seen.cpu_s.get("GPU", 0.0))
        figures = "".join(f"{part:>8.1f}" for part in parts)
        long = f"{len(seen.tasks)} in {seen.took_s:.0f} s"
        print(f"  {name:<28}{figures}{drawing:>9.1f}{long:>15}")


def _tell_frames(rest: Watched, moving: Watched, pulled_at_rest: Watched, pulled: Watched) -> None:
    show("main thread while 300 units move", moving.share(moving.main_s["all"]), "%", MAIN_LIMIT)
    for name, seen, limit in (
        ("nothing moves", rest, None),
        ("300 units move", moving, LATE_LIMIT),
        ("map dragged, nothing moves", pulled_at_rest, None),
        ("map dragged, 300 units move", pulled, None),
    ):
        remark = (
            f"(p50 {cut(seen.frames, 0.5):.0f}, p95 {cut(seen.frames, 0.95):.0f} ms, n = {len(seen.frames)})"
        )
        show(f"frames later than 50 ms: {name}", seen.late_share, "%", limit, remark=remark)


def _tell_inputs(worked: Watched, how: str = "") -> None:
    durations = [one["duration"] for one in worked.inputs]
    waits = [one["wait"] for one in worked.inputs]
    remark = f"(n = {len(durations)} clicks and keys; wait for the main thread p95 {cut(waits, 0.95):.0f} ms)"
    show(f"input to next picture p50{how}", cut(durations, 0.5), "ms", remark=remark)
    show(f"input to next picture p95{how}", cut(durations, 0.95), "ms", INPUT_P95_LIMIT_MS)
    show(f"input to next picture p99{how}", cut(durations, 0.99), "ms", INPUT_P99_LIMIT_MS)
