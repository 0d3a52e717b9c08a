"""Values that many requests share: texts, places, times and codes, each refused with its reason."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    FiniteFloat,
    StringConstraints,
    model_validator,
)
from pydantic_core import PydanticCustomError

from dispatch.domain.errors import InvalidInput
from dispatch.services.placing import Point, checked_point

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_ISO_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d")
_ISO_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_FIRST = datetime(2000, 1, 1, tzinfo=UTC)
_LAST = datetime(2200, 1, 1, tzinfo=UTC)


def refused(code: str, reason_id: str, reason_en: str) -> PydanticCustomError:
    """Return a refusal of a value in both languages; `problems` shows both."""
    # braces in the words would be taken for places to fill
    return PydanticCustomError(code, "{en}", {"id": reason_id, "en": reason_en})


def _printable(value: str) -> str:
    if _CONTROL.search(value):
        raise refused(
            "control_character", "Teks berisi karakter kendali", "The text contains control characters"
        )
    return value


def _iso_moment(value: Any) -> Any:
    # bare numbers would pass as seconds since 1970
    if isinstance(value, datetime) or (isinstance(value, str) and _ISO_MOMENT.match(value)):
        return value
    raise refused(
        "moment",
        f"'{str(value)[:60]}' bukan waktu ISO 8601; contoh: 2026-11-20T07:30:00Z",
        f"'{str(value)[:60]}' is not an ISO 8601 time; for example: 2026-11-20T07:30:00Z",
    )


def _in_range(value: datetime) -> datetime:
    if not _FIRST <= value < _LAST:
        raise refused(
            "moment_range",
            f"Waktu {value.isoformat()} di luar tahun 2000..2199",
            f"Time {value.isoformat()} is outside the years 2000..2199",
        )
    return value.astimezone(UTC)


def _iso_day(value: Any) -> Any:
    if isinstance(value, date) or (isinstance(value, str) and _ISO_DAY.fullmatch(value)):
        return value
    raise refused(
        "day",
        f"'{str(value)[:60]}' bukan tanggal; contoh: 2026-11-20",
        f"'{str(value)[:60]}' is not a date; for example: 2026-11-20",
    )


Short = Annotated[
    str, StringConstraints(min_length=1, max_length=100, strip_whitespace=True), AfterValidator(_printable)
]
Line = Annotated[
    str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True), AfterValidator(_printable)
]
Text = Annotated[
    str, StringConstraints(min_length=1, max_length=2000, strip_whitespace=True), AfterValidator(_printable)
]
Device = Annotated[str, StringConstraints(max_length=200, strip_whitespace=True), AfterValidator(_printable)]
Slug = Annotated[str, StringConstraints(min_length=1, max_length=60), AfterValidator(_printable)]
Secret = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Code = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]{1,40}$")]
Codes = Annotated[list[Code], Field(max_length=20)]
Moment = Annotated[AwareDatetime, BeforeValidator(_iso_moment), AfterValidator(_in_range)]
Day = Annotated[date, BeforeValidator(_iso_day)]
Lon = Annotated[FiniteFloat, Field(description="Bujur WGS84, derajat / longitude", examples=[107.4344])]
Lat = Annotated[FiniteFloat, Field(description="Lintang WGS84, derajat / latitude", examples=[-6.5459])]
Metres = Annotated[FiniteFloat, Field(ge=0, le=1_000_000)]
SpeedFactor = Annotated[
    FiniteFloat,
    Field(ge=1, le=1000, description="Hanya latihan: berapa kali lebih cepat / training only"),
]
Answers = Annotated[dict[Line, bool | int | Line | None], Field(max_length=100)]


class Request(BaseModel):
    """Base of what staff send: an unknown field is refused, it may be a misspelt one."""

    model_config = ConfigDict(extra="forbid")


class OpenRequest(BaseModel):
    """Base of what residents send: a newer app's unknown field must not cost anybody an ambulance."""

    model_config = ConfigDict(extra="ignore")


class Place(OpenRequest):
    """A place in WGS84 degrees."""

    lon: Lon
    lat: Lat

    @model_validator(mode="after")
    def _on_earth(self) -> Self:
        try:
            checked_point(self.lon, self.lat)
        except InvalidInput as wrong:
            raise refused("place", wrong.message_id, wrong.message_en) from wrong
        return self

    def point(self) -> Point:
        """Return the place as services take it."""
        return Point(self.lon, self.lat)


def as_point(place: Place | None) -> Point | None:
    """Return the place as services take it, None for none."""
    return place.point() if place is not None else None
