"""Trackers' places in the OsmAnd and Traccar form: answered once stored, from known devices only."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from api_scene import Api, clock, fields, problem
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
            text("SELECT * FROM position WHERE installation_id = :id ORDER BY sequence"),
            {"id": UUID(tracker)},
        )
        return list(rows.all())


async def registered(api: Api, name: str, number: int = 0) -> tuple[str, str, str]:
    """Register a tracker to a unit without an app; returns its identifier, its id and the unit's."""
    admin = api.staff("admin1")
    units = (await admin.get("/operator/units")).json()
    unit = [u for u in units if u["tracking"] == "manual"][number]["id"]
    made = await admin.post(f"/operator/units/{unit}/trackers", {"name": name})
    assert made.status_code == 201, made.text
    return made.json()["identifier"], made.json()["tracker"]["id"], unit


async def tell(api: Api, query: str = "", body: bytes = b"", method: str = "POST") -> httpx.Response:
    return await api.client.request(method, f"/api/v1/tracker{query}", content=body)


async def test_a_fix_is_committed_when_it_is_answered(api: Api) -> None:
    secret, tracker, unit = await registered(api, "Pelacak Uji")
    at = clock() - MINUTE
    query = (
        f"?id={secret}&lat=-6.55&lon=107.44&timestamp={int(at.timestamp())}&speed=20&bearing=90"
        "&altitude=80&accuracy=6&batt=77&hdop=0.9&extra=x"
    )
    answer = await tell(api, query, method="GET")
    assert (answer.status_code, answer.json()) == (200, {"saved": 1, "refused": []})
    (row,) = await fixes(api, tracker)
    assert (row.lat, row.lon, row.accuracy_m, row.heading_deg, row.battery) == (-6.55, 107.44, 6, 90, 77)
    assert (row.unit_id, row.source, row.quality, row.replayed) == (UUID(unit), "tracker", "good", False)
    assert abs(row.speed_ms - 20 * 0.514444) < 1e-3  # knots
    # sent again it is answered again, and kept once
    assert (await tell(api, query)).status_code == 200
    assert len(await fixes(api, tracker)) == 1
    # a unit without an app is where its tracker says
    shown = next(u for u in (await api.staff("operator1").get("/operator/units")).json() if u["id"] == unit)
    assert (shown["place_source"], shown["position_quality"], shown["lat"]) == ("fix", "live", -6.55)


async def test_forms_of_the_body_and_of_the_time(api: Api) -> None:
    secret, tracker, _ = await registered(api, "Pelacak Bentuk", 1)
    at = (clock() - 5 * MINUTE).replace(microsecond=0)
    later = [at + n * timedelta(seconds=10) for n in range(6)]
    named = [
        str(int(later[0].timestamp() * 1000)),
        later[1].isoformat().replace("+00:00", "Z"),
        later[2].strftime("%Y-%m-%d%%20%H:%M:%S"),
        str(later[3].timestamp()),
    ]
    for moment in named:
        body = f"deviceid={secret}&location=-6.55,107.44&timestamp={moment}&heading=1".encode()
        answer = await tell(api, body=body)
        assert (answer.status_code, answer.json()["saved"]) == (200, 1), answer.text
    place = {"latitude": -6.55, "longitude": 107.44, "accuracy": 5.0, "speed": 3.5, "heading": 12.0}
    told = {"timestamp": later[4].isoformat(), "coords": place, "battery": {"level": 0.5}}
    assert (
        await tell(api, body=json.dumps({"device_id": secret, "location": told}).encode())
    ).status_code == 200
    rows = await fixes(api, tracker)
    assert [row.fixed_at for row in rows] == later[:5]
    assert (rows[-1].speed_ms, rows[-1].battery) == (3.5, 50)
    # what the device kept comes later than newer fixes: kept in its order, marked, and no marker goes back
    assert (
        await tell(api, f"?id={secret}&lat=-6.551&lon=107.44&timestamp={int(at.timestamp()) - 60}")
    ).is_success
    rows = await fixes(api, tracker)
    assert [row.replayed for row in rows] == [True, *[False] * 5]
    entry = await api.centre.tenants.by_slug("32.14-latihan")
    async with api.centre.read(entry.tenant) as tx:
        marker = text("SELECT fixed_at FROM latest_position WHERE installation_id = :id")
        assert (await tx.session.execute(marker, {"id": UUID(tracker)})).scalar_one() == later[4]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("lat=-6.5&lon=107.4", "id"),
        ("id=&lat=-6.5&lon=107.4", "id"),
        ("id=%ff%fe&lat=x", "body"),
        ("id=x&lat=-6.5", "lon"),
        ("id=x", "lat"),
        ("id=x&lat=a&lon=107.4", "lat"),
        ("id=x&lat=nan&lon=107.4", "lat"),
        ("id=x&lat=1e999&lon=107.4", "lat"),
        ("id=x&lat=0&lon=0", "lat"),
        ("id=x&lat=-6.5&lon=107.4&timestamp=yesterday", "timestamp"),
        ("id=x&lat=-6.5&lon=107.4&timestamp=1e40", "timestamp"),
        ("id=x&lat=-6.5&lon=107.4&timestamp=-99999999999999", "timestamp"),
        ("id=x&lat=-6.5&lon=107.4&speed=fast", "speed"),
        ("id=" + "x" * 500 + "&lat=-6.5&lon=107.4", "id"),
        ("&".join(f"a{n}=1" for n in range(60)), "body"),
    ],
)
async def test_nonsense_is_refused_with_the_name_of_what_is_wrong(api: Api, query: str, field: str) -> None:
    answer = await tell(api, f"?{query}")
    assert field in fields(problem(answer, 422, "invalid_input"))


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"{}", b"[]", b"null", b"\xff\xfe", b'{"device_id": 7}',
        b'{"device_id": [], "location": 1}',
        b'{"device_id": "x", "location": {"coords": []}}', b'{"device_id": "x", "location": []}',
        b'{"device_id": "x", "location": {"coords": {"latitude": "a", "longitude": 1}}}',
        b'{"device_id": true, "location": {"coords": {"latitude": 1, "longitude": 1}}}',
        b'{"device_id": "x", "location": {"coords": {"latitude": 1, "longitude": 1}, "timestamp": {}}}',
        b'{"a":' * 3000, b'{"device_id": "x", "location": [' + b"1," * 200 + b"1]}",
    ],
)  # fmt: skip
async def test_broken_bodies_are_refused(api: Api, body: bytes) -> None:
    problem(await tell(api, body=body), 422, "invalid_input")


