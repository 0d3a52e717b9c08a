"""The ground of a regency: the union of its villages, with the slivers between them closed."""

import math
from collections.abc import Iterable, Mapping
from functools import cached_property

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import MultiPolygon, Point, Polygon
from shapely.geometry.base import BaseGeometry

SLIVER_MAX_M2 = 20_000.0
"""Holes up to two hectares are slivers: the published outlines are simplified village by village, so that
neighbours no longer quite meet. The widest in Purwakarta has half a hectare; a real enclave is far larger."""

NEAR_M = 100.0
"""A point no farther than this from the nearest village belongs to that village."""

METRES_PER_DEGREE = 111_195.0
"""Length of one degree of latitude on a sphere of 6,371 km; within 0.6 % of the ellipsoid at these "
"latitudes."""


class Territory:
    """Villages by code, asked for the place of a point. Points are WGS84 lon/lat, distances metres.

    Lengths are measured in a plane around the middle of the regency, true within one per cent at its size.
    """

    def __init__(self, villages: Mapping[str, BaseGeometry]) -> None:
        self._codes = tuple(villages)
        shapes = [polygons_of(shapely.make_valid(shape)) for shape in villages.values()]
        self._union = polygons_of(shapely.union_all(shapes)) if shapes else MultiPolygon()
        south, north = (self._union.bounds[1], self._union.bounds[3]) if shapes else (0.0, 0.0)
        self._scale = np.array([math.cos(math.radians((south + north) / 2)), 1.0]) * METRES_PER_DEGREE
        self._tree = shapely.STRtree([self.in_metres(shape) for shape in shapes])

    @property
    def slivers(self) -> tuple[Polygon, ...]:
        """The small holes between villages, as lon/lat polygons."""
        return tuple(hole for hole in self._holes if self._area_m2(hole) <= SLIVER_MAX_M2)

    @cached_property
    def boundary(self) -> MultiPolygon:
        """The union of the villages, slivers closed; larger holes stay, they are enclaves."""
        return MultiPolygon(
            [
                Polygon(
                    part.exterior,
                    [ring for ring in part.interiors if self._area_m2(Polygon(ring)) > SLIVER_MAX_M2],
                )
                for part in self._union.geoms
            ]
        )

    def in_metres(self, geometry: BaseGeometry) -> BaseGeometry:
        """A lon/lat geometry laid into the regency's plane, in metres."""

        def scaled(points: NDArray[np.float64]) -> NDArray[np.float64]:
            return points * self._scale

        return shapely.transform(geometry, scaled)

    def village_at(self, lon: float, lat: float, *, within_m: float = NEAR_M) -> str | None:
        """The code of the village that holds a point, else of the nearest within `within_m`, else None.

        On a common edge and where two outlines overlap, the lower code is taken: the answer is stable.
        """
        point = self.in_metres(Point(lon, lat))
        nearest = self._tree.query_nearest(point, max_distance=max(within_m, 1e-9), all_matches=True)
        return min((self._codes[int(index)] for index in nearest), default=None)

    def holds(self, lon: float, lat: float, *, within_m: float = NEAR_M) -> bool:
        """Whether a point lies in the regency or at most `within_m` outside it."""
        return self.village_at(lon, lat, within_m=within_m) is not None or bool(
            shapely.intersects_xy(self.boundary, lon, lat)
        )

    @cached_property
    def _holes(self) -> tuple[Polygon, ...]:
        return tuple(Polygon(ring) for part in self._union.geoms for ring in part.interiors)

    def _area_m2(self, polygon: Polygon) -> float:
        return float(self.in_metres(polygon).area)


def polygons_of(geometry: BaseGeometry) -> MultiPolygon:
    """The polygons of a geometry; repairing an outline can leave lines beside them."""
    parts = [geometry] if isinstance(geometry, Polygon) else list(getattr(geometry, "geoms", ()))
    polygons: list[Polygon] = []
    for part in parts:
        if isinstance(part, Polygon):
            polygons.append(part)
        elif hasattr(part, "geoms"):
            polygons.extend(polygons_of(part).geoms)
    return MultiPolygon([polygon for polygon in polygons if not polygon.is_empty])


def surface_of(shapes: Iterable[BaseGeometry]) -> MultiPolygon:
    """The union of outlines; an outline that crosses itself is repaired first."""
    return polygons_of(shapely.union_all([polygons_of(shapely.make_valid(shape)) for shape in shapes]))
