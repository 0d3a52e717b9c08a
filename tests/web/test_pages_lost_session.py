"""A session that ends on the server: the page asks for it over itself, and goes on where it was."""

from __future__ import annotations

import json

import httpx
import pytest
from arranged import PASSWORD, open_incident, people, registered, ringing_call
from conftest import Open
from desk_page import DeskPage, fill_sign_in
from driver_page import DriverPage
from facility_page import FacilityPage
from office_page import OfficePage
from playwright.sync_api import Page, expect
from resident_page import ResidentPage
from served import Account, Served
from watched import PHONE, Watched

pytestmark = pytest.mark.timeout(300)  # a busy machine starts everything within the first test


def end_session(served: Served, watched: Watched, page: Page, name: str) -> None:
    """End the session that a page holds, as its owner would from another device."""
    watched.excuse("401", "the test has ended this session")
    watched.excuse("WebSocket connection.*(4401|403)", "the test has ended this session")
    token = json.loads(str(page.evaluate(f"localStorage.getItem('semar.session.{name}')")))["token"]
    headers = {"Authorization": f"Bearer {token}"}
    httpx.delete(f"{served.address}/api/v1/sessions/current", headers=headers).raise_for_status()


def sign_in_again(page: Page, account: Account) -> None:
    """The page asks over itself, and lets nobody reach what is beneath until it is answered."""
    dialog = page.get_by_role("dialog", name="Masuk lagi")
    expect(dialog).to_contain_text("Sesi berakhir")
    expect(page.locator(".page[inert]")).to_have_count(1)
    fill_sign_in(page, account)
    expect(dialog).to_have_count(0)


def test_staff_go_on_where_they_were(open_browser: Open, served: Served) -> None:
    open_incident(served, "Contoh Sesi")
    call_id = ringing_call(served, "Contoh Sesi Dua")
    desk = DeskPage(open_browser(maps=False), served.account("operator1")).open()
    facility = FacilityPage(open_browser(maps=False), served.account("faskes1")).open()
    office = OfficePage(open_browser(maps=False), served.account("dinkes1")).open()
    driver = DriverPage(open_browser(maps=False, viewport=PHONE), served.account("pengemudi1")).open()

    desk.open_call()
    desk.take_button().click()
    desk.detail.get_by_label("Patokan lokasi").first.fill("Belakang pasar")
    facility.page.get_by_label("Tempat tidur kosong").fill("7")
    office.page.get_by_label("Triase").select_option("red")
    driver.page.get_by_label("Tanda panggil unit").fill("PWK-B01")

    end_session(served, desk.watched, desk.page, "operator")
    end_session(served, facility.watched, facility.page, "facility")
    end_session(served, office.watched, office.page, "office")
    end_session(served, driver.watched, driver.page, "driver")
    office.page.get_by_label("Triase").select_option("yellow")
    sign_in_again(desk.page, desk.account)
    sign_in_again(facility.page, facility.account)
    sign_in_again(office.page, office.account)
    sign_in_again(driver.page, driver.account)

    desk.live()
    assert desk.case_id == call_id
    expect(desk.detail.get_by_label("Patokan lokasi").first).to_have_value("Belakang pasar")
    expect(facility.page.locator(".badge")).to_have_text("Langsung")
    expect(facility.page.get_by_label("Tempat tidur kosong")).to_have_value("7")
    expect(office.page.get_by_label("Triase")).to_have_value("yellow")
    expect(office.page.locator("header.head")).to_contain_text("triase Kuning")
    expect(driver.page.get_by_label("Tanda panggil unit")).to_have_value("PWK-B01")

    # and all of them work
    desk.judge("Hijau")
    facility.page.locator("form.beds").get_by_role("button", name="Simpan").click()
    driver.sign_on("PWK-B01")
    driver.sign_off()
    expect(facility.page.get_by_role("button", name="Simpan")).to_be_disabled()


def test_a_resident_finds_the_running_call_again(open_browser: Open, served: Served) -> None:
    person = people(12)
    registered(served, person)
    resident = ResidentPage(open_browser(maps=False, viewport=PHONE))
    resident.sign_in(person.phone, PASSWORD)
    before = served.count("call_received")
    resident.call()
    expect(resident.milestone()).to_have_text("Panggilan diterima")
    end_session(served, resident.watched, resident.page, "resident")
    resident.page.reload()
    expect(resident.page.get_by_role("status")).to_contain_text(
        "panggilan yang sedang berjalan tetap tersimpan"
    )
    resident.fill_sign_in(person.phone, PASSWORD)
    expect(resident.milestone()).to_have_text("Panggilan diterima")
    assert served.count("call_received") == before + 1
    resident.page.get_by_role("button", name="batalkan").click()
    expect(resident.page.get_by_role("button", name="Selesai")).to_be_visible()
