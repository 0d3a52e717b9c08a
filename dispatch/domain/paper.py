"""Cases kept on paper: the numbers of the printed forms, and which times written on one can be true."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from zoneinfo import ZoneInfo

from dispatch.domain.assignment import PROGRESS, STAMP_OF, AssignmentState, step_assignment
from dispatch.domain.errors import FieldProblem, InvalidInput
from dispatch.domain.stamps import ASSIGNMENT_STAMPS, Stamp
from dispatch.domain.words import words

S = AssignmentState
MOST_FORMS = 99
# a call may have been noted on anything at hand before the forms came out of the printer
BEFORE_PRINT = timedelta(hours=24)
_NUMBER = re.compile(
    r"(?P<prefix>[A-Z]{2,6}(?:-L)?)-(?P<day>\d{8})-P(?P<made>\d{4}(?:\d\d)?)"
    r"[.\- ](?P<form>\d\d)(?P<copy>[A-Z]?)"
)


class PaperGap(StrEnum):
    """Why times are missing on a form."""

    NOT_WRITTEN = "not_written"
    ILLEGIBLE = "illegible"
    NOT_KNOWN = "not_known"
    NOT_DONE = "not_done"


class PaperEnd(StrEnum):
    """How a run on paper ended; a run without an end is still under way."""

    CLEARED = "cleared"
    COMPLETED_WITHOUT_TRANSPORT = "completed_without_transport"
    STOOD_DOWN = "stood_down"


@dataclass(frozen=True, slots=True)
class FormNumber:
    """The number of one printed form: `PWK-20261121-P1403.07` is the seventh of the board made at 14:03.

    The series P is never used by the running system, and the minute of the print is in it: no number has to
    be reserved in a database that may be lost or restored to an earlier state. By hand the second is in it,
    too. A letter at the end marks a photocopy.
    """

    prefix: str
    day: date
    made: str
    form: int
    copy: str = ""

    def __str__(self) -> str:
        return f"{self.prefix}-{self.day:%Y%m%d}-P{self.made}.{self.form:02d}{self.copy}"

    def made_at(self, zone: ZoneInfo) -> datetime:
        """Return when the board with this form was made."""
        hour, minute, second = int(self.made[:2]), int(self.made[2:4]), int(self.made[4:] or 0)
        return datetime(self.day.year, self.day.month, self.day.day, hour, minute, second, tzinfo=zone)


def form_numbers(prefix: str, made_at: datetime, forms: int, *, by_hand: bool = False) -> list[str]:
    """Return the numbers of the blank forms of a board; `made_at` is local, `prefix` the tenant's."""
    made = f"{made_at:%H%M%S}" if by_hand else f"{made_at:%H%M}"
    return [str(FormNumber(prefix, made_at.date(), made, n)) for n in range(1, min(forms, MOST_FORMS) + 1)]


def read_form_number(text: str, prefix: str, zone: ZoneInfo, now: datetime) -> FormNumber:
    """Read a form's number as somebody types it from paper.

    Raises:
        InvalidInput: it is no such number, another regency's, or of a print that is still to come.
    """
    typed = " ".join(text.upper().split())
    found = _NUMBER.fullmatch(typed)
    if found is None:
        raise _refused(
            "number",
            f"Nomor formulir '{text}' tidak dikenal; contoh: {prefix}-20261121-P1403.01",
            f"'{text}' is not the number of a form; for example: {prefix}-20261121-P1403.01",
        )
    if found["prefix"] != prefix:
        raise _refused(
            "number",
            f"Nomor '{typed}' bukan dari regency ini; nomornya berawal {prefix}-",
            f"Number '{typed}' is not this regency's; its numbers begin with {prefix}-",
        )
    try:
        number = FormNumber(
            prefix,
            datetime.strptime(found["day"], "%Y%m%d").replace(tzinfo=zone).date(),
            found["made"],
            int(found["form"]),
            found["copy"],
        )
        made_at = number.made_at(zone)
    except ValueError as wrong:
        raise _refused(
            "number",
            f"Nomor '{typed}' memuat tanggal atau jam yang tidak ada",
            f"Number '{typed}' holds a date or time that does not exist",
        ) from wrong
    if made_at > now or not 1 <= number.form <= MOST_FORMS:
        raise _refused(
            "number",
            f"Formulir '{typed}' belum pernah dicetak; periksa tanggal dan jamnya",
            f"Form '{typed}' has not been printed yet; check its date and time",
        )
    return number


