"""Turns a way into what a driver is told: where to turn, which exit to take, which road comes next."""

from __future__ import annotations

import math
from dataclasses import dataclass

from routing.answers import Snap, Step
from routing.arrays import CLOSED_MS, FERRY, GATE, ROUNDABOUT, NetworkArrays
from routing.ends import EdgeTimes
from routing.geometry import Way
from routing.metric import metres_per_degree
from routing.phrases import ARRIVALS, distance_words, in_words

# The bearing of a road at a junction is that of this much of it: the last metres before a junction are
# often drawn with a hook.
_BEARING_M = 12.0
# Turns by angle in degrees from straight ahead.
_STRAIGHT, _SLIGHT, _NORMAL, _SHARP = 22.0, 50.0, 120.0, 172.0
# Two roads whose directions differ by less than this look alike from the driver's seat.
_ALIKE = 28.0
# Two turns closer than this are one manoeuvre: the gap of a divided road, a staggered crossing.
_ONE_MANOEUVRE_M = 18.0
# A new name that the road keeps for less than this is not worth a step when there is nothing to decide.
_NAME_M = 300.0
# What one turns onto may be a nameless arm of a junction; the road behind it, this near, is the one meant.
_ARM_M = 80.0
# A place this near to the road is on it, not beside it.
_BESIDE_M = 3.0
# Classes from which a driver on any other road is not expected to choose.
_MINOR = frozenset({"service", "track", "pedestrian", "busway"})


