"""Meddling with the frames of a page's own socket, in the browser's network layer."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from playwright.sync_api import Page, WebSocketRoute


@dataclass
class FrameMeddler:
    """Loses, doubles, holds back and cuts, the same way for the same seed, while `on`.

    A frame that is held back is let go behind later ones. Hellos always pass: a line without them would only
    be silent.
    """

    seed: int
    on: bool = False
    lost: int = 0
    doubled: int = 0
    late: int = 0
    cuts: int = 0
    connections: int = 0
    _dice: random.Random = field(default_factory=random.Random)
    _held: list[tuple[WebSocketRoute, str | bytes]] = field(default_factory=list)

    def between(self, page: Page, path: str) -> None:
        """Stand between a page, not loaded yet, and the server's socket at `path`."""
        self._dice.seed(self.seed)
        page.route_web_socket(lambda url: url.endswith(path), self._connected)

    def _connected(self, page_end: WebSocketRoute) -> None:
        self.connections += 1
        server_end = page_end.connect_to_server()
        server_end.on_message(lambda frame: self._to_page(page_end, frame))
        page_end.on_message(lambda frame: self._to_server(server_end, frame))

    def _to_server(self, server_end: WebSocketRoute, frame: str | bytes) -> None:
        if self.on and '"hello"' not in str(frame) and self._dice.random() < 0.15:
            self.lost += 1
            return
        server_end.send(frame)

    def _to_page(self, page_end: WebSocketRoute, frame: str | bytes) -> None:
        fate = self._dice.random() if self.on else 1.0
        if fate < 0.15:
            self.lost += 1
        elif fate < 0.3:
            self.late += 1
            self._held.append((page_end, frame))
        else:
            page_end.send(frame)
            if fate < 0.4:
                self.doubled += 1
                page_end.send(frame)
        if self.on and fate > 0.985:
            self.cuts += 1
            self._held = [(end, held) for end, held in self._held if end is not page_end]
            page_end.close(code=4999)
        elif self._held and (not self.on or self._dice.random() < 0.5):
            end, held = self._held.pop(self._dice.randrange(len(self._held)))
            if end is page_end:
                end.send(held)
