"""Bodies of road changes: a drawing as GeoJSON, what it does, and for how long."""

from __future__ import annotations

from typing import Annotated, Literal, Self
from uuid import UUID

import shapely
from pydantic import ConfigDict, Field, FiniteFloat, model_validator

from dispatch.api.schemas.values import Lat, Lon, Moment, Request, Text, refused
from dispatch.domain.errors import InvalidInput
from dispatch.domain.road_change import RoadChangeReason, RoadEffect
from dispatch.services.change_roads import NewRoadChange
from dispatch.services.placing import checked_point

Position = tuple[Lon, Lat]
_Line = Annotated[list[Position], Field(min_length=2, max_length=500)]
_Ring = Annotated[list[Position], Field(min_length=4, max_length=500)]


def _checked(positions: list[Position]) -> None:
    try:
        for lon, lat in positions:
            checked_point(lon, lat, "shape")
    except InvalidInput as wrong:
        raise refused("place", wrong.message_id, wrong.message_en) from wrong


class DrawnPoint(Request):
    """A spot: the road nearest to it."""

    type: Literal["Point"]
    coordinates: Position

    @model_validator(mode="after")
    def _on_earth(self) -> Self:
        _checked([self.coordinates])
        return self

    def shape(self) -> shapely.Point:
        """Return the geometry, lon/lat."""
        return shapely.Point(self.coordinates)


class DrawnLine(Request):
    """A line along a road."""

    type: Literal["LineString"]
    coordinates: _Line

    @model_validator(mode="after")
    def _on_earth(self) -> Self:
        _checked(self.coordinates)
        if len(set(self.coordinates)) < 2:
            raise refused("line", "Garis ini hanya satu titik", "This line is a single point")
        return self

    def shape(self) -> shapely.LineString:
        """Return the geometry, lon/lat."""
        return shapely.LineString(self.coordinates)


class DrawnArea(Request):
    """An area: every road in it. One ring, its last position the first again."""

    type: Literal["Polygon"]
    coordinates: Annotated[list[_Ring], Field(min_length=1, max_length=1)]

    @model_validator(mode="after")
    def _closed(self) -> Self:
        ring = self.coordinates[0]
        _checked(ring)
        area = shapely.Polygon(ring) if ring[0] == ring[-1] else None
        if area is None or not area.is_valid or area.area == 0:
            raise refused(
                "ring",
                "Garis batas wilayah harus tertutup dan tidak boleh memotong dirinya sendiri",
                "The border of the area must be closed and must not cross itself",
            )
        return self

    def shape(self) -> shapely.Polygon:
        """Return the geometry, lon/lat."""
        return shapely.Polygon(self.coordinates[0])


Drawing = Annotated[DrawnPoint | DrawnLine | DrawnArea, Field(discriminator="type")]


class NewChange(Request):
    """A road that is closed or slow for a while. The id is made by the client: a repeat is harmless."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "0192f0c1-7b1e-7a54-9c0e-2f6f2f7a9b12",
                    "shape": {
                        "type": "LineString",
                        "coordinates": [[107.4344, -6.5459], [107.4372, -6.5481]],
                    },
                    "effect": "slow",
                    "speed_factor": 0.25,
                    "reason": "flood",
                    "note": "Selutut orang dewasa",
                    "ends_at": "2026-11-20T12:00:00Z",
                }
            ]
        }
    )

    id: UUID
    shape: Drawing
    effect: RoadEffect
    speed_factor: FiniteFloat | None = None
    reason: RoadChangeReason = RoadChangeReason.OTHER
    note: Text | None = None
    starts_at: Moment | None = None
    ends_at: Moment | None = None

    def change(self) -> NewRoadChange:
        """Return the change as the service takes it."""
        return NewRoadChange(
            id=self.id,
            shape=self.shape.shape(),
            effect=self.effect,
            speed_factor=self.speed_factor,
            reason=self.reason,
            note=self.note,
            starts_at=self.starts_at,
            ends_at=self.ends_at,
        )


class NewEnd(Request):
    """Another end of a change; null: until it is lifted."""

    ends_at: Moment | None
