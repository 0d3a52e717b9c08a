"""A resident's case on five pages at once, with reloads and a dead network in the middle of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from arranged import people
from conftest import Open
from desk_page import DeskPage
from driver_page import DriverPage
from facility_page import FacilityPage
from office_page import OfficePage
from playwright.sync_api import expect
from resident_page import ResidentPage
from served import Served
from watched import PHONE, until

from registry.population import SyntheticResident

pytestmark = pytest.mark.timeout(300)  # a busy machine starts everything within the first test

# Nagri Kaler, and where the unit stands: half a kilometre away
HOME = {"longitude": 107.4400, "latitude": -6.5500, "accuracy": 12}
STAND = {"longitude": 107.4440, "latitude": -6.5480, "accuracy": 8}
UNIT, HOSPITAL = "PWK-A01", "RSUD Bayu Asih"
PROMISE = "Sampai di pasien (janji 10 menit)"
OFFLINE_STEPS = ("on_scene", "at_patient", "left_scene")


@dataclass
class Pages:
    """Everybody's screen."""

    resident: ResidentPage
    desk: DeskPage
    driver: DriverPage
    facility: FacilityPage
    office: OfficePage


def test_a_case_from_registration_to_the_report(open_browser: Open, served: Served) -> None:
    pages = Pages(
        ResidentPage(
            open_browser(viewport=PHONE, has_touch=True, geolocation=HOME, permissions=["geolocation"])
        ),
        DeskPage(open_browser(), served.account("operator1")),
        DriverPage(
            open_browser(viewport=PHONE, geolocation=STAND, permissions=["geolocation"]),
            served.account("pengemudi1"),
        ),
        FacilityPage(open_browser(), served.account("faskes1")),
        OfficePage(open_browser(), served.account("dinkes1")),
    )
    person = people(7)
    before = pages.office.open().counted(PROMISE)
    pages.desk.open()
    pages.driver.open().sign_on(UNIT)
    pages.facility.open()

    register(pages.resident, person)
    call_id = ring(pages, served, person)
    number = judge_and_send(pages, call_id)
    incident_id = pages.desk.case_id
    drive_off(pages)
    lose_the_network(pages)
    come_back(pages, served, incident_id)
    receive(pages, number)
    hand_over(pages, number)
    close_and_count(pages, served, before, incident_id)


def register(resident: ResidentPage, person: SyntheticResident) -> None:
    """The server's reason stands at the field, and nothing that was typed is lost."""
    resident.begin_registration()
    wrong = f"{person.nik[:6]}99{person.nik[8:]}"  # no month has 99 days
    resident.give(person, wrong)
    resident.send_registration()
    expect(resident.reason_at("NIK")).to_contain_text(re.compile(r"NIK|tanggal"))
    expect(resident.field("NIK")).to_have_value(wrong)
    expect(resident.field("Nama lengkap")).to_have_value(person.name)
    expect(resident.field("Surel")).to_have_value(person.email)
    resident.watched.excuse("422 .*/api/v1/residents", "the browser's own line about the refusal")

    resident.field("NIK").fill(person.nik)
    resident.send_registration()
    expect(resident.page.locator("h1")).to_have_text("Anda terdaftar")
    expect(resident.page.locator("p.fine")).to_be_visible()
    resident.go_on()


def ring(pages: Pages, served: Served, person: SyntheticResident) -> str:
    """One hold of the button is one call, and the desk rings until it is taken."""
    desk, resident = pages.desk, pages.resident
    quiet = desk.watched.tones(desk.page)
    resident.call()
    expect(desk.ringing()).to_have_count(1)
    expect(desk.page).to_have_title(re.compile("MEMANGGIL"))
    until(desk.page, lambda: desk.watched.tones(desk.page) > quiet, "the desk's alarm sounds")
    expect(resident.page.get_by_role("status").filter(has_text="Lokasi terkirim")).to_be_visible()

    desk.open_call()
    expect(desk.detail).to_contain_text(person.name)
    expect(desk.detail).to_contain_text("KTP cocok")
    call_id = desk.case_id
    desk.take_button().click()
    expect(desk.ringing()).to_have_count(0)
    expect(desk.page).not_to_have_title(re.compile("MEMANGGIL"))
    expect(resident.milestone()).to_have_text("Operator menangani")
    assert served.count("call_received", call_id) == 1
    return call_id


