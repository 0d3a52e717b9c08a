"""What the health office reads and takes away."""

from __future__ import annotations

from pathlib import Path

from desk_page import sign_in
from playwright.sync_api import expect
from served import Account
from watched import Watched


class OfficePage:
    """One reader's screen."""

    def __init__(self, watched: Watched, account: Account) -> None:
        self.watched = watched
        self.account = account
        self.page = watched.page()

    def open(self) -> OfficePage:
        """Sign in and wait for the report."""
        sign_in(self.page, "/dinas", self.account)
        self.page.locator("section.cases").wait_for()
        return self

    def renew(self) -> None:
        """Have the report counted again."""
        with self.page.expect_response(lambda answer: "/reports/response-times" in answer.url):
            self.page.get_by_label("Hitung lagi").click()
        expect(self.page.locator(".report")).to_have_attribute("aria-busy", "false")

    def counted(self, interval: str) -> int:
        """On how many cases an interval stands, by the table; 0 when the period has no case."""
        row = self.page.locator("tbody tr").filter(
            has=self.page.get_by_role("button", name=interval, exact=True)
        )
        if row.count() == 0:
            return 0
        return int(row.locator("td.number").first.inner_text().rstrip("⚠"))

    def download(self, button: str) -> tuple[str, str]:
        """Take the report away; return the file's name and what is in it."""
        with self.page.expect_download() as taken:
            self.page.get_by_role("button", name=button).click()
        return taken.value.suggested_filename, Path(taken.value.path()).read_text(encoding="utf-8-sig")
