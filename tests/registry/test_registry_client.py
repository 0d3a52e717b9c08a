"""Every outcome of a verification, against the real stand-in and against servers that misbehave."""

import asyncio
import logging
import signal
import socket
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from conftest import Serve
from registry_scene import PASSWORD, StandIn, claim_of, envelope, http_answer

from registry import Claim, RegistryClient, Verification
from registry.population import Population

Connect = Callable[..., RegistryClient]
FOUND = {"NIK": "Sesuai", "NAMA_LGKP": "Sesuai (100)"}


def verdicts(verification: Verification) -> dict[str, str]:
    return {element.name: element.verdict for element in verification.elements}


async def test_a_person_who_tells_the_truth_matches(
    standin: StandIn, connect: Connect, population: Population
) -> None:
    before = datetime.now(UTC)
    answer = await connect(standin.address).verify(claim_of(population.person(4711)))
    assert (answer.outcome, answer.flags, answer.detail) == ("match", (), None)
    assert set(verdicts(answer).values()) == {"Sesuai"}
    assert len(answer.elements) == 12
    assert before <= answer.checked_at <= datetime.now(UTC)


async def test_spelling_is_forgiven_down_to_the_threshold(
    standin: StandIn, connect: Connect, population: Population
) -> None:
    person = population.person(10)
    near = claim_of(person, name=person.name.lower().replace("n", "nn", 1))
    assert (await connect(standin.address).verify(near)).outcome == "match"
    strict = await connect(standin.address, threshold=100).verify(near)
    assert (strict.outcome, strict.detail) == ("mismatch", "name_disagrees")


async def test_another_name_is_a_mismatch(standin: StandIn, connect: Connect, population: Population) -> None:
    other = claim_of(population.person(20), name=population.person(21).name)
    answer = await connect(standin.address).verify(other)
    assert (answer.outcome, answer.detail) == ("mismatch", "name_disagrees")
    assert verdicts(answer)["NAMA_LGKP"] == "Tidak Sesuai"
    assert verdicts(answer)["TGL_LHR"] == "Sesuai"


async def test_a_birth_date_that_disagrees_is_a_flag(
    standin: StandIn, connect: Connect, population: Population
) -> None:
    person = population.person(30)
    answer = await connect(standin.address).verify(
        claim_of(person, birth_date=person.birth_date + timedelta(days=1))
    )
    assert answer.outcome == "match"
    assert answer.flags == ("birth_date_disagrees", "birth_date_not_in_nik")


async def test_living_elsewhere_is_no_refusal(
    standin: StandIn, connect: Connect, population: Population
) -> None:
    moved = claim_of(population.person(40), village="Desa Lain", address="Alamat baru", rt="9", rw="77")
    answer = await connect(standin.address).verify(moved)
    assert (answer.outcome, answer.flags) == ("match", ())
    assert {name for name, verdict in verdicts(answer).items() if verdict != "Sesuai"} == {
        "KEL_NAME",
        "ALAMAT",
        "NO_RT",
        "NO_RW",
    } - ({"NO_RT"} if population.person(40).rt == "009" else set())


async def test_a_nik_of_nobody_is_not_found(
    standin: StandIn, connect: Connect, population: Population
) -> None:
    person = population.person(50)
    answer = await connect(standin.address).verify(claim_of(person, nik=f"{person.nik[:12]}0001"))
    assert (answer.outcome, answer.detail, answer.elements) == ("not_found", "not_in_registry", ())


async def test_a_wrong_password_is_unavailable(
    standin: StandIn, connect: Connect, population: Population
) -> None:
    for user, password in (("semar-uji", "salah"), ("lain", PASSWORD), ("ü", "\udc80")):
        answer = await connect(standin.address, user, password).verify(claim_of(population.person(1)))
        assert (answer.outcome, answer.detail) == ("unavailable", "login_failed")


async def test_many_at_once_over_one_client(
    standin: StandIn, connect: Connect, population: Population
) -> None:
    client = connect(standin.address, timeout_s=30)
    answers = await asyncio.gather(*(client.verify(claim_of(population.person(i))) for i in range(100)))
    assert {answer.outcome for answer in answers} == {"match"}


async def test_a_service_that_went_down_and_one_that_never_was(
    own_standin: StandIn, connect: Connect, population: Population
) -> None:
    client, claim = connect(own_standin.address), claim_of(population.person(2))
    assert (await client.verify(claim)).outcome == "match"
    own_standin.stop(signal.SIGTERM)
    down = await client.verify(claim)
    assert (down.outcome, down.detail, down.elements) == ("unavailable", "connection_failed", ())
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        never = await connect(f"http://127.0.0.1:{unused.getsockname()[1]}").verify(claim)
    assert (never.outcome, never.detail) == ("unavailable", "connection_failed")


