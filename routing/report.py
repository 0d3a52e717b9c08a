"""What a build found in an extract."""

from __future__ import annotations

from dataclasses import dataclass, field

from routing.barriers import BarrierCount
from routing.restrictions import RestrictionCount


@dataclass(frozen=True, slots=True)
class Part:
    """A strongly connected part: vertices, kilometres of road within, box (west, south, east, north)."""

    vertices: int
    km: float
    box: tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Suspicion:
    """A place of the map that a data steward should look at.

    `kind` is one of `routing.suspicious.KINDS`; `way` the OSM id of the way, `detail` what is wrong there
    (the value of a tag, metres, another way).
    """

    kind: str
    way: int
    lon: float
    lat: float
    detail: str


@dataclass(frozen=True, slots=True)
class ProfileSummary:
    """What of the map a profile can drive: its vertices, how many of them (0..1) lie in its largest strongly
    connected part, how many parts there are, and the edges and kilometres of the largest."""

    name: str
    vertices: int
    largest_part_share: float
    parts: int
    edges: int
    km: float


@dataclass(frozen=True, slots=True)
class BuildReport:
    """Counts and findings of a build.

    `version` short hash of source, profiles and schema; `data_date` as given or as the extract's header
    states it. `ways_dropped` ways that no profile drives, per reason of the main one ("class:footway",
    "access", "excluded:motorway", ...); `clipped_nodes` nodes that ways name but the extract lacks (cut at
    its border). `vertices` all nodes of ways the main profile drives, `largest_part_share` how many of them
    (0..1) lie in its largest strongly connected part: only the largest part of each profile is in the store,
    as `nodes`, `edges` (a two-way edge counts once) and `arcs`; `turn_copies` of the nodes are there for turn
    restrictions. `parts` is how many strongly connected parts there are, `cut_off` the largest ones that are
    left out (at most ten). `km_by_class` kilometres of drivable road per highway class, all parts;
    `km_in_store` those of the largest part; `connector_km` those of them that were added to the map by hand.
    `box` of the largest part. Roads are counted once, not per direction.

    `profiles` are in the order of their numbers. `ferries` are edges of ferries in the store. `suspicions`
    counts suspicious places per kind, `suspicious` lists the first of each kind.
    """

    version: str
    source_sha256: str
    data_date: str | None
    ways_read: int
    ways_kept: int
    ways_dropped: dict[str, int]
    clipped_nodes: int
    vertices: int
    nodes: int
    edges: int
    arcs: int
    largest_part_share: float
    parts: int
    cut_off: tuple[Part, ...]
    km_by_class: dict[str, float]
    km_in_store: float
    connector_km: float
    box: tuple[float, float, float, float]
    seconds: float
    source: str = ""
    turn_copies: int = 0
    profiles: tuple[ProfileSummary, ...] = ()
    restrictions: RestrictionCount | None = None
    barriers: BarrierCount | None = None
    ferries: int = 0
    suspicions: dict[str, int] = field(default_factory=dict)
    suspicious: tuple[Suspicion, ...] = ()
