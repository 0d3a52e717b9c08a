"""The desk says what the system runs short of, in every view, and stops saying so when that is over."""

from __future__ import annotations

import pytest
from arranged import open_incident
from conftest import Open
from desk_page import DeskPage
from playwright.sync_api import Page, Route, expect
from served import Served
from watched import PHONE

pytestmark = pytest.mark.timeout(300)  # a busy machine starts everything within the first test

ALONE = "Data hanya tersimpan di satu mesin."
FULL = "Disk server hampir penuh."
LAGGING = "Posisi di peta bisa tertinggal."


class Told:
    """What a page is told of the system's parts; all else is the server's own answer."""

    def __init__(self, page: Page, **parts: str) -> None:
        self.parts = {"standby": "not_configured", **parts}
        page.route("**/health", self._answer)

    def _answer(self, route: Route) -> None:
        told = route.fetch()
        route.fulfill(response=told, json=told.json() | self.parts)


def test_one_copy_is_told_until_there_are_two_again(open_browser: Open, served: Served) -> None:
    desk = DeskPage(open_browser(maps=False), served.account("operator1"))
    told = Told(desk.page)
    desk.open()
    line = desk.page.locator(".top [role=alert]")
    expect(desk.page.locator(".figures")).to_be_visible()
    expect(line).to_have_count(0)
    told.parts["standby"] = "down"
    expect(line).to_contain_text(ALONE)
    expect(line).to_contain_text("hubungi petugas TI")
    # it covers nothing, and the desk goes on
    above, queue = line.bounding_box(), desk.queue.bounding_box()
    assert above is not None
    assert queue is not None
    assert above["y"] + above["height"] <= queue["y"] + 1
    desk.page.keyboard.press("n")
    expect(desk.detail.locator("form")).to_be_visible()
    told.parts["standby"] = "ok"
    expect(line).to_have_count(0)


def test_no_view_hides_what_is_short(open_browser: Open, served: Served) -> None:
    incident_id = open_incident(served, "Contoh Serba Kurang")
    desk = DeskPage(open_browser(maps=False), served.account("operator1"))
    told = Told(desk.page, redis="down")
    page = desk.open().page
    line = page.locator(".top [role=alert]")
    expect(line).to_contain_text([LAGGING])
    page.goto(f"/operator#replay={incident_id}")
    page.locator(".replay .tick").first.wait_for()
    expect(line).to_contain_text([LAGGING])
    told.parts |= {"standby": "down", "disk": "down"}
    expect(line).to_contain_text([FULL, ALONE, LAGGING])
    lowest, banner = line.last.bounding_box(), page.locator(".replay .banner").bounding_box()
    assert lowest is not None
    assert banner is not None
    assert lowest["y"] + lowest["height"] <= banner["y"] + 1
    page.keyboard.press("Escape")
    expect(page.locator(".replay")).to_have_count(0)
    page.keyboard.press("l")
    expect(page.get_by_role("search")).to_be_visible()
    expect(line).to_contain_text([FULL, ALONE, LAGGING])
    told.parts["redis"] = "ok"
    expect(line).to_contain_text([FULL, ALONE])
    expect(line).to_have_count(2)


def test_on_a_phone_at_night_in_english(open_browser: Open, served: Served) -> None:
    phone = open_browser(maps=False, viewport=PHONE, has_touch=True)
    desk = DeskPage(phone, served.account("operator1"))
    Told(desk.page, standby="down")
    page = desk.open().page
    page.get_by_label("Ganti terang atau malam").click()
    page.get_by_label("Ganti bahasa ke Inggris").click()
    expect(page.locator(".top [role=alert]")).to_contain_text("Data are stored on one machine alone.")
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], "nothing sticks out"
