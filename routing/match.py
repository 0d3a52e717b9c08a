"""Map matching: which roads a recorded track followed, when, and how sure that is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from routing import passages, viterbi
from routing.arrays import Floats, Ints, Longs, NetworkArrays
from routing.candidates import Ground, ground_of, states_of
from routing.errors import UnknownProfile
from routing.metric import Box
from routing.stations import fix_sigmas, gather, radii, stays
from routing.store import Manifest
from routing.tracks import Track, checked_track
from routing.transitions import Chances, scratch_for

CHANCES = Chances(
    tail=4.0, beta_m=3.0, beta_share=0.12, haste=4.0, haste_from=1.5, fastest_ms=50.0, turn=8.0,
    slip_sigma=3.0,
)  # fmt: skip
LIMITS = viterbi.Limits(gap_ms=120_000, gap_m=3000.0, off_road=1)
MOST_PLACES = 24  # candidate places per station

# Words for breaks and for fixes without a place; stable, to be translated by whoever shows them.
REASONS = {
    viterbi.OFF_ROAD: "off_road", viterbi.OUTLIER: "outlier", viterbi.GAP: "gap", viterbi.NO_WAY: "no_way",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Place:
    """Where a fix belongs: `edge` and `fraction` 0..1 from the edge's first node, `against` when it was
    driven the other way; `lon`, `lat`; `metres_off` the fix; `confidence` 0..1 that the road is right."""

    edge: int
    fraction: float
    against: bool
    lon: float
    lat: float
    metres_off: float
    confidence: float


@dataclass(frozen=True, slots=True)
class Break:
    """Between the fixes in rows `after` and `before` nothing is known; `seconds` long.

    `reason`: "gap" (no signal), "off_road" (no road near the fixes between), "no_way" (no road leads on in
    the time)."""

    after: int
    before: int
    seconds: float
    reason: str


class Passage(NamedTuple):
    """Stretches of road in order of travel, arrays (P,).

    `ref` edge times two, plus one if against the edge; `start`, `stop` fractions of the edge in the direction
    of travel; `metres`; `model_s` what the profile says it takes; `enter_at`, `leave_at` milliseconds since
    1970, interpolated between the fixes as the profile's times go; `piece` of the track, between breaks.
    """

    ref: Ints
    start: Floats
    stop: Floats
    metres: Floats
    model_s: Floats
    enter_at: Floats
    leave_at: Floats
    piece: Ints


class Knots(NamedTuple):
    """Where a vehicle was when, arrays (K,): `piece` of the track; `model_s` what the profile says the way
    takes from the first passage of all up to here, `metres` likewise; `arrive_at`, `leave_at` milliseconds
    since 1970, the same while driving. The times in `Passage` are interpolated between these."""

    piece: Ints
    model_s: Floats
    metres: Floats
    arrive_at: Floats
    leave_at: Floats


@dataclass(frozen=True, slots=True)
class Match:
    """What a track of n fixes tells about roads.

    Per fix (n,): `edge` (-1: no place), `fraction`, `lon`, `lat`, `metres_off`, `sure` (confidence 0..1, NaN
    without a place) and `stretch`, its row in `passage` (-1). `breaks` between pieces. `lost` says of fixes
    without a place why: row -> "off_road" or "outlier". `knots` is what was really observed. `confidence` is
    the mean over the fixes with a place, 0 when there is none. `version` is the network's, `profile` the one
    it was matched with.
    """

    track: Track
    edge: Ints
    fraction: Floats
    lon: Floats
    lat: Floats
    metres_off: Floats
    sure: Floats
    stretch: Longs
    passage: Passage
    breaks: tuple[Break, ...]
    lost: dict[int, str]
    knots: Knots
    confidence: float
    version: str
    profile: str

    def place(self, row: int) -> Place | None:
        """Where the fix in this row belongs, None when nobody can say."""
        if self.edge[row] < 0:
            return None
        return Place(
            int(self.edge[row]), float(self.fraction[row]),
            bool(self.passage.ref[self.stretch[row]] & 1), float(self.lon[row]), float(self.lat[row]),
            float(self.metres_off[row]), float(self.sure[row]),
        )  # fmt: skip

    @property
    def places(self) -> list[Place | None]:
        """One per fix."""
        return [self.place(row) for row in range(len(self.track))]

    @property
    def metres(self) -> float:
        """Length of all that was travelled on known roads."""
        return float(self.passage.metres.sum())


def match_track(ground: Ground, box: Box, track: Track, *, version: str = "", profile: str = "") -> Match:
    """Match one track on one network; raises BadTrack for coordinates that cannot be meant.

    What cannot be known is said and not filled in: see `Match.breaks` and `Match.lost`.
    """
    checked_track(track, box)
    stations, station = gather(track, fix_sigmas(track))
    states = states_of(ground, stations.lon, stations.lat, radii(stations), MOST_PLACES)
    scratch = scratch_for(len(ground.out_first) - 1)
    decoded = viterbi.decode(ground, states, stations, CHANCES, LIMITS, scratch)
    laid = passages.lay_out(ground, states, stations, decoded, CHANCES, scratch)
    seated = passages.seat(ground, laid, decoded, station, track.lon, track.lat)
    start = passages.clock(ground, laid)
    at_station = passages.station_clock(ground, laid, start)
    arrive, leave_from = stays(stations)
    enter, leave = passages.times_at(laid, start, at_station, arrive, leave_from)
    length = np.maximum(ground.edge_mm[laid.ref >> 1], 1)
    passage = Passage(
        laid.ref, laid.start / length, laid.stop / length, (laid.stop - laid.start) / 1000,
        np.diff(start) / 1000, enter, leave, laid.piece,
    )  # fmt: skip
    matched = seated.stretch >= 0
    edge = np.full(len(track), -1, np.int32)
    edge[matched] = laid.ref[seated.stretch[matched]] >> 1
    sure = np.where(matched, passages.likelihood_of_way(states, decoded, laid)[station], np.nan)
    fraction = seated.along / np.maximum(ground.edge_mm[edge], 1)
    return Match(
        track, edge, fraction, seated.lon, seated.lat, seated.metres, sure, seated.stretch, passage,
        _breaks(track, decoded, station), _lost(decoded, station),
        _knots(laid, at_station, arrive, leave_from),
        float(sure[matched].mean()) if matched.any() else 0.0, version, profile,
    )  # fmt: skip


def _knots(laid: passages.Laid, at_station: Floats, arrive: Floats, leave: Floats) -> Knots:
    own = np.flatnonzero(laid.at_stretch >= 0)
    stretch = laid.at_stretch[own]
    metres = np.concatenate([[0.0], np.cumsum(laid.stop - laid.start)])
    along = metres[stretch] + laid.along[own] - laid.start[stretch]
    return Knots(laid.piece[stretch], at_station[own] / 1000, along / 1000, arrive[own], leave[own])


def _breaks(track: Track, decoded: viterbi.Decoded, station: Ints) -> tuple[Break, ...]:
    """Where one piece ends and the next begins."""
    begins = np.flatnonzero((decoded.state >= 0) & (decoded.before < 0))
    matched = np.flatnonzero(decoded.state >= 0)
    found = []
    for begin in begins[1:]:
        end = matched[np.searchsorted(matched, begin) - 1]
        after = int(np.searchsorted(station, end, side="right")) - 1
        before = int(np.searchsorted(station, begin, side="left"))
        seconds = float(track.at[before] - track.at[after]) / 1000
        found.append(Break(after, before, seconds, REASONS[int(decoded.broken[begin])]))
    return tuple(found)


def _lost(decoded: viterbi.Decoded, station: Ints) -> dict[int, str]:
    fate = decoded.fate[station]
    return {int(row): REASONS[int(fate[row])] for row in np.flatnonzero(fate != viterbi.MATCHED)}


class Matcher:
    """Matches tracks on one network with one profile; keeps the ground between tracks. Threads share it."""

    def __init__(self, manifest: Manifest, arrays: NetworkArrays, profile: str) -> None:
        known = [rules.name for rules in manifest.profiles]
        if profile not in known:
            raise UnknownProfile(profile, known)
        self.ground = ground_of(arrays, manifest.frame, known.index(profile))
        self.profile = manifest.profiles[known.index(profile)]
        self._box = manifest.report.box
        self._version = manifest.version

    def match(self, track: Track) -> Match:
        """As `match_track`."""
        name = self.profile.name
        return match_track(self.ground, self._box, track, version=self._version, profile=name)
