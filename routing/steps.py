"""Turns a way into what a driver is told: where to turn, which exit to take, which road comes next."""

from __future__ import annotations

import math
from dataclasses import dataclass

from routing.answers import Snap, Step
from routing.arrays import CLOSED_MS, FERRY, GATE, ROUNDABOUT, NetworkArrays
from routing.ends import EdgeTimes
from routing.geometry import Way
from routing.metric import metres_per_degree
from routing.phrases import distance_words, in_words

# The bearing of a road at a junction is that of this much of it: the last metres before a junction are
# often drawn with a hook.
_BEARING_M = 12.0
# Turns by angle in degrees from straight ahead.
_STRAIGHT, _SLIGHT, _NORMAL, _SHARP = 22.0, 50.0, 120.0, 172.0
# Two roads whose directions differ by less than this look alike from the driver's seat.
_ALIKE = 28.0
# Two turns closer than this are one manoeuvre: the gap of a divided road, a staggered crossing.
_ONE_MANOEUVRE_M = 18.0
# A place this near to the road is on it, not beside it.
_BESIDE_M = 3.0
# Classes from which a driver on any other road is not expected to choose.
_MINOR = frozenset({"service", "track", "pedestrian", "busway"})


@dataclass(slots=True)
class _Decision:
    """Where something is told: before stretch `at` of the way."""

    at: int
    maneuver: str
    turn: float = 0.0
    exit_number: int | None = None
    # the road it leads onto begins here, later than `at` at a roundabout
    onto: int = 0


