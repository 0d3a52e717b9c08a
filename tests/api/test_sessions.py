"""Signing in, the list of devices, signing out, and what happens to those who guess."""

from __future__ import annotations

from typing import Any

import pytest
from api_scene import PASSWORD, Api, fields, problem, resident

from dispatch.services.sessions import STAFF_LIFE

pytestmark = pytest.mark.asyncio(loop_scope="module")


def staff(api: Api, **other: Any) -> dict[str, Any]:
    return {"regency": api.slug, "username": "dinkes1", "password": PASSWORD, "device": "Meja 4"} | other


async def test_staff_sign_in_list_and_end_their_sessions(api: Api) -> None:
    answer = await api.anybody.post("/sessions/staff", staff(api, username="AUDITOR1"))
    assert answer.status_code == 201
    assert answer.headers["cache-control"] == "no-store"
    signed = answer.json()
    assert signed["role"] == "auditor"
    assert signed["training"] is True
    here = api.signed_in(signed["session"]["token"])
    listed = (await here.get("/sessions")).json()
    assert [s["device"] for s in listed if s["this_one"]] == ["Meja 4"]
    other = next(s["id"] for s in listed if not s["this_one"])
    assert (await here.delete(f"/sessions/{other}")).status_code == 204
    problem(await here.delete(f"/sessions/{other}"), 404, "not_found")
    problem(await api.staff("auditor1").get("/sessions"), 401, "not_signed_in")
    assert (await here.delete("/sessions/current")).status_code == 204
    problem(await here.get("/sessions"), 401, "not_signed_in")


async def test_nobody_ends_another_s_session(api: Api) -> None:
    mine = (await api.staff("operator1").get("/sessions")).json()[0]["id"]
    problem(await api.staff("operator2").delete(f"/sessions/{mine}"), 404, "not_found")


async def test_a_session_expires(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    signed = (await api.anybody.post("/sessions/staff", staff(api))).json()
    began = api.centre.clock
    monkeypatch.setattr(api.centre, "clock", lambda: began() + STAFF_LIFE)
    expired = await api.signed_in(signed["session"]["token"]).get("/sessions")
    assert problem(expired, 401, "not_signed_in")["detail"] == "Sesi kedaluwarsa; silakan masuk lagi"


async def test_residents_sign_in_by_phone_or_mail(api: Api) -> None:
    given = resident(21) | {"password": PASSWORD}
    assert (await api.anybody.post("/residents", given)).status_code == 201
    for login in ("0890-0001-00021", "CONTOH.00021@example.org"):
        body = {"regency": api.slug, "login": login, "password": PASSWORD}
        answer = await api.anybody.post("/sessions/residents", body)
        assert answer.status_code == 201, answer.text
        assert (
            await api.signed_in(answer.json()["session"]["token"]).get("/residents/me")
        ).status_code == 200
        problem(
            await api.anybody.post("/sessions/residents", body | {"password": "salah"}), 401, "not_signed_in"
        )


async def test_a_wrong_name_or_password_is_not_told_apart(api: Api) -> None:
    unknown = await api.anybody.post("/sessions/staff", staff(api, username="siapa"))
    wrong = await api.anybody.post("/sessions/staff", staff(api, password="salah"))
    assert problem(unknown, 401, "not_signed_in")["detail"] == problem(wrong, 401, "not_signed_in")["detail"]


async def test_an_unknown_regency_is_named(api: Api) -> None:
    answer = await api.anybody.post("/sessions/staff", staff(api, regency="99.99"))
    named = fields(problem(answer, 422, "invalid_input"))
    assert named == {"regency": ("Tidak ada regency '99.99'", "There is no regency '99.99'")}


async def test_guessing_is_slowed_down_but_calling_is_not(api: Api) -> None:
    warga = await api.resident(22)
    for _ in range(10):
        problem(
            await api.anybody.post("/sessions/staff", staff(api, username="tebakan")), 401, "not_signed_in"
        )
    answer = await api.anybody.post("/sessions/staff", staff(api, username="Tebakan"))
    refused = problem(answer, 429, "too_many_requests")
    assert int(answer.headers["retry-after"]) == refused["retry_after_s"] > 0
    # another name from there may still sign in, and help is never slowed down
    assert (await api.anybody.post("/sessions/staff", staff(api))).status_code == 201
    for number in range(15):
        call = await warga.post("/calls", {"id": f"0192f0c1-7b1e-7a54-9c0e-{number:012d}"})
        assert call.status_code == 201


async def test_the_registry_is_not_asked_without_end(api: Api) -> None:
    warga = await api.resident(23)
    for _ in range(5):
        assert (await warga.post("/residents/me/verification")).status_code == 200
    problem(await warga.post("/residents/me/verification"), 429, "too_many_requests")
