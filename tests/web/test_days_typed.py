"""A day reads the same in every browser, is typed without a mouse, and is never half a day."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from arranged import open_incident
from conftest import Open
from desk_page import DeskPage
from office_page import OfficePage
from playwright.sync_api import expect
from served import Served

pytestmark = pytest.mark.timeout(300)  # a busy machine starts everything within the first test

MONTHS = "Jan Feb Mar Apr Mei Jun Jul Agu Sep Okt Nov Des".split()


def test_an_operator_with_an_english_browser_finds_the_cases_of_a_day(
    open_browser: Open, served: Served
) -> None:
    open_incident(served, "Contoh Hari Ini")
    now = datetime.now(UTC).astimezone(ZoneInfo("Asia/Jakarta"))
    desk = DeskPage(open_browser(maps=False, locale="en-US"), served.account("operator1")).open()
    page = desk.page
    page.keyboard.press("l")
    expect(page.locator(".found li")).not_to_have_count(0)
    box = page.get_by_label("Tanggal", exact=True)
    page.keyboard.press("Tab")
    expect(box).to_be_focused()
    with page.expect_response(lambda told: f"day={now:%Y-%m-%d}" in told.url):
        page.keyboard.type(f"{now:%d%m}")
        page.keyboard.press("Enter")
    expect(box).to_have_value(f"{now.day} {MONTHS[now.month - 1]} {now.year}")
    expect(page.locator(".found li")).not_to_have_count(0)
    with page.expect_response(lambda told: "day=" in told.url):
        page.keyboard.press("ArrowDown")
    expect(box).not_to_have_value(f"{now.day} {MONTHS[now.month - 1]} {now.year}")
    # 11/20 is no day of any month, and nothing is looked for by half a day
    with page.expect_response(lambda told: "/operator/incidents" in told.url and "day=" not in told.url):
        box.fill("11/20/2026")
        page.keyboard.press("Tab")
    expect(page.get_by_text("bukan tanggal")).to_be_visible()
    expect(box).to_have_attribute("aria-invalid", "true")
    box.fill("5/3/2026")
    expect(page.get_by_text("Kamis, 5 Maret 2026")).to_be_visible()
    page.keyboard.press("Tab")
    expect(box).to_have_value("5 Mar 2026")
    page.get_by_role("button", name="Kosongkan").click()
    expect(box).to_have_value("")
    page.get_by_label("Ganti bahasa ke Inggris").click()
    box = page.get_by_label("Date", exact=True)
    box.fill("20 agu 2026")
    page.keyboard.press("Tab")
    expect(box).to_have_value("20 Aug 2026")


def test_the_office_asks_for_a_period_by_words(open_browser: Open, served: Served) -> None:
    page = OfficePage(open_browser(maps=False, locale="en-US"), served.account("dinkes1")).open().page
    first = page.get_by_label("Dari", exact=True)
    with page.expect_response(lambda told: "from=2026-11-05" in told.url):
        first.fill("5/11/2026")
        first.press("Tab")
    expect(first).to_have_value("5 Nov 2026")
    page.get_by_role("button", name="Hari ini").click()
    expect(first).to_have_value(page.get_by_label("Sampai", exact=True).input_value())


def test_a_road_is_closed_until_a_day_and_an_hour(open_browser: Open, served: Served) -> None:
    desk = DeskPage(open_browser(locale="en-US"), served.account("operator1")).open()
    desk.watched.excuse("422", "the browser's own line where no road lies under the spot")
    desk.page.keyboard.press("r")
    desk.detail.get_by_role("button", name="Titik").click()
    desk.page.locator("section.map canvas").click()
    desk.detail.get_by_role("button", name="Waktu lain").click()
    tomorrow = datetime.now(UTC).astimezone(ZoneInfo("Asia/Jakarta")) + timedelta(days=1)
    hour = desk.detail.get_by_label("Jam (WIB)")
    hour.fill("605")
    with desk.page.expect_request("**/road-changes/preview") as asked:
        desk.detail.get_by_label("Sampai", exact=True).fill(f"{tomorrow:%d%m%y}")
        hour.focus()
    wanted = tomorrow.replace(hour=6, minute=5, second=0, microsecond=0)
    assert datetime.fromisoformat(asked.value.post_data_json["ends_at"]) == wanted
    hour.fill("25:00")
    expect(desk.detail).to_contain_text("bukan jam")
