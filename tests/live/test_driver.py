"""A driver's desk follows the case, on every phone of the driver; commands are answered by their ids."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from live_scene import Frame, ServerThread, World, driver_screen, operator_screen

from dispatch.services.stand_down import stand_down


def offered(frame: Frame) -> bool:
    return frame["run"] is not None and frame["run"]["state"] == "offered"


async def test_an_offer_reaches_both_phones_of_the_crew(world: World, server: ServerThread) -> None:
    unit = (await world.units())[0]
    token = await world.token("pengemudi1")
    async with (
        driver_screen(server, token, aboard=unit.call_sign) as one,
        driver_screen(server, token) as two,
    ):
        run = await world.send(unit.id)
        for screen in (one, two):
            desk = await screen.desk(offered)
            assert desk["run"]["assignment_id"] == str(run.id)
            assert "accepted" in desk["run"]["moves"]
            assert desk["aboard"]["call_sign"] == unit.call_sign
        await one.say("step", id=1, assignment_id=str(run.id), to="accepted")
        done = await one.until("done", lambda f: f["id"] == 1)
        assert done["result"]["state"] == "accepted"
        for screen in (one, two):
            await screen.desk(lambda f: f["run"]["state"] == "accepted")


async def test_another_crew_s_offer_is_none_of_ours(world: World, server: ServerThread) -> None:
    ours, theirs = (await world.units())[:2]
    async with (
        driver_screen(server, await world.token("pengemudi2"), aboard=theirs.call_sign),
        driver_screen(server, await world.token("pengemudi1"), aboard=ours.call_sign) as screen,
    ):
        await world.send(theirs.id)
        await world.send(ours.id)
        desk = await screen.desk(offered)
        assert [d["run"] for d in screen.of("desk") if d["run"]] == [desk["run"]]


async def test_a_whole_run_by_socket(world: World, server: ServerThread) -> None:
    unit = (await world.units())[0]
    async with (
        operator_screen(server, await world.token("operator1")) as console,
        driver_screen(server, await world.token("pengemudi1"), aboard=unit.call_sign) as screen,
    ):
        run = await world.send(unit.id)
        await screen.desk(offered)
        steps: list[Frame] = [{"to": state} for state in ("accepted", "en_route", "on_scene", "at_patient")]
        steps += [
            {"to": "left_scene", "outside_name": "RS Contoh"},
            {"to": "at_facility"},
            {"to": "handed_over", "receiver": "Ns. Contoh", "room": "IGD 2"},
            {"to": "cleared"},
        ]
        for number, step in enumerate(steps):
            await screen.say("step", id=number, assignment_id=str(run.id), **step)
            done = await screen.until("done", lambda f, n=number: f["id"] == n)
            assert done["result"]["state"] == step["to"]
        await screen.desk(lambda f: f["run"] is None and f["aboard"] is not None)
        cleared = await console.until("event", lambda f: f["kind"] == "unit_cleared")
        assert cleared["data"]["unit_id"] == str(unit.id)
        rows = await world.as_admin("SELECT DISTINCT cause FROM event WHERE cause LIKE 'socket driver %'")
        assert {f"socket driver {n}" for n in range(len(steps))} <= {row[0] for row in rows}


async def test_an_illegal_step_is_refused_with_the_legal_ones(world: World, server: ServerThread) -> None:
    unit = (await world.units())[0]
    async with driver_screen(server, await world.token("pengemudi1"), aboard=unit.call_sign) as screen:
        run = await world.send(unit.id)
        await screen.say("step", id="x", assignment_id=str(run.id), to="accepted")
        await screen.until("done", lambda f: f["id"] == "x")
        await screen.say("step", id="y", assignment_id=str(run.id), to="offered")
        problem = (await screen.until("error"))["problem"]
        assert (problem["status"], problem["code"]) == (409, "illegal_step")
        assert "en_route" in problem["allowed"]
        # an end without transport needs its code
        await screen.say("step", id="z", assignment_id=str(run.id), to="on_scene")
        await screen.until("done", lambda f: f["id"] == "z")
        await screen.say("step", id="0", assignment_id=str(run.id), to="completed_without_transport")
        error = await screen.until("error")
        assert error["id"] == "0"
        assert [f["field"] for f in error["problem"]["fields"]] == ["code"]


async def test_a_step_s_time_is_corrected_by_the_clock_of_the_connection(
    world: World, server: ServerThread
) -> None:
    unit = (await world.units())[0]
    wrong_by = timedelta(minutes=20)
    token = await world.token("pengemudi1")
    device_at = datetime.now(UTC) + wrong_by
    async with driver_screen(server, token, aboard=unit.call_sign, device_at=device_at) as screen:
        run = await world.send(unit.id)
        pressed = datetime.now(UTC)
        await screen.say(
            "step",
            id=1,
            assignment_id=str(run.id),
            to="accepted",
            device_at=(pressed + wrong_by).isoformat(),
        )
        done = await screen.until("done", lambda f: f["id"] == 1)
        occurred = datetime.fromisoformat(done["result"]["occurred_at"])
        assert abs(occurred - pressed) < timedelta(seconds=2)


async def test_a_stand_down_reaches_the_crew_and_is_acknowledged(world: World, server: ServerThread) -> None:
    unit = (await world.units())[0]
    async with driver_screen(server, await world.token("pengemudi1"), aboard=unit.call_sign) as screen:
        run = await world.send(unit.id)
        await screen.desk(offered)
        await stand_down(world.centre, world.entry, world.operator(), run.id, "uji", cause="test")
        desk = await screen.desk(lambda f: f["run"] is None)
        assert desk["stood_down"] == [str(run.id)]
        await screen.say("ack_stand_down", id="a", assignment_id=str(run.id))
        await screen.desk(lambda f: f["stood_down"] == [])


async def test_out_of_service_and_back(world: World, server: ServerThread) -> None:
    unit = (await world.units())[0]
    async with (
        operator_screen(server, await world.token("operator1")) as console,
        driver_screen(server, await world.token("pengemudi1"), aboard=unit.call_sign) as screen,
    ):
        until = datetime(2026, 11, 20, 6, 30, tzinfo=UTC).isoformat()
        why = {"reason": "fuel", "note": "SPBU", "expected_until": until}
        for number, (kind, event, more) in enumerate(
            (
                ("unavailable", "unit_made_unavailable", why),
                ("available", "unit_made_available", {}),
            )
        ):
            await screen.say(kind, id=number, **more)
            assert (await screen.until("done", lambda f, n=number: f["id"] == n))["result"] == {}
            told = await console.until("event", lambda f, e=event: f["kind"] == e)
            assert told["data"]["unit_id"] == str(unit.id)
            out = kind == "unavailable"
            desk = await screen.desk(lambda f, o=out: (f["unavailable"] is not None) == o)
            if out:
                shown = desk["unavailable"]
                assert (shown["reason"], shown["note"]) == ("fuel", "SPBU")
                assert datetime.fromisoformat(shown["expected_until"]) == datetime.fromisoformat(until)
        await screen.say("sign_off", id="off")
        await screen.desk(lambda f: f["aboard"] is None)


async def test_what_was_said_without_signal_carries_its_time_and_its_unit(
    world: World, server: ServerThread
) -> None:
    ours, other = (await world.units())[:2]
    async with driver_screen(server, await world.token("pengemudi1"), aboard=ours.call_sign) as screen:
        sent = datetime.now(UTC)
        told = {"device_at": (sent - timedelta(minutes=4)).isoformat(), "sent_at": sent.isoformat()}
        await screen.say("unavailable", id=1, reason="rest", unit_id=str(other.id), **told)
        refused = await screen.until("error", lambda f: f["id"] == 1)
        assert refused["problem"]["status"] == 409
        await screen.say("unavailable", id=2, reason="rest", unit_id=str(ours.id), **told)
        # the answer may come before it or after it
        desk = await screen.desk(lambda f: f["unavailable"] is not None)
        since = datetime.fromisoformat(desk["unavailable"]["since"])
        assert abs((since - sent).total_seconds() + 240) < 6
        await screen.say("available", id=3, unit_id=str(ours.id))
        await screen.desk(lambda f: f["unavailable"] is None)


async def test_a_step_that_the_network_held_back_keeps_its_time(world: World, server: ServerThread) -> None:
    unit = (await world.units())[0]
    async with driver_screen(server, await world.token("pengemudi1"), aboard=unit.call_sign) as screen:
        run = await world.send(unit.id)
        await screen.desk(offered)
        # the frame says that it was sent ten seconds ago, by a clock that the hello has shown to be right
        at = max(run.created_at, datetime.now(UTC) - timedelta(seconds=10))
        told = {"device_at": at.isoformat(), "sent_at": (at - timedelta(seconds=10)).isoformat()}
        await screen.say("step", id=1, assignment_id=str(run.id), to="accepted", **told)
        done = await screen.until("done", lambda f: f["id"] == 1)
        assert datetime.fromisoformat(done["result"]["occurred_at"]) == at
        rows = await world.as_admin("SELECT clock_corrected FROM stamp WHERE name = 'accepted_at'")
        assert [row.clock_corrected for row in rows] == [False]
