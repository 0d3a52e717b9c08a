"""A case played again on the operator's page: what was known then, plainly not now, and nothing that acts."""

from __future__ import annotations

import re

import pytest
from arranged import open_incident, ringing_call
from conftest import Open
from desk_page import DeskPage
from playwright.sync_api import Page, Request, expect
from served import Served
from watched import PHONE, until

pytestmark = pytest.mark.timeout(300)  # a busy machine starts everything within the first test


def played(served: Served) -> tuple[str, str]:
    """A case with one unit that a telephone reaches; its incident's id and the unit's call sign."""
    incident_id = open_incident(served, "Contoh Putar Ulang", "red")
    units = served.get("/operator/units")
    unit = next(u for u in units if u["tracking"] == "manual" and u["status"] == "available")
    run = served.post(f"/operator/incidents/{incident_id}/assignments", unit_id=unit["id"], reason="uji")
    for to in ("accepted", "en_route", "on_scene"):
        served.post(f"/operator/assignments/{run['id']}/steps", to=to)
    return incident_id, unit["call_sign"]


def replayed(desk: DeskPage, served: Served, incident_id: str) -> Page:
    """Open the replay from the case in hand."""
    board = served.get("/operator/board")
    number = next(i["number"] for i in board["incidents"] if i["id"] == incident_id)
    desk.page.locator(f"[data-queue-row]:has(strong[title='{number}'])").click()
    desk.detail.get_by_role("button", name="Putar ulang").click()
    desk.page.locator(".replay .tick").first.wait_for()
    return desk.page


def test_what_was_known_then(open_browser: Open, served: Served) -> None:
    incident_id, sign = played(served)
    desk = DeskPage(open_browser(maps=False), served.account("operator1")).open()
    asked: list[Request] = []
    page = replayed(desk, served, incident_id)
    page.on("request", lambda request: asked.append(request))
    known = page.locator(".replay .side")
    expect(page.locator(".banner")).to_contain_text("PUTAR ULANG")
    expect(known).to_contain_text("Panggilan masuk")
    expect(known).to_contain_text("Belum ada kejadian")
    expect(known).to_contain_text("Contoh Putar Ulang")
    expect(known).not_to_contain_text("Tiba di lokasi")

    page.keyboard.press("End")
    expect(known.locator("article")).to_contain_text(sign)
    expect(known.locator("li.own")).to_contain_text("Tiba di lokasi")
    page.keyboard.press("ArrowLeft")
    expect(known.locator("article .chip").first).to_have_text("Menuju lokasi")
    expect(known.locator("li.own")).to_contain_text("Menuju lokasi")
    page.get_by_label("Langkah sebelumnya").click()
    expect(known.locator("article .chip").first).to_have_text("Diterima")

    # a typed time, and playing on to the end by itself
    page.get_by_label("Ke jam").fill("jam tiga")
    page.get_by_role("button", name="Ke jam").click()
    expect(page.get_by_label("Ke jam")).to_have_attribute("aria-invalid", "true")
    page.get_by_role("button", name="60×").click()
    page.get_by_role("button", name="Putar").first.click()
    expect(known.locator("li.own")).to_contain_text("Tiba di lokasi")
    assert [r.url for r in asked if r.method != "GET"] == [], "a replay only reads"


def test_the_present_still_rings_and_no_key_acts(open_browser: Open, served: Served) -> None:
    incident_id, _ = played(served)
    desk = DeskPage(open_browser(maps=False), served.account("operator1")).open()
    page = replayed(desk, served, incident_id)
    before = desk.watched.tones(page)
    call_id = ringing_call(served, "Contoh Sungguh")
    now = page.get_by_role("group", name="Sekarang").get_by_role("button", name="berdering")
    expect(now).to_be_visible()
    until(page, lambda: desk.watched.tones(page) > before, "the present rings over the past")
    for key in "tnsjkrud":
        page.keyboard.press(key)
    expect(page.locator(".replay")).to_be_visible()
    assert served.count("call_taken", call_id) == 0
    now.click()
    expect(desk.ringing()).to_have_count(1)
    expect(desk.take_button()).to_be_visible()


def test_what_a_crew_was_told_is_said_in_words(open_browser: Open, served: Served) -> None:
    incident_id, sign = played(served)
    (run,) = next(i for i in served.get("/operator/board")["incidents"] if i["id"] == incident_id)["runs"]
    served.post(f"/operator/assignments/{run['id']}/stand-down", reason="uji")
    page = replayed(
        DeskPage(open_browser(maps=False), served.account("operator1")).open(), served, incident_id
    )
    page.keyboard.press("End")
    known = page.locator(".replay .side")
    expect(known.locator("article .chip").first).to_have_text("Dipanggil kembali")
    expect(known.locator("article")).to_contain_text(sign)
    expect(known.locator("p", has_text=re.compile(r"dipanggil kembali \("))).to_have_count(1)
    expect(known).not_to_contain_text("stand down")


def test_alarms_are_seen_wherever_the_queue_is_not(open_browser: Open, served: Served) -> None:
    incident_id = open_incident(served, "Contoh Ditolak", "yellow")
    unit = next(
        u for u in served.get("/operator/units") if u["tracking"] == "manual" and u["status"] == "available"
    )
    run = served.post(f"/operator/incidents/{incident_id}/assignments", unit_id=unit["id"], reason="uji")
    desk = DeskPage(open_browser(maps=False), served.account("operator1")).open()
    page = replayed(desk, served, incident_id)
    now = page.get_by_role("group", name="Sekarang")
    served.post(f"/operator/assignments/{run['id']}/steps", to="declined", reason="vehicle")
    expect(now).to_contain_text(f"{unit['call_sign']} menolak")
    now.get_by_role("button", name="alarm").click()
    expect(desk.queue).to_contain_text(f"{unit['call_sign']} menolak")
    expect(now).not_to_be_visible()

    # a phone shows the queue or the case, never both
    phone = open_browser(maps=False, viewport=PHONE, has_touch=True)
    page = DeskPage(phone, served.account("operator2")).open().page
    now = page.get_by_role("group", name="Sekarang")
    expect(page.locator("section.queue")).to_contain_text("menolak")
    expect(now).to_have_count(0)
    page.get_by_role("button", name="Kasus").click()
    expect(now).to_contain_text(f"{unit['call_sign']} menolak")
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], "nothing sticks out"


def test_on_a_phone_at_night_in_english(open_browser: Open, served: Served) -> None:
    incident_id, sign = played(served)
    phone = open_browser(maps=False, viewport=PHONE, has_touch=True)
    page = DeskPage(phone, served.account("operator1")).open().page
    page.get_by_label("Ganti terang atau malam").click()
    page.get_by_label("Ganti bahasa ke Inggris").click()
    page.goto(f"/operator#replay={incident_id}")
    page.reload()
    page.locator(".replay .tick").first.wait_for()
    expect(page.locator(".banner")).to_contain_text("REPLAY")
    page.keyboard.press("End")
    expect(page.locator(".replay article")).to_contain_text(sign)
    expect(page.locator(".replay article .chip").first).to_have_text("On scene")
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= PHONE["width"], "nothing sticks out"
    page.locator(".banner").get_by_role("button", name="Close").click()
    expect(page.locator(".replay")).to_have_count(0)
