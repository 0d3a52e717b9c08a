"""No value in any field of any route is a fault: whatever comes in is taken or refused, and named."""

from __future__ import annotations

import json
import re
from typing import Any
from uuid import uuid4

import pytest
from api_scene import TOWN, Api, problem

pytestmark = pytest.mark.asyncio(loop_scope="module")

NASTY: tuple[Any, ...] = (
    None,
    True,
    -1,
    10**40,
    1e308,
    float("nan"),
    "",
    " ",
    "\x00",
    "\ud800",
    "'; DROP TABLE call; --",
    "ก" * 3000,
    "2026-11-20T00:00:00",
    "9999-12-31T23:59:59-14:00",
    [],
    [[]],
    {},
    {"lon": 1e308, "lat": -1e308},
    {"": None},
    str(uuid4()),
)
USER = {
    "public": "operator1",
    "sessions": "operator1",
    "operators": "operator1",
    "facilities": "faskes1",
    "replay": "operator1",
    "health office": "dinkes1",
    "places": "pengemudi1",
    "crews": "pengemudi1",
    "trackers": "admin1",
}
GOOD: dict[str, Any] = {
    "id": str(uuid4()),
    "channel": "phone",
    "triage": "red",
    "to": "accepted",
    "reason": "fuel",
    "from": "2026-11-20",
    "status": "normal",
    "shape": {"type": "Point", "coordinates": [TOWN["lon"], TOWN["lat"]]},
    "effect": "close",
    **TOWN,
}


def resolved(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """Follow a reference within the description."""
    name = schema.get("$ref", "").rpartition("/")[2]
    found: dict[str, Any] = document["components"]["schemas"][name] if name else schema
    return found


def cases(document: dict[str, Any]) -> list[tuple[str, str, str, list[str], list[str]]]:
    """Return method, path, tag, query names and body fields of every route."""
    found = []
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            query = [p["name"] for p in operation.get("parameters", []) if p["in"] == "query"]
            content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
            fields = list(resolved(document, content.get("schema", {})).get("properties", {}))
            found.append((method.upper(), path, operation["tags"][0], query, fields))
    return found


async def test_no_value_is_a_fault(api: Api) -> None:
    api.prepared.tokens["warga"] = (await api.resident(61)).token or ""
    asked = 0
    for method, path, tag, query, fields in cases(api.app.openapi()):
        if path.endswith(("/sessions/current", "/sessions/staff", "/sessions/residents")):
            continue  # signing in is slowed down after a few
        token = api.prepared.tokens["warga" if tag == "residents" else f"{api.slug}/{USER[tag]}"]
        for name in query:
            for value in NASTY:
                params = {n: GOOD.get(n, "2026-11-20") for n in query if n in ("lon", "lat", "from", "to")}
                await ask(api, token, method, path, params | {name: printable(value)}, None)
                asked += 1
        for name in fields:
            for value in NASTY:
                good = GOOD | ({"reason": "flood"} if "road-changes" in path else {})
                body = {n: good[n] for n in fields if n in good} | {name: value}
                await ask(api, token, method, path, {}, body)
                asked += 1
        for value in NASTY:
            await ask(api, token, method, path, {}, value)
            asked += 1
    assert asked > 1500


def printable(value: Any) -> str:
    return str(value).encode("utf-8", "replace").decode()


async def ask(api: Api, token: str, method: str, path: str, query: dict[str, Any], body: Any) -> None:
    target = path
    for name in re.findall(r"{(\w+_id)}", path):
        target = target.replace(f"{{{name}}}", str(uuid4()))
    answer = await api.client.request(
        method,
        target,
        params=query,
        content=json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
    )
    assert answer.status_code < 500, (method, path, query, body, answer.text)
    if answer.status_code >= 400:
        problem(answer, answer.status_code, answer.json()["code"])
