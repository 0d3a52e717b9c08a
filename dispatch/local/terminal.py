"""What the launcher tells the person at the keyboard: one line a step with its seconds, then a summary."""

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress

WIDTH = 58


class Terminal:
    """Writes to standard output; goes on in silence when nobody reads it any more."""

    def __init__(self) -> None:
        self._open_line = False

    def say(self, text: str = "") -> None:
        """Write one line, below a step that is under way."""
        self._write(("\n" if self._open_line else "") + text + "\n")
        self._open_line = False

    @contextmanager
    def step(self, label: str) -> Iterator[None]:
        """Write `label`, and the seconds that the block took when it has ended well."""
        self._write(f"  {label} ".ljust(WIDTH, "."))
        self._open_line = True
        began = time.monotonic()
        yield
        seconds = f" {time.monotonic() - began:5.1f} s\n"
        self._write(seconds if self._open_line else f"  {label} ".ljust(WIDTH, ".") + seconds)
        self._open_line = False

    def table(self, rows: Sequence[Mapping[str, object]]) -> None:
        """Write rows under the names of the first one's fields."""
        if not rows:
            return
        cells = [list(rows[0]), *([str(row.get(name, "")) for name in rows[0]] for row in rows)]
        widths = [max(len(line[i]) for line in cells) for i in range(len(cells[0]))]
        for line in cells:
            self.say(
                "  " + "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
            )

    def _write(self, text: str) -> None:
        with suppress(OSError):  # the terminal is gone
            sys.stdout.write(text)
            sys.stdout.flush()
