"""Reads the names and properties of a Mapbox Vector Tile, as far as tests need it."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

Layers = dict[str, list[dict[str, Any]]]


def read_tile(tile: bytes) -> Layers:
    """Return the properties of every feature by layer; each feature must have a geometry.

    Field numbers after the Mapbox Vector Tile Specification 2.1.
    """
    return dict(_layer(content) for number, content in _fields(tile) if number == 3)


def _layer(content: bytes) -> tuple[str, list[dict[str, Any]]]:
    fields = list(_fields(content))
    name = next(value.decode() for number, value in fields if number == 1)
    keys = [value.decode() for number, value in fields if number == 3]
    values = [_value(value) for number, value in fields if number == 4]
    features = []
    for number, value in fields:
        if number != 2:
            continue
        parts = dict(_fields(value))
        assert parts[4], "a feature without geometry"
        tags = list(_varints(parts.get(2, b"")))
        features.append({keys[k]: values[v] for k, v in zip(tags[::2], tags[1::2], strict=True)})
    return name, features


def _value(content: bytes) -> Any:
    ((number, value),) = _fields(content)
    match number:
        case 1:
            return value.decode()
        case 7:
            return bool(value)
        case 3:
            return struct.unpack("<d", value)[0]
        case _:
            return value


def _fields(content: bytes) -> Iterator[tuple[int, Any]]:
    at = 0
    while at < len(content):
        tag, at = _varint(content, at)
        match tag & 7:
            case 0:
                value: Any
                value, at = _varint(content, at)
            case 1:
                value, at = content[at : at + 8], at + 8
            case 2:
                size, at = _varint(content, at)
                value, at = content[at : at + size], at + size
            case other:
                raise ValueError(f"wire type {other}")
        yield tag >> 3, value


def _varints(content: bytes) -> Iterator[int]:
    at = 0
    while at < len(content):
        value, at = _varint(content, at)
        yield value


def _varint(content: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = content[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
