"""After-images: the exact content of a changed row as the event log carries it, and back again."""

from __future__ import annotations

from base64 import b64decode, b64encode
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import shapely
from geoalchemy2 import WKBElement
from geoalchemy2.shape import to_shape
from sqlalchemy import Column, inspect

from dispatch.storage.tables.base import Base
from dispatch.storage.vault import DataKey


def iso(moment: datetime) -> str:
    """Write an aware moment as ISO 8601 in UTC with microseconds."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def after_image(row: Base, key: DataKey | None) -> dict[str, Any]:
    """Return `{"table", "row"}` of a changed row.

    Columns marked personal are sealed under the row's key (null once it is destroyed); columns that hold
    sealed bytes already go in as they are.
    """
    mapper = inspect(type(row))
    columns: dict[str, Any] = {}
    for attribute in mapper.column_attrs:
        column = attribute.columns[0]
        value = getattr(row, attribute.key)
        if value is not None and column.info.get("personal"):
            columns[column.name] = _sealed(value, key, f"{row.__tablename__}.{column.name}")
        else:
            columns[column.name] = to_json(value)
    return {"table": row.__tablename__, "row": columns}


def _sealed(value: bytes, key: DataKey | None, field: str) -> dict[str, str] | None:
    if key is None:
        return None
    sealed = key.seal_bytes(value, f"log:{field}")
    return {"key": str(key.id), "sealed": b64encode(sealed).decode()}


def to_json(value: Any) -> Any:
    """Turn a column's value into JSON, without loss.

    Raises:
        TypeError: a type that no column of an evented table has.
    """
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, bytes):
        return {"bytes": b64encode(value).decode()}
    if isinstance(value, WKBElement):
        return {"ewkb": ewkb(value)}
    if isinstance(value, list):
        return [to_json(v) for v in value]
    if isinstance(value, dict):
        return {"json": value}
    raise TypeError(f"{type(value).__name__} has no form in the event log")


def ewkb(element: WKBElement) -> str:
    """Return the hex form PostGIS itself prints."""
    return shapely.to_wkb(shapely.set_srid(to_shape(element), 4326), hex=True, include_srid=True).upper()


def from_json(column: Column[Any], value: Any, key: DataKey | None, field: str) -> Any:
    """Turn a logged value back into what the column holds; personal ones of an erased person become None."""
    if value is None:
        return None
    if column.info.get("personal"):
        return key.open_bytes(b64decode(value["sealed"]), f"log:{field}") if key else None
    if isinstance(value, dict):
        if "bytes" in value:
            return b64decode(value["bytes"])
        if "ewkb" in value:
            return WKBElement(bytes.fromhex(value["ewkb"]), srid=4326, extended=True)
        return value["json"]
    kind = column.type.python_type
    if kind is datetime:
        return datetime.fromisoformat(value)
    if kind is date:
        return date.fromisoformat(value)
    if kind is UUID:
        return UUID(value)
    return value
