"""Makes metrics: what every edge costs a profile at an hour under the live changes, ready to be searched."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone, tzinfo
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from routing.arrays import CLOSED_MS, Floats, Ints, Longs, NetworkArrays
from routing.compiled import compiled
from routing.customise import sharpen
from routing.ends import SHUT, EdgeTimes, node_copies
from routing.engine import FAR, LENGTH_BITS, Hierarchy, Weights, customise, customise_changed
from routing.errors import BadQuestion, UnknownProfile
from routing.interval import Interval, of_profile
from routing.live import NO_HITS, Hits
from routing.profile import HOURS, SLOTS, Profile

# Metrics are kept up to about so many bytes; a regency's takes less than a thousandth of it.
_KEPT_BYTES = 400_000_000
_LEAST_KEPT, _MOST_KEPT = 4, 128
_BASE = SLOTS  # the slot of a question without a time stands behind those of the week


class Calibrated(Protocol):
    """What recorded tracks say about one profile: `routing.calibration.Calibration`."""

    @property
    def profile(self) -> str: ...
    @property
    def profile_digest(self) -> str: ...
    @property
    def digest(self) -> str: ...
    @property
    def timezone(self) -> str: ...
    def for_classes(self, classes: Sequence[str]) -> Floats: ...
    def over_all_hours(self, classes: Sequence[str]) -> Floats: ...
    def interval_for(self, classes: Sequence[str]) -> Interval: ...


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric. `row` is the profile's in the store, `bit` its mask; equal versions give equal answers."""

    weights: Weights
    times: EdgeTimes
    version: str
    row: int
    bit: int
    interval: Interval


class _Key(NamedTuple):
    """`row` of the profile, `slot` of the week, and the `closed` flags: edges that carry one are closed."""

    row: int
    slot: int
    closed: int


