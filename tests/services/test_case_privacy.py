"""Nothing personal stands in the clear, in no table and in no event."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any
from uuid import UUID

from case_scene import CAUSE, SCENE, Case, S, along

from dispatch.domain.call import CallbackOutcome, Channel
from dispatch.domain.events import EventKind
from dispatch.domain.patient import Outcome
from dispatch.domain.roles import Actor, ActorKind
from dispatch.domain.triage import Triage
from dispatch.services.change_incident import PatientChange, add_patient
from dispatch.services.handle_call import record_callback, take_call
from dispatch.services.open_incident import Judgement, link_call, open_incident
from dispatch.services.register_resident import Registration, register_resident
from dispatch.services.replay_case import replay_case
from dispatch.services.replay_moment import replay_moment
from dispatch.services.replay_without_persons import SHOWN
from dispatch.services.request_help import HelpRequest, request_help
from dispatch.storage.tables.base import Base
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


async def play(case: Case) -> UUID:
    """A case with everything personal that can be said in one, and a resident's call; the case's id."""
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
    await link_call(*about, tapped.id, opened.incident_id, cause=CAUSE)
    return opened.incident_id


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


def places(found: Any) -> list[tuple[float, float]]:
    """Every lon and lat that stand beside each other, however deep."""
    if isinstance(found, dict):
        here = [(found["lon"], found["lat"])] if {"lon", "lat"} <= found.keys() else []
        return here + [place for value in found.values() for place in places(value)]
    if isinstance(found, list | tuple):
        return [place for value in found for place in places(value)]
    return []


async def test_a_replay_without_persons_tells_of_none_and_opens_nothing(case: Case) -> None:
    incident_id = await play(case)
    about = (case.centre, case.entry, case.operator, incident_id, "uji")
    whole = await replay_case(*about, cause=CAUSE)
    told = json.dumps(asdict(whole), default=str)
    assert SECRETS["caller name"] in told, "the full one shows what this one has to leave out"
    assert (SCENE.lon, SCENE.lat) in [(round(lon, 6), round(lat, 6)) for lon, lat in places(asdict(whole))]

    views = await case.value("SELECT count(*) FROM view_log")
    assert views > 0
    bare = await replay_case(*about, persons=False, cause=CAUSE)
    told = json.dumps(asdict(bare), default=str)
    for what, word in SECRETS.items():
        assert word.lower() not in told.lower(), what
    people = await case.rows(
        "SELECT CAST(id AS text) AS id, display_name AS name FROM staff_user"
        " UNION SELECT CAST(id AS text), NULL FROM resident"
    )
    assert str(case.operator.id) in [person.id for person in people]
    for person in people:
        assert person.id not in told
        assert person.name is None or person.name not in told
    for lon, lat in places(asdict(bare)):
        assert (lon, lat) == (round(lon, 2), round(lat, 2)), "an address can be read from it"
    assert await case.value("SELECT count(*) FROM view_log") == views, "nobody was seen"
    # and yet the same case: every step, and every unit's run with its times
    assert [step.seq for step in bare.steps] == [step.seq for step in whole.steps]
    assert "callback_recorded" in [step.kind for step in bare.steps], "made before there was an incident"
    stamps = [row.fields["name"] for step in bare.steps for row in step.rows if row.table == "stamp"]
    assert {"left_scene_at", "handed_over_at", "available_at"} <= set(stamps)

    moment = await replay_moment(case.centre, case.entry, incident_id, seq=whole.seq, persons=False)
    assert places(asdict(moment))
    for lon, lat in places(asdict(moment)):
        assert (lon, lat) == (round(lon, 2), round(lat, 2))


def test_what_is_shown_without_persons_exists_and_is_not_sealed() -> None:
    tables = Base.metadata.tables
    for table, columns in SHOWN.items():
        assert columns <= set(tables[table].columns.keys()), table
        assert not [name for name in columns if name.endswith(("_sealed", "_hash")) or name == "key_id"]
