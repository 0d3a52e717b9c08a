"""Cases found again and replayed: by an operator, and by the health office without the persons."""

from __future__ import annotations

import pytest
from arranged import open_incident
from conftest import Open
from desk_page import DeskPage
from office_page import OfficePage
from playwright.sync_api import Page, expect
from served import Served
from watched import PHONE

pytestmark = pytest.mark.timeout(300)  # a busy machine starts everything within the first test

CALLER = "Contoh Kejadian Lampau"


def ended(served: Served) -> tuple[str, str, str]:
    """A case that is over, with a unit that had been sent; its id, number and the unit's call sign."""
    incident_id = open_incident(served, CALLER, "red")
    number = next(i["number"] for i in served.get("/operator/board")["incidents"] if i["id"] == incident_id)
    units = served.get("/operator/units")
    unit = next(u for u in units if u["tracking"] == "manual" and u["status"] == "available")
    run = served.post(f"/operator/incidents/{incident_id}/assignments", unit_id=unit["id"], reason="uji")
    served.post(f"/operator/assignments/{run['id']}/steps", to="accepted")
    served.post(f"/operator/incidents/{incident_id}/cancellation", reason="caller_cancelled")
    return incident_id, number, unit["call_sign"]


def searched(page: Page, words: str) -> None:
    """Type into the search and wait for its answer."""
    with page.expect_response(lambda answer: "/operator/incidents?" in answer.url and "q=" in answer.url):
        page.get_by_label("Nomor kejadian atau nama unit").fill(words)
    expect(page.locator(".found")).to_have_attribute("aria-busy", "false")


def test_an_operator_finds_a_case_that_has_left_the_board(open_browser: Open, served: Served) -> None:
    _, number, sign = ended(served)
    desk = DeskPage(open_browser(maps=False), served.account("operator1")).open()
    page = desk.page
    expect(page.locator(f"[data-queue-row]:has(strong[title='{number}'])")).to_have_count(0)
    page.keyboard.press("l")
    box = page.get_by_label("Nomor kejadian atau nama unit")
    expect(box).to_be_focused()
    page.keyboard.type("lnt")  # letters typed here are no keys of the desk
    expect(box).to_have_value("lnt")
    searched(page, "tidak ada yang begini")
    expect(page.locator(".found")).to_contain_text("Tidak ada kejadian yang cocok")
    searched(page, f"{number[-4:]} {sign}")
    found = page.locator(".found").get_by_role("button", name=number)
    expect(found).to_have_count(1)
    expect(found).to_contain_text("Dibatalkan")
    found.click()
    page.locator(".replay .tick").first.wait_for()
    page.keyboard.press("End")
    expect(page.locator(".replay .side")).to_contain_text(CALLER)
    expect(page.locator(".replay article")).to_contain_text(sign)
    # back to the list, which is as it was
    page.keyboard.press("Escape")
    expect(page.locator(".replay")).to_have_count(0)
    expect(box).to_have_value(f"{number[-4:]} {sign}")
    expect(page.locator(".found").get_by_role("button", name=number)).to_have_count(1)


def test_the_office_replays_a_case_of_its_report_without_seeing_whose(
    open_browser: Open, served: Served
) -> None:
    incident_id, number, sign = ended(served)
    for size in ({}, {"viewport": PHONE, "has_touch": True}):
        office = OfficePage(open_browser(maps=False, **size), served.account("dinkes1")).open()
        page = office.page
        told: list[str] = []
        page.on("response", lambda answer, told=told: told.append(answer.url))
        page.get_by_role("button", name="Cari kejadian").click()
        searched(page, number)
        page.locator(".found").get_by_role("button", name=number).click()
        page.locator(".replay .tick").first.wait_for()
        expect(page.locator(".banner")).to_contain_text("tanpa data pribadi")
        page.keyboard.press("End")
        expect(page.locator(".replay article")).to_contain_text(sign)
        expect(page.locator(".replay .side")).to_contain_text("nama tidak ditampilkan")
        expect(page.locator(".replay")).not_to_contain_text(CALLER)
        assert any(f"/operator/incidents/{incident_id}/replay" in url for url in told)
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= page.viewport_size["width"], "nothing sticks out"
        page.reload()
        page.locator(".replay .tick").first.wait_for()
        page.go_back()
        expect(page.locator(".replay")).to_have_count(0)
        expect(page.locator("section.cases")).to_be_visible()
