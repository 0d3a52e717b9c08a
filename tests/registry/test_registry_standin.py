"""The stand-in as a process: its form on the wire, its label, its start and its end."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from registry_scene import PASSWORD, USER, StandIn

from registry.population import Population
from registry.standin.matching import likeness

LOGIN = {"user_id": USER, "password": PASSWORD}


def post(standin: StandIn, form: object, path: str = "/") -> httpx.Response:
    body = form if isinstance(form, bytes) else json.dumps(form).encode()
    with httpx.Client(trust_env=False) as http:
        return http.post(standin.address + path, content=body)


def content(response: httpx.Response) -> dict[str, str]:
    (record,) = response.json()["content"]
    return dict(record)


def test_it_answers_by_element_and_hands_out_no_data(standin: StandIn, population: Population) -> None:
    person = population.person(7)
    form = {
        **LOGIN,
        "TRESHOLD": "90",
        "NIK": person.nik,
        "NAMA_LGKP": person.name.upper(),
        "TGL_LHR": f"{person.birth_date:%d-%m-%Y}",
        "NO_RT": str(int(person.rt)),
        "KAB_NAME": "PURWAKARTA",
        "PROP_NAME": "Jawa Tengah",
        "AGAMA": "ISLAM",
    }
    response = post(standin, form)
    assert response.status_code == 200
    assert content(response) == {
        "NIK": "Sesuai",
        "NAMA_LGKP": "Sesuai (100)",
        "TGL_LHR": "Sesuai",
        "NO_RT": "Sesuai",
        "KAB_NAME": "Sesuai",
        "PROP_NAME": "Tidak Sesuai",
    }
    assert response.json()["numberOfElements"] == 1


def test_both_spellings_of_the_credentials_and_both_addresses(
    standin: StandIn, population: Population
) -> None:
    form = {"USER_ID": USER, "PASSWORD": PASSWORD, "NIK": population.person(7).nik}
    response = post(standin, form, "/dukcapil/get_json/dinkes/nik_verifby_elemen")
    assert content(response) == {"NIK": "Sesuai"}


def test_a_wrong_password_learns_nothing(standin: StandIn, population: Population) -> None:
    known, unknown = population.person(7).nik, "3214010101900001"
    answers = [post(standin, {**LOGIN, "password": "x", "NIK": nik}) for nik in (known, unknown)]
    assert [content(answer) for answer in answers] == [{"RESPON": "Login Gagal"}] * 2
    assert content(post(standin, {"NIK": known})) == {"RESPON": "Login Gagal"}


@pytest.mark.parametrize(("nik", "code"), [("3214010101900001", "13"), ("321401", "15"), ("", "15")])
def test_who_is_not_there(standin: StandIn, nik: str, code: str) -> None:
    assert content(post(standin, {**LOGIN, "NIK": nik}))["RESPONSE_CODE"] == code


@pytest.mark.parametrize(
    "form",
    [
        b"",
        b"{",
        b"[]",
        b"\xff",
        b"[" * 60_000,
        b" " * 70_000,
        {**LOGIN, "TRESHOLD": "101"},
        {**LOGIN, "TRESHOLD": "x"},
        {**LOGIN, "TRESHOLD": -1},
    ],
)
def test_what_is_not_the_form_is_refused(standin: StandIn, form: object) -> None:
    response = post(standin, form)
    assert response.status_code == 400
    assert content(response) == {"RESPON": "Format Permintaan Tidak Sesuai"}


def test_every_answer_says_that_it_is_synthetic(standin: StandIn) -> None:
    with httpx.Client(base_url=standin.address, trust_env=False) as http:
        answers = [http.get("/health"), http.get("/none"), http.get("/"), http.post("/"), http.get("/docs")]
    assert [answer.status_code for answer in answers] == [200, 404, 405, 400, 404]
    assert {answer.headers["X-Registry"] for answer in answers} == {"synthetic"}
    assert answers[0].json() == {"status": "ok", "synthetic": True, "residents": 10_000}


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_in_order_on_a_signal_with_a_connection_open(own_standin: StandIn, signum: int) -> None:
    with httpx.Client(base_url=own_standin.address, trust_env=False) as http:
        assert http.get("/health").status_code == 200
        assert own_standin.stop(signum) == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--bundle", "{bundle}"], "credentials are missing"),
        (["--bundle", "{bundle}/tiada", "--user", "u", "--password", "p"], "regency.toml"),
        (["--bundle", "{bundle}", "--user", "u", "--password", "p", "--size", "0"], "size must be"),
        (["--bundle", "{bundle}", "--user", "u", "--password", "p", "--port", "70000"], "--port"),
        (["--bundle", "{bundle}", "--user", "u", "--password", "p", "--port", "{busy}"], "in use"),
        (["--user", "u", "--password", "p"], "--bundle"),
    ],
)
def test_it_says_why_it_does_not_start(
    bundle: Path, standin: StandIn, arguments: list[str], said: str
) -> None:
    busy = standin.address.rpartition(":")[2]
    command = [sys.executable, "-m", "registry.standin"]
    command += [argument.format(bundle=bundle, busy=busy) for argument in arguments]
    ended = subprocess.run(
        command, capture_output=True, text=True, check=False, env={"PATH": "/usr/bin:/bin"}
    )
    assert ended.returncode == 2
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr


def test_likeness() -> None:
    assert likeness("contoh  MELATI-kenari", "Contoh Melati Kenari") == 100
    assert likeness("Contoh Mélati", "contoh melati") == 100
    assert likeness("Contoh Melati Kenari", "Contoh Melati Kenarie") >= 90
    assert likeness("Contoh Melati Kenari", "Contoh Anggrek Merpati") < 90
