"""Estimates how much slower or faster than the profile real driving is, by road class and hour of the week.

The logarithm of observed over modelled seconds of a trip on one class in one hour is taken as
    level + class + hour + class x hour + trip + noise / sqrt(minutes),
all of them Gaussian about zero: a linear mixed model whose effects are shrunk towards the profile (zero),
the more the less was driven, and whose variances are themselves estimated with the priors below as so many
observations (empirical Bayes; see D. Bates et al., "Fitting Linear Mixed-Effects Models Using lme4", 2015).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from routing.arrays import Floats, Longs
from routing.interval import Z80, Interval
from routing.observations import Observations, Observed, of_trips
from routing.slots import SLOTS

# Intervals that hold several classes are shared out anew with each estimate, until nothing moves any more.
_ROUNDS = 40
_STILL = 0.002
# Share of the week that each slot is: five working days, two at the weekend.
WEEK = np.repeat([5 / 168, 2 / 168], SLOTS // 2)
_TAIL = 5.0  # degrees of freedom of the residuals: an odd row counts little, as under Student's distribution
_FOLDS = 5
_ODD = 3.0  # spreads beyond which a trip counts no further
_LOPSIDED = 200.0  # trips from which on their own 10 % and 90 % points count for half
_MOST_LOG = 1.1  # no factor is taken beyond a third or threefold


@dataclass(frozen=True, slots=True)
class Prior:
    """Standard deviations of the effects (of log time) before anything is observed, and how many observations
    that belief is worth when the spread itself is estimated: `weight` effects, `trips` trips."""

    level: float = 0.25
    road_class: float = 0.2
    hour: float = 0.12
    class_hour: float = 0.05
    trip: float = 0.2
    minute: float = 0.35
    weight: float = 4.0
    trips: float = 30.0

    @property
    def class_sd(self) -> float:
        """Of a class that nobody drove on."""
        return float(np.hypot(self.level, self.road_class))


PRIOR = Prior()


@dataclass(frozen=True, slots=True)
class Estimate:
    """What was learnt, as logarithms of time over the profile's.

    `log_factor`, `log_sd` (classes, SLOTS) by class and hour; `class_log`, `class_log_sd` (classes,) over all
    hours; `level` of classes nobody named. `trips`, `km` (classes, SLOTS) observed. `interval` of whole
    trips. `fitted` are the spreads as estimated.
    """

    log_factor: Floats
    log_sd: Floats
    class_log: Floats
    class_log_sd: Floats
    level: float
    trips: Longs
    km: Floats
    interval: Interval
    fitted: Prior


@dataclass(frozen=True, slots=True)
class _Cells:
    """Rows summed per trip, class and slot: where, `model_s` by the profile with its hours; row -> cell."""

    trip: Longs
    road_class: Longs
    slot: Longs
    model_s: Floats
    of_row: Longs


def estimate(observations: Observations, classes: int, hour_factor: Floats, prior: Prior = PRIOR) -> Estimate:
    """Estimate from observations; with none, the profile as it is. `hour_factor` (classes, SLOTS) are the
    profile's own factors of the speed by hour, which the result contains."""
    rows, slower = observations.rows, 1 / hour_factor
    fit = _fitted(rows, slower, prior)
    class_effect, class_sd = fit.model.by_class()
    trips, km = np.zeros((classes, SLOTS), np.int64), np.zeros((classes, SLOTS))
    cells = _cells(rows, slower)
    np.add.at(trips, (cells.road_class, cells.slot), 1)
    np.add.at(km, (rows.road_class, rows.slot), rows.metres / 1000)
    return Estimate(
        fit.log_factor, fit.log_sd, np.clip(class_effect, -_MOST_LOG, _MOST_LOG), class_sd,
        float(np.clip(fit.model.effect[0], -_MOST_LOG, _MOST_LOG)), trips, km,
        _with_ends(fit.interval, _held_out(rows, slower, prior)), fit.model.spread,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Fit:
    """A fitted model, its `log_factor` and `log_sd` (classes, SLOTS), and the interval as it should be."""

    model: _Model
    log_factor: Floats
    log_sd: Floats
    interval: Interval

    def spreads_off(self, rows: Observed) -> Floats:
        """How far each trip (trips,) took longer than expected: logarithms over the interval's spread."""
        trips = len(rows.started_at)
        expected = rows.model_s * np.exp(self.log_factor[rows.road_class, rows.slot])
        modelled = _sums(rows.trip, expected, trips)
        of_interval = np.zeros(len(rows.elapsed_s), np.int64)
        of_interval[rows.interval] = rows.trip
        observed = _sums(of_interval, rows.elapsed_s, trips)
        by_class = np.zeros((trips, len(self.log_factor)))
        np.add.at(by_class, (rows.trip, rows.road_class), expected)
        off: Floats = np.log(observed / modelled) / self.interval.road_sd(modelled, by_class)
        return off


def _fitted(rows: Observed, slower: Floats, prior: Prior) -> _Fit:
    cells, trips = _cells(rows, slower), len(rows.started_at)
    model = _Model(cells, len(slower), trips, prior)
    for _ in range(_ROUNDS if trips else 0):
        before = model.cell_log()
        observed = _shared_out(rows, cells, slower, before)
        model.fit(np.log(observed / cells.model_s))
        if np.abs(model.cell_log() - before).max() < _STILL:
            break
    effect, sd = model.by_class_and_hour()
    # a call may come in any hour, so how unsure a class is counts over all of the week
    class_sd = np.sqrt((sd**2) @ WEEK)
    metres = np.bincount(rows.road_class, rows.metres, len(slower))
    driven = metres / metres.sum() if trips else np.full(len(slower), 1 / len(slower))
    interval = Interval(
        model.spread.trip, model.spread.minute, float(driven @ class_sd), -Z80, Z80, trips > 0,
        tuple(float(sd) for sd in class_sd),
    )  # fmt: skip
    return _Fit(model, np.clip(effect, -_MOST_LOG, _MOST_LOG) + np.log(slower), sd, interval)


def _held_out(rows: Observed, slower: Floats, prior: Prior) -> Floats:
    """`spreads_off` of every trip, as seen by a fit to the other folds' trips; none when there are few."""
    trips = len(rows.started_at)
    off = np.zeros(trips)
    if trips < 2 * _FOLDS:
        return off[:0]
    fold = np.arange(trips) % _FOLDS
    for own in range(_FOLDS):
        others = _fitted(of_trips(rows, fold != own), slower, prior)
        off[fold == own] = others.spreads_off(of_trips(rows, fold == own))
    return off


def _with_ends(interval: Interval, off: Floats) -> Interval:
    """The interval with its ends where the held-out trips put them.

    Few trips tell how wide they spread, only many tell how lopsided they are.
    """
    scale = np.sqrt((np.minimum(off**2, _ODD**2).sum() + PRIOR.trips) / (len(off) + PRIOR.trips))
    weight = len(off) / (len(off) + _LOPSIDED)
    ends = scale * np.array([-Z80, Z80])
    if len(off):
        ends = weight * np.quantile(off, [0.1, 0.9]) + (1 - weight) * ends
    return replace(interval, low_z=float(min(ends[0], -0.3)), high_z=float(max(ends[1], 0.3)))


def _cells(rows: Observed, slower: Floats) -> _Cells:
    size = len(slower) * SLOTS
    key = (rows.trip * size) + rows.road_class * SLOTS + rows.slot
    keys, of_row = np.unique(key, return_inverse=True)
    road_class, slot = keys % size // SLOTS, keys % SLOTS
    modelled = rows.model_s * slower[rows.road_class, rows.slot]
    return _Cells(keys // size, road_class, slot, _sums(of_row, modelled, len(keys)), of_row)


def _sums(owner: Longs, values: Floats, count: int) -> Floats:
    """Values (n,) added up per owner, (count,)."""
    return np.bincount(owner, values, count).astype(np.float64)


def _shared_out(rows: Observed, cells: _Cells, slower: Floats, cell_log: Floats) -> Floats:
    """Observed seconds per cell: an interval's time is shared out as the factors found so far would."""
    expected = rows.model_s * slower[rows.road_class, rows.slot] * np.exp(cell_log[cells.of_row])
    total = _sums(rows.interval, expected, len(rows.elapsed_s))
    rate = np.maximum(rows.elapsed_s, 0.0) / np.maximum(total, 1e-9)
    observed = rate[rows.interval] * expected
    # a cell without any time would have no logarithm
    seconds: Floats = np.maximum(_sums(cells.of_row, observed, len(cells.trip)), 0.02 * cells.model_s)
    return seconds


class _Model:
    """The mixed model: effects in the order level, classes, hours, classes x hours."""

    def __init__(self, cells: _Cells, classes: int, trips: int, prior: Prior) -> None:
        self._cells = cells
        self._classes, self._trips = classes, trips
        self._prior = self.spread = prior
        size = 1 + classes + SLOTS + classes * SLOTS
        c, h = cells.road_class, cells.slot
        ones = np.zeros(len(c), np.int64)
        self._columns = np.stack([ones, 1 + c, 1 + classes + h, 1 + classes + SLOTS + c * SLOTS + h], axis=1)
        self.effect = np.zeros(size)
        self._kinds = np.repeat([0, 1, 2, 3], [1, classes, SLOTS, classes * SLOTS])
        self._seen = np.zeros(size, np.bool_)
        self._seen[self._columns.ravel()] = True
        self.covariance = np.diag(self._variances())

    def _variances(self) -> Floats:
        p = self.spread
        variances: Floats = np.array([p.level, p.road_class, p.hour, p.class_hour])[self._kinds] ** 2
        return variances

    def cell_log(self) -> Floats:
        """The fitted logarithm per cell, without its trip."""
        return np.asarray(self.effect[self._columns].sum(axis=1), np.float64)

    def fit(self, log_ratio: Floats) -> None:
        """Solve for the effects under the spreads known so far, then for the spreads."""
        minutes = self._cells.model_s / 60
        noise = self.spread.minute**2 / minutes
        residual = log_ratio - self.cell_log()
        odd = residual**2 / (noise + self.spread.trip**2)
        weight = (_TAIL + 1) / (_TAIL + odd) / noise
        self._solve(log_ratio, weight)
        self._learn_spread(log_ratio - self.cell_log(), weight, minutes, noise)

    def _solve(self, log_ratio: Floats, weight: Floats) -> None:
        """Effects and their covariance; what trips have in common is taken out (Schur complement)."""
        from scipy.sparse import csr_array  # only a calibration needs it

        # an effect that no row shows stays at zero with its prior variance, and hangs on no other
        seen = np.flatnonzero(self._seen)
        columns = np.searchsorted(seen, self._columns)
        rows, width = columns.shape
        design = csr_array(
            (np.ones(rows * width), columns.ravel(), np.arange(0, rows * width + 1, width)),
            shape=(rows, len(seen)),
        )
        trip = csr_array((weight, (self._cells.trip, np.arange(rows))), shape=(self._trips, rows))
        shared = (trip @ design).toarray()
        per_trip = np.bincount(self._cells.trip, weight, self._trips) + 1 / self.spread.trip**2
        scaled = shared / per_trip[:, None]
        weighted = design.multiply(weight[:, None]).tocsr()
        variances = self._variances()
        normal = (design.T @ weighted).toarray() - shared.T @ scaled + np.diag(1 / variances[seen])
        target = weighted.T @ log_ratio - scaled.T @ (trip @ log_ratio)
        covariance = np.linalg.inv(normal)
        self.covariance = np.diag(variances)
        self.covariance[np.ix_(seen, seen)] = covariance
        self.effect[seen] = covariance @ target

    def _learn_spread(self, residual: Floats, weight: Floats, minutes: Floats, noise: Floats) -> None:
        """The spreads that the effects, trips and residuals show, the prior counting as some more of them."""
        p, trips = self._prior, self._trips
        precision = np.bincount(self._cells.trip, weight, trips) + 1 / self.spread.trip**2
        trip = np.bincount(self._cells.trip, weight * residual, trips) / precision
        trip_var = (trip @ trip + (1 / precision).sum() + p.trips * p.trip**2) / (trips + p.trips)
        left = (residual - trip[self._cells.trip]) ** 2 + 1 / precision[self._cells.trip]
        share = weight * noise  # what Student's weights leave of each row
        minute_var = ((share * left * minutes).sum() + p.trips * p.minute**2) / (len(residual) + p.trips)
        size = self.effect**2 + np.diag(self.covariance)
        kinds = []
        for kind, before in ((1, p.road_class), (2, p.hour), (3, p.class_hour)):
            own = (self._kinds == kind) & self._seen
            kinds.append(np.sqrt((size[own].sum() + p.weight * before**2) / (own.sum() + p.weight)))
        self.spread = replace(
            p, trip=float(np.sqrt(trip_var)), minute=float(np.sqrt(minute_var)),
            road_class=float(kinds[0]), hour=float(kinds[1]), class_hour=float(kinds[2]),
        )  # fmt: skip

    def by_class_and_hour(self) -> tuple[Floats, Floats]:
        """Effects and their spreads, (classes, SLOTS)."""
        c, h = np.divmod(np.arange(self._classes * SLOTS), SLOTS)
        columns = [np.zeros_like(c), 1 + c, 1 + self._classes + h, 1 + self._classes + SLOTS + c * SLOTS + h]
        shape = (self._classes, SLOTS)
        effect = sum(self.effect[column] for column in columns)
        variance = sum(self.covariance[a, b] for a in columns for b in columns)
        return np.reshape(effect, shape), np.sqrt(np.maximum(np.reshape(variance, shape), 0.0))

    def by_class(self) -> tuple[Floats, Floats]:
        """Level plus class, over all hours."""
        c = 1 + np.arange(self._classes)
        variance = self.covariance[0, 0] + 2 * self.covariance[0, c] + self.covariance[c, c]
        return self.effect[0] + self.effect[c], np.sqrt(np.maximum(variance, 0.0))
