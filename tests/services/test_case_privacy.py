"""Nothing personal stands in the clear, in no table and in no event."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from case_scene import CAUSE, SCENE, Case, S, along, open_case

from dispatch.domain.call import CallbackOutcome, Channel
from dispatch.domain.events import EventKind
from dispatch.domain.patient import Outcome
from dispatch.domain.roles import Actor, ActorKind
from dispatch.domain.triage import Triage
from dispatch.services.change_incident import PatientChange, add_patient
from dispatch.services.handle_call import record_callback, take_call
from dispatch.services.open_incident import Judgement, open_incident
from dispatch.services.register_resident import Registration, register_resident
from dispatch.services.request_help import HelpRequest, request_help
from dispatch.storage.transaction import new_id

HOME = along(1_234.5, 678.9)
SECRETS = {
    "resident's home": f"{HOME.lon},{HOME.lat}",
    "caller name": "Ibu Sintetis Penelepon",
    "caller phone": "081200009911",
    "caller phone, E.164": "81200009911",
    "request note": "nyeri dada sejak subuh",
    "place note": "pagar hijau dekat masjid",
    "call-back note": "suara ibunya lemah sekali",
    "patient": "Bapak Sintetis Pasien",
    "guardian": "Wali Sintetis",
    "patient's NIK": "3214014107800001",
    "patient's notes": "alergi penisilin berat",
    "outcome detail": "dirujuk atas permintaan",
    "resident": "Warga Sintetis Terdaftar",
    "resident's address": "Jalan Rekaan 77",
    "resident's e-mail": "warga.sintetis",
    "resident's phone": "81200007722",
    "resident's NIK": "3214015205900007",
}


@pytest.fixture
async def case(database: Any, tmp_path: Path) -> AsyncIterator[Case]:
    async with open_case(database, tmp_path) as scene:
        yield scene


async def play(case: Case) -> None:
    """A case with everything personal that can be said in one."""
    about = (case.centre, case.entry, case.operator)
    call = await case.ring(
        caller_name=SECRETS["caller name"],
        caller_phone=SECRETS["caller phone"],
        note=SECRETS["request note"],
    )
    await take_call(*about, call.call_id, cause=CAUSE)
    await record_callback(
        *about, call.call_id, CallbackOutcome.ANSWERED, SECRETS["call-back note"], cause=CAUSE
    )
    judgement = Judgement(triage=Triage.RED, place_note=SECRETS["place note"], patients=0)
    opened = await open_incident(*about, call.call_id, judgement, cause=CAUSE)
    change = PatientChange(
        name=SECRETS["patient"],
        nik=SECRETS["patient's NIK"],
        guardian=SECRETS["guardian"],
        notes=SECRETS["patient's notes"],
        outcome=Outcome.REFERRED,
        outcome_detail=SECRETS["outcome detail"],
    )
    await add_patient(*about, opened.incident_id, change, cause=CAUSE)
    run = await case.send("A-1", opened.incident_id)
    await case.steps(run.id, S.LEFT_SCENE, S.HANDED_OVER, S.CLEARED, by=case.crew["A-1"])
    given = Registration(
        name=SECRETS["resident"],
        address=SECRETS["resident's address"],
        email=SECRETS["resident's e-mail"] + "@example.id",
        phone="0" + SECRETS["resident's phone"],
        nik=SECRETS["resident's NIK"],
        home=HOME,
    )
    registered = await register_resident(case.centre, case.entry, given, "ponsel uji", cause=CAUSE)
    tapped = HelpRequest(new_id(), Channel.APP, SCENE, note=SECRETS["request note"])
    caller = Actor(ActorKind.RESIDENT, registered.resident_id)
    await request_help(case.centre, case.entry, caller, tapped, cause=CAUSE)


async def test_no_table_and_no_event_holds_a_personal_word(case: Case) -> None:
    await play(case)
    tables = [
        row.name
        for row in await case.rows(
            "SELECT tablename AS name FROM pg_tables "
            "WHERE schemaname = 'public' AND tablename <> 'spatial_ref_sys'"
        )
    ]
    assert {"event", "call", "patient", "resident", "outbox", "session", "timer"} <= set(tables)
    for table in tables:
        for row in await case.rows(f'SELECT CAST(row_to_json(t) AS text) AS whole FROM "{table}" t'):
            # bytea is printed as hex: look into that, too
            dump = row.whole.lower()
            for what, word in SECRETS.items():
                assert word.lower() not in dump, f"{what} in {table}"
                assert word.encode().hex() not in dump, f"{what} as bytes in {table}"
    await case.check_log()


async def test_a_destroyed_key_leaves_the_chain_whole_and_the_words_gone(case: Case) -> None:
    await play(case)
    async with case.owner.begin() as connection:
        # all at once and without a word: what only the owner can do, and only so
        await connection.exec_driver_sql("ALTER TABLE person_key DISABLE TRIGGER person_key_has_event")
        await connection.exec_driver_sql("UPDATE person_key SET wrapped = NULL, destroyed_at = now()")
    await case.check_log()
    row = (await case.rows("SELECT key_id, caller_name_sealed FROM call ORDER BY received_at LIMIT 1"))[0]
    assert row.caller_name_sealed is not None
    async with case.centre.read(case.entry.tenant) as tx:
        assert await tx.person(row.key_id) is None


async def test_look_up_hashes_are_sealed_in_the_log(case: Case) -> None:
    """A keyed hash finds a person again: destroying the key must take it out of the log as well."""
    await case.ring(caller_phone=SECRETS["caller phone"])
    digest = await case.value("SELECT caller_phone_hash FROM call")
    body = await case.value("SELECT body FROM event WHERE kind = :k", k=EventKind.CALL_RECEIVED.value)
    (change,) = [c for c in json.loads(body)["changes"] if c["table"] == "call"]
    assert set(change["row"]["caller_phone_hash"]) == {"key", "sealed"}
    assert digest.hex() not in body
