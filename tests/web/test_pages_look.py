"""Every page in both languages and both themes on a telephone: nothing missing, nothing beyond the edge."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pytest
from arranged import PASSWORD, open_incident, people, registered
from conftest import Open
from desk_page import DeskPage
from driver_page import DriverPage
from facility_page import FacilityPage
from office_page import OfficePage
from playwright.sync_api import Browser, Error, Page
from resident_page import ResidentPage
from served import Served
from watched import PHONE, until, watching

pytestmark = pytest.mark.timeout(300)  # a busy machine starts everything within the first test

AT_HOME = {"longitude": 107.4400, "latitude": -6.5500, "accuracy": 12}
UNIT = "PWK-A02"
# what a page says where a text, a number or an answer is missing
MISSING = re.compile(r"\bundefined\b|\bnull\b|\bNaN\b|\[object |Invalid Date|\b[a-z]+_[a-z_]+\b")
# what an interface says of itself, not what people and places are called
SPOKEN = "h1, h2, h3, button, summary, legend, label > span:first-child, th, dt, nav a"
WORDS = """(spoken) => [...document.querySelectorAll(spoken)]
    .filter((element) => element.checkVisibility() && element.querySelector('strong') === null)
    .map((element) => element.innerText.trim()).filter((text) => /\\p{Letter}{3}/u.test(text))"""
BEYOND = """() => {
    const panes = [...document.querySelectorAll('main, .pane, .frame > .scroll')]
    const beyond = panes.map((pane) => pane.scrollWidth - pane.clientWidth)
    return Math.max(document.scrollingElement.scrollWidth - innerWidth, ...beyond)
}"""
# the same word in both languages, or a name
SAME = re.compile(
    r"LATIHAN|SEMAR|NIK|Operator|Puskesmas|PWK-|RSUD|Purwakarta|Normal|IGD|P50|P90|Unit$|CSV|Excel|^\d|^n$|SMS|"
    r"Transport|PONEK|ICU|Status"
)


@dataclass
class Look:
    """One page as it stands, with the ways to change how it is shown."""

    page: Page

    def check(self, where: str) -> None:
        """Look at it in both languages and both themes, and leave it as it was."""
        spoken: dict[str, set[str]] = {}
        for language in ("id", "en"):
            assert self.page.evaluate("document.documentElement.lang") == language
            for _ in range(2):
                theme = self.page.evaluate("document.documentElement.dataset.theme")
                beyond = self.page.evaluate(BEYOND)
                assert beyond <= 0, f"{where}, {language}, {theme}: {beyond} pixels beyond the edge"
                self._toggle_theme()
            text = self.page.locator("body").inner_text()
            missing = MISSING.findall(text)
            assert missing == [], f"{where}, {language}: {missing}"
            spoken[language] = set(self.page.evaluate(WORDS, SPOKEN))
            self._toggle_language(language)
        untranslated = {words for words in spoken["id"] & spoken["en"] if not SAME.search(words)}
        assert untranslated == set(), where
        assert len(spoken["id"]) > 1, f"{where}: hardly anything is said"

    def _toggle_theme(self) -> None:
        before = self.page.evaluate("document.documentElement.dataset.theme")
        self.page.get_by_role(
            "button", name=re.compile("Ganti terang atau malam|Switch light or night")
        ).click()
        assert self.page.evaluate("document.documentElement.dataset.theme") != before

    def _toggle_language(self, language: str) -> None:
        self.page.get_by_role("button", name=re.compile("Ganti bahasa|Switch to Indonesian")).click()
        assert self.page.evaluate("document.documentElement.lang") != language


def test_the_guard_sees_what_is_meant_for_elsewhere(browser: Browser, served: Served) -> None:
    with watching(browser, served.address, maps=False) as watched:
        page = watched.page()
        page.goto("/")
        with pytest.raises(Error, match="ERR_BLOCKED_BY_CLIENT"):
            watched.page().goto("http://192.0.2.1/")
        page.goto("about:blank")
        page.evaluate("void new WebSocket('ws://192.0.2.2/')")
        until(page, lambda: len(watched.foreign) == 2, "both are counted")
        with pytest.raises(AssertionError, match="asked of elsewhere"):
            watched.assert_clean()
        assert watched.foreign == ["http://192.0.2.1/", "ws://192.0.2.2/"]
        watched.foreign.clear()
        watched.excuse("ERR_BLOCKED_BY_CLIENT", "the test has asked for it")


def test_start_and_sign_in(open_browser: Open) -> None:
    page = open_browser(viewport=PHONE).page()
    for path in ("/", "/operator", "/pengemudi", "/faskes", "/dinas", "/warga"):
        page.goto(path)
        page.locator("h1, h2").first.wait_for()
        page.wait_for_load_state("networkidle")
        Look(page).check(path)
    page.get_by_role("button", name="Daftar", exact=True).click()
    Look(page).check("/warga, registering")


def test_operator(open_browser: Open, served: Served) -> None:
    open_incident(served, "Contoh Tampilan", "red")
    desk = DeskPage(open_browser(viewport=PHONE, maps=False), served.account("operator1")).open()
    look = Look(desk.page)
    look.check("operator, queue")
    desk.queue.locator(".item").first.click()
    desk.candidates().first.wait_for()
    look.check("operator, incident")
    tabs = desk.page.locator(".console nav button")
    tabs.nth(2).click()
    look.check("operator, map")
    tabs.nth(3).click()
    desk.page.locator("section.units li button").first.click()
    look.check("operator, unit")
    tabs.nth(0).click()
    desk.page.keyboard.press("n")
    desk.save_button().wait_for()
    look.check("operator, phone call")


def test_resident(open_browser: Open, served: Served) -> None:
    person = people(14)
    registered(served, person)
    resident = ResidentPage(
        open_browser(viewport=PHONE, maps=False, geolocation=AT_HOME, permissions=["geolocation"])
    )
    resident.sign_in(person.phone, PASSWORD)
    look = Look(resident.page)
    look.check("resident, button")
    resident.place("Faskes")
    resident.page.locator("article.card").first.wait_for()
    look.check("resident, facilities")
    resident.place("Akun")
    resident.page.locator("dl.card").wait_for()
    look.check("resident, account")
    resident.place("Panggil")
    resident.call()
    resident.milestone().wait_for()
    look.check("resident, call")
    resident.page.get_by_role("button", name=re.compile("batalkan", re.IGNORECASE)).first.click()
    yes = resident.page.get_by_role("button", name="Ya, batalkan")
    over = resident.page.get_by_role("button", name="Selesai")
    yes.or_(over).wait_for()
    if yes.is_visible():  # the ten seconds had passed
        yes.click()
    over.wait_for()
    look.check("resident, call taken back")
    over.click()
    resident.place("Riwayat")
    resident.page.locator("li.card").wait_for()
    look.check("resident, own calls")


def test_driver_facility_and_office(open_browser: Open, served: Served) -> None:
    driver = DriverPage(open_browser(viewport=PHONE), served.account("pengemudi2")).open()
    look = Look(driver.page)
    driver.page.get_by_label("Tanda panggil unit").wait_for()
    look.check("driver, sign-on")
    driver.sign_on(UNIT)
    look.check("driver, ready")
    driver.page.get_by_role("button", name="Tidak siap…").click()
    look.check("driver, out of service")
    driver.page.get_by_role("button", name="Batal").click()

    incident_id = open_incident(served, "Contoh Tampilan Awak", "red")
    unit = next(u for u in served.get("/operator/units") if u["call_sign"] == UNIT)
    run = served.post(f"/operator/incidents/{incident_id}/assignments", unit_id=unit["id"], reason="uji")
    driver.offer().wait_for()
    look.check("driver, offer")
    driver.accept()
    look.check("driver, run")
    for to in ("en_route", "on_scene", "at_patient"):
        served.post(f"/operator/assignments/{run['id']}/steps", to=to)
    driver.page.locator(".sheet button.primary.huge", has_text="Bawa ke faskes").click()
    driver.page.locator("button.facility").first.wait_for()
    look.check("driver, destination")
    driver.page.locator("button.facility", has_text="RSUD Bayu Asih").click()

    facility = FacilityPage(open_browser(viewport=PHONE), served.account("faskes1")).open()
    facility.coming(UNIT).wait_for()
    Look(facility.page).check("facility, incoming")
    facility.coming(UNIT).get_by_role("button", name="Tolak…").click()
    Look(facility.page).check("facility, refusing")

    driver.step("Tiba di faskes", "Tiba di faskes")
    driver.page.locator(".sheet button.primary.huge", has_text="Serah terima").click()
    look.check("driver, handover")
    driver.page.get_by_label("Nama penerima").fill("Perawat Contoh")
    driver.page.get_by_label("Ruang perawatan").fill("IGD")
    driver.page.get_by_role("button", name="Pasien diserahkan").click()
    driver.page.locator(".sheet button.primary.huge", has_text="Siap kembali").click()
    driver.page.get_by_text("Menunggu tugas").wait_for()
    driver.sign_off()
    Look(facility.page).check("facility, handover")
    served.post(f"/operator/incidents/{incident_id}/closure")

    office = OfficePage(open_browser(viewport=PHONE), served.account("dinkes1")).open()
    office.page.locator("tbody tr").first.wait_for()
    Look(office.page).check("office, report")
