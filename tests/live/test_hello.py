"""Who may open which socket, and what broken frames do: nothing but an error frame."""

from __future__ import annotations

import asyncio
import json

import pytest
from live_scene import (
    AWAY,
    ServerThread,
    World,
    driver_screen,
    operator_screen,
    raw_screen,
)

from dispatch.live import connection, session_checks
from dispatch.services.sessions import end_session, find_session


async def test_no_hello_in_time_is_sent_away(
    world: World, server: ServerThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "HELLO_WITHIN_S", 0.2)
    for path in ("/ws/operator", "/ws/driver", "/ws/resident"):
        async with raw_screen(server, path) as screen:
            assert await screen.closed() == 4408
            assert screen.seen[0]["problem"]["code"] == "not_signed_in"


async def test_an_unknown_token_is_told_and_sent_away(server: ServerThread) -> None:
    async with raw_screen(server, "/ws/operator") as screen:
        await screen.say("hello", token="wrong")
        assert await screen.closed() == 4401
        problem = screen.seen[0]["problem"]
        assert (problem["status"], problem["code"]) == (401, "not_signed_in")
        assert problem["detail"] != problem["detail_en"]


@pytest.mark.parametrize(
    ("path", "name", "more"),
    [
        ("/ws/operator", "pengemudi1", {}),
        ("/ws/operator", "dinkes1", {}),
        (
            "/ws/driver",
            "operator1",
            {
                "installation_id": "00000000-0000-4000-8000-000000000001",
                "device_at": "2026-11-20T05:00:00Z",
            },
        ),
        ("/ws/resident", "operator1", {"call_id": "00000000-0000-4000-8000-000000000001"}),
    ],
)
async def test_the_wrong_role_is_told_and_sent_away(
    world: World, server: ServerThread, path: str, name: str, more: dict[str, str]
) -> None:
    async with raw_screen(server, path) as screen:
        await screen.say("hello", token=await world.token(name), **more)
        assert await screen.closed() == 4403
        assert screen.seen[0]["problem"]["status"] == 403


async def test_a_broken_hello_may_be_said_again(world: World, server: ServerThread) -> None:
    token = await world.token("operator1")
    async with raw_screen(server, "/ws/operator") as screen:
        await screen.connection.send("hello!")
        assert (await screen.next())["t"] == "error"
        await screen.say("hello", token=token, after="soon")
        problem = (await screen.next())["problem"]
        assert problem["fields"][0]["field"] == "after"
        await screen.say("hello", token=token)
        welcome = await screen.next()
        assert welcome["t"] == "welcome"
        assert welcome["training"] is True
        assert welcome["seq"] == await world.head()


async def test_broken_frames_leave_the_connection_alive(world: World, server: ServerThread) -> None:
    async with operator_screen(server, await world.token("operator1")) as screen:
        for broken in ("{", "[]", "null", '{"t":"dance","id":7}', '{"id":7}', "x" * 70_000, b"\xff\xfe"):
            await screen.connection.send(broken)
            error = await screen.until("error")
            assert error["problem"]["status"] in (413, 422)
            assert error["problem"]["detail"] != error["problem"]["detail_en"]
        assert [e.get("id") for e in screen.of("error")].count(7) == 2
        await screen.say("ping", id="still here")
        assert (await screen.until("pong"))["id"] == "still here"


async def test_a_driver_s_broken_frames_leave_the_connection_alive(
    world: World, server: ServerThread
) -> None:
    async with driver_screen(server, await world.token("pengemudi1")) as screen:
        await screen.say("step", id=1, assignment_id="x", to="en_route")
        error = await screen.until("error")
        assert (error["id"], error["problem"]["fields"][0]["field"]) == (1, "assignment_id")
        await screen.say("sign_on", id=2, call_sign="TIDAK-ADA")
        error = await screen.until("error")
        assert (error["id"], error["problem"]["status"]) == (2, 409)
        await screen.say("available", id=3)
        assert (await screen.until("error"))["id"] == 3
        await screen.say("ping", id=4)
        assert (await screen.until("pong"))["id"] == 4


NASTY = (
    '{"t":"sign_on","id":"n","call_sign":"A\\u0000"}',
    '{"t":"sign_on","id":"n","call_sign":"\\ud800"}',
    '{"t":"sign_on","id":"n","call_sign":"A","check":' + '{"a":' * 9_000 + "1" + "}" * 9_000 + "}",
    '{"t":"sign_on","id":"n","call_sign":"A","check":{"x":1e400}}',
    '{"t":"sign_on","id":' + "9" * 300 + ',"call_sign":"A"}',
    '{"t":"step","id":"n","assignment_id":"00000000-0000-4000-8000-000000000001","to":"en_route",'
    '"device_at":"9999-12-31T23:59:59-23:00"}',
    '{"t":"step","id":"n","assignment_id":"00000000-0000-4000-8000-000000000001","to":"en_route",'
    '"device_at":"2026-11-20T05:00:00Z","sent_at":"0001-01-01T00:00:00+14:00"}',
    '{"t":"unavailable","id":"n","reason":"fuel","expected_until":"9999-12-31T23:59:59-23:00"}',
    '{"t":"unavailable","id":"n","reason":"bored"}',
)


async def test_nasty_frames_are_refused_and_nothing_else(world: World, server: ServerThread) -> None:
    unit = (await world.units())[0]
    async with driver_screen(server, await world.token("pengemudi1"), aboard=unit.call_sign) as screen:
        for nasty in NASTY:
            await screen.connection.send(nasty)
            assert 400 <= (await screen.until("error"))["problem"]["status"] < 500, nasty
        at = "9999-12-31T23:59:59-23:00"
        await screen.say("positions", fixes=[{"seq": 1, "at": at, "lon": 1, "lat": 2}], sent_at=at)
        assert [r["seq"] for r in (await screen.until("positions_saved"))["rejected"]] == [1]
        assert await world.positions() == []


async def test_a_revoked_session_ends_its_connections_and_no_other(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_checks, "CHECK_EVERY_S", 0.1)
    token, another = await world.token("operator1"), await world.token("operator1")
    with world.serving() as server:
        async with (
            operator_screen(server, token) as one,
            operator_screen(server, token) as two,
            operator_screen(server, another) as other,
        ):
            who = await find_session(world.centre, token)
            await end_session(world.centre, who, who.session_id)
            for screen in (one, two):
                assert await screen.closed() == 4401
                assert screen.of("error")[-1]["problem"]["code"] == "not_signed_in"
            await other.say("ping", id=1)
            await other.until("pong")


async def test_a_stopping_server_says_come_back(world: World) -> None:
    server = world.serving()
    with server:
        async with operator_screen(server, await world.token("operator1")) as screen:
            stopping = asyncio.get_running_loop().run_in_executor(None, server.stop)
            assert await screen.closed() == 1012
            await stopping


async def test_tenants_do_not_hear_each_other(world: World, server: ServerThread) -> None:
    async with (
        operator_screen(server, await world.token("operator1")) as home,
        operator_screen(server, await world.token("operator1", AWAY)) as away,
    ):
        call = await world.call()
        event = await home.until("event")
        assert event["subject_id"] == str(call.call_id)
        await away.say("ping", id=1)
        await away.until("pong")
        assert away.of("event") == []
        assert str(call.call_id) not in json.dumps(away.seen)
