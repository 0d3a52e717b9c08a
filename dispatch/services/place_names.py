"""The names of each tenant's places as this process keeps them: read once for each version of its folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from dispatch.services.name_match import Folded


class PlaceKind(StrEnum):
    """What a found place is."""

    VILLAGE = "village"
    FACILITY = "facility"


@dataclass(frozen=True, slots=True)
class PlaceFound:
    """One place. A village is its middle, and `accuracy_m` reaches to its farthest edge; for a facility whose
    position is a guess, to that of its district; a surveyed one has none. `code` is Kemendagri's or its own.
    """

    kind: PlaceKind
    code: str
    name: str
    district: str | None
    lon: float
    lat: float
    accuracy_m: float | None


@dataclass(frozen=True, slots=True)
class NamedPlace:
    """A place with its names reduced to what is compared."""

    place: PlaceFound
    name: Folded
    around: Folded


@dataclass
class PlaceNames:
    """Places by tenant; a tenant's older version is let go when a newer one is kept."""

    _kept: dict[int, tuple[str, Sequence[NamedPlace]]] = field(default_factory=dict)

    def find(self, regency_id: int, version: str) -> Sequence[NamedPlace] | None:
        """Return the tenant's places, None when this version of them is not here."""
        kept = self._kept.get(regency_id)
        return kept[1] if kept is not None and kept[0] == version else None

    def keep(self, regency_id: int, version: str, places: Sequence[NamedPlace]) -> None:
        """Keep one version of a tenant's places."""
        self._kept[regency_id] = (version, places)
