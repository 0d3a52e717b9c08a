"""By how much the clocks of a trial are wrong, those of the phones and the server's, and when one was set."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

BELIEVED_WITHIN = timedelta(seconds=5)
"""The system takes a phone's clock as it is while it is off by less."""
_RIGHT = timedelta(0)


@dataclass(frozen=True, slots=True)
class Look:
    """One look at all clocks: what the server's showed, and by how much the phones' were wrong.

    apart: phones and server disagreed by more than is believed. setting: the number of settings before it.
    """

    server_at: datetime
    phones: timedelta
    apart: bool
    setting: int


@dataclass(slots=True)
class ClockErrors:
    """The clocks of one trial, all of them right at first."""

    phones: timedelta = _RIGHT
    server: timedelta = _RIGHT
    setting: int = 0
    """How often a clock was set."""

    def set_phones(self, off: timedelta) -> None:
        """The phones' clocks are wrong by so much from now on."""
        self.phones, self.setting = off, self.setting + 1

    def set_server(self, off: timedelta) -> None:
        """The server's clock is wrong by so much from now on."""
        self.server, self.setting = off, self.setting + 1

    def phone(self) -> str:
        """Return what a phone's clock shows (ISO 8601)."""
        return (datetime.now(UTC) + self.phones).isoformat()

    def look(self) -> Look:
        """Look at all clocks."""
        apart = abs(self.phones - self.server) > BELIEVED_WITHIN
        return Look(datetime.now(UTC) + self.server, self.phones, apart, self.setting)

    def stood(self, look: Look) -> bool:
        """Whether no clock was set since."""
        return look.setting == self.setting


@dataclass(slots=True)
class FixTime:
    """When a fix was made, and how far the phone's clock was set back between that and each sending."""

    made: Look
    set_back: set[timedelta] = field(default_factory=set)

    def sent(self, phones: timedelta) -> None:
        """It is sent, by a phone's clock that is wrong by so much now."""
        if phones != self.made.phones:
            self.set_back.add(self.made.phones - phones)