# The only way on, but round a corner: part of the turn before it, or told by the new name alone.
_BEND = "bend"
_TURNS = frozenset({"slight_left", "left", "sharp_left", "slight_right", "right", "sharp_right"})


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
        refs: list[int] = way.ref.tolist()
        if not refs:
            return (self._arrival(refs, target, place),)
        along_mm = [0, *way.mm.cumsum().tolist()]
        decisions = self._worth_telling(_joined(self._decisions(refs), along_mm), refs, along_mm)
        steps = []
        for here, following in zip(decisions, [*decisions[1:], _Decision(len(refs), "arrive")], strict=True):
            part = slice(here.at, following.at)
            mm, ms = int(way.mm[part].sum()), int(way.ms[part].sum())
            if here.maneuver == "depart":
                steps.append(self._departure(refs, origin, mm, ms))
            else:
                steps.append(self._step(here, refs, mm, ms))
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

    def _worth_telling(
        self, decisions: list[_Decision], refs: list[int], along_mm: list[int]
    ) -> list[_Decision]:
        """Decisions without new names that are soon gone, or were told before."""
        out = decisions[:1]
        road = refs[self._first_road(refs)]
        ends = [*(decision.at for decision in decisions[1:]), len(refs)]
        for decision, end in zip(decisions[1:], ends[1:], strict=True):
            onto = refs[decision.onto]
            brief = along_mm[end] - along_mm[decision.at] < _NAME_M * 1000
            if decision.maneuver in ("continue", _BEND):
                decision.maneuver = "continue"
                brief = brief or self._name(onto) is None
                arm = along_mm[decision.at] - along_mm[out[-1].onto] < _ARM_M * 1000
                if arm and len(out) > 1 and self._name(road) is None:
                    out[-1].onto, road = decision.onto, onto
                    continue
                if brief or self._same_road(onto, road):
                    continue
            out.append(decision)
            road = onto
        return out

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
        renamed = self._name(after) is not None and not self._same_road(before, after)
        rivals = [(ref, angle) for ref, angle in others if self._rivals(ref, after)]
        if not others and abs(turn) >= _SLIGHT:
            return _BEND
        if not others or (not rivals and abs(turn) < _SLIGHT):
            return "continue" if renamed and self._name(before) is not None else None
        alike = [angle for _, angle in rivals if abs(angle) < abs(turn) + _ALIKE and abs(angle) < 90.0]
        if abs(turn) < _SLIGHT and not alike:
            # the way goes on; that it bends or changes its name is worth no more than the new name
            return "continue" if renamed else None
        if abs(turn) < _STRAIGHT:
            nearest = min(alike, key=lambda angle: abs(angle - turn))
            if self._same_road(before, after) and not any(self._same_road(before, ref) for ref, _ in rivals):
                return "continue" if renamed else None
            return "keep_left" if turn < nearest else "keep_right"
        return category(turn)

    def _rivals(self, ref: int, after: int) -> bool:
        """Whether a driver could take `ref` for the way on, instead of `after`."""
        minor, taken = self._class(ref) in _MINOR, self._class(after) in _MINOR
        return not minor or taken

    def _same_road(self, one: int, other: int) -> bool:
        """Whether two refs lie on one road: of one name or one number, or without both and of one class."""
        a, edges = self._arrays, (one >> 1, other >> 1)
        names, numbers = ({int(told[edge]) for edge in edges} for told in (a.edge_name, a.edge_ref_name))
        if names == numbers == {-1}:
            return self._class(one) == self._class(other)
        return any(len(told) == 1 and told != {-1} for told in (names, numbers))

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
        return self._bearing(self._points(ref))

    def _bearing_at_end(self, ref: int) -> float:
        return (self._bearing_at_start(ref ^ 1) + 180.0) % 360.0

    def _bearing_from(self, ref: int, snap: Snap) -> float:
        """The bearing in which the ref leaves a place on it."""
        a = self._arrays
        reached = snap.fraction * float(a.edge_mm[ref >> 1])
        ahead = [
            point
            for point in self._points(ref)
            if (a.shape_mm[point] < reached if ref & 1 else a.shape_mm[point] > reached)
        ]
        return self._bearing(ahead, (snap.lon, snap.lat)) if ahead else self._bearing_at_end(ref)

    def _points(self, ref: int) -> list[int]:
        """The shape points of an edge in the direction of the ref."""
        a = self._arrays
        points = list(range(int(a.shape_first[ref >> 1]), int(a.shape_first[(ref >> 1) + 1])))
        return points[::-1] if ref & 1 else points

    def _bearing(self, points: list[int], start: tuple[float, float] | None = None) -> float:
        """Degrees from north from `start` (without it, the first of some shape points) to the place
        _BEARING_M further on."""
        a = self._arrays
        if start is None:
            start = float(a.shape_lon[points[0]]), float(a.shape_lat[points[0]])
        lon, lat = start
        per_lon, per_lat = metres_per_degree(lat)
        x = y = 0.0
        for point in points:
            was_x, was_y = x, y
            x, y = (float(a.shape_lon[point]) - lon) * per_lon, (float(a.shape_lat[point]) - lat) * per_lat
            reached = math.hypot(x, y)
            if reached >= _BEARING_M:
                share = _BEARING_M / reached if was_x == was_y == 0.0 else 1.0
                x, y = x * share, y * share
                break
        return math.degrees(math.atan2(x, y)) % 360.0

    def _departure(self, refs: list[int], origin: Snap, mm: int, ms: int) -> Step:
        ref = refs[self._first_road(refs)]
        bearing = self._bearing_from(ref, origin) if ref == refs[0] else self._bearing_at_start(ref)
        return self._told("depart", ref, bearing, None, (origin.lon, origin.lat), mm, ms)

    def _step(self, decision: _Decision, refs: list[int], mm: int, ms: int) -> Step:
        ref, where = refs[decision.onto], self._points(refs[decision.at])[0]
        place = float(self._arrays.shape_lon[where]), float(self._arrays.shape_lat[where])
        bearing = self._bearing_at_start(ref)
        return self._told(decision.maneuver, ref, bearing, decision.exit_number, place, mm, ms)

    def _told(
        self, maneuver: str, ref: int, bearing: float, exit_number: int | None, place: tuple[float, float],
        mm: int, ms: int,
    ) -> Step:  # fmt: skip
        name, road_class = self._name(ref), self._class(ref)
        text_id, text_en = in_words(maneuver, name, road_class, bearing, exit_number)
        distance_id, distance_en = distance_words(mm / 1000) if maneuver not in ARRIVALS else ("", "")
        return Step(
            maneuver, name, road_class, mm / 1000, ms / 1000, *place, round(bearing) % 360, exit_number,
            text_id, text_en, distance_id, distance_en,
        )  # fmt: skip

    def _first_road(self, refs: list[int]) -> int:
        return min(self._skip_gates(refs, 0), len(refs) - 1)

    def _arrival(self, refs: list[int], target: Snap, place: tuple[float, float]) -> Step:
        """The last step: on which side of the direction of travel the place lies, when it lies beside."""
        here = (target.lon, target.lat)
        if not refs:
            return self._told("arrive", 2 * target.edge, 0.0, None, here, 0, 0)
        bearing = (self._bearing_from(refs[-1] ^ 1, target) + 180.0) % 360.0
        maneuver = "arrive"
        if target.access_m >= _BESIDE_M:
            per_lon, per_lat = metres_per_degree(target.lat)
            x, y = (place[0] - target.lon) * per_lon, (place[1] - target.lat) * per_lat
            side = _angle(bearing, math.degrees(math.atan2(x, y)))
            if 15.0 < abs(side) < 165.0:
                maneuver = "arrive_right" if side > 0 else "arrive_left"
        return self._told(maneuver, refs[-1], bearing, None, here, 0, 0)

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
    out: list[_Decision] = []
    for decision in decisions:
        last = out[-1] if out else None
        if (
            last is not None
            and last.maneuver in _TURNS
            and decision.maneuver in _TURNS | {_BEND}
            and along_mm[decision.at] - along_mm[last.at] < _ONE_MANOEUVRE_M * 1000
        ):
            turn = (last.turn + decision.turn + 180.0) % 360.0 - 180.0
            out[-1] = _Decision(last.at, category(turn), turn, onto=decision.onto)
        else:
            out.append(decision)
    return out