def judge_and_send(pages: Pages, call_id: str) -> str:
    """Half a verdict survives a reload of the page; then the proposed unit is sent."""
    desk = pages.desk
    desk.call_back("Dijawab", "Keluarga menjawab, pasien pingsan")
    desk.move_on_map(dx=6, dy=4)
    expect(desk.detail.locator("header")).to_contain_text("Panggilan")
    desk.detail.get_by_label("Patokan lokasi").first.fill("Rumah cat hijau")
    question = desk.detail.locator("ol li").first.get_by_role("button", name="Ya")
    question.click()

    desk.page.reload()
    desk.live()
    assert desk.case_id == call_id
    expect(desk.detail.get_by_label("Patokan lokasi").first).to_have_value("Rumah cat hijau")
    expect(question).to_have_attribute("aria-pressed", "true")
    expect(desk.detail).to_contain_text("Keluarga menjawab, pasien pingsan")

    desk.judge("Merah")
    number = desk.number()
    expect(desk.candidates().nth(2)).to_be_visible()
    first = desk.candidates().first
    expect(first).to_have_attribute("aria-label", UNIT)
    expect(first).to_contain_text("Waktu tempuh terkecil ke pasien")
    expect(first).to_contain_text("posisi langsung")
    expect(desk.candidates().nth(1)).to_contain_text(f"lebih lama dari {UNIT}")
    desk.send(UNIT)
    return number


def drive_off(pages: Pages) -> None:
    """The crew is rung out of its rest, and the resident sees who comes and when, through a reload too."""
    driver, resident = pages.driver, pages.resident
    expect(driver.offer()).to_contain_text("Rumah cat hijau")
    until(driver.page, lambda: driver.watched.tones(driver.page) > 0, "the offer sounds")
    driver.accept()
    driver.step("Berangkat", "Menuju lokasi")
    for _ in range(2):
        expect(resident.words).to_contain_text("Ambulans")
        expect(resident.page.locator("section.unit strong")).to_have_text(UNIT)
        expect(resident.minutes).to_have_text(re.compile(r"^~\d+ menit\s*$"))
        resident.page.reload()
    expect(resident.milestone()).to_have_text("Menuju lokasi")
    expect(pages.desk.run(UNIT).locator(".chip").first).to_have_text("Menuju lokasi")


def lose_the_network(pages: Pages) -> None:
    """Without a signal the crew goes on: three steps and at least three fixes wait on the phone."""
    driver = pages.driver
    driver.watched.excuse("ERR_INTERNET_DISCONNECTED", "the test has cut this phone off")
    driver.watched.context.set_offline(True)
    expect(driver.page.locator(".badge")).to_contain_text("Terputus")
    driver.drive(107.4425, -6.5490)
    until(driver.page, lambda: waiting_fixes(driver) >= 1, "a fix is kept")
    driver.step("Tiba di lokasi", "Tiba di lokasi")
    driver.step("Bersama pasien", "Bersama pasien")
    driver.drive(107.4402, -6.5500)
    until(driver.page, lambda: waiting_fixes(driver) >= 2, "another fix is kept")
    driver.leave_for(HOSPITAL)
    expect(driver.state).to_have_text("Menuju faskes")
    expect(driver.page.locator("section.waiting span")).to_have_count(len(OFFLINE_STEPS))
    driver.drive(107.4390, -6.5490)
    until(driver.page, lambda: waiting_fixes(driver) >= 3, "a third fix is kept")
    # nobody else may have been told anything
    expect(pages.desk.run(UNIT).locator(".chip").first).to_have_text("Menuju lokasi")
    expect(pages.facility.coming(UNIT)).to_have_count(0)


def waiting_fixes(driver: DriverPage) -> int:
    """How many fixes the phone says it keeps."""
    found = re.search(r"(\d+) posisi", driver.page.locator(".top").inner_text())
    return int(found[1]) if found else 0


