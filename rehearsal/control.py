"""How a rehearsal is turned on and off: a wish and a state in the run folder, a lock while it is on."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rehearsal.findings import NotPossible


@dataclass(frozen=True, slots=True)
class Wish:
    """What the one who gave the last command wants. `options` are those of `start`, as command line words."""

    on: bool = True
    options: tuple[str, ...] = ()
    serial: int = 0


@dataclass(frozen=True, slots=True)
class Control:
    """The control files of one regency's rehearsal."""

    folder: Path

    @staticmethod
    def of(run_dir: Path, regency: str) -> Control:
        """Return the control of a regency; its folder is made, for its owner alone."""
        folder = run_dir / "rehearsal" / regency
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
        return Control(folder)

    def wish(self) -> Wish:
        """Return the last wish; without one, the rehearsal is wanted as it is by default."""
        found = _read(self.folder / "wish.json")
        if not found:
            return Wish()
        return Wish(bool(found.get("on")), tuple(found.get("options", ())), int(found.get("serial", 0)))

    def ask(self, *, on: bool, options: tuple[str, ...] = ()) -> Wish:
        """Leave a wish for whoever plays, or is going to."""
        wish = Wish(on, options, time.time_ns())
        content = {"on": on, "options": list(options), "serial": wish.serial}
        _write(self.folder / "wish.json", content)
        return wish

    def state(self) -> dict[str, Any]:
        """Return what the rehearsal last said of itself; empty when it never did."""
        return _read(self.folder / "state.json")

    def tell(self, state: dict[str, Any]) -> None:
        """Say how the rehearsal stands."""
        _write(self.folder / "state.json", {"pid": os.getpid(), **state})

    def held(self) -> bool:
        """Whether a process holds the stage."""
        with (self.folder / "lock").open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False

    @contextmanager
    def stage(self) -> Iterator[None]:
        """Hold the stage; the kernel lets go of it when this process dies.

        Raises:
            NotPossible: another process holds it.
        """
        with (self.folder / "lock").open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as held:
                raise NotPossible(
                    "gladi sudah berjalan; lihat 'dispatch rehearsal status'",
                    "a rehearsal is on already; see 'dispatch rehearsal status'",
                ) from held
            yield


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _write(path: Path, content: dict[str, Any]) -> None:
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_text(json.dumps(content, ensure_ascii=False, indent=1, default=str), encoding="utf-8")
    draft.replace(path)
