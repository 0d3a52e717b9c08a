"""WebSockets: events and positions to the screens, commands and positions from the crews."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any
from uuid import uuid4

from fastapi import FastAPI
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket

from dispatch.live.crew_readings import CrewReadings
from dispatch.live.door import Door
from dispatch.live.driver_socket import driver_socket
from dispatch.live.fanout import Fanout
from dispatch.live.geofencing import Geofencing
from dispatch.live.hub import Hub
from dispatch.live.ingest import Ingest
from dispatch.live.line import Line
from dispatch.live.operator_socket import operator_socket
from dispatch.live.resident_socket import resident_socket
from dispatch.live.session_checks import SessionChecks
from dispatch.live.switchboard import Switchboard
from dispatch.live.tracker_intake import TrackerIntake
from dispatch.live.wakeups import listen
from dispatch.services.centre import Centre

__all__ = ["SERVER_OPTIONS", "attach"]

SERVER_OPTIONS: dict[str, Any] = {
    "http": Door,
    "ws": Line,
    "ws_ping_interval": 20.0,
    "ws_ping_timeout": 20.0,
    # frames above 64 kB are answered with an error frame; far above it the server hangs up
    "ws_max_size": 1024 * 1024,
    # many small frames: packing them costs more than it saves
    "ws_per_message_deflate": False,
}
"""How uvicorn is to be run for these sockets."""

_RESTART_PAUSE_S = 1.0

logger = logging.getLogger(__name__)


def attach(app: FastAPI, centre: Centre) -> AbstractAsyncContextManager[Switchboard]:
    """Register /ws/operator, /ws/driver and /ws/resident; enter the result for as long as the app serves.

    Connections that are open when the server stops are closed with 1012; the clients come back and resume.
    """
    name = f"{os.getpid()}-{uuid4().hex[:8]}"
    fanout = Fanout(centre.settings.redis_url, name, centre.clock)
    geofencing = Geofencing(centre)
    ingest = Ingest(centre, fanout, geofencing)
    trackers = TrackerIntake(centre, ingest)
    sessions = SessionChecks(centre)
    hub, crews = Hub(centre), CrewReadings(centre)
    live = Switchboard(centre, name, hub, ingest, fanout, geofencing, trackers, sessions, crews)
    # before all other routes: to be compared with each of them costs a socket more than its handshake
    app.router.routes[:0] = [
        WebSocketRoute(path, _endpoint(live, socket))
        for path, socket in (
            ("/ws/driver", driver_socket),
            ("/ws/operator", operator_socket),
            ("/ws/resident", resident_socket),
        )
    ]
    return _running(live)


def _endpoint(
    live: Switchboard, socket: Callable[[Switchboard, WebSocket], Awaitable[None]]
) -> Callable[[WebSocket], Awaitable[None]]:
    async def serve(websocket: WebSocket) -> None:
        await socket(live, websocket)

    return serve


@asynccontextmanager
async def _running(live: Switchboard) -> AsyncIterator[Switchboard]:
    def listening() -> Coroutine[Any, Any, None]:
        return listen(live.centre.settings.database_app_url, live.hub.hint, live.hub.poll_now)

    works: dict[str, Callable[[], Coroutine[Any, Any, None]]] = {
        "event pump": live.hub.run,
        "sessions": live.sessions.run,
        "wake-ups": listening,
        "positions intake": live.ingest.run,
        "compiled intake": live.ingest.prepare,
        "geofences": live.geofencing.run,
        "positions to screens": live.fanout.tick,
        "positions to processes": live.fanout.publish,
        "positions from processes": live.fanout.receive,
    }
    tasks = [asyncio.create_task(_kept_going(work, name), name=name) for name, work in works.items()]
    try:
        yield live
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _kept_going(work: Callable[[], Coroutine[Any, Any, None]], name: str) -> None:
    """Run a part of the process for ever: a fault in one is loud, and must not silence every screen."""
    while True:
        try:
            await work()
            return
        except Exception:
            logger.exception("a fault in the %s; it begins again", name)
        await asyncio.sleep(_RESTART_PAUSE_S)
