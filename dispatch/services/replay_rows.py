"""Rows as an event of the log carries them, opened for a replay: names for seals, places for bytes."""

from __future__ import annotations

import json
from base64 import b64decode
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import shapely

import registry
from dispatch.storage.transaction import Transaction
from dispatch.storage.vault import DataKey, SealBroken

_BARE = frozenset({"regency_id", "realm", "key_id", "home_regency_id", "content_hash"})
"""Columns that say nothing to a person who looks at a case."""
_OF_A_RESIDENT = frozenset({"id", "verification", "verified_at", "trust"})
"""Of an account only the registry's answer belongs to the case."""


@dataclass(frozen=True, slots=True)
class ReplayRow:
    """One row as a step left it. Personal `fields` are None in an `erased` one."""

    table: str
    id: str
    fields: dict[str, Any]
    erased: bool


@dataclass(frozen=True, slots=True)
class Seen:
    """Whose personal data a row has shown, for the log of views."""

    subject_type: str
    subject_id: UUID
    key_id: UUID
    fields: tuple[str, ...]


async def open_rows(tx: Transaction, changes: list[dict[str, Any]]) -> tuple[list[ReplayRow], list[Seen]]:
    """Open the changed rows of one event; whose data that showed comes beside them."""
    rows: list[ReplayRow] = []
    seen: list[Seen] = []
    for change in changes:
        row, shown = await _opened(tx, change["table"], change["row"])
        rows.append(row)
        if shown is not None:
            seen.append(shown)
    return rows, seen


async def _opened(tx: Transaction, table: str, image: dict[str, Any]) -> tuple[ReplayRow, Seen | None]:
    key_id = UUID(image["key_id"]) if image.get("key_id") else None
    key = await tx.person(key_id) if key_id is not None else None
    fields: dict[str, Any] = {}
    personal: list[str] = []
    for column, value in image.items():
        if (
            column in _BARE
            or column.endswith("_hash")
            or (table == "resident" and column not in _OF_A_RESIDENT)
        ):
            continue
        if not column.endswith("_sealed"):
            fields[column] = plain(value)
            continue
        name = column.removesuffix("_sealed")
        clear = _unsealed(key, value, f"{table}.{name}")
        if value is not None:
            personal.append(name)
        fields |= _shown(name, clear)
    subject = str(
        image.get("id") or "/".join(str(image[name]) for name in ("leg_id", "patient_id") if name in image)
    )
    row = ReplayRow(table, subject, fields, erased=key_id is not None and key is None)
    if key is None or key_id is None or not personal:
        return row, None
    return row, Seen(table, UUID(subject), key_id, tuple(personal))


def _unsealed(key: DataKey | None, value: Any, field: str) -> str | None:
    if key is None or value is None:
        return None
    try:
        return key.open(b64decode(value["bytes"]), field)
    except SealBroken:
        return None  # a damaged value hides nothing else of the case


def _shown(name: str, clear: str | None) -> dict[str, Any]:
    if name == "nik":
        return {"nik_masked": registry.mask_nik(clear) if clear else None}
    if name == "content":  # what the request said; of its parts only the note is not a column of its own
        return {"note": json.loads(clear).get("note") if clear else None}
    return {name: clear}


def plain(value: Any) -> Any:
    """Return a value of an image as the page reads it: points as lon and lat, other shapes as GeoJSON."""
    if not isinstance(value, dict):
        return value
    if "ewkb" in value:
        shape: Any = shapely.from_wkb(value["ewkb"])
        return (
            {"lon": shape.x, "lat": shape.y}
            if shape.geom_type == "Point"
            else shapely.geometry.mapping(shape)
        )
    return value.get("json")
