"""The ambulance comes to the scene: one touch confirms it with the time of the crossing, another says no."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from arranged import TOWN, open_incident
from conftest import Open
from desk_page import DeskPage
from driver_page import DriverPage
from playwright.sync_api import expect
from served import Served
from watched import PHONE, until

pytestmark = pytest.mark.timeout(300)  # a busy machine starts everything within the first test

UNIT = "PWK-A02"
METRE = 1 / 111_195
AWAY = {"longitude": TOWN["lon"], "latitude": TOWN["lat"] + 260 * METRE, "accuracy": 8}


def drive_up(driver: DriverPage, metres: float) -> None:
    """Stand there, and wander a little, as receivers do, until the page has something to ask."""
    wander = iter(range(1, 1000))

    def asked() -> bool:
        driver.drive(TOWN["lon"], TOWN["lat"] + (metres + next(wander) % 5) * METRE)
        driver.page.wait_for_timeout(500)
        return driver.page.locator(".proposal").count() > 0

    until(driver.page, asked, "the page asks whether the unit has arrived", 60)


def run_of(served: Served, incident: str) -> dict[str, Any]:
    board = served.get("/operator/board")
    case = next(i for i in board["incidents"] if i["id"] == incident)
    run: dict[str, Any] = case["runs"][0]
    return run


def on_the_way(open_browser: Open, served: Served) -> tuple[DriverPage, str]:
    """A crew that drives to a case, still some way off; its page, and the incident's id."""
    driver = DriverPage(
        open_browser(viewport=PHONE, maps=False, geolocation=AWAY, permissions=["geolocation"]),
        served.account("pengemudi1"),
    ).open()
    driver.sign_on(UNIT)
    incident = open_incident(served, "Contoh Melati")
    unit = next(u["id"] for u in served.get("/operator/units") if u["call_sign"] == UNIT)
    served.post(f"/operator/incidents/{incident}/assignments", unit_id=unit, reason="uji")
    driver.accept()
    driver.step("Berangkat", "Menuju lokasi")
    return driver, incident


def test_one_touch_confirms_what_the_positions_say(
    open_browser: Open, served: Served, tmp_path: Path
) -> None:
    driver, incident = on_the_way(open_browser, served)
    drive_up(driver, 20)
    button = driver.page.locator(".proposal button.primary")
    (proposal,) = run_of(served, incident)["proposals"]
    expect(button).to_contain_text("Tiba di lokasi")
    expect(button).to_contain_text("Benar")
    assert proposal["to"] == "on_scene"
    assert "on_scene_at" not in [stamp["name"] for stamp in run_of(served, incident)["stamps"]]
    for theme in ("day", "night"):
        driver.page.screenshot(path=tmp_path / f"proposal-{theme}.png")
        box = button.bounding_box()
        assert box is not None
        assert box["height"] >= 56, "large enough for a hand in a moving car"
        assert box["x"] + box["width"] <= PHONE["width"]
        driver.page.get_by_role("button", name="Ganti terang atau malam").click()

    # no: it goes away, and comes again only with another crossing
    driver.page.locator(".proposal").get_by_role("button", name="Bukan").click()
    expect(driver.page.locator(".proposal")).to_have_count(0)
    far = TOWN["lat"] + 200 * METRE

    def told() -> bool:
        driver.drive(TOWN["lon"], TOWN["lat"] + 260 * METRE)
        return any(fix["lat"] > far for fix in driver.frames("positions")[-1]["fixes"])

    until(driver.page, told, "the phone tells that it is away", 30)

    drive_up(driver, 30)
    (proposal,) = run_of(served, incident)["proposals"]
    driver.page.locator(".proposal button.primary").click()
    expect(driver.state).to_have_text("Tiba di lokasi")
    expect(driver.page.locator(".proposal")).to_have_count(0)

    def stamps() -> list[dict[str, Any]]:
        return [s for s in run_of(served, incident)["stamps"] if s["name"] == "on_scene_at"]

    # the page shows the step at once, and keeps it until the server has it
    until(driver.page, lambda: bool(stamps()), "the step is stored", 30)
    (stamp,) = stamps()
    assert (stamp["source"], stamp["occurred_at"]) == ("geofence_confirmed", proposal["at"])


def test_the_desk_sees_what_waits_for_the_crew_and_takes_no_step_for_it(
    open_browser: Open, served: Served
) -> None:
    driver, incident = on_the_way(open_browser, served)
    desk = DeskPage(open_browser(maps=False), served.account("operator1")).open()
    desk.page.goto(f"/operator#incident={incident}")
    run = desk.detail.locator("article", has_text=UNIT)
    chip = run.locator(".chip", has_text="Tiba di lokasi")
    expect(run.locator(".chip").first).to_have_text("Menuju lokasi")
    expect(chip).to_have_count(0)

    drive_up(driver, 20)
    (proposal,) = run_of(served, incident)["proposals"]
    made = datetime.fromisoformat(proposal["at"]).astimezone(ZoneInfo("Asia/Jakarta"))
    expect(chip).to_have_text(f"◎ Tiba di lokasi {made:%H:%M}?")
    expect(run).to_contain_text("menurut posisi; menunggu awak")
    expect(run.locator(".chip").first).to_have_text("Menuju lokasi")
    assert not any(s["name"] == "on_scene_at" for s in run_of(served, incident)["stamps"])

    driver.page.locator(".proposal button.primary").click()
    expect(run.locator(".chip").first).to_have_text("Tiba di lokasi")
    expect(run).not_to_contain_text("menunggu awak")