class StepMaker:
    """Makes the steps of routes over one network under one metric; `classes` are the store's class names."""

    def __init__(self, arrays: NetworkArrays, times: EdgeTimes, classes: list[str]) -> None:
        self._arrays = arrays
        self._times = times
        self._classes = classes

    def steps(self, way: Way, origin: Snap, target: Snap, place: tuple[float, float]) -> tuple[Step, ...]:
        """The steps of a way, from departure to arrival at least; `place` is the target before snapping."""
        if len(way.ref) == 0:
            return (self._arrival([], target, place),)
        refs = way.ref.tolist()
        decisions = _joined(self._decisions(refs), [0, *way.mm.cumsum().tolist()])
        steps = []
        for here, following in zip(decisions, [*decisions[1:], _Decision(len(refs), "arrive")], strict=True):
            part = slice(here.at, following.at)
            steps.append(self._step(here, refs, int(way.mm[part].sum()), int(way.ms[part].sum()), origin))
        return (*steps, self._arrival(refs, target, place))

    def _decisions(self, refs: list[int]) -> list[_Decision]:
        found = [_Decision(0, "depart")]
        i = self._skip_gates(refs, 0)
        if i < len(refs) and self._flag(refs[i], FERRY):
            found.append(_Decision(i, "ferry", onto=i))
        while i < len(refs):
            after = self._skip_gates(refs, i + 1)
            if after >= len(refs):
                break
            if self._flag(refs[after], ROUNDABOUT) and not self._flag(refs[i], ROUNDABOUT):
                round_ = self._roundabout(refs, after)
                found.append(round_)
                after = round_.onto
            else:
                told = self._junction(refs[i], refs[after], after)
                if told is not None:
                    found.append(told)
            i = after
        return found

    def _skip_gates(self, refs: list[int], i: int) -> int:
        while i < len(refs) and self._flag(refs[i], GATE):
            i += 1
        return i

    def _roundabout(self, refs: list[int], enter: int) -> _Decision:
        """Enter at stretch `enter`; the exits are counted up to the one that is taken."""
        exits, i = 0, enter
        while i < len(refs) and self._flag(refs[i], ROUNDABOUT):
            ways_out = [
                other
                for other in self._ways_on(refs[i])
                if not self._flag(other, ROUNDABOUT) and other != refs[i] ^ 1
            ]
            i += 1
            leaving = i < len(refs) and not self._flag(refs[i], ROUNDABOUT)
            # roads that meet the ring at one node count one each; of those at the exit's node just one does
            exits += 1 if leaving else len(ways_out)
        if i >= len(refs):
            return _Decision(enter, "roundabout", onto=len(refs) - 1)
        return _Decision(enter, "roundabout", exit_number=exits, onto=i)

    def _junction(self, before: int, after: int, at: int) -> _Decision | None:
        """What is told where `before` meets `after`; None when there is nothing to decide or to say."""
        if self._flag(after, FERRY) != self._flag(before, FERRY):
            return _Decision(at, "ferry" if self._flag(after, FERRY) else "continue", onto=at)
        if after == before ^ 1:
            return _Decision(at, "uturn", 180.0, onto=at)
        ahead = self._bearing_at_end(before)
        turn = _angle(ahead, self._bearing_at_start(after))
        others = [
            (ref, _angle(ahead, self._bearing_at_start(ref)))
            for ref in self._ways_on(before)
            if ref not in (after, before ^ 1)
        ]
        maneuver = self._maneuver(before, after, turn, others)
        return None if maneuver is None else _Decision(at, maneuver, turn, onto=at)

    def _maneuver(self, before: int, after: int, turn: float, others: list[tuple[int, float]]) -> str | None:
        renamed = self._name(after) is not None and self._name(after) != self._name(before)
        rivals = [(ref, angle) for ref, angle in others if self._rivals(ref, after)]
        if not others or (not rivals and abs(turn) < _SLIGHT):
            return "continue" if renamed and self._name(before) is not None else None
        alike = [angle for _, angle in rivals if abs(angle) < abs(turn) + _ALIKE and abs(angle) < 90.0]
        if abs(turn) < _SLIGHT and not alike:
            # the way goes on; that it bends or changes its name is worth no more than the new name
            return "continue" if renamed else None
        if abs(turn) < _STRAIGHT:
            nearest = min(alike, key=lambda angle: abs(angle - turn))
            if self._goes_on(before, after, rivals):
                return "continue" if renamed else None
            return "keep_left" if turn < nearest else "keep_right"
        return category(turn)

    def _rivals(self, ref: int, after: int) -> bool:
        """Whether a driver could take `ref` for the way on, instead of `after`."""
        minor, taken = self._class(ref) in _MINOR, self._class(after) in _MINOR
        return not minor or taken

    def _goes_on(self, before: int, after: int, rivals: list[tuple[int, float]]) -> bool:
        """Whether `after` is plainly the same road as `before` and none of the rivals is."""
        same = (self._name(before), self._class(before))
        return (self._name(after), self._class(after)) == same and all(
            (self._name(ref), self._class(ref)) != same for ref, _ in rivals
        )

    def _ways_on(self, ref: int) -> list[int]:
        """Refs of the edges the profile may leave by at the node where `ref` ends, the way back too."""
        a, t = self._arrays, self._times
        node = int(a.edge_from[ref >> 1] if ref & 1 else a.edge_to[ref >> 1])
        out = a.out_ref[a.out_first[node] : a.out_first[node + 1]].tolist()
        return [
            other
            for other in out
            if (t.backward if other & 1 else t.forward)[other >> 1] != CLOSED_MS
            and not self._flag(other, GATE)
        ]

    def _bearing_at_start(self, ref: int) -> float:
        a = self._arrays
        first, last = int(a.shape_first[ref >> 1]), int(a.shape_first[(ref >> 1) + 1])
        order = range(last - 1, first - 1, -1) if ref & 1 else range(first, last)
        return self._bearing(order)

    def _bearing_at_end(self, ref: int) -> float:
        return (self._bearing_at_start(ref ^ 1) + 180.0) % 360.0

    def _bearing(self, order: range) -> float:
        """Degrees from north from the first of some shape points to the place _BEARING_M further on."""
        a = self._arrays
        lon, lat = float(a.shape_lon[order[0]]), float(a.shape_lat[order[0]])
        per_lon, per_lat = metres_per_degree(lat)
        x = y = 0.0
        for point in order[1:]:
            was_x, was_y = x, y
            x, y = (float(a.shape_lon[point]) - lon) * per_lon, (float(a.shape_lat[point]) - lat) * per_lat
            reached = math.hypot(x, y)
            if reached >= _BEARING_M:
                share = _BEARING_M / reached if was_x == was_y == 0.0 else 1.0
                x, y = x * share, y * share
                break
        return math.degrees(math.atan2(x, y)) % 360.0

    def _step(self, decision: _Decision, refs: list[int], mm: int, ms: int, origin: Snap) -> Step:
        ref = refs[decision.onto if decision.maneuver != "depart" else self._first_road(refs)]
        name, road_class = self._name(ref), self._class(ref)
        bearing = self._bearing_at_start(ref)
        if decision.maneuver == "depart":
            lon, lat = origin.lon, origin.lat
        else:
            lon, lat = self._start_of(refs[decision.at])
        text_id, text_en = in_words(decision.maneuver, name, road_class, bearing, decision.exit_number)
        distance_id, distance_en = distance_words(mm / 1000)
        return Step(
            decision.maneuver, name, road_class, mm / 1000, ms / 1000, lon, lat, round(bearing) % 360,
            decision.exit_number, text_id, text_en, distance_id, distance_en,
        )  # fmt: skip

    def _first_road(self, refs: list[int]) -> int:
        return min(self._skip_gates(refs, 0), len(refs) - 1)

    def _arrival(self, refs: list[int], target: Snap, place: tuple[float, float]) -> Step:
        """The last step: on which side of the direction of travel the place lies, when it lies beside."""
        bearing = self._bearing_at_end(refs[-1]) if refs else 0.0
        maneuver, name, road_class = "arrive", None, ""
        if refs:
            name, road_class = self._name(refs[-1]), self._class(refs[-1])
        if refs and target.access_m >= _BESIDE_M:
            per_lon, per_lat = metres_per_degree(target.lat)
            x, y = (place[0] - target.lon) * per_lon, (place[1] - target.lat) * per_lat
            side = _angle(bearing, math.degrees(math.atan2(x, y)))
            if 15.0 < abs(side) < 165.0:
                maneuver = "arrive_right" if side > 0 else "arrive_left"
        text_id, text_en = in_words(maneuver, name, road_class, bearing, None)
        return Step(
            maneuver, name, road_class, 0.0, 0.0, target.lon, target.lat, round(bearing) % 360, None,
            text_id, text_en, "", "",
        )  # fmt: skip

    def _start_of(self, ref: int) -> tuple[float, float]:
        a = self._arrays
        point = int(a.shape_first[(ref >> 1) + 1]) - 1 if ref & 1 else int(a.shape_first[ref >> 1])
        return float(a.shape_lon[point]), float(a.shape_lat[point])

    def _flag(self, ref: int, flag: int) -> bool:
        return bool(self._arrays.edge_flags[ref >> 1] & flag)

    def _name(self, ref: int) -> str | None:
        a = self._arrays
        return a.name(int(a.edge_name[ref >> 1])) or a.name(int(a.edge_ref_name[ref >> 1]))

    def _class(self, ref: int) -> str:
        return self._classes[int(self._arrays.edge_class[ref >> 1])]