def check_times(
    times: Mapping[Stamp, datetime], now: datetime, zone: ZoneInfo, *, field: str = "stamps"
) -> None:
    """Refuse times of one case or run that cannot be: in the future, or before one that comes earlier.

    Paper knows minutes, so equal ones are in order.

    Raises:
        InvalidInput: names both moments and their times.
    """
    for name, at in times.items():
        if at > now:
            raise _refused(
                f"{field}.{name}",
                f"{words('stamp', name).id} {_local(at, zone)} belum terjadi; sekarang {_local(now, zone)}",
                f"{words('stamp', name).en} {_local(at, zone)} is still to come; it is {_local(now, zone)}",
            )
    in_order = [name for name in Stamp if name in times]
    for earlier, later in pairwise(in_order):
        # red is sent before the verdict, as it should be
        if earlier is Stamp.CONFIRMED and later is Stamp.ASSIGNED:
            continue
        if _minute(times[later]) < _minute(times[earlier]):
            raise _backwards(field, earlier, times[earlier], later, times[later], zone)
    called, assigned = times.get(Stamp.CALLED), times.get(Stamp.ASSIGNED)
    if called and assigned and _minute(assigned) < _minute(called):
        raise _backwards(field, Stamp.CALLED, called, Stamp.ASSIGNED, assigned, zone)


def _backwards(
    field: str, earlier: Stamp, first: datetime, later: Stamp, second: datetime, zone: ZoneInfo
) -> InvalidInput:
    before, after = words("stamp", earlier), words("stamp", later)
    return _refused(
        f"{field}.{later}",
        f"{after.id} {_local(second, zone)} mendahului {before.id} {_local(first, zone)}",
        f"{after.en} {_local(second, zone)} is before {before.en} {_local(first, zone)}",
    )


def run_path(stamped: Collection[Stamp], end: PaperEnd | None) -> list[AssignmentState]:
    """Return the states a run passed, from the one after `offered` to its last.

    A state that must have been passed for the next one is in it although nobody wrote its time: whoever was
    handed over had arrived. Its stamp stays missing.

    Raises:
        IllegalStep: the written times, or the end, do not fit the table of moves.
    """
    reached: list[S] = [s for s in PROGRESS[1:] if s is not S.CLEARED and STAMP_OF[s] in stamped]
    if end is PaperEnd.CLEARED and S.HANDED_OVER not in reached:
        reached.append(S.HANDED_OVER)
    if S.HANDED_OVER in reached and not {S.LEFT_SCENE, S.AT_FACILITY} & set(reached):
        reached.insert(-1, S.AT_FACILITY)
    if end is PaperEnd.COMPLETED_WITHOUT_TRANSPORT and not {S.ON_SCENE, S.AT_PATIENT} & set(reached):
        reached.append(S.ON_SCENE)
    if end is not None:
        reached.append(S(end.value))
    state = S.OFFERED
    for to in reached:
        state = step_assignment(state, to)
    return reached


def missing_times(stamped: Collection[Stamp], path: list[AssignmentState]) -> list[Stamp]:
    """Return the moments of a run that happened, by its path, and whose times are not on the form."""
    last = PROGRESS.index(S.CLEARED)
    passed = [PROGRESS.index(s) for s in path if s in PROGRESS]
    upto = max(passed, default=0)
    wanted = {STAMP_OF[s] for n, s in enumerate(PROGRESS) if n <= min(upto, last) and s is not S.STAGED}
    wanted.add(Stamp.ASSIGNED)
    wanted.discard(Stamp.OFFERED)  # on paper a unit is told at the moment it is chosen
    if path:
        wanted.add(STAMP_OF[path[-1]])
    return [name for name in ASSIGNMENT_STAMPS if name in wanted and name not in stamped]


def _minute(at: datetime) -> datetime:
    return at.replace(second=0, microsecond=0)


def _local(at: datetime, zone: ZoneInfo) -> str:
    return f"{at.astimezone(zone):%d-%m %H:%M}"


def _refused(field: str, reason_id: str, reason_en: str) -> InvalidInput:
    return InvalidInput(FieldProblem(field, reason_id, reason_en))
