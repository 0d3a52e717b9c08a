"""A map as an SVG file: shapes in lon, lat, a legend, a scale bar and where the data comes from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path

import numpy as np
import shapely
from numpy.typing import NDArray

from routing.metric import metres_per_degree

Box = tuple[float, float, float, float]
Floats = NDArray[np.float64]

WIDTH = 960
_PAD = 16
_TITLE = 62
_FOOT = 30
_DISC = 7.5
_PAPER = "#f8f6f1"
_INK = "#24292f"
_SOFT = "#6b7178"
_FONT = "Inter, 'Helvetica Neue', Arial, 'Liberation Sans', sans-serif"


class Picture:
    """A map of a box (west, south, east, north), drawn from the bottom up."""

    def __init__(self, box: Box, title: str, subtitle: str) -> None:
        west, south, east, north = box
        self.box = box
        self._scale = np.array(metres_per_degree((south + north) / 2))
        self.metres = (east - west) * self._scale[0]
        self._per_metre = WIDTH / self.metres
        self.height = float((north - south) * self._scale[1] * self._per_metre)
        self._title, self._subtitle = title, subtitle
        self._parts: list[str] = []
        self._legend: list[str] = []
        self._legend_letters: list[int] = []
        self._numbered: list[Floats] = []

    def place(self, points: Sequence[Sequence[float]] | Floats) -> Floats:
        """Pixels (n, 2) of points (n, 2) in degrees."""
        at = (np.asarray(points, float) - (self.box[0], self.box[3])) * self._scale * self._per_metre
        return at * (1, -1)

    def lines(self, lines: Iterable[Sequence[Sequence[float]] | Floats], colour: str, width: float,
              *, opacity: float = 1.0, dash: str = "") -> None:  # fmt: skip
        """Lines in one style; those outside the box are left out."""
        paths = [path for line in lines if (path := self._path(self.place(line)))]
        if paths:
            dashes = f' stroke-dasharray="{dash}"' if dash else ""
            self._parts.append(
                f'<path d="{"".join(paths)}" fill="none" stroke="{colour}" stroke-width="{width}" '
                f'stroke-linejoin="round" stroke-linecap="round" opacity="{opacity}"{dashes}/>'
            )

    def area(self, shape: shapely.Geometry, fill: str, *, opacity: float = 1.0, rim: str = "none",
             rim_width: float = 0.8) -> None:  # fmt: skip
        """Polygons in one style."""
        paths = []
        for polygon in shapely.get_parts(shape).tolist():
            for ring in (polygon.exterior, *polygon.interiors):
                corners = _thinned(self.place(shapely.get_coordinates(ring)))
                if len(corners) > 3:
                    paths.append(f"M{_steps(corners[:-1])}Z")
        self._parts.append(
            f'<path d="{"".join(paths)}" fill="{fill}" fill-rule="evenodd" fill-opacity="{opacity}" '
            f'stroke="{rim}" stroke-width="{rim_width}" stroke-linejoin="round"/>'
        )

    def dots(self, points: Sequence[Sequence[float]] | Floats, colour: str, radius: float,
             *, rim: str = "#ffffff") -> None:  # fmt: skip
        for x, y in self.place(points).tolist():
            self._parts.append(
                f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius}" fill="{colour}" stroke="{rim}" '
                f'stroke-width="{max(radius / 4, 0.6):.1f}"/>'
            )

    def mark(self, point: Sequence[float], colour: str, label: str) -> None:
        """A pin with a letter or number in it."""
        x, y = self.place([point])[0]
        self._parts.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="11" fill="{colour}" stroke="#ffffff" stroke-width="2"/>'
            f'<text x="{x:.1f}" y="{y + 4:.1f}" text-anchor="middle" font-size="12" font-weight="700" '
            f'fill="#ffffff">{escape(label)}</text>'
        )

    def number(self, point: Sequence[float], colour: str, number: int) -> None:
        """A small numbered disc, left out where it would lie on another one."""
        x, y = at = self.place([point])[0]
        if any(np.hypot(*(at - other)) < 2 * _DISC for other in self._numbered):
            return
        self._numbered.append(at)
        self._parts.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{_DISC}" fill="#ffffff" stroke="{colour}" '
            f'stroke-width="1.5"/>'
            f'<text x="{x:.1f}" y="{y + 3:.1f}" text-anchor="middle" font-size="9" font-weight="700">'
            f"{number}</text>"
        )

    def name(self, point: Sequence[float], text: str, *, size: int = 13, dx: float = 0, dy: float = 0,
             anchor: str = "middle", colour: str = _INK) -> None:  # fmt: skip
        """A label with a halo."""
        x, y = self.place([point])[0]
        self._parts.append(
            f'<text x="{x + dx:.1f}" y="{y + dy:.1f}" text-anchor="{anchor}" font-size="{size}" '
            f'font-weight="600" fill="{colour}" stroke="{_PAPER}" stroke-width="3" paint-order="stroke" '
            f'stroke-linejoin="round">{escape(text)}</text>'
        )

    def legend(self, kind: str, colour: str, text: str) -> None:
        """An entry of the legend: a `line`, a filled `area` or a `dot`."""
        y = 20 * len(self._legend) + 18
        sample = {
            "line": f'<line x1="14" x2="38" y1="{y}" y2="{y}" stroke="{colour}" stroke-width="4" '
            'stroke-linecap="round"/>',
            "area": f'<rect x="14" y="{y - 7}" width="24" height="14" rx="2" fill="{colour}"/>',
            "dot": f'<circle cx="26" cy="{y}" r="5" fill="{colour}" stroke="#ffffff"/>',
        }[kind]
        self._legend_letters.append(len(text))
        self._legend.append(f'{sample}<text x="48" y="{y + 4}" font-size="13">{escape(text)}</text>')

    def write(self, path: Path, source: str) -> None:
        """Write the file; `source` says where the map comes from."""
        height = self.height + _TITLE + _FOOT
        body = "\n".join(self._parts)
        path.write_text(
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" '
            f'width="{WIDTH}" height="{height:.0f}" font-family="{_FONT}" fill="{_INK}" role="img" '
            f'aria-label="{escape(self._title)}">\n<rect width="100%" height="100%" fill="#ffffff"/>\n'
            f'<text x="{_PAD}" y="28" font-size="20" font-weight="700">{escape(self._title)}</text>\n'
            f'<text x="{_PAD}" y="49" font-size="13" fill="{_SOFT}">{escape(self._subtitle)}</text>\n'
            f'<svg x="0" y="{_TITLE}" width="{WIDTH}" height="{self.height:.0f}">\n'
            f'<rect width="100%" height="100%" fill="{_PAPER}"/>\n{body}\n{self._box_of_legend()}\n</svg>\n'
            f"{self._foot(height, source)}\n</svg>\n",
            encoding="utf-8",
        )

    def _box_of_legend(self) -> str:
        if not self._legend:
            return ""
        longest = max(self._legend_letters)
        tall = 20 * len(self._legend) + 16
        return (
            f'<g transform="translate({_PAD},{self.height - tall - _PAD:.0f})"><rect '
            f'width="{70 + longest * 6.4:.0f}" height="{tall}" rx="6" fill="#ffffff" fill-opacity="0.92" '
            f'stroke="#d9d5cb"/>{"".join(self._legend)}</g>'
        )

    def _foot(self, height: float, source: str) -> str:
        """A scale bar of about a fifth of the width, in a round number."""
        wish = self.metres / 5
        unit = 10 ** np.floor(np.log10(wish))
        length = float(max(step for step in (unit, 2 * unit, 5 * unit) if step <= wish))
        text = f"{length / 1000:g} km" if length >= 1000 else f"{length:g} m"
        right, y = WIDTH - _PAD, height - 11
        left = right - length * self._per_metre
        return (
            f'<text x="{_PAD}" y="{y}" font-size="11" fill="{_SOFT}">{escape(source)}</text>'
            f'<path d="M{left:.1f} {y - 5}v5H{right:.1f}v-5" fill="none" stroke="{_INK}"/>'
            f'<text x="{left - 6:.1f}" y="{y}" font-size="11" text-anchor="end">{text}</text>'
        )

    def _path(self, at: Floats) -> str:
        low, high = at.min(axis=0), at.max(axis=0)
        if high[0] < -20 or high[1] < -20 or low[0] > WIDTH + 20 or low[1] > self.height + 20:
            return ""
        return f"M{_steps(_thinned(at))}"


def _thinned(at: Floats) -> Floats:
    """A line in pixels without points that change nothing one could see."""
    if len(at) < 3:
        return at
    return shapely.get_coordinates(shapely.LineString(at).simplify(0.35))


def _steps(at: Floats) -> str:
    """Points as the first place and relative moves, in tenths of a pixel."""
    tenths = np.rint(at * 10).astype(int)
    moves = np.diff(tenths, axis=0)
    text = f"{tenths[0, 0] / 10:g} {tenths[0, 1] / 10:g}"
    return text + "".join(f"l{x / 10:g} {y / 10:g}" for x, y in moves.tolist() if x or y)
