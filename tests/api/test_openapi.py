"""The API's description: valid, complete, and true of every route."""

from __future__ import annotations

import re
from typing import Any

import pytest
from api_scene import Api
from fastapi.routing import APIRoute
from openapi_spec_validator import validate
from pydantic import BaseModel, TypeAdapter

from dispatch.api import landing, pages
from dispatch.api.openapi import TAGS
from dispatch.api.schemas import facilities, operators, residents, roads, sessions

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture
def document(api: Api) -> dict[str, Any]:
    return api.app.openapi()


def operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [(m, p, o) for p, found in document["paths"].items() for m, o in found.items()]


async def test_it_is_valid_and_served_as_it_is(api: Api, document: dict[str, Any]) -> None:
    validate(document)
    assert (await api.client.get("/openapi.json")).json() == document


async def test_every_route_is_described(document: dict[str, Any]) -> None:
    names = [o["operationId"] for _, _, o in operations(document)]
    assert len(names) == len(set(names))
    known = {tag["name"] for tag in TAGS}
    for method, path, operation in operations(document):
        where = f"{method} {path}"
        assert operation["summary"], where
        assert operation["description"], where
        assert set(operation["tags"]) <= known, where
        assert re.fullmatch(r"[a-z_]+", operation["operationId"]), where


async def test_every_route_lists_its_refusals(document: dict[str, Any]) -> None:
    for method, path, operation in operations(document):
        where = f"{method} {path}"
        wanted = {"422", "413", "500", "503"}
        if "security" in operation:
            wanted |= {"401", "403"}
        if method == "post" and path.endswith(("/staff", "/residents")) and "sessions" in path:
            wanted |= {"401", "429"}
        assert wanted <= operation["responses"].keys(), where
        assert any(status.startswith("2") for status in operation["responses"]), where
        for status, response in operation["responses"].items():
            if status >= "400" and path != "/health":
                content = response["content"]["application/problem+json"]
                assert content["schema"] == {"$ref": "#/components/schemas/Problem"}, where
                codes = set(re.findall(r"`(\w+)`", response["description"]))
                assert codes == content["examples"].keys(), where


async def test_every_code_that_is_spoken_is_in_the_schema(document: dict[str, Any]) -> None:
    codes = set(document["components"]["schemas"]["Problem"]["properties"]["code"]["enum"])
    for _, _, operation in operations(document):
        for response in operation["responses"].values():
            for example in (
                response.get("content", {}).get("application/problem+json", {}).get("examples", {})
            ):
                assert example in codes


async def test_references_lead_somewhere_and_the_sockets_views_are_there(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    for name in re.findall(r"#/components/schemas/([\w.-]+)", str(document)):
        assert name in schemas
    for name in ("DriverDesk", "EventView", "CallStatus", "OperatorStep"):
        assert name in schemas
        assert name in document["info"]["description"]


async def test_examples_are_what_the_schemas_accept() -> None:
    shown = 0
    for module in (sessions, residents, operators, facilities, roads):
        for value in vars(module).values():
            if (
                isinstance(value, type)
                and issubclass(value, BaseModel)
                and value.__module__ == module.__name__
            ):
                for example in value.model_json_schema().get("examples", []):
                    TypeAdapter(value).validate_python(example)
                    shown += 1
    assert shown > 10


async def test_nothing_is_served_that_is_not_described(api: Api, document: dict[str, Any]) -> None:
    served = {route.path_format for route in api.app.routes if isinstance(route, APIRoute)}
    shown = {route.path_format for router in (pages.router, landing.router) for route in router.routes}
    assert len(served) > 60
    assert served - set(document["paths"]) == shown
