"""What an operator does on the dispatch desk, by hand: the console on a wide screen, in Indonesian."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, Page, expect
from served import SLUG, Account
from watched import Watched, until


def sign_in(page: Page, address: str, account: Account) -> None:
    """Go to a staff page and sign in there."""
    page.goto(address)
    fill_sign_in(page, account)


def fill_sign_in(page: Page, account: Account) -> None:
    """Fill in the form that a staff page shows, first or over the desk, and send it."""
    form = page.locator("form").filter(has=page.locator("input[type=password]")).last
    form.locator("option", has_text="LATIHAN").first.wait_for(state="attached")
    form.locator("select").select_option(SLUG)
    form.get_by_label("Nama pengguna").fill(account.username)
    form.get_by_label("Kata sandi").fill(account.password)
    form.locator("button.primary").last.click()


def still(pin: Locator) -> dict[str, float]:
    """Where the tip of a pin is, once the map under it has stopped moving."""

    def tip() -> dict[str, float]:
        box = pin.bounding_box()
        assert box is not None
        return {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"]}

    seen = [tip()]

    def rests() -> bool:
        pin.page.wait_for_timeout(150)
        seen.append(tip())
        return seen[-1] == seen[-2]

    until(pin.page, rests, "the map stands still")
    return seen[-1]


class DeskPage:
    """One operator's screen."""

    def __init__(self, watched: Watched, account: Account) -> None:
        self.watched = watched
        self.account = account
        self.page = watched.page()
        self.queue = self.page.locator("section.queue")
        self.detail = self.page.locator("section.detail")
        self.badge = self.page.locator(".badge")

    def open(self) -> DeskPage:
        """Sign in and wait until the board is live."""
        sign_in(self.page, "/operator", self.account)
        self.live()
        return self

    def live(self) -> None:
        """Wait until what is shown is live."""
        expect(self.badge).to_have_text("Langsung")

    def ringing(self) -> Locator:
        """The ringing calls in the queue."""
        return self.queue.locator(".item.ringing")

    def open_call(self, n: int = 0) -> None:
        """Choose a ringing call."""
        self.ringing().nth(n).click()
        self.take_button().wait_for()

    def take_button(self) -> Locator:
        """The button that takes the call in hand."""
        return self.detail.get_by_role("button", name="Ambil panggilan")

    def call_back(self, outcome: str, note: str = "") -> None:
        """Record what a call-back met."""
        if note:
            self.detail.get_by_label("Catatan telepon balik").fill(note)
        self.detail.get_by_role("button", name=outcome, exact=True).click()
        expect(self.detail.locator("p.small", has_text=outcome).first).to_be_visible()

    def move_on_map(self, dx: int, dy: int) -> None:
        """Correct the place of the call in hand: so many pixels from where the pin stands."""
        self.detail.get_by_role("button", name="Ubah di peta").first.click()
        bar = self.page.locator(".over.ask")
        bar.wait_for()
        pin = self.page.locator("section.map .map-picked")
        at = still(pin)
        self.page.mouse.click(at["x"] + dx, at["y"] + dy)
        until(self.page, lambda: still(pin) != at, "the pin is where the map was touched")
        bar.get_by_role("button", name="Pakai titik ini").click()
        bar.wait_for(state="detached")

    def type_place(self, lat: float, lon: float) -> None:
        """Paste coordinates, as they come in a message."""
        field = self.detail.get_by_label("Koordinat").first
        field.fill(f"{lat}, {lon}")
        self.detail.get_by_role("button", name="Pakai", exact=True).first.click()

    def judge(self, colour: str, note: str = "") -> None:
        """Give the verdict on the call in hand, by colour, and wait for its incident."""
        self.detail.locator(".colours").first.get_by_role("button", name=colour).click()
        if note:
            self.detail.get_by_label("Patokan lokasi").first.fill(note)
        self.detail.get_by_role("button", name="Putuskan, lalu pilih unit").click()
        self.number()

    def write_phone_call(self, name: str, phone: str, note: str) -> None:
        """Begin a caller who is on the telephone, by the key for it."""
        self.page.keyboard.press("n")
        self.detail.get_by_label("Nama pemanggil").fill(name)
        self.detail.get_by_label("Nomor telepon").fill(phone)
        self.detail.get_by_label("Apa yang terjadi").fill(note)

    def save_button(self) -> Locator:
        """The button that saves the caller on the telephone."""
        return self.detail.get_by_role("button", name="Simpan dan tangani")

    def number(self) -> str:
        """The number of the incident in hand."""
        heading = self.detail.locator("header h2", has_text=re.compile(r"^[A-Z]{3}-"))
        heading.wait_for()
        return heading.inner_text()

    @property
    def case_id(self) -> str:
        """The id of the call or incident in hand, as the address keeps it."""
        return self.page.url.split("=")[-1]

    def candidates(self) -> Locator:
        """The ranked units."""
        return self.detail.get_by_role("listitem").filter(has=self.page.locator("[data-send]"))

    def candidate(self, call_sign: str) -> Locator:
        """One ranked unit."""
        return self.detail.get_by_role("listitem", name=call_sign, exact=True)

    def send(self, call_sign: str, reason: str = "") -> None:
        """Send a unit; with the reason that is asked for when it is not the first."""
        self.candidate(call_sign).locator("[data-send]").click()
        if reason:
            self.watched.excuse("422 .*/assignments", "the browser's own line about the wish for a reason")
            form = self.detail.locator("form.reason")
            form.get_by_label("Alasan").fill(reason)
            form.locator("button.primary").click()
        self.run(call_sign).wait_for()

    def run(self, call_sign: str) -> Locator:
        """The card of a unit's run."""
        return self.detail.locator("article").filter(has=self.page.locator("button.sign", has_text=call_sign))

    def told(self, call_sign: str, name: str) -> None:
        """Record the usual next step of a unit that reports by telephone."""
        self.run(call_sign).locator(".steps button.primary").filter(has_text=name).first.click()

    def told_otherwise(self, call_sign: str, name: str) -> None:
        """Record another step than the usual next one; its form opens where it has one."""
        run = self.run(call_sign)
        run.get_by_text("Langkah lain").click()
        run.locator(".others").get_by_role("button", name=re.compile(f"^{name}")).click()

    def stands(self, call_sign: str, state: str) -> None:
        """Wait until a unit's run is in a state, by its word."""
        expect(self.run(call_sign).locator(".chip").first).to_have_text(state)

    def destine(self, call_sign: str, facility: str) -> None:
        """Choose a facility in the open form of a step, and record the step."""
        form = self.run(call_sign).locator("form.inset")
        form.get_by_label("Cari faskes").fill(facility)
        form.locator(".destination li button").first.click()
        form.locator("button.primary").click()

    def close_case(self) -> None:
        """Close the incident in hand."""
        self.detail.get_by_role("button", name="Tutup kejadian").click()
        expect(self.detail.locator("header .chip").first).to_have_text("Ditutup")
