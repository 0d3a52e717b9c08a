"""A filled form as somebody enters it, and what can be said against it before anything is stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from dispatch.domain.assignment import AssignmentState, NoTransport
from dispatch.domain.call import Channel
from dispatch.domain.errors import FieldProblem, InvalidInput
from dispatch.domain.incident import CancelReason
from dispatch.domain.paper import (
    BEFORE_PRINT,
    FormNumber,
    PaperEnd,
    PaperGap,
    check_times,
    missing_times,
    run_path,
)
from dispatch.domain.patient import Outcome
from dispatch.domain.stamps import ASSIGNMENT_STAMPS, Stamp
from dispatch.domain.triage import Triage
from dispatch.domain.words import words
from dispatch.services.open_incident import MOST_PATIENTS
from dispatch.services.placing import Point

S = AssignmentState
ON_LEG = frozenset({S.LEFT_SCENE, S.AT_FACILITY, S.HANDED_OVER})
UNWRITTEN = "tidak tertulis"
_ENDED_BY = {
    Stamp.AVAILABLE: {PaperEnd.CLEARED, PaperEnd.COMPLETED_WITHOUT_TRANSPORT},
    Stamp.STOOD_DOWN: {PaperEnd.STOOD_DOWN},
}


@dataclass(frozen=True, slots=True)
class PaperRun:
    """One unit's row of a form. Without an `end` it is still under way. `patients`: how many it carried;
    None: all that were left."""

    unit_id: UUID
    stamps: Mapping[Stamp, datetime] = field(default_factory=dict)
    end: PaperEnd | None = None
    code: NoTransport | None = None
    facility_id: UUID | None = None
    outside_name: str | None = None
    receiver: str | None = None
    room: str | None = None
    patients: int | None = None


@dataclass(frozen=True, slots=True)
class PaperCase:
    """A whole form. `id` is made by the client. A case that is not `closed` goes on live.

    `call_id` names the call on the printed board that the form is about: one that waited for its verdict.
    `outcome` is that of the patients whom no unit handed over. `gap` says why times are missing.
    `confirm_overlap`: the unit did have two runs at once, or the system's times of the other are wrong.
    """

    id: UUID
    number: str
    called_at: datetime
    taken_at: datetime | None = None
    confirmed_at: datetime | None = None
    channel: Channel = Channel.PHONE
    caller_name: str | None = None
    caller_phone: str | None = None
    place: Point | None = None
    place_accuracy_m: float | None = None
    place_note: str | None = None
    note: str | None = None
    triage: Triage | None = None
    triage_answers: dict[str, Any] | None = None
    needs: list[str] = field(default_factory=list)
    patients: int = 1
    runs: list[PaperRun] = field(default_factory=list)
    outcome: Outcome | None = None
    closed: bool = True
    closed_at: datetime | None = None
    cancel_reason: CancelReason | None = None
    gap: PaperGap | None = None
    remarks: str | None = None
    signed_by: str | None = None
    call_id: UUID | None = None
    confirm_overlap: bool = False

    def times(self) -> dict[Stamp, datetime]:
        """Return the times of the case itself."""
        known = {Stamp.CALLED: self.called_at, Stamp.TAKEN: self.taken_at, Stamp.CONFIRMED: self.confirmed_at}
        return {name: at for name, at in known.items() if at is not None}


def path_of(run: PaperRun) -> list[AssignmentState]:
    """Return the states a run passed. One that is under way has been accepted at least: whoever wrote it
    down had told the crew by telephone.

    Raises:
        IllegalStep: see `run_path`.
    """
    path = run_path(run.stamps, run.end)
    return path or [S.ACCEPTED]


def check_case(case: PaperCase, number: FormNumber, now: datetime, zone: ZoneInfo) -> None:
    """Refuse what cannot be true of a form.

    Raises:
        InvalidInput: names the field, and both times where two contradict each other.
        IllegalStep: a run's times and end do not fit the table of moves.
    """
    if not 0 <= case.patients <= MOST_PATIENTS:
        raise _wrong(
            "patients",
            f"Jumlah pasien {case.patients} di luar 0..{MOST_PATIENTS}",
            f"{case.patients} patients is outside 0..{MOST_PATIENTS}",
        )
    check_times(case.times(), now, zone, field="times")
    printed = number.made_at(zone)
    if case.called_at < printed - BEFORE_PRINT:
        raise _wrong(
            "times.called_at",
            f"Panggilan {case.called_at.astimezone(zone):%d-%m-%Y %H:%M} lebih dari sehari sebelum formulir "
            f"dicetak ({printed:%d-%m-%Y %H:%M}); periksa tanggal dan nomornya",
            f"The call of {case.called_at.astimezone(zone):%d-%m-%Y %H:%M} is more than a day before the "
            f"form was printed ({printed:%d-%m-%Y %H:%M}); check date and number",
        )
    for n, run in enumerate(case.runs):
        check_run(run, case.times(), case.gap, now, zone, f"runs.{n}")
    _check_end(case, now, zone)


def check_run(
    run: PaperRun,
    times: Mapping[Stamp, datetime],
    gap: PaperGap | None,
    now: datetime,
    zone: ZoneInfo,
    where: str,
) -> None:
    """Refuse a run that cannot have been; `times` are those of its case.

    Raises:
        InvalidInput, IllegalStep: as `check_case`.
    """
    for name in run.stamps:
        if name not in ASSIGNMENT_STAMPS or run.end not in _ENDED_BY.get(name, {run.end}):
            raise _wrong(
                f"{where}.stamps.{name}",
                f"Jam '{words('stamp', name).id}' tidak sesuai dengan akhir tugas",
                f"The time '{words('stamp', name).en}' does not fit the end of the run",
            )
    check_times({**times, **run.stamps}, now, zone, field=f"{where}.stamps")
    path = path_of(run)
    if run.end is PaperEnd.COMPLETED_WITHOUT_TRANSPORT and run.code is None:
        raise _wrong(f"{where}.code", "Isi alasan pasien tidak dibawa", "Say why nobody was transported")
    if not ON_LEG & set(path):
        return
    if run.facility_id is None and not (run.outside_name or "").strip():
        raise _wrong(
            f"{where}.facility_id",
            "Pilih faskes tujuan, atau isi nama tempat di luar daftar",
            "Choose the destination facility, or name a place that is not listed",
        )
    for part, value in (("receiver", run.receiver), ("room", run.room)):
        if S.HANDED_OVER in path and gap is None and not (value or "").strip():
            raise _wrong(
                f"{where}.{part}",
                "Isi penerima dan ruang, atau sebab formulir tidak lengkap",
                "Name receiver and room, or say why the form is incomplete",
            )


def _check_end(case: PaperCase, now: datetime, zone: ZoneInfo) -> None:
    running = [n for n, run in enumerate(case.runs) if run.end is None]
    if case.closed and running:
        raise _wrong(
            f"runs.{running[0]}.end",
            "Kasus selesai, tetapi tugas unit ini belum: isi akhirnya, atau tandai kasus masih berjalan",
            "The case has ended and this run has not: say how it ended, or that the case is still open",
        )
    if case.cancel_reason is not None:
        if not case.closed or any(run.end is not PaperEnd.STOOD_DOWN for run in case.runs):
            raise _wrong(
                "cancel_reason",
                "Kasus yang dibatalkan tidak mempunyai unit selain yang dipanggil kembali",
                "A cancelled case has no units but those that were stood down",
            )
    elif case.closed and not case.runs and case.outcome is None and case.patients:
        raise _wrong("outcome", "Isi hasil akhir pasien", "Say how the patients' care ended")
    check_gap(case.runs, case.gap)
    if case.closed_at is not None:
        last = max([case.called_at, *(at for run in case.runs for at in run.stamps.values())])
        if case.closed_at > now or case.closed_at < last:
            raise _wrong(
                "closed_at",
                f"Kasus tidak mungkin berakhir {case.closed_at.astimezone(zone):%d-%m %H:%M}: jam terakhir "
                f"{last.astimezone(zone):%d-%m %H:%M}, sekarang {now.astimezone(zone):%d-%m %H:%M}",
                f"The case cannot have ended {case.closed_at.astimezone(zone):%d-%m %H:%M}: its last time is "
                f"{last.astimezone(zone):%d-%m %H:%M}, now is {now.astimezone(zone):%d-%m %H:%M}",
            )


def check_gap(runs: Sequence[PaperRun], gap: PaperGap | None) -> None:
    """Ask why times of ended runs are missing.

    Raises:
        InvalidInput: some are, and no reason is given; it names them.
    """
    empty: list[Stamp] = [
        name for run in runs if run.end is not None for name in missing_times(run.stamps, path_of(run))
    ]
    if empty and gap is None:
        named = list(dict.fromkeys(empty))
        raise _wrong(
            "gap",
            f"Jam kosong: {', '.join(words('stamp', name).id for name in named)}; pilih sebabnya",
            f"Missing times: {', '.join(words('stamp', name).en for name in named)}; say why",
        )


def _wrong(where: str, reason_id: str, reason_en: str) -> InvalidInput:
    return InvalidInput(FieldProblem(where, reason_id, reason_en))
