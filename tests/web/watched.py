"""Browser contexts under guard: nothing may leave for elsewhere, and no page may complain unexpectedly."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    Route,
    WebSocketRoute,
)

PATIENCE_S = 30.0
"""How long anything may take on a busy machine before it counts as not happening."""
PHONE = {"width": 390, "height": 844}
DESK = {"width": 1320, "height": 800}
COUNT_TONES = """
    window.tones = 0
    const start = OscillatorNode.prototype.start
    OscillatorNode.prototype.start = function (...when) { window.tones += 1; return start.apply(this, when) }
"""
# Pages stay useful without a graphics card, and software that draws maps takes most of a small machine.
NO_MAP = """
    const given = HTMLCanvasElement.prototype.getContext
    HTMLCanvasElement.prototype.getContext = function (kind, ...more) {
        return kind.startsWith('webgl') ? null : given.call(this, kind, ...more)
    }
"""
Found = TypeVar("Found")
TOWN = {"longitude": 107.4434, "latitude": -6.5567}


@dataclass
class Watched:
    """One person's browser.

    foreign: addresses outside the system that something asked for; none of them was let out.
    complaints: what pages wrote to the console as an error, and what they threw.
    """

    context: BrowserContext
    own: str
    foreign: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    excused: dict[str, str] = field(default_factory=dict)
    asked: int = 0

    def guard(self) -> None:
        """Block what is meant for elsewhere, and listen."""
        host = self.own.split("://")[1]
        elsewhere = re.compile(rf"^(?!(https?|wss?)://{re.escape(host)}(/|$)|data:|blob:|about:)")
        self.context.add_init_script(COUNT_TONES)
        self.context.route(elsewhere, self._block)
        self.context.route_web_socket(elsewhere, self._block_socket)
        self.context.on("request", self._see)
        self.context.on("console", self._hear)
        self.context.on("weberror", lambda failure: self.complaints.append(f"thrown: {failure.error}"))

    def excuse(self, words: str, reason: str) -> None:
        """Let pages complain in these words (a regular expression), because of what the test itself does."""
        assert reason
        self.excused[words] = reason

    def page(self) -> Page:
        """A new tab."""
        page = self.context.new_page()
        page.set_default_timeout(PATIENCE_S * 1000)
        return page

    def tones(self, page: Page) -> int:
        """How many tones a page has sounded since it was loaded."""
        return int(page.evaluate("window.tones"))

    def unexcused(self) -> list[str]:
        """The complaints that no test has named."""
        return [said for said in self.complaints if not any(re.search(words, said) for words in self.excused)]

    def assert_clean(self) -> None:
        """Fail when anything was asked of elsewhere, or a page complained."""
        assert self.asked > 0, "nothing was watched"
        assert self.foreign == [], f"asked of elsewhere: {self.foreign}"
        assert self.unexcused() == [], f"pages complained: {self.unexcused()}"

    def _block(self, route: Route) -> None:
        self.foreign.append(route.request.url)
        route.abort("blockedbyclient")

    def _block_socket(self, socket: WebSocketRoute) -> None:
        self.foreign.append(socket.url)
        socket.close()

    def _see(self, _request: Request) -> None:
        self.asked += 1

    def _hear(self, said: ConsoleMessage) -> None:
        if said.type == "error":
            self.complaints.append(f"{said.text} ({said.location.get('url', '')})")


@contextmanager
def watching(browser: Browser, own: str, maps: bool = True, **options: Any) -> Iterator[Watched]:
    """Open a browser context for one person; on leaving, whatever it did must have been clean.

    maps: whether the machine can draw maps.
    """
    # without a graphics card every moment of an animation is drawn by the processor that the tests need
    usual = {"viewport": DESK, "reduced_motion": "reduce", "locale": "id-ID", "timezone_id": "Asia/Jakarta"}
    context = browser.new_context(base_url=own, **{**usual, **options})
    watched = Watched(context, own)
    watched.guard()
    if not maps:
        context.add_init_script(NO_MAP)
    try:
        yield watched
        watched.assert_clean()
    finally:
        context.close()


def until(page: Page, look: Callable[[], Found], what: str, patience_s: float = PATIENCE_S) -> Found:
    """Look again and again until there is something to see; the page goes on meanwhile."""
    patience = time.monotonic() + patience_s
    while not (found := look()):
        assert time.monotonic() < patience, what
        page.wait_for_timeout(50)
    return found
