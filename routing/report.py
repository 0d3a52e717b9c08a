"""What a build found in an extract."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Part:
    """A strongly connected part: vertices, kilometres of road within, box (west, south, east, north)."""

    vertices: int
    km: float
    box: tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class BuildReport:
    """Counts and findings of a build.

    `version` short hash of source, profile and schema; `data_date` as given or as the extract's header
    states it. `ways_dropped` ways left out per reason ("class:footway", "access", "excluded:motorway",
    ...); `clipped_nodes` nodes that ways name but the extract lacks (cut at its border). `vertices` all
    nodes of drivable ways, `largest_part_share` how many of them (0..1) lie in the largest strongly
    connected part: only that part is in the store, as `nodes`, `edges` (a two-way edge counts once) and
    `arcs`. `parts` is how many strongly connected parts there are, `cut_off` the largest ones that are left
    out (at most ten). `km_by_class` kilometres of drivable road per highway class, all parts; `km_in_store`
    those of the largest part; `connector_km` those of them that were added to the map by hand. `box` of the
    largest part. Roads are counted once, not per direction.
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