def come_back(pages: Pages, served: Served, incident_id: str) -> None:
    """Back on the network everything arrives once, by itself: the newest fix first, steps as made."""
    driver = pages.driver
    sent = len(driver.sent)
    cut_off = datetime.now(UTC)
    driver.watched.context.set_offline(False)
    expect(driver.page.locator("section.waiting")).to_have_count(0)
    expect(driver.page.locator(".badge")).to_have_text("Langsung")
    expect(pages.desk.run(UNIT).locator(".chip").first).to_have_text("Menuju faskes")

    later = driver.sent[sent:]
    steps = [frame for frame in later if frame["t"] == "step"]
    assert [frame["to"] for frame in steps] == list(OFFLINE_STEPS)
    newest, *backlog = [frame["fixes"] for frame in later if frame["t"] == "positions"]
    old = [fix["seq"] for fixes in backlog for fix in fixes if fix["replayed"]]
    assert len(newest) == 1
    assert len(old) >= 2, "what was kept meanwhile follows, marked as replayed"
    assert newest[0]["seq"] > max(old)
    assert old == sorted(old, reverse=True)
    told = {fix["seq"] for frame in driver.frames("positions") for fix in frame["fixes"]}
    phone = driver.frames("hello")[0]["installation_id"]
    until(driver.page, lambda: stored(served, phone) == sorted(told), "every fix is stored, each once")

    made = stamps(served, incident_id)
    for step in steps:
        device_at = datetime.fromisoformat(step["device_at"])
        assert abs(made[f"{step['to']}_at"] - device_at) < timedelta(seconds=1.5), step
        assert made[f"{step['to']}_at"] < cut_off
        changed = f"data->>'to' = '{step['to']}' AND incident_id = '{incident_id}'"
        assert (
            served.ask(f"SELECT count(*) FROM event WHERE kind = 'assignment_stepped' AND {changed}") == "1"
        )


def stored(served: Served, installation: str) -> list[int]:
    """The sequence numbers of the fixes that the server has of one phone."""
    about = f"installation_id = '{installation}'"
    return [int(row) for row in served.ask(f"SELECT sequence FROM position WHERE {about} ORDER BY 1").split()]


def stamps(served: Served, incident_id: str) -> dict[str, datetime]:
    """The stamps of the case's one run, as its file holds them."""
    file: dict[str, Any] = served.get(f"/operator/incidents/{incident_id}", reason="uji")
    (run,) = file["incident"]["runs"]
    return {stamp["name"]: datetime.fromisoformat(stamp["occurred_at"]) for stamp in run["stamps"]}


def receive(pages: Pages, number: str) -> None:
    """The department is rung, sees minutes, and names a bed that the desk and the crew can read."""
    facility = pages.facility
    card = facility.coming(UNIT)
    expect(facility.ringing).to_be_visible()
    expect(card.locator(".minutes")).to_have_text(re.compile(r"^~?\d+$|^<1$"))
    expect(card).to_contain_text(number)
    expect(card).to_contain_text("Merah")
    facility.accept(UNIT, "IGD 3")
    expect(facility.ringing).to_have_count(0)
    expect(pages.desk.run(UNIT)).to_contain_text("diterima · IGD 3")
    expect(pages.resident.page.locator("p.card", has_text="Tujuan")).to_contain_text(HOSPITAL)
    expect(pages.resident.milestone()).to_have_text("Dibawa ke faskes")


def hand_over(pages: Pages, number: str) -> None:
    """Both ends sign; the resident reads that it is done."""
    driver = pages.driver
    driver.step("Tiba di faskes", "Tiba di faskes")
    expect(pages.facility.coming(UNIT)).to_contain_text("TIBA")
    driver.hand_over("Perawat Contoh", "IGD")
    expect(driver.state).to_have_text("Serah terima selesai")
    expect(pages.facility.handover(number)).to_contain_text("Perawat Contoh")
    pages.facility.countersign(number)
    expect(pages.desk.run(UNIT)).to_contain_text("ditandatangani")
    expect(pages.resident.milestone()).to_have_text("Di ruang perawatan")
    driver.page.locator(".sheet button.primary.huge", has_text="Siap kembali").click()
    expect(driver.body).to_contain_text("Siap · menunggu tugas")


def close_and_count(pages: Pages, served: Served, before: int, incident_id: str) -> None:
    """The closed case is in the report, on the screen and in the file."""
    pages.desk.close_case()
    expect(pages.resident.page.get_by_role("button", name="Selesai")).to_be_visible()
    pages.resident.page.get_by_role("button", name="Selesai").click()
    expect(pages.resident.page.get_by_role("button", name="PANGGIL AMBULANS")).to_be_visible()
    pages.resident.place("Riwayat")
    expect(pages.resident.page.locator("li.card")).to_contain_text("Selesai")

    pages.office.renew()
    assert pages.office.counted(PROMISE) == before + 1
    name, text = pages.office.download("Unduh CSV")
    assert re.fullmatch(r"waktu-tanggap-[\d-]+\.csv", name)
    assert re.search(rf"to_patient.*\b{before + 1}\b", text), text
    assert served.count("incident_closed", incident_id) == 1
    pages.driver.sign_off()
