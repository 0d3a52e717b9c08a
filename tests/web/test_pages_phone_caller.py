"""A caller on the telephone and units without an app: the operator's own page carries the whole case."""

from __future__ import annotations

import pytest
from conftest import Open
from desk_page import DeskPage
from facility_page import FacilityPage
from playwright.sync_api import expect
from served import Served

pytestmark = pytest.mark.timeout(300)  # a busy machine starts everything within the first test

HOSPITAL, ELSEWHERE = "RSUD Bayu Asih", "Puskesmas Purwakarta"
PLACE = (-6.5600, 107.4440)


def test_a_phone_caller_until_the_third_unit_hands_over(open_browser: Open, served: Served) -> None:
    desk = DeskPage(open_browser(maps=False), served.account("operator1")).open()
    facility = FacilityPage(open_browser(maps=False), served.account("faskes1")).open()
    enter(desk)
    desk.judge("Kuning", "Gang kedua setelah jembatan")
    number, incident_id = desk.number(), desk.case_id

    declined = first_by_phone(desk)
    desk.send(declined)
    desk.told_otherwise(declined, "Tolak")
    form = desk.run(declined).locator("form.inset")
    form.get_by_role("button", name="Kendaraan").click()
    form.get_by_role("button", name="Tolak").click()
    expect(desk.queue).to_contain_text(f"{declined} menolak {number.split('-')[-1]}: Kendaraan")

    # the next unit is alerted without anybody asking
    widened = desk.detail.locator("article").filter(has_text="disiagakan otomatis")
    recalled = widened.locator("button.sign").inner_text()
    assert recalled != declined
    expect(desk.queue).to_contain_text(f"{recalled} ikut disiagakan")
    desk.told(recalled, "Terima")
    desk.told(recalled, "Berangkat")
    desk.stands(recalled, "Menuju lokasi")
    expect(desk.queue).not_to_contain_text(f"{declined} menolak")
    stand_down(desk, recalled, "Unit bermasalah")

    third = second_by_phone(desk, {declined, recalled})
    desk.send(third, "Awak mengenal jalan ke sana")
    assert served.count("unit_assigned", incident_id) == 3
    carry(desk, third)
    refuse_and_divert(desk, facility, third)
    desk.told(third, "Tiba di faskes")
    desk.told(third, "Serah terima")
    form = desk.run(third).locator("form.inset")
    form.get_by_label("Nama penerima").fill("Perawat Contoh")
    form.get_by_label("Ruang perawatan").fill("IGD")
    form.get_by_role("button", name="Serah terima").click()
    desk.told(third, "Siap kembali")
    expect(desk.detail.locator("article.over")).to_have_count(3)
    desk.close_case()
    expect(desk.queue).not_to_contain_text(number.split("-")[-1] + " ")


def enter(desk: DeskPage) -> None:
    """The server's reason stands at the field; a double click on the button stores one call."""
    desk.write_phone_call("Contoh Penelepon", "12", "Jatuh dari motor")
    desk.type_place(*PLACE)
    desk.watched.excuse("422 .*/operator/calls", "the browser's own line about the refusal")
    desk.save_button().click()
    phone = desk.detail.locator("label", has_text="Nomor telepon")
    expect(phone.locator(".problem")).to_be_visible()
    expect(phone.locator("input")).to_have_value("12")
    expect(desk.detail.get_by_label("Apa yang terjadi")).to_have_value("Jatuh dari motor")
    phone.locator("input").fill("0812-0000-0801")
    desk.save_button().click()
    expect(desk.detail.locator("header h2")).to_contain_text("Telepon")
    expect(desk.detail).to_contain_text("Contoh Penelepon")
    expect(desk.ringing()).to_have_count(0)
    desk.call_back("Dijawab")


def first_by_phone(desk: DeskPage) -> str:
    """The call sign of the first proposed unit, which is one that reports by telephone."""
    first = desk.candidates().first
    expect(first).to_contain_text("telepon")
    sign = first.get_attribute("aria-label")
    assert sign is not None
    return sign


def second_by_phone(desk: DeskPage, but: set[str]) -> str:
    """The call sign of a proposed unit that is neither the first nor one of these."""
    desk.candidates().nth(3).wait_for()
    signs = [row.get_attribute("aria-label") or "" for row in desk.candidates().all()]
    return next(sign for sign in signs[1:] if sign not in but)


def stand_down(desk: DeskPage, call_sign: str, reason: str) -> None:
    """Stand a unit down, with a reason."""
    run = desk.run(call_sign)
    run.get_by_text(f"Panggil kembali {call_sign}").click()
    run.get_by_role("button", name=reason).click()
    run.get_by_role("button", name="Panggil kembali", exact=True).click()
    desk.stands(call_sign, "Dipanggil kembali")


def carry(desk: DeskPage, call_sign: str) -> None:
    """Record the steps to the patient and off to the hospital."""
    for move, state in (
        ("Terima", "Diterima"),
        ("Berangkat", "Menuju lokasi"),
        ("Tiba di lokasi", "Tiba di lokasi"),
        ("Bersama pasien", "Bersama pasien"),
    ):
        desk.told(call_sign, move)
        desk.stands(call_sign, state)
    desk.told(call_sign, "Bawa ke faskes")
    desk.destine(call_sign, HOSPITAL)
    desk.stands(call_sign, "Menuju faskes")


def refuse_and_divert(desk: DeskPage, facility: FacilityPage, call_sign: str) -> None:
    """The hospital cannot take the patient: the desk is told why, and takes the unit to another one."""
    facility.refuse(call_sign, "Tidak ada tempat tidur")
    expect(desk.queue).to_contain_text("Faskes menolak pasien")
    expect(desk.queue).to_contain_text("Tidak ada tempat tidur")
    expect(desk.run(call_sign)).to_contain_text("ditolak: Tidak ada tempat tidur")
    desk.told(call_sign, "Tiba di faskes")
    desk.stands(call_sign, "Tiba di faskes")
    desk.told_otherwise(call_sign, "Bawa ke faskes")
    desk.destine(call_sign, ELSEWHERE)
    desk.stands(call_sign, "Menuju faskes")
    expect(facility.coming(call_sign)).to_have_count(0)
    expect(desk.queue).not_to_contain_text("Faskes menolak pasien")


def test_a_case_that_is_not_needed_any_more(open_browser: Open, served: Served) -> None:
    desk = DeskPage(open_browser(maps=False), served.account("operator1")).open()
    desk.write_phone_call("Contoh Penelepon Dua", "0812-0000-0802", "Kecelakaan")
    desk.type_place(*PLACE)
    desk.save_button().click()
    desk.judge("Merah")
    sent = first_by_phone(desk)
    desk.send(sent)
    desk.told(sent, "Terima")
    desk.stands(sent, "Diterima")
    desk.detail.get_by_text("Batalkan kejadian…").click()
    desk.detail.get_by_role("button", name="Laporan keliru").click()
    desk.detail.get_by_role("button", name="Ya, batalkan").click()
    expect(desk.detail.locator("header .chip").first).to_have_text("Dibatalkan")
    desk.stands(sent, "Dipanggil kembali")
    expect(desk.candidates()).to_have_count(0)
    board = served.get("/operator/board")
    assert [u["status"] for u in board["units"] if u["call_sign"] == sent] == ["available"]
