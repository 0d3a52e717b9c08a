"""What a crew does on the telephone in the ambulance, and what leaves it over the socket."""

from __future__ import annotations

import json
import re
from typing import Any

from desk_page import sign_in
from playwright.sync_api import Locator, WebSocket, expect
from served import Account
from watched import Watched


class DriverPage:
    """One crew's screen. `sent` are the frames that the page gave to its sockets, in that order."""

    def __init__(self, watched: Watched, account: Account) -> None:
        self.watched = watched
        self.account = account
        self.page = watched.page()
        self.sent: list[dict[str, Any]] = []
        self.page.on("websocket", self._listen)
        self.body = self.page.locator(".body")
        self.state = self.page.locator(".sheet .state")

    def open(self) -> DriverPage:
        """Sign in; the sign-on form comes up."""
        sign_in(self.page, "/pengemudi", self.account)
        return self

    def sign_on(self, call_sign: str) -> None:
        """Sign on to a unit with everything in order."""
        self.page.get_by_label("Tanda panggil unit").fill(call_sign)
        for item in self.page.locator(".item").all():
            item.get_by_role("button", name="Ya").click()
        self.body.locator("button.primary").click()
        expect(self.body.locator(".sign")).to_have_text(call_sign)

    def sign_off(self) -> None:
        """End the shift."""
        self.page.get_by_role("button", name="Akhiri dinas").click()
        self.page.get_by_role("button", name="Ya, akhiri dinas").click()
        self.page.get_by_label("Tanda panggil unit").wait_for()

    def offer(self) -> Locator:
        """The run that is offered."""
        return self.page.get_by_role("alertdialog", name=re.compile("TUGAS BARU"))

    def accept(self) -> None:
        """Take the offered run."""
        self.offer().get_by_role("button", name="TERIMA").click()
        expect(self.state).to_have_text("Diterima")

    def decline(self, reason: str) -> None:
        """Turn the offered run down."""
        self.offer().get_by_role("button", name="Tolak").click()
        self.offer().get_by_role("button", name=reason).click()

    def step(self, name: str, state: str) -> None:
        """Press the large button of the usual next step."""
        self.page.locator(".sheet button.primary.huge", has_text=name).click()
        expect(self.state).to_have_text(state)

    def leave_for(self, facility: str) -> None:
        """Leave with the patient for a facility of the list."""
        self.page.locator(".sheet button.primary.huge", has_text="Bawa ke faskes").click()
        self.page.locator("button.facility", has_text=facility).click()

    def hand_over(self, receiver: str, room: str) -> None:
        """Hand the patient over."""
        self.page.locator(".sheet button.primary.huge", has_text="Serah terima").click()
        self.page.get_by_label("Nama penerima").fill(receiver)
        self.page.get_by_label("Ruang perawatan").fill(room)
        self.page.get_by_role("button", name="Pasien diserahkan").click()

    def drive(self, lon: float, lat: float) -> None:
        """Be somewhere else."""
        self.watched.context.set_geolocation({"longitude": lon, "latitude": lat, "accuracy": 8})

    def frames(self, kind: str) -> list[dict[str, Any]]:
        """The frames of one kind that were sent so far."""
        return [frame for frame in self.sent if frame["t"] == kind]

    def _listen(self, socket: WebSocket) -> None:
        socket.on("framesent", lambda text: self.sent.append(json.loads(text)))
