"""What each route can refuse, as its OpenAPI entry lists it."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from dispatch.api.problems import MEDIA_TYPE, Fault, TooLarge
from dispatch.domain.errors import (
    DispatchError,
    Forbidden,
    IllegalStep,
    InvalidInput,
    NotSignedIn,
    TooManyRequests,
    Unavailable,
    UnitTaken,
)
from dispatch.domain.problems import TITLES

Responses = dict[int | str, dict[str, Any]]

_EVERYWHERE: tuple[type[DispatchError], ...] = (InvalidInput, TooLarge, Fault, Unavailable)

SCHEMAS: dict[str, Any] = {
    "Problem": {
        "type": "object",
        "title": "Problem",
        "description": "Problem details (RFC 9457): `detail` in Indonesian, `detail_en` in English. "
        "Members beyond these depend on `code`.",
        "required": ["type", "title", "title_en", "status", "detail", "detail_en", "code"],
        "properties": {
            "type": {"type": "string", "format": "uri", "examples": ["urn:semar:problem:illegal_step"]},
            "title": {"type": "string"},
            "title_en": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string"},
            "detail_en": {"type": "string"},
            "code": {"type": "string", "enum": sorted(TITLES)},
            "fields": {
                "type": "array",
                "description": "With `invalid_input`: every field that cannot be accepted, and why.",
                "items": {"$ref": "#/components/schemas/FieldProblem"},
            },
            "allowed": {
                "type": "array",
                "description": "With `illegal_step`: the steps that are legal now.",
                "items": {"type": "string"},
            },
            "state": {"type": "string", "description": "With `illegal_step`: the present state."},
            "unit": {"type": "string", "description": "With `unit_taken`, `unit_not_available`."},
            "incident": {"type": "string", "description": "With `unit_taken`: the case that has the unit."},
            "proposed": {"type": "string", "description": "With `reason_needed`: the unit proposed first."},
            "proposed_id": {"type": "string", "format": "uuid", "description": "With `reason_needed`."},
            "retry_after_s": {"type": "integer", "description": "Also in the header `Retry-After`."},
            "reference": {"type": "string", "description": "With `internal`: the number to tell the keeper."},
        },
        "additionalProperties": True,
    },
    "FieldProblem": {
        "type": "object",
        "title": "FieldProblem",
        "required": ["field", "id", "en"],
        "properties": {
            "field": {"type": "string", "description": "Dotted path, such as `place.lon`"},
            "id": {"type": "string", "description": "The reason in Indonesian"},
            "en": {"type": "string", "description": "The reason in English"},
        },
    },
}

_EXAMPLES: dict[str, dict[str, Any]] = {
    InvalidInput.code: {
        "detail": "'x' bukan angka",
        "detail_en": "'x' is not a number",
        "fields": [{"field": "place.lon", "id": "'x' bukan angka", "en": "'x' is not a number"}],
    },
    IllegalStep.code: {
        "detail": "Langkah 'cleared' tidak sah untuk assignment dalam keadaan 'accepted'; yang sah: en_route",
        "detail_en": "Step 'cleared' is not legal for a assignment in state 'accepted'; legal: en_route",
        "state": "accepted",
        "allowed": ["en_route"],
    },
    UnitTaken.code: {
        "detail": "PWK-A01 sudah bertugas untuk kejadian PWK-20261120-0007; pilih unit lain",
        "detail_en": "PWK-A01 is already assigned to incident PWK-20261120-0007; choose another unit",
        "unit": "PWK-A01",
        "incident": "PWK-20261120-0007",
    },
}


def refuses(*kinds: type[DispatchError], signed_in: bool = True) -> Responses:
    """Return the `responses` of a route that can refuse in these ways, besides those of every route.

    `signed_in` says that the route needs a session: without one 401, with the wrong role 403.
    """
    session = (NotSignedIn, Forbidden) if signed_in else ()
    by_status: dict[int, dict[str, type[DispatchError]]] = defaultdict(dict)
    for kind in (*_EVERYWHERE, *session, *kinds):
        by_status[kind.status][kind.code] = kind
    return {status: _response(codes) for status, codes in sorted(by_status.items())}


def _response(codes: dict[str, type[DispatchError]]) -> dict[str, Any]:
    words = "; ".join(f"{TITLES[code][0]} / {TITLES[code][1]} (`{code}`)" for code in codes)
    response: dict[str, Any] = {
        "description": words,
        "content": {
            MEDIA_TYPE: {
                "schema": {"$ref": "#/components/schemas/Problem"},
                "examples": {code: {"value": _example(code, kind)} for code, kind in codes.items()},
            }
        },
    }
    if codes.keys() & {TooManyRequests.code, Unavailable.code}:
        response["headers"] = {
            "Retry-After": {"description": "Detik / seconds", "schema": {"type": "integer"}}
        }
    if NotSignedIn.code in codes:
        response["headers"] = {
            "WWW-Authenticate": {"description": "Bearer", "schema": {"type": "string"}},
        }
    return response


def _example(code: str, kind: type[DispatchError]) -> dict[str, Any]:
    title_id, title_en = TITLES[code]
    return {
        "type": f"urn:semar:problem:{code}",
        "title": title_id,
        "title_en": title_en,
        "status": kind.status,
        "detail": title_id,
        "detail_en": title_en,
        "code": code,
        **_EXAMPLES.get(code, {}),
    }
