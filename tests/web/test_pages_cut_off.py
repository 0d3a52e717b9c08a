"""The way to the server is gone: every page says so within seconds, and catches up by itself."""

from __future__ import annotations

import time

import pytest
from arranged import PASSWORD, people, registered, ringing_call
from conftest import Open
from desk_page import DeskPage
from driver_page import DriverPage
from facility_page import FacilityPage
from playwright.sync_api import Page, expect
from resident_page import ResidentPage
from served import Served
from watched import PHONE, until

pytestmark = pytest.mark.timeout(300)  # a busy machine starts everything within the first test

PROMISED_S = 3.0
"""What a page is to need at most; what fails the test is a multiple of it, for machines that are busy."""
PATIENCE_S = 4 * PROMISED_S
NOTE_WHEN = """(signs) => {
    window.cutOffAt = undefined
    window.sameDocument = true
    const look = () => {
        if (window.cutOffAt === undefined && document.querySelector(signs)) window.cutOffAt = Date.now()
    }
    new MutationObserver(look).observe(document.body, {
        subtree: true, childList: true, attributes: true, characterData: true,
    })
}"""
AWAY = ".badge.away, .alert"


def noted(page: Page) -> float | None:
    """When the page said that it is cut off, as seconds of the epoch."""
    found = page.evaluate("window.cutOffAt ?? null")
    return None if found is None else float(found) / 1000


def test_a_silent_server_and_a_dead_one(open_browser: Open, served: Served) -> None:
    person = people(13)
    registered(served, person)
    desk = DeskPage(open_browser(maps=False), served.account("operator1")).open()
    driver = DriverPage(open_browser(maps=False, viewport=PHONE), served.account("pengemudi1")).open()
    facility = FacilityPage(open_browser(maps=False), served.account("faskes1")).open()
    resident = ResidentPage(open_browser(maps=False, viewport=PHONE))
    resident.sign_in(person.phone, PASSWORD)
    resident.call()
    expect(resident.milestone()).to_have_text("Panggilan diterima")
    expect(driver.page.locator(".badge")).to_have_text("Langsung")
    pages = {"operator": desk, "driver": driver, "facility": facility, "resident": resident}
    for person_at in pages.values():
        refused = "ERR_CONNECTION_REFUSED|ERR_CONNECTION_RESET|ERR_EMPTY_RESPONSE|ERR_SOCKET_NOT_CONNECTED"
        person_at.watched.excuse(refused, "the test has stopped the server")
        person_at.watched.excuse("WebSocket connection to", "the test has stopped the server")

    for how, go_away in (("silent", served.freeze), ("dead", served.kill)):
        for at in pages.values():
            at.page.evaluate(NOTE_WHEN, AWAY)
        went = time.time()
        go_away()
        try:
            for name, at in pages.items():
                said = until(at.page, lambda at=at: noted(at.page), f"{name} says it is cut off", PATIENCE_S)
                print(f"{how} server: the {name} page said so after {said - went:.2f} s")
        finally:
            served.thaw()
        if how == "dead":
            served.start_again()
        for at in (desk, driver, facility):
            expect(at.page.locator(".badge")).to_have_text("Langsung")
        expect(resident.page.locator(".alert")).to_have_count(0)
    for at in pages.values():
        assert at.page.evaluate("window.sameDocument"), "the page was not loaded anew"

    # what they show is fresh
    desk.open_call()
    desk.take_button().click()
    expect(resident.milestone()).to_have_text("Operator menangani")
    served.post(f"/operator/calls/{desk.case_id}/disposal", disposal="information")
    expect(resident.page.get_by_role("button", name="Selesai")).to_be_visible()


def test_what_happened_meanwhile_is_caught_up(open_browser: Open, served: Served) -> None:
    desk = DeskPage(open_browser(maps=False), served.account("operator1")).open()
    desk.watched.excuse("ERR_INTERNET_DISCONNECTED", "the test has cut this browser off")
    before = desk.watched.tones(desk.page)
    desk.page.evaluate(NOTE_WHEN, AWAY)
    went = time.time()
    desk.watched.context.set_offline(True)
    said = until(desk.page, lambda: noted(desk.page), "the desk says it is cut off", PATIENCE_S)
    print(f"offline: the operator page said so after {said - went:.2f} s")
    expect(desk.page.get_by_role("alert").first).to_contain_text("Terputus dari server")

    calls = [ringing_call(served, f"Contoh Menyusul {n}") for n in ("Satu", "Dua")]
    served.post(f"/operator/calls/{calls[0]}/take", "operator2")
    expect(desk.ringing()).to_have_count(0)

    desk.watched.context.set_offline(False)
    desk.live()
    expect(desk.ringing()).to_have_count(1)
    expect(desk.queue.locator(".item.taken")).to_contain_text("Operator Latihan 2")
    until(desk.page, lambda: desk.watched.tones(desk.page) > before, "the call of meanwhile rings")
    expect(desk.page.get_by_role("alert")).to_have_count(0)
    assert desk.page.evaluate("window.sameDocument"), "the page was not loaded anew"


def test_a_caller_who_was_not_saved_is_not_forgotten(open_browser: Open, served: Served) -> None:
    desk = DeskPage(open_browser(maps=False), served.account("operator1")).open()
    desk.watched.excuse("ERR_INTERNET_DISCONNECTED", "the test has cut this browser off")
    ringing_call(served, "Contoh Lain")
    expect(desk.ringing()).to_have_count(1)
    unsaved = desk.queue.get_by_role("button", name="BELUM TERSIMPAN")
    desk.write_phone_call("Contoh Terlupa", "0812-0000-0901", "Sesak napas")
    desk.watched.context.set_offline(True)
    desk.save_button().click()
    expect(desk.detail).to_contain_text("Server tidak menjawab: belum tentu berhasil.")
    expect(unsaved).to_have_count(0)
    desk.ringing().click()
    expect(unsaved).to_contain_text("Contoh Terlupa")
    desk.watched.context.set_offline(False)
    desk.live()
    expect(unsaved).to_be_visible()
    unsaved.click()
    desk.save_button().click()
    desk.call_back("Dijawab")
    expect(unsaved).to_have_count(0)
    mine = [c for c in served.get("/operator/board")["calls"] if c["state"] == "taken"]
    assert len(mine) == 1
