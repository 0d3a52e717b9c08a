"""How routes are written down: complete as they stand, so that the application takes them as they are.

Included in the usual way each of them is made a second time, with all its checks: a tenth of the time until
a serving process answers again after a crash.
"""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.routing import APIRoute


def routes(prefix: str = "", tag: str = "") -> APIRouter:
    """Return a router for paths below `prefix`; those without a tag are no part of the API's description."""
    return APIRouter(
        prefix=prefix,
        tags=[tag] if tag else None,
        include_in_schema=bool(tag),
        generate_unique_id_function=_function_name,
    )


def api_routes(prefix: str = "", *, tag: str) -> APIRouter:
    """Return a router for paths of the API below `prefix`."""
    return routes(f"/api/v1{prefix}", tag)


def _function_name(route: APIRoute) -> str:
    return route.name
