"""What an operator does with roads, by hand: draws on the map, looks what it would do, decides, lifts."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from desk_page import DeskPage
from playwright.sync_api import Locator, expect
from watched import until

SHOWN_ZOOM = 15
_WORLD_PX = 512 * 2**SHOWN_ZOOM

Spot = tuple[float, float]


class RoadsPage:
    """The roads of one operator's screen."""

    def __init__(self, desk: DeskPage) -> None:
        self.desk = desk
        self.page = desk.page
        self.tool = desk.page.locator("section.map button.roads")
        self.bar = desk.page.locator(".over.ask")
        self.effects = desk.detail.locator(".effects")

    def open(self) -> RoadsPage:
        """Turn to the roads."""
        self.tool.click()
        self.desk.detail.get_by_role("heading", name="Jalan", exact=True).wait_for()
        return self

    def change(self, change_id: str) -> Locator:
        """One change in the list."""
        return self.desk.detail.locator(f"[data-change='{change_id}']")

    def draw(self, kind: str, middle: Spot, spots: Sequence[Spot]) -> None:
        """Draw on a map that shows `middle` in its middle at the zoom of a place; spots are lon, lat."""
        self.desk.detail.get_by_role("button", name=re.compile(f"^{kind}")).click()
        self.bar.wait_for()
        for n, spot in enumerate(spots, start=1):
            self.page.mouse.click(*self._pixel(middle, spot))
            if kind != "Titik":
                expect(self.bar).to_contain_text(f"{n} titik")

    def _pixel(self, middle: Spot, spot: Spot) -> Spot:
        box = self.page.locator("section.map canvas").bounding_box()
        assert box is not None
        x = (spot[0] - middle[0]) / 360 * _WORLD_PX
        y = (_mercator(middle[1]) - _mercator(spot[1])) / (2 * math.pi) * _WORLD_PX
        return box["x"] + box["width"] / 2 + x, box["y"] + box["height"] / 2 + y

    def minutes(self) -> str:
        """What the map says of the way that it draws."""
        shown = self.page.locator("section.map .way .time")
        shown.wait_for()
        return shown.inner_text()

    def minutes_become(self, said: str, *, other: bool = False) -> None:
        """Wait until the map says these minutes, or others."""
        until(self.page, lambda: (self.minutes() == said) is not other, f"minutes, other={other}: {said}")


def _mercator(lat: float) -> float:
    return math.log(math.tan(math.pi / 4 + math.radians(lat) / 2))


def metres(a: Spot, b: Spot) -> float:
    """Between two places near each other."""
    east = (b[0] - a[0]) * math.cos(math.radians(a[1]))
    return math.hypot(east, b[1] - a[1]) * 111_195


def stretch(line: list[Any], from_m: float, to_m: float) -> list[Spot]:
    """Two places on a way, so many metres before its end."""
    return [_before_end(line, wanted) for wanted in (from_m, to_m)]


def _before_end(line: list[Any], wanted: float) -> Spot:
    gone = 0.0
    backwards = [tuple(spot) for spot in reversed(line)]
    for a, b in pairwise(backwards):
        piece = metres(a, b)
        if gone + piece >= wanted:
            share = (wanted - gone) / piece
            return (a[0] + share * (b[0] - a[0]), a[1] + share * (b[1] - a[1]))
        gone += piece
    raise AssertionError(f"the way is only {gone:.0f} m long")
