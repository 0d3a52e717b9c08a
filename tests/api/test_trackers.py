"""Trackers' places in the OsmAnd and Traccar form: stored before they are answered, from known devices only."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from api_scene import Api, clock
from sqlalchemy import text

from dispatch.live.tracker_form import KNOT_MS, read_report
from dispatch.services.tenants import TenantEntry

pytestmark = pytest.mark.asyncio(loop_scope="module")

WHERE = "/api/v1/tracker"
MINUTE = timedelta(minutes=1)


async def fixes(api: Api, tracker: str) -> list[Any]:
    """What is stored of one tracker, in its order."""
    entry: TenantEntry = await api.centre.tenants.by_slug("32.14-latihan")
    async with api.centre.read(entry.tenant) as tx:
        rows = await tx.session.execute(
            text("SELECT * FROM position WHERE installation_id = :id ORDER BY sequence"), {"id": UUID(tracker)}
        )
        return list(rows.all())


async def registered(api: Api, name: str, number: int = 0) -> tuple[str, str, str]:
    """Register a tracker to a unit without an app; returns its identifier, its id and the unit's."""
    admin = api.as_("admin1")
    units = (await admin.get("/api/v1/operator/units")).json()
    unit = [u for u in units if u["tracking"] == "manual"][number]["id"]
    made = await admin.post(f"/api/v1/operator/units/{unit}/trackers", json={"name": name})
    assert made.status_code == 201, made.text
    return made.json()["identifier"], made.json()["tracker"]["id"], unit
