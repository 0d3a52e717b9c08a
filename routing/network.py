"""An open road network: snaps places to it and answers how long it takes between them and along which way."""

from __future__ import annotations

import copy
import threading
from collections import OrderedDict
from collections.abc import Sequence
from datetime import UTC, date, datetime, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import ArrayLike

from routing import ranking
from routing.answers import Coverage, Isochrone, Matrix, Route, Snap, Times, Travel
from routing.core import Core, Terms, flags_of
from routing.coverage import cover
from routing.drawing import locate
from routing.engine import Engine
from routing.errors import BadChange, BadPoint
from routing.follow import Fixes, Followed, follow
from routing.isochrone import areas
from routing.journey import find_route
from routing.live import ChangeReport, RoadChange, digest, overlaid
from routing.match import Match, Matcher
from routing.metric import Box, checked_point, checked_points, refuse_outside
from routing.quality import Facility, QualityReport, judge_quality
from routing.ranking import MOST_CELLS, Point
from routing.report import BuildReport
from routing.store import Store, read_store
from routing.touched import change_report, refused
from routing.tracks import Track
from routing.warming import Progress, warm_up
from routing.weighting import Calibrated, ChangedMetrics, Metrics, solar_zone

ACCESS_KMH = 20.0
_VIEWS_KEPT = 8


def open_store(
    path: Path, *, timezone: tzinfo | None = None, calibrations: Sequence[Calibrated] = ()
) -> Network:
    """Open the store in folder `path` in a few milliseconds; raises BadStore.

    `timezone` is the one the hour factors of the profiles are meant in; without it that of the calibrations,
    or the whole-hour zone of the network's longitude. `calibrations` replace the hour factors and intervals
    of the profiles they name.
    """
    return Network(read_store(path), timezone=timezone, calibrations=calibrations)


