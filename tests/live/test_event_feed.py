"""Every event reaches every console once and in order, whatever is lost on the way."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest
from follower import Follower
from live_scene import ServerThread, World, driver_screen, operator_screen, raw_screen
from websockets.exceptions import ConnectionClosed

from dispatch.live import hub
from dispatch.live.wakeups import CONNECTION_NAME
from dispatch.services.board import read_board

WRITERS, CALLS_EACH = 8, 12
LISTENERS = "SELECT pid FROM pg_stat_activity WHERE application_name = :name AND datname = current_database()"


async def _write(world: World) -> None:
    async def one() -> None:
        for _ in range(CALLS_EACH):
            await world.call()

    await asyncio.gather(*(one() for _ in range(WRITERS)))


async def test_in_order_without_gap_or_double_under_eight_writers(world: World, server: ServerThread) -> None:
    start = await world.head()
    token = await world.token("operator1")
    end = start + WRITERS * CALLS_EACH
    async with operator_screen(server, token) as screen:
        writing = asyncio.create_task(_write(world))
        await screen.until("event", lambda f: f["seq"] == end)
        await writing
        assert [f["seq"] for f in screen.of("event")] == list(range(start + 1, end + 1))
        assert await world.head() == end


async def test_a_console_that_comes_and_goes_misses_nothing(world: World, server: ServerThread) -> None:
    start = await world.head()
    token = await world.token("operator1")
    end = start + WRITERS * CALLS_EACH
    got: list[int] = []
    writing = asyncio.create_task(_write(world))
    while not got or got[-1] < end:
        after = got[-1] if got else start
        async with operator_screen(server, token, after) as screen:
            for _ in range(23):
                got.append((await screen.until("event"))["seq"])
                if got[-1] == end:
                    break
    await writing
    assert got == list(range(start + 1, end + 1))


async def test_what_fell_out_of_the_ring_is_read_from_the_log(
    world: World, server: ServerThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "RING", 5)
    monkeypatch.setattr(hub, "BATCH", 7)
    head = await world.head()
    assert head > 100  # the loading of the regency
    async with operator_screen(server, await world.token("operator1"), 0) as screen:
        await screen.until("event", lambda f: f["seq"] == head)
        await _write(world)
        end = head + WRITERS * CALLS_EACH
        await screen.until("event", lambda f: f["seq"] == end)
        assert [f["seq"] for f in screen.of("event")] == list(range(1, end + 1))


@pytest.mark.parametrize("written_since", [1, 6])
async def test_a_log_that_went_back_under_the_server_is_begun_anew(
    world: World, server: ServerThread, written_since: int
) -> None:
    """A standby that lacks the last events was promoted, or a backup was restored: servers run on."""
    for _ in range(5):
        await world.call()
    head = await world.head()
    unit = (await world.units())[0]
    token = await world.token("pengemudi1")
    async with (
        operator_screen(server, await world.token("operator1")) as screen,
        driver_screen(server, token, aboard=unit.call_sign) as phone,
    ):
        before = await world.head()
        await screen.until("event", lambda f: f["seq"] == before)
        await _cut_off(world, head - 3)
        calls = [await world.call() for _ in range(written_since)]
        reset = await screen.until("reset")
        assert reset["seq"] <= head - 3 + written_since
        if written_since == 1:
            await phone.until("desk", lambda f: f["seq"] < head)
        if reset["seq"] < head - 3 + written_since:
            await screen.until("event", lambda f: f["subject_id"] == str(calls[-1].call_id))
        after = await world.call()
        await screen.until("event", lambda f: f["subject_id"] == str(after.call_id))
        assert await world.head() == head - 2 + written_since


async def test_a_console_that_was_away_while_the_log_went_back_begins_anew(
    world: World, server: ServerThread
) -> None:
    """Also when the log has come to its last number again by then: that is another event."""
    operator = await world.token("operator1")
    for _ in range(5):
        await world.call()
    head = await world.head()
    console = Follower(server.port, operator, head - 3)
    await console.until(lambda: console.last == head)
    other = Follower(server.port, operator, head - 3)
    await other.until(lambda: other.last == head - 2)
    board = await read_board(world.centre, world.entry)
    await _cut_off(world, head - 2)
    calls = [await world.call() for _ in range(4)]
    grown = await world.head()
    assert (board.seq, grown) == (head, head + 2)

    await console.until(lambda: bool(console.resets))
    assert console.resets == [grown]
    of_board = Follower(server.port, operator, board.seq)
    of_board.last_recorded_at = board.seq_recorded_at.isoformat()
    await of_board.until(lambda: bool(of_board.resets))

    await other.until(lambda: other.last == grown)
    assert other.resets == [], "what it knows is in the log still"
    assert len(calls) == 4
    await console.until(lambda: console.last == grown)


async def _cut_off(world: World, last: int) -> None:
    """Have the home tenant's log end with this event."""
    administrator = await asyncpg.connect(world.admin_url)
    try:
        await administrator.execute("SET session_replication_role = replica")
        async with administrator.transaction():
            about = (world.entry.tenant.id, last)
            await administrator.execute("DELETE FROM event WHERE regency_id = $1 AND seq > $2", *about)
            await administrator.execute(
                "UPDATE event_head h SET seq = e.seq, hash = e.hash, recorded_at = e.recorded_at "
                "FROM event e WHERE h.regency_id = $1 AND e.regency_id = $1 AND e.seq = $2",
                *about,
            )
    finally:
        await administrator.close()


