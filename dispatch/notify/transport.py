"""What every way of sending a message has in common."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, runtime_checkable
from uuid import UUID


class NotDelivered(Exception):
    """The message did not go out; trying again later may help."""


class Gone(NotDelivered):
    """The recipient cannot be reached in this way any more: there is no point in trying again."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message to one recipient. `id` stays the same at every attempt; `tenant` is the tenant's slug."""

    id: UUID
    tenant: str
    recipient: str
    words: str
    purpose: str
    created_at: datetime


class Transport(Protocol):
    """A way out. Handing over the same message twice must not send it twice where that can be helped."""

    async def deliver(self, message: Message) -> None:
        """Hand the message over.

        Raises:
            NotDelivered, OSError: it did not go out.
        """


@runtime_checkable
class Closing(Protocol):
    """A way out that holds connections."""

    async def aclose(self) -> None:
        """Close them."""


@dataclass(frozen=True, slots=True)
class Transports:
    """The ways of this deployment by channel; a channel without one writes to files and says so."""

    files: Transport
    others: Mapping[str, Transport]

    def of(self, channel: str) -> tuple[Transport, str | None]:
        """Return the transport of a channel, and a note when it is not the one that was asked for."""
        if channel == "file":
            return self.files, None
        if channel in self.others:
            return self.others[channel], None
        return self.files, f"no gateway for {channel} is configured: written to a file"

    async def aclose(self) -> None:
        """Close the connections of those that hold some."""
        for transport in self.others.values():
            if isinstance(transport, Closing):
                await transport.aclose()