class Network:
    """A road network that answers for several profiles. Read-only, and safe to use from many threads.

    Points are (lon, lat) in degrees WGS84, arrays of them (n, 2). Methods raise BadPoint for one that is no
    place on earth or has lon and lat swapped, OutsideNetwork for the one place of a question when it lies
    more than 50 km outside the network's box; among many places such a one is not reachable and has the
    doubt "outside". Up to there places far from any road are answered: `access_m` says how far. `access_kmh`
    is the speed off the network, a straight line at both ends.

    `profile` is one of `profiles` (None: the first), else UnknownProfile. `at` is the time it is asked for,
    aware; None leaves the hours out of it. Places are snapped to the largest strongly connected part of the
    profile's roads.
    """

    def __init__(
        self, store: Store, *, timezone: tzinfo | None = None, calibrations: Sequence[Calibrated] = ()
    ) -> None:
        manifest, arrays = store.manifest, store.arrays
        west, _, east, _ = manifest.report.box
        told = [ZoneInfo(calibration.timezone) for calibration in calibrations]
        zone = timezone or (told[0] if told else solar_zone((west + east) / 2))
        metrics = Metrics(
            manifest.version, arrays, store.hierarchy, manifest.profiles, manifest.classes,
            zone, {c.profile: c for c in calibrations},
        )  # fmt: skip
        self._core = Core(
            manifest, arrays, store.hierarchy, Engine(store.hierarchy), metrics, flags_of(arrays)
        )
        self._metrics: Metrics | ChangedMetrics = metrics
        self._version = manifest.version
        self._changes: tuple[ChangeReport, ...] = ()
        self._arrays = arrays
        self._manifest = manifest
        self._views = _Views(self)
        self._matchers = _Matchers(self._core)

    @property
    def version(self) -> str:
        """Short hash of the extract, the profiles and the schema; with live changes, a dot and theirs."""
        return self._version

    @property
    def report(self) -> BuildReport:
        """What the build of this store found."""
        return self._core.manifest.report

    @property
    def box(self) -> Box:
        """West, south, east, north in degrees."""
        return self._core.box

    @property
    def profiles(self) -> tuple[str, ...]:
        """The names of the profiles it answers for; the first is the one meant when none is named."""
        return self._core.metrics.profiles

    @property
    def changes(self) -> tuple[ChangeReport, ...]:
        """What the live changes hit that count here, also those that hit nothing."""
        return self._changes

    @property
    def node_count(self) -> int:
        return len(self._core.arrays.node_lon)

    @property
    def edge_count(self) -> int:
        """Stretches of road between nodes; a two-way one counts once."""
        return len(self._core.arrays.edge_from)

    @property
    def largest_part_share(self) -> float:
        """Share (0..1) of the extract's drivable vertices that lie in the first profile's largest part."""
        return self._core.manifest.report.largest_part_share

    def snap(self, points: ArrayLike, *, profile: str | None = None) -> list[Snap]:
        """The nearest place on the network for each point."""
        checked = checked_points(points, self.box)
        refuse_outside(checked, self.box)
        terms = self._terms(profile, None, ACCESS_KMH)
        return terms.place(checked, terms.metric).snaps()

    def to_one(
        self, origins: ArrayLike, target: Point, *, k: int | None = None, profile: str | None = None,
        at: datetime | None = None, access_kmh: float = ACCESS_KMH,
    ) -> list[Travel]:  # fmt: skip
        """Travels from every origin to the target, the least total time first (ties: shorter, then earlier
        row).

        With `k`, only the k best that are reachable. Without, all: the unreachable ones stand at the end.
        Raises NoUnits when there are no origins.
        """
        terms = self._terms(profile, at, access_kmh)
        return ranking.travels(terms, origins, target, k, to_one=True)

    def from_one(
        self, origin: Point, targets: ArrayLike, *, k: int | None = None, profile: str | None = None,
        at: datetime | None = None, access_kmh: float = ACCESS_KMH,
    ) -> list[Travel]:  # fmt: skip
        """Travels from the origin to every target; order and `k` as in `to_one`. No targets, no travels."""
        terms = self._terms(profile, at, access_kmh)
        return ranking.travels(terms, targets, origin, k, to_one=False)

    def times_to_one(
        self, origins: ArrayLike, target: Point, *, profile: str | None = None, at: datetime | None = None,
        access_kmh: float = ACCESS_KMH,
    ) -> Times:  # fmt: skip
        """The times of `to_one` as arrays in the order of the origins, for a thousand of them and more."""
        return ranking.times(self._terms(profile, at, access_kmh), origins, target, to_one=True)

    def times_from_one(
        self, origin: Point, targets: ArrayLike, *, profile: str | None = None, at: datetime | None = None,
        access_kmh: float = ACCESS_KMH,
    ) -> Times:  # fmt: skip
        """The times of `from_one` as arrays in the order of the targets."""
        return ranking.times(self._terms(profile, at, access_kmh), targets, origin, to_one=False)

    def matrix(
        self, origins: ArrayLike, targets: ArrayLike, *, limit: int = MOST_CELLS, profile: str | None = None,
        at: datetime | None = None, access_kmh: float = ACCESS_KMH,
    ) -> Matrix:  # fmt: skip
        """Travel times from every origin to every target; raises TooLarge beyond `limit` pairs, NoUnits."""
        return ranking.matrix(self._terms(profile, at, access_kmh), origins, targets, limit)

    def route(
        self, origin: Point, target: Point, *, steps: bool = False, profile: str | None = None,
        at: datetime | None = None, access_kmh: float = ACCESS_KMH,
    ) -> Route:  # fmt: skip
        """The fastest way, told in `steps` if wished; its times and metres are those of `to_one`.

        Raises Unreachable.
        """
        terms = self._terms(profile, at, access_kmh)
        points = np.concatenate([checked_point(point, self.box) for point in (origin, target)])
        refuse_outside(points, self.box)
        return find_route(terms, points, steps=steps)

    def coverage(
        self, sources: ArrayLike, within_s: float, *, places: ArrayLike = (),
        weights: ArrayLike | None = None, profile: str | None = None, at: datetime | None = None,
        access_kmh: float = ACCESS_KMH,
    ) -> Coverage:  # fmt: skip
        """Which places (m, 2) the nearest of the sources reaches within so many seconds, access legs
        included, and which share of their `weights` (m,) and of the roads that is. Raises NoUnits."""
        return cover(self._terms(profile, at, access_kmh), sources, within_s, places, weights)

    def isochrones(
        self, sources: ArrayLike, limits_s: Sequence[float], *, access_m: float = 250.0,
        profile: str | None = None, at: datetime | None = None, access_kmh: float = ACCESS_KMH,
    ) -> list[Isochrone]:  # fmt: skip
        """The area reached from the nearest of the sources, one per limit in seconds, each containing the
        lower ones. Off the roads it reaches as far as the time that is left allows, at most `access_m`."""
        return areas(self._terms(profile, at, access_kmh), sources, limits_s, access_m)

    def with_changes(self, changes: Sequence[RoadChange], now: datetime) -> Network:
        """This network under those of the changes that are in force at `now`, instead of the ones it has.

        A light view: it shares everything but what the changes touch. Changes that do the same give the same
        version; none give the unchanged network. A change that hits no road here is left out; `changes` of
        the view says so (`refused`).
        """
        return self._views.of([change for change in changes if change.in_force(now)])

    def changes_report(self, change: RoadChange) -> ChangeReport:
        """What a change would hit; raises BadChange when that is nothing."""
        core = self._core
        try:
            hit = locate(change, core.arrays, core.frame, core.box)
        except BadPoint as wrong:
            raise BadChange(wrong.message_id, wrong.message_en, wrong.value, change.id) from wrong
        return change_report(change, hit, core.arrays, core.manifest.classes)

    def quality(
        self, places: ArrayLike = (), *, names: Sequence[str] | None = None,
        facilities: Sequence[Facility] = (), today: date | None = None, profile: str | None = None,
        access_kmh: float = ACCESS_KMH,
    ) -> QualityReport:  # fmt: skip
        """What makes minutes on this map doubtful, whatever is closed now. `places` (m, 2) are the villages,
        `names` theirs; `facilities` where patients are brought; `today` what the map's age is counted
        from."""
        core = self._core
        terms = Terms(core, core.metrics, self._name(profile), None, access_kmh)
        return judge_quality(terms, places, names, facilities, today or datetime.now(UTC).date())

    def match(self, track: Track, *, profile: str | None = None) -> Match:
        """The roads a recorded track was driven on, by the profile's usual times; raises BadTrack."""
        return self._matchers.of(self._name(profile)).match(track)

    def follow(self, before: Followed, fixes: Fixes, *, profile: str | None = None) -> Followed:
        """Where moving units are on the roads, given where they were; `nowhere(n)` to begin with."""
        return follow(self._matchers.of(self._name(profile)).ground, before, fixes)

    def warm_up(self, progress: Progress | None = None) -> float:
        """Compile, or load from the cache, everything a request needs; afterwards no request waits for it.

        `progress` is called with the name of each kind of question and 0..1. Returns the seconds it took,
        which are logged too.
        """
        return warm_up(self, progress)

    def _terms(self, profile: str | None, at: datetime | None, access_kmh: float) -> Terms:
        return Terms(self._core, self._metrics, self._name(profile), at, access_kmh)

    def _name(self, profile: str | None) -> str:
        name = self.profiles[0] if profile is None else profile
        self._core.metrics.row(name)
        return name


