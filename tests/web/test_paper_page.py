"""A form from paper on the operator's page: typed, looked over, refused where it cannot be, saved once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from conftest import Open
from desk_page import DeskPage
from paper_page import PaperPage
from playwright.sync_api import expect
from served import Served

pytestmark = pytest.mark.timeout(300)  # a busy machine starts everything within the first test

WHOLE = {
    "assigned_at": 2,
    "accepted_at": 3,
    "en_route_at": 4,
    "on_scene_at": 14,
    "at_patient_at": 15,
    "left_scene_at": 25,
    "at_facility_at": 40,
    "handed_over_at": 45,
    "available_at": 55,
}


def test_a_form_is_typed_looked_over_and_saved_once(open_browser: Open, served: Served) -> None:
    desk = DeskPage(open_browser(maps=False), served.account("operator1")).open()
    paper = PaperPage(desk, datetime.now(UTC) - timedelta(hours=3)).open()
    paper.head(1, "Contoh Kenanga")
    paper.run("PWK-B05", WHOLE | {"on_scene_at": 1})
    # what cannot be is said at once, beside the time, and keeps the form from going on
    expect(paper.reason("run-0-on_scene_at")).to_contain_text("mendahului")
    expect(desk.detail.get_by_role("button", name="Periksa")).to_be_disabled()
    paper.field("run-0-on_scene_at").fill(paper.hour(14))
    expect(desk.detail.get_by_role("button", name="Periksa")).to_be_enabled()

    # the form is kept through a reload, and while something else is looked at
    desk.page.reload()
    desk.live()
    expect(paper.field("caller_name")).to_have_value("Contoh Kenanga")
    expect(paper.field("unit-0").locator("option:checked")).to_have_text("PWK-B05")

    # the server's reason comes back to the field, with everything still there
    desk.watched.excuse("422 .*/paper/cases", "the browser's own line about the refusal")
    review = paper.look_over()
    expect(review).to_contain_text(paper.number(1))
    expect(review).to_contain_text(f"{paper.called_at:%d-%m %H:%M}")
    paper.save()
    expect(paper.reason("facility-0")).to_contain_text("Pilih faskes tujuan")
    paper.field("facility-0").select_option(label="RSUD Bayu Asih")
    paper.field("receiver-0").fill("Perawat Contoh")
    paper.field("room-0").fill("IGD")
    paper.look_over()
    paper.save()

    expect(desk.detail.locator("header h2")).to_have_text(paper.number(1))
    expect(desk.detail).to_contain_text("Ditutup")
    expect(desk.detail).to_contain_text("dari kertas")
    expect(desk.detail).to_contain_text("Contoh Kenanga")
    desk.detail.get_by_text("Jejak waktu").click()
    expect(desk.detail.locator("details li", has_text="kertas")).to_have_count(10)
    assert served.count("paper_case_entered", desk.case_id) == 1


def test_a_number_entered_before_leads_to_its_case_and_an_overlap_is_asked_about(
    open_browser: Open, served: Served
) -> None:
    desk = DeskPage(open_browser(maps=False), served.account("operator2")).open()
    desk.watched.excuse("409 .*/paper/cases", "the browser's own line about the refusal")
    paper = PaperPage(desk, datetime.now(UTC) - timedelta(hours=5)).open()
    times = {"assigned_at": 1, "on_scene_at": 10, "available_at": 20}

    def fill(form: int, caller: str) -> None:
        paper.head(form, caller)
        paper.run("PWK-B06", times)
        paper.field("end-0").select_option("completed_without_transport")
        paper.field("code-0").select_option("treated_on_scene")
        paper.field("gap").select_option("not_written")
        paper.look_over()
        paper.save()

    fill(1, "Contoh Melati")
    expect(desk.detail.locator("header h2")).to_have_text(paper.number(1))
    first = desk.case_id

    paper.open()
    fill(2, "Contoh Mawar")
    expect(desk.detail.get_by_role("alert")).to_contain_text(paper.number(1))
    desk.detail.get_by_role("button", name="Jamnya benar, simpan").click()
    expect(desk.detail.locator("header h2")).to_have_text(paper.number(2))

    paper.open()
    fill(1, "Contoh Dahlia")
    desk.detail.get_by_role("button", name="Buka kasus yang sudah ada").click()
    expect(desk.detail.locator("header h2")).to_have_text(paper.number(1))
    assert desk.case_id == first
    expect(desk.detail).to_contain_text("Contoh Melati")


def test_times_kept_on_paper_are_added_to_a_case_of_the_system(open_browser: Open, served: Served) -> None:
    desk = DeskPage(open_browser(maps=False), served.account("operator1")).open()
    paper = PaperPage(desk, datetime.now(UTC) - timedelta(hours=8)).open()
    paper.head(3, "Contoh Anggrek")
    paper.run("PWK-B07", {"assigned_at": 1, "on_scene_at": 10, "available_at": 30})
    paper.field("end-0").select_option("completed_without_transport")
    paper.field("code-0").select_option("refused")
    paper.field("gap").select_option("illegible")
    paper.look_over()
    paper.save()
    expect(desk.detail.locator("header h2")).to_have_text(paper.number(3))
    run = desk.detail.locator("article")
    run.get_by_text("Tambah jam dari kertas").click()
    run.get_by_label("Tanggal").fill(f"{paper.called_at:%d %m %Y}")
    run.locator("[name='run-0-at_patient_at']").fill(paper.hour(11))
    run.get_by_role("button", name="Tambahkan yang belum ada").click()
    expect(run.locator("ol.stamps")).to_contain_text("Bersama pasien")
    expect(run.locator("[name='run-0-at_patient_at']")).to_have_count(0)


def phoned(desk: DeskPage, name: str, phone: str) -> None:
    """A caller of this very minute, whose call is in hand and waits for its verdict."""
    desk.write_phone_call(name, phone, "Sesak napas")
    desk.type_place(-6.5600, 107.4440)
    desk.save_button().click()
    expect(desk.detail.locator("header .chip").first).to_have_text("Ditangani")


def test_a_unit_sent_on_paper_is_entered_for_an_open_case_which_then_closes(
    open_browser: Open, served: Served
) -> None:
    desk = DeskPage(open_browser(maps=False), served.account("operator1")).open()
    phoned(desk, "Contoh Kamboja", "0890-0001-0011")
    desk.judge("Kuning")
    paper = PaperPage(desk, datetime.now(UTC))
    desk.detail.get_by_text("Masukkan unit yang dikirim lewat kertas").click()
    enter = desk.detail.get_by_role("button", name="Masukkan tugas")
    expect(enter).to_be_disabled()
    # the form scrolls in its pane, the desk itself does not
    assert desk.page.evaluate("document.documentElement.scrollHeight - innerHeight") == 0
    paper.run("PWK-B08", {"on_scene_at": -60})
    expect(paper.reason("run-0-on_scene_at")).to_contain_text("mendahului")
    paper.run("PWK-B08", {"assigned_at": 0, "on_scene_at": 0, "available_at": 0})
    paper.field("end-0").select_option("completed_without_transport")
    paper.field("code-0").select_option("refused")
    # the server's reason comes back to its field, with everything still there
    desk.watched.excuse("422 .*/paper-runs", "the browser's own line about the refusal")
    enter.click()
    expect(paper.reason("gap")).to_contain_text("Jam kosong")
    paper.field("gap").select_option("not_written")
    enter.click()

    run = desk.run("PWK-B08")
    expect(run).to_contain_text("dari kertas")
    expect(run.locator("ol.stamps")).to_contain_text("Tiba di lokasi")
    desk.close_case()
    assert served.count("unit_assigned", desk.case_id) == 1


def test_a_form_judges_the_call_that_waits_for_it(open_browser: Open, served: Served) -> None:
    desk = DeskPage(open_browser(maps=False), served.account("operator2")).open()
    phoned(desk, "Contoh Teratai", "0890-0001-0012")
    call = desk.case_id
    paper = PaperPage(desk, datetime.now(UTC)).open()
    paper.field("call").select_option(call)
    expect(paper.field("called_at")).to_have_value(f"{paper.called_at:%H:%M}")
    paper.field("number").fill(paper.number(7))
    desk.detail.locator(".colours").get_by_role("button", name="Hijau").click()
    paper.field("outcome").select_option("treated_on_scene")
    expect(paper.look_over()).to_contain_text("Memutuskan panggilan yang menunggu")
    paper.save()

    expect(desk.detail.locator("header h2")).to_have_text(paper.number(7))
    expect(desk.detail.locator("header .chip").first).to_have_text("Ditutup")
    expect(desk.detail).to_contain_text("Contoh Teratai")
    assert served.count("call_linked", desk.case_id) == 1
    desk.page.goto(f"/operator#call={call}")
    expect(desk.detail.get_by_role("button", name="Buka kejadiannya")).to_be_visible()