@pytest.mark.parametrize(
    "said", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{", b"HTTP/1.1 200 OK\r\n"]
)
async def test_a_service_that_keeps_us_waiting_is_unavailable(
    serve: Serve, connect: Connect, population: Population, said: bytes
) -> None:
    client = connect(await serve(said, hang=True), timeout_s=0.2)
    answer = await client.verify(claim_of(population.person(3)))
    assert (answer.outcome, answer.detail) == ("unavailable", "timeout")


async def test_a_service_that_drips_bytes_does_not_outlast_the_budget(
    connect: Connect, population: Population
) -> None:
    # Each byte comes well before a read would time out: only one bound over everything ends this.
    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n")
        while not reader.at_eof():
            writer.write(b" ")
            try:
                await asyncio.wait_for(reader.read(65536), 0.02)
            except TimeoutError:
                continue
        writer.close()

    server = await asyncio.start_server(drip, "127.0.0.1", 0)
    async with server:
        client = connect(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", timeout_s=0.3)
        answer = await client.verify(claim_of(population.person(3)))
        assert (answer.outcome, answer.detail) == ("unavailable", "timeout")
        await client.aclose()


@pytest.mark.parametrize(
    ("said", "detail"),
    [
        (http_answer(b"oops", "500 Internal Server Error"), "http_500"),
        (http_answer(b"{}", "503 Service Unavailable"), "http_503"),
        (http_answer(b"", "404 Not Found"), "http_404"),
        (http_answer(b"", "302 Found\r\nLocation: http://127.0.0.1:1/"), "http_302"),
        (http_answer(b"", "401 Unauthorized"), "login_failed"),
        (http_answer(b"{"), "bad_json"),
        (http_answer(b"[1, 2]"), "bad_answer"),
        (http_answer(b" " * 70_000), "answer_too_large"),
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", "protocol_error"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{", "protocol_error"),
        (b"", "protocol_error"),
        (envelope([{"RESPON": "Kuota Akses Hari ini telah Habis"}]), "quota_used_up"),
        (envelope([{"NIK": "Sesuai", "NAMA_LGKP": "Mungkin"}]), "bad_answer"),
    ],
)
async def test_malformed_answers_are_unavailable_with_a_code(
    serve: Serve, connect: Connect, population: Population, said: bytes, detail: str
) -> None:
    answer = await connect(await serve(said)).verify(claim_of(population.person(3)))
    assert (answer.outcome, answer.detail) == ("unavailable", detail)


async def test_a_record_that_is_not_active(serve: Serve, connect: Connect, population: Population) -> None:
    client = connect(await serve(envelope([{**FOUND, "RESPONSE_CODE": "11"}])))
    answer = await client.verify(claim_of(population.person(3)))
    assert (answer.outcome, answer.flags, answer.detail) == (
        "mismatch",
        ("record_deceased",),
        "record_deceased",
    )


async def test_nothing_personal_or_secret_is_logged_or_shown(
    standin: StandIn,
    serve: Serve,
    connect: Connect,
    population: Population,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    person = population.person(60)
    shown = []
    echo = envelope([{"RESPON": f"Salah: {person.nik} {person.name} {PASSWORD}"}])
    for address in (standin.address, await serve(echo), "http://127.0.0.1:1"):
        client = connect(address)
        shown += [repr(client), repr(await client.verify(claim_of(person)))]
    text = caplog.text + "".join(shown)
    assert "resident registry unavailable: refused_by_service" in text
    for secret in (person.nik, person.name, person.address, PASSWORD, f"{person.birth_date:%d-%m-%Y}"):
        assert secret not in text


@pytest.mark.parametrize(
    ("url", "settings"),
    [
        ("", {}),
        ("registry:1", {}),
        ("ftp://registry", {}),
        ("http://", {}),
        ("http://" + "a" * 80, {}),
        ("http://user:pass@registry/", {}),
        ("http://registry", {"threshold": 101}),
        ("http://registry", {"timeout_s": 0}),
    ],
)
def test_impossible_settings_are_refused(url: str, settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"registry|threshold|timeout"):
        RegistryClient(url, "u", "p", **settings)


async def test_a_claim_with_less_is_enough(
    standin: StandIn, connect: Connect, population: Population
) -> None:
    person = population.person(70)
    answer = await connect(standin.address).verify(Claim(person.nik, person.name))
    assert answer.outcome == "match"
    assert [element.name for element in answer.elements] == ["NIK", "NAMA_LGKP"]