class _Matchers:
    """A matcher per profile, made when the first track comes."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._made: dict[str, Matcher] = {}
        self._lock = threading.Lock()

    def of(self, profile: str) -> Matcher:
        with self._lock:
            if profile not in self._made:
                self._made[profile] = Matcher(self._core.manifest, self._core.arrays, profile)
            return self._made[profile]


class _Views:
    """The views of one network under live changes, those asked for last, by what the changes do."""

    def __init__(self, base: Network) -> None:
        self._base = base
        self._made: OrderedDict[tuple[str, ...], Network] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, changes: Sequence[RoadChange]) -> Network:
        if not changes:
            return self._base
        # the version depends on what they do alone, but the reports bear their ids
        key = (digest(changes), *(change.id for change in changes))
        with self._lock:
            view = self._made.get(key)
            if view is None:
                view = self._made[key] = self._view(changes, key[0])
                while len(self._made) > _VIEWS_KEPT:
                    self._made.popitem(last=False)
            self._made.move_to_end(key)
            return view

    def _view(self, changes: Sequence[RoadChange], key: str) -> Network:
        core = self._base._core
        parts, reports = [], []
        for change in changes:
            try:
                hit = locate(change, core.arrays, core.frame, core.box)
            except BadPoint as wrong:
                why = BadChange(wrong.message_id, wrong.message_en, wrong.value, change.id)
                reports.append(refused(change, why))
            except BadChange as why:
                reports.append(refused(change, why))
            else:
                parts.append((hit.stretches, change.factor))
                reports.append(change_report(change, hit, core.arrays, core.manifest.classes))
        view = copy.copy(self._base)
        view._metrics = core.metrics.under(overlaid(parts), key)
        view._version = f"{self._base.version}.{key}"
        view._changes = tuple(reports)
        return view
