"""Two operators at one case, and fingers that press twice: nothing happens twice."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from arranged import PASSWORD, people, registered, ringing_call
from conftest import Open
from desk_page import DeskPage
from playwright.sync_api import Locator, Page, Route, expect
from resident_page import ResidentPage
from served import Served
from watched import PHONE, until

pytestmark = pytest.mark.timeout(300)  # a busy machine starts everything within the first test


@contextmanager
def hearing_nothing_new(page: Page) -> Iterator[None]:
    """Hold back what the page reads, so that it acts on what it saw before."""
    held: list[Route] = []
    reads = re.compile(r"/api/v1/operator/")

    def hold(route: Route) -> None:
        if route.request.method == "GET":
            held.append(route)
        else:
            route.continue_()

    page.route(reads, hold)
    try:
        yield
    finally:
        for route in held:
            route.continue_()
        page.unroute(reads, hold)


def press_twice(button: Locator) -> None:
    """Two presses in one turn of the page, as no double-click guard sees them."""
    button.evaluate("(button) => { button.click(); button.click() }")


def test_two_operators_reach_for_one_call(open_browser: Open, served: Served) -> None:
    one = DeskPage(open_browser(maps=False), served.account("operator1")).open()
    two = DeskPage(open_browser(maps=False), served.account("operator2")).open()
    two.watched.excuse("409 .*/take", "the browser's own line about the refusal")
    call_id = ringing_call(served, "Contoh Bersama")
    one.open_call()
    two.open_call()
    with hearing_nothing_new(two.page):
        one.take_button().dblclick()
        expect(one.detail.locator("header .chip").first).to_have_text("Ditangani")
        press_twice(two.take_button())
        expect(two.detail.locator("header")).to_contain_text("sudah diambil Operator Latihan 1")
    expect(two.detail.locator("header")).to_contain_text("Sedang ditangani Operator Latihan 1")
    expect(two.take_button()).to_have_count(0)
    expect(two.queue).to_contain_text("Operator Latihan 1")
    assert served.count("call_taken", call_id) == 1

    one.judge("Merah")
    incident_id = one.case_id
    two.detail.get_by_role("button", name="Buka kejadiannya").click()
    assert two.number() == one.number()
    sign = two.candidates().first.get_attribute("aria-label")
    assert sign is not None
    expect(one.candidates().first).to_have_attribute("aria-label", sign)
    with hearing_nothing_new(two.page):
        one.candidate(sign).locator("[data-send]").dblclick()
        one.run(sign).wait_for()
        with two.page.expect_response(lambda answer: answer.url.endswith("/assignments")):
            press_twice(two.candidate(sign).locator("[data-send]"))
    expect(two.run(sign)).to_be_visible()
    expect(two.detail.locator("article")).to_have_count(1)
    assert served.count("unit_assigned", incident_id) == 1
    assert served.count("incident_confirmed", incident_id) == 1

    served.post(f"/operator/incidents/{incident_id}/cancellation", reason="false_alarm")
    for desk in (one, two):
        expect(desk.detail.locator("header .chip").first).to_have_text("Dibatalkan")


def test_a_call_that_is_pressed_twice_is_one_call(open_browser: Open, served: Served) -> None:
    before = served.count("call_received")
    desk = DeskPage(open_browser(maps=False), served.account("operator1")).open()
    desk.write_phone_call("Contoh Tekan Ganda", "0812-0000-0803", "Sesak napas")
    desk.save_button().dblclick()
    expect(desk.detail.locator("header h2")).to_contain_text("Telepon")
    assert served.count("call_received") == before + 1
    served.post(f"/operator/calls/{desk.case_id}/disposal", disposal="prank")

    person = people(11)
    registered(served, person)
    resident = ResidentPage(open_browser(maps=False, viewport=PHONE, has_touch=True))
    resident.sign_in(person.phone, PASSWORD)
    resident.tap_call_button()
    press_twice(resident.page.get_by_role("button", name="Panggil sekarang"))
    expect(desk.ringing()).to_have_count(1)
    until(resident.page, lambda: served.count("call_received") == before + 2, "the call is stored")

    # a mistake: the first ten seconds take it back, by two presses as well as by one
    press_twice(resident.page.get_by_role("button", name="Salah tekan? Batalkan"))
    expect(desk.ringing()).to_have_count(0)
    expect(resident.page.get_by_role("button", name="Selesai")).to_be_visible()
    assert served.count("call_received") == before + 2
