"""An operator's console: every event in its order, whatever happens to the connection."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from chaos.board import Event, Picture, picture_of
from chaos.door import Door
from chaos.ledger import EVENT, Ledger
from chaos.line import Frame, Line


class Console:
    """One console. `events` are all events it was shown, `faults` what was wrong with their order."""

    def __init__(
        self, door: Door, name: str, sent_at: dict[str, float], hear: Callable[[Event], None]
    ) -> None:
        self.name = name
        self.events: list[Event] = []
        self.faults: list[str] = []
        self.moved = 0
        """How many frames of moved units came."""
        self.picture = Picture()
        self.first = 0
        self.line = Line(
            f"ws{door.address.removeprefix('http')}/ws/operator", door.ledger, self._hello, self._take
        )
        self._door = door
        self._sent_at = sent_at
        self._hear = hear

    @property
    def _ledger(self) -> Ledger:
        return self._door.ledger

    async def open(self) -> None:
        """Read the board that the events are to follow."""
        self.picture = picture_of(await self.board())
        self.first = self.picture.seq

    async def board(self) -> dict[str, Any]:
        """Return the board as the system shows it now."""
        board: dict[str, Any] = await self._door.ask("board", "GET", "/operator/board")
        return board

    def _hello(self) -> Frame:
        return {"token": self._door.token, "after": self.picture.seq}

    def _take(self, frame: Frame) -> None:
        match frame.get("t"):
            case "event":
                self._event(frame)
            case "positions":
                self.moved += 1
            case "reset":
                self.faults.append(f"reset to {frame['seq']} at {self.picture.seq}")

    def _event(self, event: Event) -> None:
        due = self.picture.seq + 1
        if event["seq"] != due:
            self.faults.append(f"event {event['seq']} where {due} was due")
            if event["seq"] < due:
                return
        self.events.append(event)
        self.picture.take(event)
        sent = self._sent_at.get(event["subject_id"]) if event["kind"] == "call_received" else None
        if sent is not None:
            self._ledger.acknowledged(EVENT, self.name, sent)
        self._hear(event)

    async def resume(self) -> None:
        """Ask for what follows the last event again, as a console does that fears a gap."""
        await self.line.send({"t": "resume", "after": self.picture.seq, "id": f"{time.monotonic()}"})
