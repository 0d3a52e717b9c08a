"""No code is shown bare: every member of what refusals name has words in both languages."""

from __future__ import annotations

from enum import StrEnum

import pytest

from dispatch.domain import assignment, call, incident
from dispatch.domain.errors import IllegalStep, NotFound
from dispatch.domain.unit import UnavailabilityReason
from dispatch.domain.words import WORDS, words
from dispatch.storage.tables import Base

ENUMS: dict[str, type[StrEnum]] = {
    "assignment": assignment.AssignmentState,
    "assignment step": assignment.AssignmentState,
    "call": call.CallState,
    "call step": call.CallStep,
    "cancellation": incident.CancelReason,
    "incident": incident.IncidentState,
    "incident step": incident.IncidentStep,
    "unavailability": UnavailabilityReason,
}


@pytest.mark.parametrize("kind", ENUMS)
def test_every_member_has_words(kind: str) -> None:
    assert set(ENUMS[kind]) <= set(WORDS[kind])


def test_every_word_is_there_in_both_languages_and_no_code() -> None:
    for kind, table in WORDS.items():
        for code, said in table.items():
            assert said.id.strip(), (kind, code)
            assert said.en.strip(), (kind, code)
            assert "_" not in said.id + said.en, (kind, code)


def test_a_unit_is_stood_down_and_only_a_case_is_cancelled() -> None:
    assert WORDS["assignment"]["stood_down"].id == "dipanggil kembali"
    assert WORDS["incident step"]["cancel"].id == "batalkan"
    cancelled = [code for code, said in WORDS["assignment"].items() if "batal" in said.id]
    assert cancelled == []


def test_every_leg_state_has_words() -> None:
    check = next(c for c in Base.metadata.tables["leg"].constraints if c.name == "leg_state")
    states = set(str(getattr(check, "sqltext", "")).split("'")[1::2])
    assert states
    assert states <= set(WORDS["leg"])


def test_an_illegal_step_names_no_code() -> None:
    """Also not one of those steps that are no member of an enum: sending, linking, changing."""
    for subject in WORDS["subject"]:
        for state in WORDS[subject]:
            for step in WORDS[f"{subject} step"]:
                said = IllegalStep(subject, state, step, tuple(WORDS[f"{subject} step"]))
                assert "_" not in said.message_id + said.message_en
                assert said.extra["step"] == step


def test_what_is_not_found_is_named_in_words() -> None:
    refused = NotFound("staff_user", "budi")
    assert refused.message_id == "Petugas budi tidak ditemukan"
    assert refused.message_en == "There is no such staff user budi"


def test_an_unknown_code_is_opened_rather_than_hidden() -> None:
    assert words("unavailability", "flat_tyre").id == "flat tyre"
    assert words("unavailability", None).en == "not known"
