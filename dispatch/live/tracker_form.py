"""The form in which trackers tell their places: OsmAnd's and Traccar's, by query, form body or JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from dispatch.domain.errors import FieldProblem, InvalidInput
from dispatch.live.frames import PhoneFix, plausible

KNOT_MS = 1852 / 3600
"""Speeds are in knots in the query form (Traccar's OsmAnd protocol), in m/s in the JSON one."""
METRES_PER_HDOP = 5.0
"""A receiver's error at a dilution of 1: the order of the range error in the GPS performance standard."""
MOST_FIXES = 100
_SECONDS_BELOW = 10**11
"""A smaller timestamp counts seconds, up to the year 5138; a larger one milliseconds, from March 1973 on."""
_LONGEST = 200


@dataclass(frozen=True, slots=True)
class TrackerReport:
    """What a tracker has sent: its identifier and its fixes, in the order of their times.

    A fix's sequence is its time in milliseconds since 1970: trackers have no other.
    """

    identifier: str
    fixes: list[PhoneFix]


def read_report(query: str, body: bytes, received_at: datetime) -> TrackerReport:
    """Read a report from the query, or else from the body: a form, or JSON.

    Raises:
        InvalidInput: there is no identifier or no place, or a value is not what its name says.
    """
    if not query and body.lstrip()[:1] == b"{":
        return _from_json(body, received_at)
    try:
        text = query or body.decode("ascii")
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=50, errors="strict")
    except (UnicodeError, ValueError):
        raise _wrong("body", "Laporan tidak terbaca", "The report cannot be read") from None
    values = {name: value for name, value in pairs if value != ""}
    identifier = _identifier(values.get("id", values.get("deviceid")))
    if values.get("valid", "true").lower() not in ("true", "1"):
        return TrackerReport(identifier, [])
    if "location" in values and "lat" not in values:
        values["lat"], _, values["lon"] = values["location"].partition(",")
    speed, hdop = _number(values, "speed"), _number(values, "hdop")
    accuracy = _number(values, "accuracy")
    if accuracy is None and hdop is not None:
        accuracy = hdop * METRES_PER_HDOP
    heading = _number(values, "bearing")
    fix = _fix(
        _moment(values.get("timestamp"), received_at),
        _number(values, "lon"),
        _number(values, "lat"),
        accuracy_m=accuracy,
        speed_ms=None if speed is None else speed * KNOT_MS,
        heading_deg=heading if heading is not None else _number(values, "heading"),
        battery=_number(values, "batt"),
    )
    return TrackerReport(identifier, [fix])


def _from_json(body: bytes, received_at: datetime) -> TrackerReport:
    try:
        told = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise _wrong("body", "JSON tidak terbaca", "The JSON cannot be read") from None
    identifier = _identifier(told.get("device_id"))
    locations: Any = told.get("location")
    if not isinstance(locations, list):
        locations = [locations]
    if not 0 < len(locations) <= MOST_FIXES:
        raise _wrong("location", f"1 sampai {MOST_FIXES} posisi", f"1 to {MOST_FIXES} places")
    fixes = [_located(location, received_at) for location in locations]
    return TrackerReport(identifier, sorted(fixes, key=lambda fix: fix.seq))


def _located(location: Any, received_at: datetime) -> PhoneFix:
    coords = _part(location, "coords")
    if coords is None:
        raise _wrong("location", "Posisi tidak ada", "There is no place")
    level = _number(_part(location, "battery") or {}, "level")
    return _fix(
        _moment(location.get("timestamp"), received_at),
        _number(coords, "longitude"),
        _number(coords, "latitude"),
        accuracy_m=_number(coords, "accuracy"),
        speed_ms=_number(coords, "speed"),
        heading_deg=_number(coords, "heading"),
        battery=None if level is None else level * 100,
    )


def _part(whole: Any, name: str) -> Mapping[str, Any] | None:
    part = whole.get(name) if isinstance(whole, dict) else None
    return part if isinstance(part, dict) else None


def _fix(
    at: datetime,
    lon: float | None,
    lat: float | None,
    *,
    accuracy_m: float | None,
    speed_ms: float | None,
    heading_deg: float | None,
    battery: float | None,
) -> PhoneFix:
    missing: Sequence[str] = [name for name, value in (("lon", lon), ("lat", lat)) if value is None]
    if lon is None or lat is None:
        raise InvalidInput(*(FieldProblem(n, "Wajib diisi", "Required") for n in missing))
    if lon == 0 == lat:
        raise _wrong("lat", "0,0 bukan posisi", "0,0 is no place")
    return PhoneFix(int(at.timestamp() * 1000), at, lon, lat, accuracy_m, speed_ms, heading_deg, battery)


def _identifier(value: Any) -> str:
    if not isinstance(value, str | int) or isinstance(value, bool) or not 0 < len(str(value)) <= _LONGEST:
        raise _wrong("id", "Pengenal pelacak tidak ada", "There is no tracker identifier")
    return str(value)


def _number(values: Mapping[str, Any], name: str) -> float | None:
    value = values.get(name)
    if value is None:
        return None
    if not isinstance(value, bool) and isinstance(value, str | int | float):
        try:
            number = float(value)
        except (ValueError, OverflowError):
            number = math.nan
        if math.isfinite(number):
            return number
    raise _wrong(name, "Bukan bilangan", "Not a number")


def _moment(value: Any, received_at: datetime) -> datetime:
    """The time of a fix: seconds or milliseconds since 1970, or ISO, in UTC where no zone is named."""
    if value is None:
        return received_at
    try:
        at = _counted(value) if isinstance(value, int | float) else _written(str(value))
    except (ValueError, OverflowError, OSError):
        at = None
    if at is None or not plausible(at):
        raise _wrong("timestamp", "Waktu tidak masuk akal", "Not a time that a clock shows")
    return at


def _written(text: str) -> datetime:
    try:
        return _counted(float(text))
    except ValueError:
        at = datetime.fromisoformat(text)
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def _counted(number: float) -> datetime:
    return datetime.fromtimestamp(number if number < _SECONDS_BELOW else number / 1000, UTC)


def _wrong(field: str, message_id: str, message_en: str) -> InvalidInput:
    return InvalidInput(FieldProblem(field, message_id, message_en))