async def test_what_can_never_be_kept_is_not_asked_for_again(api: Api) -> None:
    secret, tracker, _ = await registered(api, "Pelacak Jam", 2)
    for at in (clock() + 10 * MINUTE, clock() - timedelta(days=8)):
        answer = await tell(api, f"?id={secret}&lat=-6.5&lon=107.4&timestamp={int(at.timestamp())}")
        assert (answer.status_code, answer.json()["saved"]) == (202, 0)
        assert answer.json()["refused"][0]["reason_id"]
    assert (await tell(api, f"?id={secret}&lat=-96.5&lon=107.4")).status_code == 202
    assert (await tell(api, f"?id={secret}&lat=-6.5&lon=107.4&valid=false")).status_code == 202
    assert await fixes(api, tracker) == []


async def test_registration_is_for_administrators_and_identifiers_are_secrets(api: Api) -> None:
    secret, tracker, unit = await registered(api, "Pelacak Rahasia", 3)
    for who in ("operator1", "pengemudi1", "auditor1"):
        problem(
            await api.staff(who).post(f"/operator/units/{unit}/trackers", {"name": "x"}), 403, "forbidden"
        )
    admin = api.staff("admin1")
    for short in ("123", "a b c d e f g h", "ü" * 20):
        problem(
            await admin.post(f"/operator/units/{unit}/trackers", {"name": "x", "identifier": short}),
            422, "invalid_input",
        )  # fmt: skip
    again = {"name": "x", "identifier": secret}
    problem(await admin.post(f"/operator/units/{unit}/trackers", again), 409, "conflict")
    listed = await admin.get("/operator/trackers")
    assert tracker in [t["id"] for t in listed.json()]
    assert secret not in listed.text
    entry = await api.centre.tenants.by_slug("32.14-latihan")
    async with api.centre.read(entry.tenant) as tx:
        kept = await tx.session.execute(
            text("SELECT count(*) FROM event WHERE body LIKE '%' || :s || '%'"), {"s": secret}
        )
        assert kept.scalar_one() == 0
    # another tenant neither sees nor ends it
    stranger = api.staff("admin1", "33.25-latihan")
    problem(await stranger.delete(f"/operator/trackers/{tracker}"), 404, "not_found")
    for _ in range(2):
        assert (await admin.delete(f"/operator/trackers/{tracker}")).json()["revoked_at"] is not None
    problem(await tell(api, f"?id={secret}&lat=-6.5&lon=107.4"), 403, "forbidden")
    # a revoked identifier is free for another unit
    assert (await admin.post(f"/operator/units/{unit}/trackers", again)).status_code == 201


async def test_guessing_is_slowed_down_and_known_trackers_are_not(api: Api) -> None:
    secret, _, _ = await registered(api, "Pelacak Tenang", 4)
    good = f"?id={secret}&lat=-6.5&lon=107.4"
    assert (await tell(api, good)).status_code == 200
    answers = [(await tell(api, f"?id=tebakan-{n}&lat=-6.5&lon=107.4")).status_code for n in range(25)]
    assert set(answers) == {403, 429}
    assert answers[-1] == 429
    assert (await tell(api, good)).status_code == 200


@pytest.mark.parametrize("seconds", [1_763_700_000, 2**31, 2**32])
async def test_seconds_are_no_milliseconds_after_2038_either(seconds: int) -> None:
    for counted in (seconds, seconds * 1000):
        report = read_report(f"id=x&lat=1&lon=2&timestamp={counted}", b"", clock())
        assert report.fixes[0].seq == seconds * 1000


async def test_speed_is_in_knots_and_accuracy_by_its_dilution() -> None:
    report = read_report("id=x&lat=1&lon=2&timestamp=1763700000&speed=10&hdop=2", b"", clock())
    assert (report.fixes[0].seq, report.fixes[0].accuracy_m) == (1_763_700_000_000, 10)
    assert report.fixes[0].speed_ms == 10 * KNOT_MS
