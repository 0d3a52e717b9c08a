"""A road is closed on one desk's map: minutes change first, every desk sees it, lifting undoes it."""

from __future__ import annotations

import re
from typing import Any
from uuid import uuid4

import pytest
from arranged import TOWN, open_incident
from conftest import Open
from desk_page import DeskPage
from playwright.sync_api import expect
from roads_page import RoadsPage, Spot, stretch
from served import Served

pytestmark = pytest.mark.timeout(400)  # a busy machine starts everything within the first test

SCENE: Spot = (TOWN["lon"], TOWN["lat"])


def detour(served: Served, incident_id: str) -> tuple[dict[str, Any], list[Spot]]:
    """A unit that reports by telephone, so that it stays where it is, and two places of its way to the scene:
    a closure between them costs it a minute or so."""
    ranking = served.get(f"/operator/incidents/{incident_id}/candidates")
    for candidate in ranking["candidates"][:8]:
        unit = candidate["unit"]
        if unit["tracking"] != "manual" or candidate["road_m"] < 1_000:
            continue
        ends = {"from_lon": unit["lon"], "from_lat": unit["lat"], "to_lon": SCENE[0], "to_lat": SCENE[1]}
        line = served.get("/route", **ends)["geometry"]
        for near in range(60, 260, 40):
            spots = stretch(line, near, near + 60)
            if costs_a_minute(served, incident_id, unit["id"], spots):
                return unit, spots
    raise AssertionError("no way to this scene has a longer way around")


def costs_a_minute(served: Served, incident_id: str, unit_id: str, spots: list[Spot]) -> bool:
    shape = {"type": "LineString", "coordinates": spots}
    body = {"id": str(uuid4()), "shape": shape, "effect": "close"}
    arrivals = served.post("/operator/road-changes/preview", **body)["arrivals"]
    mine = [a for a in arrivals if a["unit_id"] == unit_id and a["incident_id"] == incident_id]
    return any(a["after_s"] is not None and a["after_s"] - a["before_s"] > 55 for a in mine)


def sent(served: Served, incident_id: str, unit: dict[str, Any]) -> dict[str, Any]:
    """Send a unit that sets off at once."""
    body = {"unit_id": unit["id"], "reason": "Diminta keluarga"}
    run: dict[str, Any] = served.post(f"/operator/incidents/{incident_id}/assignments", **body)
    for step in ("accepted", "en_route"):
        served.post(f"/operator/assignments/{run['id']}/steps", to=step)
    return run


def test_a_closure_is_seen_before_and_after_everywhere_and_lifted(open_browser: Open, served: Served) -> None:
    incident_id = open_incident(served, "Contoh Jalan Putus", "red")
    unit, spots = detour(served, incident_id)
    run = sent(served, incident_id, unit)
    one = DeskPage(open_browser(), served.account("operator1")).open()
    two = DeskPage(open_browser(maps=False), served.account("operator2")).open()
    for desk in (one, two):
        desk.page.evaluate("(id) => { location.hash = `incident=${id}` }", incident_id)
        desk.number()
    there, here = RoadsPage(two), RoadsPage(one)
    before = there.minutes()
    assert there.tool.inner_text() == "Jalan"

    one.detail.get_by_role("button", name="Tunjukkan").first.click()
    here.open().draw("Garis", SCENE, [*spots, (SCENE[0] + 0.003, SCENE[1])])
    one.page.keyboard.press("Backspace")
    expect(here.bar).to_contain_text("2 titik")
    one.page.keyboard.press("Enter")
    here.bar.wait_for(state="detached")
    told = here.effects.locator("li.sent", has_text=run["call_sign"])
    expect(told).to_contain_text("sudah dikirim")
    expect(told.locator(".time")).to_have_text(re.compile(r"\d+:\d\d → \s*\d+:\d\d\s+\+\d+:\d\d"))
    assert served.get("/operator/road-changes") == []

    one.detail.get_by_label("Catatan").fill("Jembatan contoh terendam")
    one.detail.get_by_role("button", name="Tutup jalan ini").click()
    expect(one.detail.locator("article.close")).to_contain_text("Jembatan contoh terendam")
    (change,) = served.get("/operator/road-changes")
    expect(there.tool).to_have_text(re.compile(r"Jalan\s*1"))
    there.minutes_become(before, other=True)

    there.open()
    row = there.change(change["id"])
    expect(row).to_contain_text("Operator Latihan 1")
    expect(row).to_contain_text("Berlaku")
    row.get_by_role("button", name="Cabut").click()
    expect(here.change(change["id"])).to_contain_text("Dicabut")
    expect(here.change(change["id"])).to_contain_text("Operator Latihan 2")
    assert served.get("/operator/road-changes") == []
    two.detail.get_by_role("button", name="Tutup", exact=True).first.click()
    assert two.number()
    there.minutes_become(before)

    here.change(change["id"]).get_by_role("button", name="Tutup lagi").click()
    expect(there.tool).to_have_text(re.compile(r"Jalan\s*1"))
    (again,) = served.get("/operator/road-changes")
    assert again["id"] != change["id"]
    assert again["shape"] == change["shape"]
    here.change(again["id"]).get_by_role("button", name="Cabut").click()
    expect(there.tool).to_have_text("Jalan")
