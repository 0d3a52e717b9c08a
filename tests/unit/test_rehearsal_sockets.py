"""The rehearsal's side of a socket: greeting, waiting, requests that are refused, and ends."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from websockets.asyncio.server import ServerConnection, serve

from rehearsal.crew import VirtualCrew
from rehearsal.findings import Mismatch, Refused
from rehearsal.sockets import LiveSocket, open_socket
from rehearsal.track import Spot, Track

Handler = Callable[[ServerConnection], Awaitable[None]]


@asynccontextmanager
async def connected(handler: Handler) -> AsyncIterator[LiveSocket]:
    async with serve(handler, "127.0.0.1", 0) as server:
        host, port = next(iter(server.sockets)).getsockname()[:2]
        socket = await open_socket(f"ws://{host}:{port}", "/ws/driver", {"token": "tanda"})
        try:
            yield socket
        finally:
            await socket.close()


async def say(connection: ServerConnection, **frame: object) -> None:
    await connection.send(json.dumps(frame))


async def desk(connection: ServerConnection) -> None:
    """Greets, answers steps, refuses to sign off, and keeps every second fix."""
    hello = json.loads(await connection.recv())
    assert hello == {"t": "hello", "token": "tanda"}
    await say(connection, t="welcome", seq=41)
    async for message in connection:
        frame = json.loads(message)
        if frame["t"] == "step":
            await say(connection, t="event", seq=42, kind="assignment_stepped")
            await say(connection, t="done", id=frame["id"], result={"to": frame["to"]})
        elif frame["t"] == "positions":
            seq = frame["fixes"][0]["seq"]
            refused = [] if seq % 2 else [{"seq": seq, "reason_id": "salah", "reason_en": "wrong"}]
            await say(connection, t="positions_saved", seqs=[seq] if seq % 2 else [], rejected=refused)
        elif frame["t"] == "sign_off":
            problem = {
                "status": 409,
                "code": "conflict",
                "detail": "sedang bertugas",
                "detail_en": "on a run",
            }
            await say(connection, t="error", id=frame["id"], problem=problem)
        else:
            await connection.close(1012, "restart")


async def test_a_request_is_answered_by_its_own_id_and_other_frames_are_kept() -> None:
    async with connected(desk) as socket:
        assert socket.frames[0]["seq"] == 41
        assert await socket.request("step", to="en_route") == {"to": "en_route"}
        event = await socket.wait("the event", lambda f: f["t"] == "event")
        assert event["kind"] == "assignment_stepped"


async def test_a_refused_request_carries_the_problem() -> None:
    async with connected(desk) as socket:
        with pytest.raises(Refused) as refused:
            await socket.request("sign_off")
        assert (refused.value.status, refused.value.code) == (409, "conflict")
        assert refused.value.words == "sedang bertugas / on a run"


async def test_a_frame_that_does_not_come_is_named_with_what_came_instead() -> None:
    async with connected(desk) as socket:
        with pytest.raises(Mismatch, match="the offer") as missing:
            await socket.wait("the offer", lambda f: f["t"] == "desk", within_s=0.05)
        assert missing.value.actual == {"welcome": 1}


async def test_the_end_of_a_socket_ends_the_waiting() -> None:
    async with connected(desk) as socket:
        await socket.send({"t": "leave"})
        with pytest.raises(Mismatch, match="1012"):
            await socket.wait("a frame", lambda f: f["t"] == "desk", within_s=30.0)


async def test_a_server_that_does_not_welcome_is_named() -> None:
    async def silent(connection: ServerConnection) -> None:
        await connection.recv()
        await connection.close(4401, "not signed in")

    with pytest.raises(Mismatch, match="4401"):
        async with connected(silent):
            pytest.fail("there was no welcome")


async def test_every_fix_must_be_acknowledged() -> None:
    async with connected(desk) as socket:
        crew = VirtualCrew(socket, "pemasangan")
        await crew.report_position(Spot(107.4, -6.5, 0.0), 0.0)
        assert await crew.all_saved() == 1
        track = Track([(107.4, -6.5), (107.41, -6.5)])
        assert await crew.drive(track, 12.0, duration_s=0.6) == 3
        assert crew.sent == 4
        with pytest.raises(Mismatch, match="fixes refused"):
            await crew.all_saved()
        assert [fix["seq"] for fix in crew.rejected] == [2, 4]
