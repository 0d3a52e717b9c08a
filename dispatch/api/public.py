"""What anybody may ask: is it alive, which regencies are served, which questions triage asks."""

from __future__ import annotations

import asyncio
import logging
import shutil
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

from fastapi import Depends, Request, Response
from redis.asyncio import Redis
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from dispatch.api.refusals import refuses
from dispatch.api.routes import api_routes, routes
from dispatch.api.schemas.results import Health, HealthState, PartState, TenantView
from dispatch.api.signed_in import TheCentre
from dispatch.domain.triage import QuestionTree, default_tree
from dispatch.services.centre import Centre
from dispatch.storage.queries.copies import state_of_copies

log = logging.getLogger(__name__)
router = api_routes(tag="public")
health_router = routes(tag="public")
_PATIENCE_S = 2.0
ROOM_BYTES = 256 << 20
"""Below this the disk counts as full: room for some minutes more, while somebody is called."""


async def the_redis(request: Request) -> Redis | None:
    """Return the client to ask Redis with, None when none is configured."""
    client = request.app.state.redis
    assert client is None or isinstance(client, Redis)
    return client


@health_router.get(
    "/health",
    summary="Keadaan sistem / health",
    responses=refuses(signed_in=False)
    | {503: {"model": Health, "description": "Basis data tidak terjangkau / the database cannot be reached"}},
)
async def health(
    centre: TheCentre, redis: Annotated[Redis | None, Depends(the_redis)], response: Response
) -> Health:
    """Tell whether this process can work. `degraded` is still 200: calls are taken, units are sent."""
    (database, copies), cache = await asyncio.gather(_database(centre), _redis(redis))
    disk = _disk(centre.settings.run_dir)
    status = HealthState.OK
    if PartState.DOWN in (cache, disk, *copies):
        status = HealthState.DEGRADED
    if database is PartState.DOWN:
        status, response.status_code = HealthState.DOWN, 503
    return Health(status, version("semar"), database, cache, *copies, disk)


async def _database(centre: Centre) -> tuple[PartState, tuple[PartState, PartState]]:
    """Return the state of the database, and of its copies: the standby, and the archive of its log."""
    try:
        async with asyncio.timeout(_PATIENCE_S):
            copies = await state_of_copies(centre.database)
    except (SQLAlchemyError, OSError) as away:
        log.warning("database: %s: %s", type(away).__name__, away)
        return PartState.DOWN, (PartState.DOWN, PartState.DOWN)
    return PartState.OK, (_part(copies.standby), _part(copies.archive))


def _part(well: bool | None) -> PartState:
    if well is None:
        return PartState.NOT_CONFIGURED
    return PartState.OK if well else PartState.DOWN


def _disk(folder: Path) -> PartState:
    """Return whether there is room where this system writes; a private database lies there, too."""
    try:
        free = shutil.disk_usage(folder).free
    except OSError as failure:
        log.warning("disk: %s: %s", type(failure).__name__, failure)
        return PartState.DOWN
    return PartState.OK if free >= ROOM_BYTES else PartState.DOWN


async def _redis(client: Redis | None) -> PartState:
    if client is None:
        return PartState.NOT_CONFIGURED
    try:
        async with asyncio.timeout(_PATIENCE_S):
            await client.ping()
    except (RedisError, OSError) as away:
        log.warning("redis: %s: %s", type(away).__name__, away)
        return PartState.DOWN
    return PartState.OK


@router.get(
    "/tenants", summary="Regency yang dilayani / regencies served", responses=refuses(signed_in=False)
)
async def list_tenants(centre: TheCentre) -> list[TenantView]:
    """List the regencies of this deployment; `slug` is what sign-in and registration name."""
    return [
        TenantView(
            slug=entry.tenant.slug,
            code=entry.tenant.code,
            name=entry.tenant.name,
            province=entry.settings.get("province_name"),
            training=entry.tenant.training,
            timezone=entry.tenant.timezone,
            sms_number=entry.settings.get("sms", {}).get("number"),
        )
        for entry in await centre.tenants.all()
    ]


@router.get(
    "/triage-questions", summary="Pertanyaan triase / triage questions", responses=refuses(signed_in=False)
)
async def triage_questions() -> QuestionTree:
    """Return the question tree: an answer leads to another question's key or ends in a colour."""
    return default_tree()
