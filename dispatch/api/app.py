"""Puts the application together: routes, failures, sockets, and the description of it all."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from redis.asyncio import Redis

from dispatch.api import (
    crew_calls,
    crews,
    facilities,
    health_office,
    incidents,
    landing,
    operators,
    pages,
    paper,
    places,
    problems,
    public,
    replay,
    residents,
    road_changes,
    sessions,
    tiles,
    trackers,
)
from dispatch.api.edge import Edge
from dispatch.api.openapi import describe
from dispatch.api.shared_board import SharedBoard
from dispatch.api.throttle import SignInThrottle, Throttle
from dispatch.live import attach
from dispatch.services.centre import Centre

_ROUTERS = (
    *(module.router for module in (
        public, sessions, residents, operators, incidents, replay, paper, crew_calls, road_changes, crews,
        facilities, health_office, places, tiles, trackers,
    )),
    public.health_router,
    tiles.tile_router,
    pages.router,  # before the landing page, which stands in for them
    landing.router,
)  # fmt: skip


def create_app(centre: Centre) -> FastAPI:
    """Make the application over `centre`, which it closes when it ends."""
    app = _bare()
    app.state.centre = centre
    app.state.redis = Redis.from_url(centre.settings.redis_url) if centre.settings.redis_url else None
    app.state.sign_ins = SignInThrottle()
    app.state.verifications = Throttle(5, 3600.0)
    app.state.clashes = Throttle(20, 600.0)
    app.state.boards = SharedBoard(centre)
    app.state.trackers = trackers.TrackerThrottle()
    problems.install(app)
    app.add_middleware(Edge)
    return app


def described() -> dict[str, Any]:
    """Return the OpenAPI document; nothing has to run for it."""
    return _bare().openapi()


def _bare() -> FastAPI:
    """Make the application with its routes and nothing behind them."""
    app = _App(
        openapi_url="/openapi.json",
        docs_url=None,  # the usual pages load their scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,
        lifespan=_lifespan,
    )
    for router in _ROUTERS:
        app.router.routes.extend(router.routes)
    return app


class _App(FastAPI):
    def openapi(self) -> dict[str, Any]:
        return describe(self)


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    centre: Centre = app.state.centre
    try:
        async with attach(app, centre) as live:
            app.state.live = live
            yield
    finally:
        if app.state.redis is not None:
            await app.state.redis.aclose()
        await centre.close()
