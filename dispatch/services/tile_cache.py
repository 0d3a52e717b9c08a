"""Keeps the tiles that were asked for last, up to a number of bytes."""

from __future__ import annotations

from collections import OrderedDict
from typing import NamedTuple


class TileKey(NamedTuple):
    """Which tile of which version of whose map."""

    slug: str
    version: str
    z: int
    x: int
    y: int


class TileCache:
    """Compressed tiles of this process; the one not used for longest goes first. Used by one event loop."""

    _ENTRY_BYTES = 400  # what an entry costs beside its content, so that empty tiles count too

    def __init__(self, most_bytes: int = 32 * 1024 * 1024) -> None:
        """Hold at most about `most_bytes`."""
        self._most = most_bytes
        self._tiles: OrderedDict[TileKey, bytes] = OrderedDict()
        self.held = 0

    def __len__(self) -> int:
        return len(self._tiles)

    def find(self, key: TileKey) -> bytes | None:
        """Return the tile if it is here, and remember that it was used."""
        tile = self._tiles.get(key)
        if tile is not None:
            self._tiles.move_to_end(key)
        return tile

    def keep(self, key: TileKey, tile: bytes) -> None:
        """Keep the tile, and let others go when there are too many bytes."""
        old = self._tiles.pop(key, None)
        if old is not None:
            self.held -= len(old) + self._ENTRY_BYTES
        self._tiles[key] = tile
        self.held += len(tile) + self._ENTRY_BYTES
        while self.held > self._most:
            _, gone = self._tiles.popitem(last=False)
            self.held -= len(gone) + self._ENTRY_BYTES
