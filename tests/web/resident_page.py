"""What a resident does on the telephone: registering, calling, reading how it goes."""

from __future__ import annotations

from playwright.sync_api import Locator, expect
from served import SLUG
from watched import Watched

from registry.population import SyntheticResident


class ResidentPage:
    """One resident's screen."""

    def __init__(self, watched: Watched) -> None:
        self.watched = watched
        self.page = watched.page()
        self.words = self.page.locator("p.words.state")
        self.minutes = self.page.locator("section.unit p.minutes")

    def begin_registration(self) -> None:
        """Open the page and ask for the form."""
        self.page.goto("/warga")
        self.page.get_by_role("button", name="Daftar", exact=True).click()
        self.page.locator("select").select_option(SLUG)

    def give(self, person: SyntheticResident, nik: str) -> None:
        """Fill in the form."""
        for label, value in {
            "Nama lengkap": person.name,
            "NIK": nik,
            "Alamat": f"{person.address}, RT {person.rt} RW {person.rw}, {person.village}",
            "Nomor telepon": person.phone,
            "Surel": person.email,
        }.items():
            self.field(label).fill(value)

    def field(self, label: str) -> Locator:
        """A field of the form."""
        return self.page.locator("label", has_text=label).locator("input").first

    def reason_at(self, label: str) -> Locator:
        """What the page says is wrong with a field, beneath it."""
        return self.page.locator("label", has_text=label).locator(".problem")

    def send_registration(self) -> None:
        """Send the form."""
        self.page.locator("form button.primary").click()

    def go_on(self) -> None:
        """Having read what the registry said, go on to the button."""
        self.page.get_by_role("button", name="Lanjut").click()

    def call(self) -> None:
        """Hold the big button for a second."""
        button = self.page.get_by_role("button", name="PANGGIL AMBULANS")
        box = button.bounding_box()
        assert box is not None
        self.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        self.page.mouse.down()
        expect(button).to_be_hidden()
        self.page.mouse.up()

    def tap_call_button(self) -> None:
        """Touch the big button too shortly to call; the second way to call comes up."""
        self.page.get_by_role("button", name="PANGGIL AMBULANS").click()
        self.page.get_by_role("button", name="Panggil sekarang").wait_for()

    def sign_in(self, login: str, password: str) -> None:
        """Sign in on this device; the big button comes up."""
        self.page.goto("/warga")
        self.page.get_by_role("button", name="Sudah terdaftar: masuk").click()
        self.fill_sign_in(login, password)
        self.page.get_by_role("button", name="PANGGIL AMBULANS").wait_for()

    def fill_sign_in(self, login: str, password: str) -> None:
        """Fill in the sign-in form and send it."""
        self.page.locator("select").select_option(SLUG)
        self.field("Nomor telepon atau surel").fill(login)
        self.field("Kata sandi").fill(password)
        self.page.locator("form button.primary").click()

    def place(self, name: str) -> None:
        """Go to one of the four parts of the page."""
        self.page.locator("footer nav").get_by_role("link", name=name).click()

    def milestone(self) -> Locator:
        """How far the call has come, by the list."""
        return self.page.locator("li[aria-current=step]")
