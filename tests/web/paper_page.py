"""The desk's page of paper forms, as somebody fills it from a sheet of paper."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from desk_page import DeskPage
from playwright.sync_api import Locator, expect

JAKARTA = ZoneInfo("Asia/Jakarta")


class PaperPage:
    """The form in hand. Times are typed as minutes after the call, by the regency's clock."""

    def __init__(self, desk: DeskPage, called_at: datetime) -> None:
        """`called_at` is when the call came in, by the form."""
        self.desk = desk
        self.detail = desk.detail
        self.called_at = called_at.astimezone(JAKARTA)

    def open(self) -> PaperPage:
        """Open the forms from the queue."""
        self.desk.queue.get_by_role("button", name="Formulir kertas").click()
        expect(self.detail.locator("h2")).to_contain_text("Formulir kertas")
        return self

    def number(self, form: int) -> str:
        """The number of a form that was printed in the minute of the call."""
        made = self.called_at
        return f"PWK-L-{made:%Y%m%d}-P{made:%H%M}.{form:02d}"

    def hour(self, minutes: int) -> str:
        """A time of day as people write it."""
        return f"{self.called_at + timedelta(minutes=minutes):%H%M}"

    def field(self, name: str) -> Locator:
        """A field by its name in the form."""
        return self.detail.locator(f"[name='{name}']")

    def reason(self, name: str) -> Locator:
        """Why a field cannot be accepted, as it stands beneath it."""
        own = self.desk.page.locator(f"[name='{name}']")
        return self.detail.locator("label", has=own).locator(".problem")

    def head(self, form: int, caller: str) -> None:
        """Number, time of the call, caller, place and colour."""
        self.field("number").fill(self.number(form).lower())
        self.field("number").blur()
        self.field("called_at").fill(self.hour(0))
        self.field("caller_name").fill(caller)
        self.field("note").fill("Jatuh dari motor")
        self.desk.type_place(-6.5600, 107.4440)
        self.detail.locator(".colours").get_by_role("button", name="Kuning").click()

    def run(self, sign: str, times: dict[str, int]) -> None:
        """One unit with its times."""
        self.field("unit-0").select_option(label=sign)
        for name, minutes in times.items():
            self.field(f"run-0-{name}").fill(self.hour(minutes))
            self.field(f"run-0-{name}").blur()

    def look_over(self) -> Locator:
        """Go on to the review."""
        self.detail.get_by_role("button", name="Periksa").click()
        return self.detail.get_by_role("region", name="Periksa formulir")

    def save(self) -> None:
        """Save what was looked over."""
        self.detail.get_by_role("button", name="Simpan", exact=True).click()
