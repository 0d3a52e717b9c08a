"""Opens pages in Chromium as somebody's device has them, and takes the pictures."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright
from playwright.sync_api import TimeoutError as PageTimeout

CHROMIUM = "/usr/bin/chromium"
# a machine without a graphics card draws WebGL with its processor
SOFTWARE_WEBGL = ["--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist"]
PATIENCE_MS = 45_000
SETTLE_MS = 1_500
HERE = (107.4474, -6.5597)
"""Where every device is: longitude, latitude."""
MAP_LOADS_MS, MAP_SETTLE_MS = 20_000, 2_500
TURNS_MS, MAP_TURNS_MS = 300, 1_500
"""For a page, and for a map, to have turned from light to night."""
THEME_SWITCH = "header button[aria-label='Ganti terang atau malam']"


@dataclass(frozen=True)
class Look:
    """One screen: its size and its light."""

    name: str
    width: int
    height: int
    theme: str


LOOKS = (
    Look("desktop-light", 1440, 900, "light"),
    Look("desktop-night", 1440, 900, "night"),
    Look("phone-light", 390, 844, "light"),
    Look("phone-night", 390, 844, "night"),
)


@dataclass(frozen=True)
class Shot:
    """A page in one state. `kept` is what its device keeps; `act` brings the page to the state.

    One that `complains` is meant to meet failures. Without names in `looks` it is taken in all of them.
    """

    name: str
    path: str
    ready: str
    kept: Mapping[str, Any] = field(default_factory=dict)
    act: Callable[[Page], None] | None = None
    looks: tuple[str, ...] = ()
    complains: bool = False


class Camera:
    """Takes pictures into a folder; remembers what pages complained of."""

    def __init__(self, browser: Browser, address: str, folder: Path) -> None:
        """The folder is made."""
        self._browser = browser
        self._address = address
        self._folder = folder
        self.complaints: list[str] = []
        self.taken: list[Path] = []
        folder.mkdir(parents=True, exist_ok=True)

    @contextmanager
    def page(self, shot: Shot, look: Look) -> Iterator[Page]:
        """Open the shot's page on a device with this look."""
        kept = dict(shot.kept) | {"semar.theme": look.theme, "semar.language": "id"}
        entries = [
            {"name": key, "value": value if isinstance(value, str) else json.dumps(value)}
            for key, value in kept.items()
        ]
        context = self._browser.new_context(
            viewport={"width": look.width, "height": look.height},
            locale="id-ID",
            timezone_id="Asia/Jakarta",
            geolocation={"longitude": HERE[0], "latitude": HERE[1], "accuracy": 12},
            permissions=["geolocation"],
            storage_state={"cookies": [], "origins": [{"origin": self._address, "localStorage": entries}]},
        )
        page = context.new_page()
        where = f"{shot.name} {look.name}"
        if not shot.complains:
            page.on("console", lambda said: self._hear(where, said.type, said.text))
        page.on("pageerror", lambda error: self.complaints.append(f"{where}: {error}"))
        page.on("request", lambda request: self._watch(where, request.url))
        page.set_default_timeout(PATIENCE_MS)
        try:
            page.goto(f"{self._address}{shot.path}")
            page.wait_for_selector(shot.ready)
            yield page
        finally:
            context.close()

    def take(self, shot: Shot) -> None:
        """Take the shot in all of its looks; a page is loaded once for each size."""
        wanted = [look for look in LOOKS if not shot.looks or look.name in shot.looks]
        for _, looks in groupby(wanted, lambda look: (look.width, look.height)):
            same_size = list(looks)
            try:
                self._take(shot, same_size)
            except PageTimeout as late:
                self.complaints.append(f"{shot.name} {same_size[0].name}: {str(late).splitlines()[0]}")

    def _take(self, shot: Shot, looks: list[Look]) -> None:
        with self.page(shot, looks[0]) as page:
            if shot.act is not None:
                shot.act(page)
            has_map = page.locator("canvas").count() > 0
            if has_map:
                with suppress(PageTimeout):  # something may be asked for all the time
                    page.wait_for_load_state("networkidle", timeout=MAP_LOADS_MS)
            page.wait_for_timeout(MAP_SETTLE_MS if has_map else SETTLE_MS)
            for look in looks:
                if look is not looks[0]:
                    page.locator(THEME_SWITCH).click()
                    page.wait_for_selector(f"html[data-theme={look.theme}]", state="attached")
                    page.wait_for_timeout(MAP_TURNS_MS if has_map else TURNS_MS)
                path = self._folder / f"{shot.name}-{look.name}.png"
                page.screenshot(path=path, scale="css")
                self.taken.append(path)

    def _hear(self, where: str, kind: str, text: str) -> None:
        if kind in ("error", "warning") and "GPU stall" not in text:
            self.complaints.append(f"{where}: {kind}: {text}")

    def _watch(self, where: str, url: str) -> None:
        if not url.startswith((self._address, "data:", f"blob:{self._address}")):
            self.complaints.append(f"{where}: ke luar / to elsewhere: {url}")


@contextmanager
def open_camera(address: str, folder: Path) -> Iterator[Camera]:
    """Start Chromium without a window."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=SOFTWARE_WEBGL)
        yield Camera(browser, address, folder)
        browser.close()
