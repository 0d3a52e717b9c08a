"""The map in a real browser: three hundred moving units, both themes, and not a word to anybody else."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

READY = "window.trial?.trace.ready"
PATIENCE_S = 60.0
PATIENCE_MS = PATIENCE_S * 1000
TOWN = {"lon": 107.4434, "lat": -6.5567}


@dataclass
class Seen:
    """What the page said, and whom it asked."""

    page: Page
    words: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    statuses: dict[str, int] = field(default_factory=dict)

    def foreign(self, own: str) -> list[str]:
        """Requests that left the server."""
        return [url for url in self.requests if not url.startswith((own, "data:", f"blob:{own}"))]

    def tiles(self) -> dict[str, int]:
        return {url: status for url, status in self.statuses.items() if "/tiles/" in url}


@pytest.fixture(scope="module")
def drawn() -> list[str]:
    """Through the card, as usual: without it, its driver puts a warning among the words of the page."""
    return []


@pytest.fixture
def seen(browser: Browser) -> Iterator[Seen]:
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    watched = Seen(page)
    page.on("console", lambda said: watched.words.append(f"{said.type}: {said.text}"))
    page.on("pageerror", lambda error: watched.words.append(f"fault: {error}"))
    page.on("request", lambda request: watched.requests.append(request.url))
    page.on("response", lambda answer: watched.statuses.update({answer.url: answer.status}))
    yield watched
    page.close()


def colours(page: Page) -> int:
    """How many colours the drawn map has; an empty one has very few."""
    return page.evaluate(
        """async () => {
            const gl = document.querySelector('canvas.maplibregl-canvas')
            return await new Promise((resolve) => {
                const look = () => {
                    const copy = document.createElement('canvas')
                    copy.width = 320; copy.height = 200
                    const pen = copy.getContext('2d')
                    pen.drawImage(gl, 0, 0, 320, 200)
                    const found = new Set()
                    const data = pen.getImageData(0, 0, 320, 200).data
                    for (let at = 0; at < data.length; at += 4) {
                        found.add((data[at] << 16) | (data[at + 1] << 8) | data[at + 2])
                    }
                    resolve(found.size)
                }
                // the picture lasts until the browser has shown it
                window.trial.paint(look)
            })
        }"""
    )


def until(page: Page, expression: str) -> None:
    """Wait until it holds; what Playwright has for this evaluates text, which the policy forbids."""
    patience = time.monotonic() + PATIENCE_S
    while not page.evaluate(expression):
        assert time.monotonic() < patience, expression
        page.wait_for_timeout(50)


def open_trial(seen: Seen, address: str, **asked: object) -> None:
    query = "&".join(f"{name}={value}" for name, value in asked.items())
    seen.page.goto(f"{address}/?{query}")
    until(seen.page, READY)


def test_three_hundred_units_on_the_ground(seen: Seen, map_address: str, tmp_path: Path) -> None:
    open_trial(seen, map_address)
    page = seen.page
    until(page, "window.trial.idle() > 0")

    shown = page.evaluate("window.trial.shown()")
    assert shown["unit"] > 250  # some lie outside the view
    assert shown["road"] >= 8  # one of each class and name in a tile
    assert shown["district-name"] > 5
    assert colours(page) > 200
    before = page.evaluate("window.trial.place('unit-0')")
    until(page, f"window.trial.place('unit-0').lat !== {before['lat']}")

    page.evaluate("window.trial.theme()")
    until(page, "document.documentElement.dataset.theme === 'night'")
    page.evaluate("(to) => window.trial.look(to)", {**TOWN, "zoom": 14})
    until(page, "window.trial.shown()['village-name'] > 2")

    assert seen.words == []
    assert seen.foreign(map_address) == []
    assert set(seen.tiles().values()) <= {200, 204}
    assert len(seen.tiles()) > 4


def test_a_tap_names_what_lies_there(seen: Seen, map_address: str) -> None:
    open_trial(seen, map_address, units=1)
    page = seen.page
    until(page, "window.trial.shown().unit === 1")
    page.evaluate("(to) => window.trial.look(to)", {"lon": 107.46, "lat": -6.545, "zoom": 13})
    until(page, "window.trial.shown().case > 0 && !window.trial.moving()")
    at = page.evaluate("window.trial.pixel({ lon: 107.46, lat: -6.545 })")
    page.mouse.click(at["x"], at["y"] - 14)  # the pin stands on its place
    until(page, "window.trial.trace.taps.length > 0")
    assert page.evaluate("window.trial.trace.taps") == ["case-3"]


def test_a_place_is_picked_by_tap_drag_and_key(seen: Seen, map_address: str) -> None:
    open_trial(seen, map_address, units=0)
    page = seen.page
    page.evaluate("(to) => window.trial.look(to)", {**TOWN, "zoom": 14})
    until(page, "!window.trial.moving()")
    page.evaluate("window.trial.pick()")
    page.mouse.click(400, 300)
    page.wait_for_selector(".map-picked", timeout=PATIENCE_MS)
    picked = page.evaluate("window.trial.trace.picks[0]")
    box = page.locator(".map-picked").bounding_box()
    assert box is not None
    assert box["x"] + box["width"] / 2 == pytest.approx(400, abs=2)
    assert box["y"] + box["height"] == pytest.approx(300, abs=2)

    page.mouse.move(400, 285)
    page.mouse.down()
    page.mouse.move(500, 285, steps=5)
    page.mouse.up()
    until(page, "window.trial.trace.picks.length === 2")
    dragged = page.evaluate("window.trial.trace.picks[1]")
    assert dragged["lon"] > picked["lon"]
    assert dragged["lat"] == pytest.approx(picked["lat"], abs=1e-4)

    page.focus("canvas.maplibregl-canvas")
    page.keyboard.press("Enter")
    until(page, "window.trial.trace.picks.length === 3")
    middle = page.evaluate("window.trial.trace.picks[2]")
    assert middle == pytest.approx(TOWN, abs=1e-4)
    assert seen.words == []