class _Kept:
    """Metrics by key, the ones asked for last; each is made once, whoever asks."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._made: OrderedDict[_Key, Metric] = OrderedDict()
        self._making: dict[_Key, threading.Lock] = {}
        self._lock = threading.Lock()

    def get(self, key: _Key, make: Callable[[_Key], Metric]) -> Metric:
        with self._lock:
            if key in self._made:
                self._made.move_to_end(key)
                return self._made[key]
            making = self._making.setdefault(key, threading.Lock())
        with making:
            with self._lock:
                if key in self._made:
                    return self._made[key]
            metric = make(key)
            with self._lock:
                self._made[key] = metric
                while len(self._made) > self._most:
                    self._made.popitem(last=False)
                self._making.pop(key, None)
        return metric


class Metrics:
    """The metrics of one network without live changes; `under` gives those with some.

    Made when they are first asked for, in the thread of whoever asks, and kept. Hours with equal factors
    share one.
    """

    def __init__(
        self, version: str, arrays: NetworkArrays, hierarchy: Hierarchy, profiles: list[Profile],
        classes: list[str], zone: tzinfo, calibrations: Mapping[str, Calibrated],
    ) -> None:  # fmt: skip
        self.version = version
        self.profiles = tuple(profile.name for profile in profiles)
        self._arrays = arrays
        self._hierarchy = hierarchy
        self._classes = classes
        self._zone = zone
        self._copies = node_copies(arrays)
        made = [(profile, _checked(calibrations.get(profile.name), profile)) for profile in profiles]
        self._intervals = [_interval(profile, calibration, classes) for profile, calibration in made]
        self._labels = [_label(profile, calibration) for profile, calibration in made]
        self._factors = [_factors(profile, calibration, classes) for profile, calibration in made]
        self._slots = [_folded(factors) for factors in self._factors]
        self._most = int(np.clip(_KEPT_BYTES // max(64 * hierarchy.arcs, 1), _LEAST_KEPT, _MOST_KEPT))
        self._kept = _Kept(self._most)

    def row(self, profile: str) -> int:
        """The number of a profile; raises UnknownProfile."""
        if profile not in self.profiles:
            raise UnknownProfile(profile, self.profiles)
        return self.profiles.index(profile)

    def get(self, profile: str, at: datetime | None, closed: int = 0) -> Metric:
        """The metric of a profile at a time (None: the profile's speeds as they stand).

        Edges with one of the flags `closed` are closed in it. Raises UnknownProfile, BadQuestion.
        """
        return self.by_key(self.key(profile, at, closed))

    def key(self, profile: str, at: datetime | None, closed: int) -> _Key:
        row = self.row(profile)
        return _Key(row, self._slots[row][_BASE if at is None else self._slot(at)], closed)

    def by_key(self, key: _Key) -> Metric:
        return self._kept.get(key, self._make)

    def under(self, hits: Hits, changes: str) -> ChangedMetrics:
        """The metrics under live changes with the digest `changes`."""
        return ChangedMetrics(self, hits, changes, self._most)

    def _slot(self, at: datetime) -> int:
        """The hour of the week: 0..23 on working days, 24..47 on Saturdays and Sundays."""
        if at.tzinfo is None:
            raise BadQuestion(f"Waktu {at} tanpa zona waktu", f"Time {at} lacks a time zone", at)
        local = at.astimezone(self._zone)
        return local.hour + (HOURS if local.weekday() >= 5 else 0)

    def _make(self, key: _Key) -> Metric:
        times = self._times(key)
        if key.closed:
            whole = self.by_key(key._replace(closed=0))
            flagged = np.flatnonzero(self._arrays.edge_flags & key.closed)
            refs = np.concatenate([flagged * 2, flagged * 2 + 1]).astype(np.int32)
            return self.remade(whole, times, refs, self.named(key))
        cost = _arc_costs(times)
        # worth its time for what is asked again and again; views of live changes come and go
        weights = sharpen(self._hierarchy, customise(self._hierarchy, cost))
        return self._metric(key.row, weights, times, self.named(key))

    def remade(self, metric: Metric, times: EdgeTimes, refs: Ints, version: str) -> Metric:
        """The metric for `times`, which differ from those of `metric` on these refs only."""
        changed = _arcs_of(refs, times.ref_first, times.ref_arc)
        cost = metric.weights.arc_cost.copy()
        _arc_costs_again(times, changed, cost)
        weights = customise_changed(self._hierarchy, metric.weights, cost, changed)
        return self._metric(metric.row, weights, times, version)

    def _metric(self, row: int, weights: Weights, times: EdgeTimes, version: str) -> Metric:
        return Metric(weights, times, version, row, 1 << row, self._intervals[row])

    def named(self, key: _Key, changes: str = "") -> str:
        """The version of a metric: that of the network (store, live changes), then profile and hour."""
        slot = "base" if key.slot == _BASE else f"{'we' if key.slot >= HOURS else 'wd'}{key.slot % HOURS:02d}"
        network = f"{self.version}.{changes}" if changes else self.version
        name = f"{network}.{self._labels[key.row]}.{slot}"
        return f"{name}.without{key.closed}" if key.closed else name

    def _times(self, key: _Key) -> EdgeTimes:
        a = self._arrays
        forward, backward = a.edge_ms_forward[key.row], a.edge_ms_backward[key.row]
        factors = self._factors[key.row][:, key.slot]
        if (factors != 1).any():
            factor = factors[a.edge_class]
            forward, backward = _scaled(forward, factor), _scaled(backward, factor)
        if key.closed:
            gone = (a.edge_flags & key.closed) > 0
            forward, backward = (np.where(gone, CLOSED_MS, ms).astype(np.int32) for ms in (forward, backward))
        none = np.empty(0, np.int64)
        return EdgeTimes(
            np.ascontiguousarray(forward), np.ascontiguousarray(backward), *NO_HITS[:3], none, 1 << key.row,
            a.edge_mm, a.edge_from, a.edge_to, a.ref_first, a.ref_arc, a.out_first, a.out_head, a.out_ref,
            a.out_banned, *self._copies,
        )  # fmt: skip


class ChangedMetrics:
    """The metrics of one network under one set of live changes, made from the unchanged ones."""

    def __init__(self, base: Metrics, hits: Hits, changes: str, most: int) -> None:
        self._base = base
        self._hits = hits
        self._changes = changes
        self._kept = _Kept(most)

    def get(self, profile: str, at: datetime | None, closed: int = 0) -> Metric:
        """As `Metrics.get`."""
        return self._kept.get(self._base.key(profile, at, closed), self._make)

    def _make(self, key: _Key) -> Metric:
        metric = self._base.by_key(key)
        t, hits = metric.times, self._hits
        times = t._replace(
            hit_ref=hits.ref,
            hit_low=hits.low,
            hit_high=hits.high,
            hit_ms=_hit_ms(hits, t.forward, t.backward),
        )
        return self._base.remade(metric, times, np.unique(hits.ref), self._base.named(key, self._changes))


def solar_zone(lon: float) -> tzinfo:
    """The whole-hour zone of a longitude: where a store is asked about the hour and no zone is told."""
    return timezone(timedelta(hours=round(lon / 15)))


def _label(profile: Profile, calibration: Calibrated | None) -> str:
    return profile.name if calibration is None else f"{profile.name}-{calibration.digest[:8]}"


def _checked(calibration: Calibrated | None, profile: Profile) -> Calibrated | None:
    """A calibration; raises BadQuestion when it was made with other rules than the store's."""
    if calibration is None or calibration.profile_digest == profile.digest:
        return calibration
    raise BadQuestion(
        f"Kalibrasi untuk profil {profile.name} dibuat dengan aturan lain; kalibrasi ulang",
        f"The calibration of profile {profile.name} was made with other rules; calibrate again",
        calibration.profile_digest,
    )


def _interval(profile: Profile, calibration: Calibrated | None, classes: Sequence[str]) -> Interval:
    if calibration is not None:
        return calibration.interval_for(classes)
    return of_profile(profile.interval.low_factor, profile.interval.high_factor)


def _factors(profile: Profile, calibration: Calibrated | None, classes: Sequence[str]) -> Floats:
    """Factors of the speed (classes, hours of the week and, last, without a time)."""
    if calibration is None:
        return np.column_stack([profile.hour_factors(classes), np.ones(len(classes))])
    return np.column_stack([calibration.for_classes(classes), calibration.over_all_hours(classes)])


def _folded(factors: Floats) -> list[int]:
    """For each slot the first one with the same factors; _BASE before all others."""
    columns = [factors[:, slot].tobytes() for slot in range(factors.shape[1])]
    first = {columns[_BASE]: _BASE}
    return [first.setdefault(column, slot) for slot, column in enumerate(columns)]


def _scaled(ms: Ints, factor: NDArray[np.float64]) -> Ints:
    return np.where(ms == CLOSED_MS, CLOSED_MS, np.rint(ms / factor)).astype(np.int32)


def _hit_ms(hits: Hits, forward: Ints, backward: Ints) -> Longs:
    """What the changed stretches cost more than usual."""
    edge = hits.ref >> 1
    ms = np.where(hits.ref & 1, backward[edge], forward[edge]).astype(np.float64)
    shut = hits.factor == 0
    slowness = 1 / np.where(shut, 1.0, hits.factor) - 1
    more = np.rint(np.maximum(ms, 0) * (hits.high - hits.low) * slowness)
    return np.where(shut, SHUT, more).astype(np.int64)


@compiled
def _arc_cost(t: EdgeTimes, ref: int, banned: int) -> int:
    if banned & t.bit:
        return FAR
    edge = ref >> 1
    ms = t.backward[edge] if ref & 1 else t.forward[edge]
    return FAR if ms == CLOSED_MS else (ms << LENGTH_BITS) + t.mm[edge]


@compiled
def _arc_costs(t: EdgeTimes) -> Longs:
    """The costs of all arcs (A,), without live changes."""
    cost = np.empty(len(t.out_ref), np.int64)
    for arc in range(len(t.out_ref)):
        cost[arc] = _arc_cost(t, t.out_ref[arc], t.banned[arc])
    return cost


@compiled
def _arc_costs_again(t: EdgeTimes, arcs: Ints, cost: Longs) -> None:
    """Write the costs of some arcs, with their live changes."""
    for arc in arcs:
        ref = t.out_ref[arc]
        cost[arc] = _arc_cost(t, ref, t.banned[arc])
        if cost[arc] == FAR:
            continue
        for i in range(np.searchsorted(t.hit_ref, ref), len(t.hit_ref)):
            if t.hit_ref[i] != ref:
                break
            if t.hit_ms[i] == SHUT:
                cost[arc] = FAR
                break
            cost[arc] += t.hit_ms[i] << LENGTH_BITS


@compiled
def _arcs_of(refs: Ints, ref_first: Ints, ref_arc: Ints) -> Ints:
    """The arcs that carry one of the refs."""
    count = 0
    for ref in refs:
        count += ref_first[ref + 1] - ref_first[ref]
    arcs = np.empty(count, np.int32)
    row = 0
    for ref in refs:
        for i in range(ref_first[ref], ref_first[ref + 1]):
            arcs[row] = ref_arc[i]
            row += 1
    return arcs