async def test_resume_replays_and_resets_beyond_the_head_and_in_another_log(
    world: World, server: ServerThread
) -> None:
    for _ in range(3):
        await world.call()
    head = await world.head()
    async with operator_screen(server, await world.token("operator1")) as screen:
        await screen.say("resume", after=head - 2)
        await screen.until("event", lambda f: f["seq"] == head)
        assert [f["seq"] for f in screen.of("event")] == [head - 1, head]
        known = screen.of("event")[0]
        await screen.say("resume", after=known["seq"], after_recorded_at=known["recorded_at"])
        await screen.until("event", lambda f: f["seq"] == head)
        assert [f["seq"] for f in screen.of("event")] == [head - 1, head, head]
        await screen.say("resume", after=head - 1, after_recorded_at="2026-01-01T00:00:00Z")
        assert (await screen.until("reset"))["seq"] == head
        await screen.say("resume", after=head + 1000)
        assert (await screen.until("reset"))["seq"] == head
        await world.call()
        assert (await screen.until("event"))["seq"] == head + 1


async def test_a_lost_notification_costs_half_a_second_not_an_event(
    world: World, server: ServerThread
) -> None:
    async with operator_screen(server, await world.token("operator1")) as screen:
        for _ in range(3):
            killed = await world.as_admin(
                f"SELECT pg_terminate_backend(pid) FROM ({LISTENERS}) AS listeners", name=CONNECTION_NAME
            )
            call = await world.call()
            event = await screen.until("event", patience_s=5)
            assert event["subject_id"] == str(call.call_id)
        assert len(killed) <= 1
        # and it listens again
        async with asyncio.timeout(10):
            while not await world.as_admin(LISTENERS, name=CONNECTION_NAME):
                await world.call()
                await screen.until("event")


async def test_a_slow_console_holds_up_nobody(
    world: World, server: ServerThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "RING", 5)
    start = await world.head()
    token = await world.token("operator1")
    async with (
        raw_screen(server, "/ws/operator") as slow,
        operator_screen(server, token, start) as quick,
    ):
        slow.connection.transport.pause_reading()
        await slow.say("hello", token=token, after=0)
        await _write(world)
        end = start + WRITERS * CALLS_EACH
        await quick.until("event", lambda f: f["seq"] == end)
        slow.connection.transport.resume_reading()
        await slow.until("event", lambda f: f["seq"] == end)
        assert [f["seq"] for f in slow.of("event")] == list(range(1, end + 1))


async def test_a_database_that_restarts_is_waited_for(world: World, server: ServerThread) -> None:
    """All connections are cut and new ones refused for a while: the console stays and goes on."""
    name = str((await world.as_admin("SELECT current_database()"))[0][0])
    async with operator_screen(server, await world.token("operator1")) as screen:
        before = (await world.call()).call_id
        await screen.until("event", lambda f: f["subject_id"] == str(before))
        postgres = await asyncpg.connect(world.admin_url.replace(f"/{name}", "/postgres"))
        try:
            await postgres.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
            await postgres.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name
            )
            await screen.say("resume", id="r", after=0)
            error = await screen.until("error")
            assert (error["id"], error["problem"]["status"]) == ("r", 503)
            await postgres.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
        finally:
            await postgres.close()
        await world.centre.database.close()  # the test's own connections were cut as well
        after = (await world.call()).call_id
        await screen.until("event", lambda f: f["subject_id"] == str(after))


async def test_a_console_cut_off_by_the_server_resumes(world: World) -> None:
    start = await world.head()
    token = await world.token("operator1")
    got: list[int] = []
    with world.serving() as first:
        async with operator_screen(first, token, start) as screen:
            await world.call()
            got.append((await screen.until("event"))["seq"])
            stopping = asyncio.get_running_loop().run_in_executor(None, first.stop)
            with pytest.raises(ConnectionClosed):
                await screen.until("never")
            await stopping
    await world.call()
    with world.serving() as second:
        async with operator_screen(second, token, got[-1]) as screen:
            await world.call()
            got += [(await screen.until("event"))["seq"] for _ in range(2)]
    assert got == [start + 1, start + 2, start + 3]
