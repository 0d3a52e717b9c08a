"""What an emergency department does at its screen."""

from __future__ import annotations

from desk_page import sign_in
from playwright.sync_api import Locator, expect
from served import Account
from watched import Watched


class FacilityPage:
    """One department's screen."""

    def __init__(self, watched: Watched, account: Account) -> None:
        self.watched = watched
        self.account = account
        self.page = watched.page()
        self.ringing = self.page.locator(".ringing")

    def open(self) -> FacilityPage:
        """Sign in and wait until the screen is live."""
        sign_in(self.page, "/faskes", self.account)
        expect(self.page.locator(".badge")).to_have_text("Langsung")
        return self

    def coming(self, call_sign: str) -> Locator:
        """The card of an ambulance on its way here."""
        return self.page.locator("section.coming article", has_text=call_sign)

    def accept(self, call_sign: str, bed: str) -> None:
        """Accept a run with a bed."""
        card = self.coming(call_sign)
        card.get_by_label("Tempat tidur atau ruang").fill(bed)
        card.get_by_role("button", name="Terima").click()
        expect(card.locator(".said.good")).to_contain_text(bed)

    def refuse(self, call_sign: str, reason: str) -> None:
        """Refuse a run with a reason."""
        card = self.coming(call_sign)
        card.get_by_role("button", name="Tolak…").click()
        card.get_by_role("button", name=reason).click()
        expect(card.locator(".said.bad")).to_contain_text(reason)

    def handover(self, number: str) -> Locator:
        """A handover that waits for its signature."""
        return self.page.locator(".one", has_text=number)

    def countersign(self, number: str) -> None:
        """Sign for a handover."""
        one = self.handover(number)
        one.get_by_role("button", name="Benar, tanda tangani").click()
        expect(one).to_have_count(0)