def category(turn: float) -> str:
    """The manoeuvre for a turn by so many degrees, right of straight ahead positive."""
    side = "right" if turn > 0 else "left"
    if abs(turn) >= _SHARP:
        return "uturn"
    if abs(turn) >= _NORMAL:
        return f"sharp_{side}"
    if abs(turn) >= _SLIGHT:
        return side
    return f"slight_{side}" if abs(turn) >= _STRAIGHT else "continue"


def _angle(before: float, after: float) -> float:
    """The turn from one bearing to another, -180 < turn <= 180."""
    return -((before - after + 180.0) % 360.0 - 180.0)


def _joined(decisions: list[_Decision], along_mm: list[int]) -> list[_Decision]:
    """Decisions with turns that follow within a few metres of each other made into one."""
    turns = frozenset({"slight_left", "left", "sharp_left", "slight_right", "right", "sharp_right"})
    out: list[_Decision] = []
    for decision in decisions:
        last = out[-1] if out else None
        if (
            last is not None
            and {last.maneuver, decision.maneuver} <= turns
            and along_mm[decision.at] - along_mm[last.at] < _ONE_MANOEUVRE_M * 1000
        ):
            turn = (last.turn + decision.turn + 180.0) % 360.0 - 180.0
            out[-1] = _Decision(last.at, category(turn), turn, onto=decision.onto)
        else:
            out.append(decision)
    return out
