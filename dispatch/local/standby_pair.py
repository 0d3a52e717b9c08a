"""Which of two private clusters is the primary and which its standby: one small file in the run folder."""

import json
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dispatch.local.errors import LocalError

FILE = "standby.json"
FIRST, SECOND = "a", "b"
PORTS = {FIRST: "5432", SECOND: "5433"}
"""Both sockets lie in one folder: services know both addresses before there is a second cluster."""


class StandbyError(LocalError):
    """A standby cannot be made, promoted or taken back; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two seats, `a` (the run folder's own cluster) and `b`; a seat holds one cluster.

    places: for each seat the folder that holds its data in `pg/`.
    primary: the seat that takes writes. standby: the seat that follows it; None while the other one is
    fenced, which means that it was replaced and must never be started as it is.
    generation: grows with every change: of two notes of one pair the greater one holds.
    """

    places: dict[str, Path]
    primary: str
    standby: str | None
    generation: int = 0

    @property
    def other(self) -> str:
        """The seat beside the primary's."""
        return SECOND if self.primary == FIRST else FIRST

    def runs(self, seat: str) -> bool:
        """Whether a server may run on this seat."""
        return seat in (self.primary, self.standby)

    def promoted(self) -> "Pair":
        """The pair after its standby took over."""
        return self._changed(self.other, None)

    def rejoined(self) -> "Pair":
        """The pair after the fenced seat became a standby anew."""
        return self._changed(self.primary, self.other)

    def parted(self) -> "Pair":
        """The pair without its standby, which is to be made anew."""
        return self._changed(self.primary, None)

    def given_back(self) -> "Pair":
        """The pair after a promotion was called off: the former primary goes on, followed as before."""
        return self._changed(self.other, self.primary)

    def _changed(self, primary: str, standby: str | None) -> "Pair":
        return replace(self, primary=primary, standby=standby, generation=self.generation + 1)


def slot_of(seat: str) -> str:
    """The replication slot of the standby on this seat, and its application_name."""
    return f"semar_standby_{seat}"


def read_pair(run_dir: Path) -> Pair | None:
    """Return the pair of a run folder; None when no standby was ever set up. Raises StandbyError."""
    path = run_dir / FILE
    try:
        return pair_of(json.loads(path.read_text()))
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as damage:
        raise StandbyError(
            f"{path} is damaged ({damage!r}). It says which cluster is the primary, so nothing is started: "
            "write it anew, or restore it from a backup"
        ) from damage


def pair_of(told: dict[str, Any]) -> Pair:
    """Return the pair that `words_of` wrote. Raises KeyError, TypeError, ValueError."""
    places = {seat: Path(told["places"][seat]) for seat in PORTS}
    pair = Pair(places, told["primary"], told["standby"], told.get("generation", 0))
    if pair.primary not in PORTS or pair.standby not in (None, pair.other):
        raise ValueError(f"primary {pair.primary!r} and standby {pair.standby!r}")
    return pair


def words_of(pair: Pair) -> dict[str, Any]:
    """Return a pair as JSON holds it."""
    return {
        "places": {seat: str(place) for seat, place in pair.places.items()},
        "primary": pair.primary,
        "standby": pair.standby,
        "generation": pair.generation,
    }


def write_pair(run_dir: Path, pair: Pair) -> None:
    """Write the pair, on the disk when this returns; a crash leaves the one before or this one."""
    write_whole(run_dir / FILE, (json.dumps(words_of(pair), indent=2) + "\n").encode())


def write_whole(path: Path, content: bytes) -> None:
    """Write a file for its owner alone, on the disk when this returns; a crash leaves the former or this."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
