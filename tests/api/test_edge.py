"""What every exchange has: headers, request id, size limit; and the answers when things are broken."""

from __future__ import annotations

import logging
import re
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest
from api_scene import Api, Prepared, Urls, problem, serving
from sqlalchemy import text

from dispatch.api import public
from dispatch.api.edge import MOST_BYTES
from dispatch.api.landing import POLICY, page
from dispatch.services.tenants import TenantEntry
from dispatch.storage.database import Tenant

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_health_names_its_parts(api: Api) -> None:
    answer = await api.client.get("/health")
    assert answer.status_code == 200
    assert answer.json() | {"version": ""} == {
        "status": "ok",
        "version": "",
        "database": "ok",
        "redis": "not_configured",
        "standby": "not_configured",
        "archive": "not_configured",
        "disk": "ok",
    }


async def test_health_says_it_before_the_disk_is_full(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    # more than this machine has: to the process it looks like a disk that is full
    monkeypatch.setattr(public, "ROOM_BYTES", 1 << 62)
    answer = await api.client.get("/health")
    assert (answer.status_code, answer.json()["status"], answer.json()["disk"]) == (200, "degraded", "down")


async def test_health_without_redis_is_degraded_but_alive(prepared: Prepared, redis_url: str) -> None:
    async with serving(prepared, redis_url) as api:
        assert (await api.client.get("/health")).json()["redis"] == "ok"
    async with serving(prepared, "unix:///nowhere/redis.sock") as api:
        answer = await api.client.get("/health")
        assert answer.status_code == 200
        assert answer.json()["status"] == "degraded"
        assert answer.json()["redis"] == "down"


async def test_without_the_database_everything_says_try_again(prepared: Prepared, stores: Path) -> None:
    url = "postgresql://semar_app@/nothing?host=/nowhere"
    async with serving(Prepared(Urls(url, url), stores)) as api:
        health = await api.client.get("/health")
        assert health.status_code == 503
        assert health.json()["status"] == "down"
        answer = await api.signed_in("token").post("/calls", {"id": str(uuid4())})
        problem(answer, 503, "unavailable")
        assert int(answer.headers["retry-after"]) > 0


async def test_public_routes(api: Api) -> None:
    tenant, neighbour = (await api.anybody.get("/tenants")).json()
    assert (tenant["slug"], neighbour["slug"]) == ("32.14-latihan", "33.25-latihan")
    assert tenant["training"] is True
    assert tenant["sms_number"] == "+628121297775"
    tree = (await api.anybody.get("/triage-questions")).json()
    assert tree["questions"][tree["first"]]["text_id"]


async def test_a_fault_tells_a_reference_and_nothing_else(
    api: Api, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken() -> None:
        raise LookupError("secret inner matter")

    monkeypatch.setattr(api.centre.tenants, "all", broken)
    with caplog.at_level(logging.ERROR):
        answer = await api.anybody.get("/tenants")
    document = problem(answer, 500, "internal")
    assert "secret" not in answer.text
    assert answer.headers["x-request-id"]
    assert document["reference"] in caplog.text
    assert "secret inner matter" in caplog.text


async def test_every_answer_carries_the_security_headers(api: Api) -> None:
    answers = [
        await api.client.get("/health"),
        await api.client.get("/openapi.json"),
        await api.client.get("/nowhere"),
        await api.anybody.get("/calls"),
        await api.anybody.post("/calls", content=b"x" * (MOST_BYTES + 1)),
    ]
    for answer in answers:
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-request-id"]


async def test_a_request_id_comes_back_and_into_the_event(api: Api) -> None:
    given = {"X-Request-Id": "app-7f3"}
    warga = await api.resident(41)
    call_id = str(uuid4())
    answer = await warga.post("/calls", {"id": call_id}, headers=given)
    assert answer.headers["x-request-id"] == "app-7f3"
    place = await warga._ask(
        "PUT", f"/calls/{call_id}/place", json={"lon": 107.44, "lat": -6.55}, headers=given
    )
    assert place.status_code == 200
    entry = await api.centre.tenants.by_slug(api.slug)
    async with api.centre.read(entry.tenant) as tx:
        rows = await tx.session.execute(
            text("SELECT body::jsonb ->> 'cause' FROM event WHERE subject_id = :id ORDER BY seq"),
            {"id": call_id},
        )
        assert list(rows.scalars()) == [
            "http POST /api/v1/calls app-7f3",
            "http PUT /api/v1/calls/{call_id}/place app-7f3",
        ]
    foul = await api.client.get("/health", headers={"X-Request-Id": "a b\t<script>"})
    assert re.fullmatch(r"[0-9a-f-]{36}", foul.headers["x-request-id"])


async def test_large_bodies_are_refused_announced_or_not(api: Api) -> None:
    headers = {"content-type": "application/json"}
    announced = await api.anybody.post("/sessions/staff", content=b" " * (MOST_BYTES + 1), headers=headers)
    problem(announced, 413, "too_large")

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(9):
            yield b" " * 8192

    in_pieces = await api.anybody.post("/sessions/staff", content=pieces(), headers=headers)
    problem(in_pieces, 413, "too_large")
    most = await api.anybody.post("/sessions/staff", content=b" " * MOST_BYTES, headers=headers)
    problem(most, 422, "invalid_input")


async def test_unknown_addresses_and_methods_are_problems(api: Api) -> None:
    problem(await api.client.get("/api/v1/nothing"), 404, "not_found")
    problem(await api.client.get("/api/v1/tenants/"), 404, "not_found")
    answer = await api.client.delete("/api/v1/tenants")
    problem(answer, 405, "method_not_allowed")
    assert answer.headers["allow"] == "GET"


async def test_the_landing_page_stands_alone(
    api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api.centre.settings, "web_dir", tmp_path / "not built")
    answer = await api.client.get("/")
    assert answer.headers["content-type"].startswith("text/html")
    assert answer.headers["content-security-policy"] == POLICY
    assert "LATIHAN" in answer.text
    assert "Kabupaten Purwakarta" in answer.text
    assert "<script" not in answer.text
    assert set(re.findall(r"(?:href|src)=\"([^\"]+)\"", answer.text)) == {"/openapi.json", "/health"}
    assert (await api.client.get("/docs")).headers["location"] == "/"
    problem(await api.client.get("/redoc"), 404, "not_found")


async def test_the_landing_page_says_latihan_only_without_live_tenants() -> None:
    live = Tenant(1, "32.14", "32.14", "live", "Kabupaten <Contoh>", "PWK", "Asia/Jakarta")
    shown = page([TenantEntry(live, {}, "", "")])
    assert "LATIHAN" not in shown
    assert "Kabupaten &lt;Contoh&gt;" in shown
    assert "LATIHAN" in page([])
