"""Which of two private clusters is the primary and which its standby: one small file in the run folder."""

import json
import os
from dataclasses import dataclass, replace
from pathlib import Path

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
    """

    places: dict[str, Path]
    primary: str
    standby: str | None

    @property
    def other(self) -> str:
        """The seat beside the primary's."""
        return SECOND if self.primary == FIRST else FIRST

    def runs(self, seat: str) -> bool:
        """Whether a server may run on this seat."""
        return seat in (self.primary, self.standby)

    def promoted(self) -> "Pair":
        """The pair after its standby took over."""
        return replace(self, primary=self.other, standby=None)

    def rejoined(self) -> "Pair":
        """The pair after the fenced seat became a standby anew."""
        return replace(self, standby=self.other)


def slot_of(seat: str) -> str:
    """The replication slot of the standby on this seat, and its application_name."""
    return f"semar_standby_{seat}"


def read_pair(run_dir: Path) -> Pair | None:
    """Return the pair of a run folder; None when no standby was ever set up. Raises StandbyError."""
    path = run_dir / FILE
    try:
        told = json.loads(path.read_text())
        places = {seat: Path(told["places"][seat]) for seat in PORTS}
        pair = Pair(places, told["primary"], told["standby"])
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as damage:
        raise StandbyError(
            f"{path} is damaged ({damage!r}). It says which cluster is the primary, so nothing is started: "
            "write it anew, or restore it from a backup"
        ) from damage
    if pair.primary not in PORTS or pair.standby not in (None, pair.other):
        raise StandbyError(f"{path} names primary {pair.primary!r} and standby {pair.standby!r}: restore it")
    return pair


def write_pair(run_dir: Path, pair: Pair) -> None:
    """Write the pair, on the disk when this returns; a crash leaves the one before or this one."""
    told = {
        "places": {seat: str(place) for seat, place in pair.places.items()},
        "primary": pair.primary,
        "standby": pair.standby,
    }
    path = run_dir / FILE
    draft = path.with_name(f".{FILE}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(told, file, indent=2)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    folder = os.open(run_dir, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
