"""Opens the roads of all tenants when a process starts."""

from __future__ import annotations

import logging
import time

from dispatch.domain.errors import Unavailable
from dispatch.services.centre import Centre

log = logging.getLogger(__name__)


async def open_roads(centre: Centre) -> None:
    """Open every tenant's roads, so that the first ranking need not wait for them.

    Calls are taken meanwhile: after a crash they come first. Roads that cannot be read are said loudly and
    stop nobody.
    """
    for entry in await centre.tenants.all():
        began = time.perf_counter()
        try:
            network = await centre.roads.of(entry)
        except Unavailable as missing:
            log.error("%s: %s", entry.tenant.slug, missing.message_en)
            continue
        log.info(
            "%s: roads %s, %d vertices, opened in %.1f s",
            entry.tenant.slug,
            network.version,
            network.node_count,
            time.perf_counter() - began,
        )
