"""Outlines of where a field on a grid is negative: marching squares, linked into rings and polygons.

Lorensen and Cline, Marching cubes, SIGGRAPH 1987, in two dimensions; the two ambiguous cases are decided by
the mean of the four corners.
"""

from __future__ import annotations

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import MultiPolygon

from routing.arrays import Floats, Ints
from routing.compiled import compiled

Field = NDArray[np.float32]

# Sides of a cell.
_S, _E, _N, _W = 0, 1, 2, 3
# For the corners inside (1 south-west, 2 south-east, 4 north-east, 8 north-west) the sides a line enters and
# leaves the cell by, the inside on its left; a second line in the ambiguous cases, as they are when the
# middle of the cell is outside, and at 16 and 17 (for 5 and 10) when it is inside.
_LINES = np.array([
    [-1, -1, -1, -1], [_S, _W, -1, -1], [_E, _S, -1, -1], [_E, _W, -1, -1],
    [_N, _E, -1, -1], [_S, _W, _N, _E], [_N, _S, -1, -1], [_N, _W, -1, -1],
    [_W, _N, -1, -1], [_S, _N, -1, -1], [_E, _S, _W, _N], [_E, _N, -1, -1],
    [_W, _E, -1, -1], [_S, _E, -1, -1], [_W, _S, -1, -1], [-1, -1, -1, -1],
    [_S, _E, _N, _W], [_W, _S, _E, _N],
], np.int8)  # fmt: skip


def outlines(field: Field, west: float, south: float, cell: float, least_area: float) -> MultiPolygon:
    """The area where `field` (rows, columns), given at the corners of cells, is negative.

    Its border must be positive. Islands and holes smaller than `least_area` are left out.
    """
    near_zero = np.abs(field) < 1e-3
    field = np.where(near_zero, np.float32(1e-3), field)
    points, first = _rings(field, _LINES)
    if len(first) == 1:
        return MultiPolygon()
    corners = points * cell + (west, south)
    row = np.repeat(np.arange(len(first) - 1), np.diff(first))
    rings = np.asarray(shapely.linearrings(corners, indices=row), object)
    # shells run with the inside on the left: counter-clockwise
    filled = np.asarray(shapely.polygons(rings), object)
    large = shapely.area(filled) >= least_area
    shell = shapely.is_ccw(rings)
    return _with_holes(filled[large & shell], rings[large & ~shell])


def _with_holes(shells: NDArray[np.object_], holes: NDArray[np.object_]) -> MultiPolygon:
    """Shells with the holes that lie in them; of several around a hole, in the smallest."""
    if len(shells) == 0:
        return MultiPolygon()
    of_shell: dict[int, list[shapely.LinearRing]] = {}
    tree = shapely.STRtree(shells)
    inside, around = tree.query(shapely.get_point(holes, 0), predicate="within")
    area = shapely.area(shells)
    for hole in np.unique(inside).tolist():
        candidates = around[inside == hole]
        of_shell.setdefault(int(candidates[np.argmin(area[candidates])]), []).append(holes[hole])
    return MultiPolygon([
        shapely.Polygon(shapely.get_exterior_ring(shell), of_shell.get(number))
        for number, shell in enumerate(shells.tolist())
    ])  # fmt: skip


@compiled
def _rings(field: Field, lines: NDArray[np.int8]) -> tuple[Floats, Ints]:
    """Closed rings: their points (p, 2) as (column, row), and where each ring begins (rings+1,)."""
    rows, columns = field.shape
    # a crossing is named by the side it lies on: those from a corner to the east, then those to the north
    east = rows * columns
    following = np.full(2 * east, -1, np.int32)
    count = 0
    for r in range(rows - 1):
        for c in range(columns - 1):
            a, b, d, e = field[r, c], field[r, c + 1], field[r + 1, c + 1], field[r + 1, c]
            case = (a < 0) + 2 * (b < 0) + 4 * (d < 0) + 8 * (e < 0)
            if case == 5 and a + b + d + e < 0:
                case = 16
            elif case == 10 and a + b + d + e < 0:
                case = 17
            here = r * columns + c
            for k in range(0, 4, 2):
                if lines[case, k] >= 0:
                    enter = _side(lines[case, k], here, columns, east)
                    following[enter] = _side(lines[case, k + 1], here, columns, east)
                    count += 1
    points, first = np.empty((count, 2), np.float64), np.empty(count + 1, np.int32)
    row, ring = 0, 0
    for start in range(len(following)):
        if following[start] < 0:
            continue
        first[ring] = row
        ring += 1
        at = start
        while following[at] >= 0:
            corner = at if at < east else at - east
            r, c = corner // columns, corner % columns
            low = field[r, c]
            high = field[r, c + 1] if at < east else field[r + 1, c]
            share = low / (low - high)
            points[row, 0] = c + share if at < east else c
            points[row, 1] = r if at < east else r + share
            row += 1
            after = following[at]
            following[at] = -1
            at = after
    first[ring] = row
    return points, first[: ring + 1]


@compiled
def _side(side: int, corner: int, columns: int, east: int) -> int:
    """The name of the crossing on a side of the cell whose south-west corner this is."""
    if side == _S:
        return corner
    if side == _N:
        return corner + columns
    return east + corner if side == _W else east + corner + 1
