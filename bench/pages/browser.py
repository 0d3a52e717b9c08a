"""A real Chromium, and what it tells of the time it takes and the bytes it fetches."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, CDPSession, Page, Request, async_playwright

CHROMIUM = Path("/usr/bin/chromium")
# a machine without a graphics card draws WebGL with its processor
_SOFTWARE_WEBGL = ["--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist"]
_NO_WEBGL = ["--disable-3d-apis"]
_OBSERVER = (Path(__file__).parent / "observer.js").read_text()
PATIENCE_S = 90.0
_DRAWING = """() => {
    const gl = document.createElement('canvas').getContext('webgl')
    const more = gl?.getExtension('WEBGL_debug_renderer_info')
    return gl ? String(gl.getParameter(more ? more.UNMASKED_RENDERER_WEBGL : gl.RENDERER)) : 'nothing'
}"""


@dataclass
class Chromium:
    """The browser; `drawing` names what draws its WebGL."""

    browser: Browser
    cdp: CDPSession
    drawing: str

    @property
    def version(self) -> str:
        """Its version."""
        return self.browser.version

    @property
    def in_software(self) -> bool:
        """Whether the processor draws, for want of a graphics card."""
        return any(name in self.drawing.lower() for name in ("swiftshader", "llvmpipe", "software"))

    async def cpu_s(self) -> dict[str, float]:
        """CPU seconds used so far, by kind of process: `GPU` draws, `renderer` runs the pages."""
        told = await self.cdp.send("SystemInfo.getProcessInfo")
        used: dict[str, float] = {}
        for process in told["processInfo"]:
            used[process["type"]] = used.get(process["type"], 0.0) + process["cpuTime"]
        return used

    @asynccontextmanager
    async def tab(
        self, kept: dict[str, object], expected: dict[str, str], **options: Any
    ) -> AsyncIterator[Tab]:
        """Open a window of its own with an empty cache.

        `kept` is what the page finds in its local storage; `expected` names selectors, and
        `observed.seen.appeared` tells when the first of each was there.
        """
        context = await self.browser.new_context(**options)
        try:
            stores = "".join(
                f"localStorage.setItem({json.dumps(key)}, {json.dumps(json.dumps(value))});"
                for key, value in kept.items()
            )
            observer = _OBSERVER.replace("EXPECTED", json.dumps(expected))
            await context.add_init_script(f"{observer};{stores}")
            yield await Tab.open(await context.new_page())
        finally:
            await context.close()


@asynccontextmanager
async def chromium(*, webgl: bool = True) -> AsyncIterator[Chromium]:
    """Start the browser, without a window, and end it; without `webgl` it draws pages, but no map."""
    async with async_playwright() as playwright:
        flags = _SOFTWARE_WEBGL if webgl else _NO_WEBGL
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        try:
            page = await browser.new_page()
            drawing = await page.evaluate(_DRAWING)
            await page.close()
            yield Chromium(browser, await browser.new_browser_cdp_session(), drawing)
        finally:
            await browser.close()


@dataclass(frozen=True)
class Fetched:
    """One file that the page fetched: its kind as the browser has it, bytes on the wire. Not its workers'."""

    url: str
    kind: str
    size: int


@dataclass
class Tab:
    """A page that is watched."""

    page: Page
    cdp: CDPSession
    _answered: list[Request] = field(default_factory=list)

    @classmethod
    async def open(cls, page: Page) -> Tab:
        """Watch the page's fetches and its main thread."""
        cdp = await page.context.new_cdp_session(page)
        tab = cls(page, cdp)
        page.on("requestfinished", lambda request: tab._answered.append(request))
        await cdp.send("Network.enable")
        # of the thread, not of the wall: others use the processor, too
        await cdp.send("Performance.enable", {"timeDomain": "threadTicks"})
        return tab

    async def fetched(self) -> list[Fetched]:
        """What came over the wire so far; what the cache had weighs nothing."""
        found = []
        for request in list(self._answered):
            if request.url.startswith("http"):
                sizes = await request.sizes()
                size = sizes["responseHeadersSize"] + sizes["responseBodySize"]
                found.append(Fetched(request.url, request.resource_type, size))
        return found

    async def until(self, expression: str) -> Any:
        """Wait until the expression is true, and return its value."""
        patience = time.monotonic() + PATIENCE_S
        while not (value := await self.page.evaluate(expression)):
            if time.monotonic() > patience:
                raise RuntimeError(f"in vain waited for: {expression}")
            await asyncio.sleep(0.05)
        return value

    async def busy_s(self) -> dict[str, float]:
        """Seconds the main thread has worked so far: `all`, and thereof `script`, `style` and `layout`."""
        told = await self.cdp.send("Performance.getMetrics")
        values = {metric["name"]: metric["value"] for metric in told["metrics"]}
        names = {
            "all": "TaskDuration",
            "script": "ScriptDuration",
            "style": "RecalcStyleDuration",
            "layout": "LayoutDuration",
        }
        return {name: values[metric] for name, metric in names.items()}
