"""Registration with the stand-in registry: each answer shows, and a silent registry is asked again."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from case_scene import CAUSE, Case, open_case

import registry
from dispatch.domain.deadlines import TimerKind
from dispatch.domain.errors import Conflict, InvalidInput
from dispatch.services.register_resident import Registered, Registration, register_resident
from dispatch.services.sessions import find_session
from registry.population import SyntheticResident, from_bundle

BUNDLE = Path(__file__).resolve().parents[2] / "regencies" / "32.14-purwakarta"
USER, PASSWORD = "semar-uji", "rahasia-uji-4410"


@pytest.fixture(scope="module")
def people() -> list[SyntheticResident]:
    population = from_bundle([BUNDLE])
    return [population.person(i) for i in range(6)]


@pytest.fixture
def port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number: int = probe.getsockname()[1]
        return number


@pytest.fixture
async def case(database: Any, tmp_path: Path, port: int) -> AsyncIterator[Case]:
    async with open_case(database, tmp_path) as scene:
        client = registry.RegistryClient(f"http://127.0.0.1:{port}", USER, PASSWORD)
        scene.centre.registry = client
        yield scene
        await client.aclose()
        scene.centre.registry = None


@contextmanager
def standin(port: int) -> Iterator[None]:
    """Run the shipped stand-in until the block ends."""
    command = [sys.executable, "-m", "registry.standin", "--bundle", str(BUNDLE)]
    command += ["--port", str(port), "--user", USER, "--password", PASSWORD]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert json.loads(process.stdout.readline())["address"].endswith(f":{port}")
            yield
        finally:
            process.terminate()
            process.wait(20)


def given(number: int, person: SyntheticResident, **changes: str) -> Registration:
    values = {
        "name": person.name,
        "address": person.address,
        "email": f"contoh{number}@example.org",
        "phone": f"+62890321400{number:03d}",
        "nik": person.nik,
    }
    return Registration(**values | changes)


async def register(case: Case, registration: Registration) -> Registered:
    return await register_resident(case.centre, case.entry, registration, "uji", cause=CAUSE)


async def test_every_answer_of_the_registry_has_its_own_result(
    case: Case, port: int, people: list[SyntheticResident]
) -> None:
    with standin(port):
        match = await register(case, given(1, people[0]))
        assert (match.verification.result, match.verification.trust) == ("match", "verified")
        assert match.verification.elements["NAMA_LGKP"].startswith("Sesuai")

        other = await register(case, given(2, people[1], name="Zulkarnaen Xyq"))
        assert (other.verification.result, other.verification.trust) == ("mismatch", "doubtful")

        nobody = next(
            nik
            for serial in range(1, 50)
            if from_bundle([BUNDLE]).find(nik := f"321401010190{serial:04d}") is None
        )
        unknown = await register(case, given(3, people[2], nik=nobody))
        assert (unknown.verification.result, unknown.verification.trust) == ("not_found", "doubtful")
    for made in (match, other, unknown):
        assert made.verification.words_id
        assert made.verification.words_en
        assert await case.timers(made.resident_id) == {}
        # whatever the registry said, the account is there and may call
        assert (await find_session(case.centre, made.session.token)).id == made.resident_id


async def test_a_registry_that_is_down_is_asked_again(
    case: Case, port: int, people: list[SyntheticResident]
) -> None:
    made = await register(case, given(4, people[3]))
    assert (made.verification.result, made.verification.trust) == ("unverified", "unverified")
    assert set(await case.timers(made.resident_id)) == {TimerKind.RECHECK}
    await case.later(61)  # still down: asked, and set again
    assert set(await case.timers(made.resident_id)) == {TimerKind.RECHECK}
    with standin(port):
        await case.later(301)
    query = "SELECT verification FROM resident WHERE id = :id"
    assert await case.value(query, id=made.resident_id) == "match"
    assert await case.timers(made.resident_id) == {}
    await case.check_log()


async def test_nobody_registers_twice(case: Case, people: list[SyntheticResident]) -> None:
    await register(case, given(5, people[4]))
    with pytest.raises(Conflict) as clash:
        await register(case, given(6, people[4]))
    assert clash.value.extra["field"] == "nik"


async def test_every_wrong_field_is_named_at_once(case: Case, people: list[SyntheticResident]) -> None:
    wrong = {"name": "x", "email": "bukan surel", "phone": "12", "nik": "3214010101900000"}
    with pytest.raises(InvalidInput) as refused:
        await register(case, given(7, people[5], **wrong))
    assert {p.field for p in refused.value.problems} == {"name", "email", "phone", "nik"}
    assert all(p.reason_id and p.reason_en for p in refused.value.problems)
