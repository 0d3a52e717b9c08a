"""The desk says when what is stored lies on one machine alone, and stops saying so when that is over."""

from __future__ import annotations

import pytest
from conftest import Open
from desk_page import DeskPage
from playwright.sync_api import Page, Route, expect
from served import Served
from watched import PHONE

pytestmark = pytest.mark.timeout(300)  # a busy machine starts everything within the first test

class Copies:
    """What a page is told of the standby; all else is the server's own answer. The tests' database has none."""

    def __init__(self, page: Page) -> None:
        self.standby = "not_configured"
        page.route("**/health", self._answer)

    def _answer(self, route: Route) -> None:
        told = route.fetch()
        route.fulfill(response=told, json=told.json() | {"standby": self.standby})


def test_one_copy_is_told_until_there_are_two_again(open_browser: Open, served: Served) -> None:
    desk = DeskPage(open_browser(maps=False), served.account("operator1"))
    copies = Copies(desk.page)
    desk.open()
    line = desk.page.locator(".top [role=alert]")
    expect(desk.page.locator(".figures")).to_be_visible()
    expect(line).to_have_count(0)
    copies.standby = "down"
    expect(line).to_contain_text("Data hanya tersimpan di satu mesin.")
    expect(line).to_contain_text("hubungi petugas TI")
    # it covers nothing, and the desk goes on
    above, queue = line.bounding_box(), desk.queue.bounding_box()
    assert above is not None
    assert queue is not None
    assert above["y"] + above["height"] <= queue["y"] + 1
    desk.page.keyboard.press("n")
    expect(desk.detail.locator("form")).to_be_visible()
    copies.standby = "ok"
    expect(line).to_have_count(0)


def test_on_a_phone_at_night_in_english(open_browser: Open, served: Served) -> None:
    phone = open_browser(maps=False, viewport=PHONE, has_touch=True)
    desk = DeskPage(phone, served.account("operator1"))
    Copies(desk.page).standby = "down"
    page = desk.open().page
    page.get_by_label("Ganti terang atau malam").click()
    page.get_by_label("Ganti bahasa ke Inggris").click()
    expect(page.locator(".top [role=alert]")).to_contain_text("Data are stored on one machine alone.")
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], "nothing sticks out"
