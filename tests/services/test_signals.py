"""Silence is a state that operators see, that is told again, and that ends with the next fix."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from case_scene import CAUSE, Case, S, along
from timer_check import check_timers

from dispatch.domain.events import EventKind
from dispatch.domain.unit import UnavailabilityReason
from dispatch.services.clock_set_back import pull_in
from dispatch.services.crew import sign_off, sign_on
from dispatch.services.readiness import make_unavailable
from dispatch.services.save_positions import Fix, as_records, no_roads, save_positions
from dispatch.services.signals import watch_signals
from dispatch.services.stand_down import stand_down
from dispatch.storage.rebuild import current, differences, rebuild

PHONES: dict[str, UUID] = {}


async def fix(case: Case, sign: str, at: datetime | None = None, phone: str = "first") -> None:
    """A phone of the unit tells its place."""
    installation = PHONES.setdefault(f"{id(case)} {sign} {phone}", uuid4())
    made = at or case.now
    place = along(1_000)
    one = Fix(
        installation,
        int(made.timestamp() * 1000),
        made.timestamp(),
        case.now.timestamp(),
        place.lon,
        place.lat,
        at=made.timestamp(),
        unit_id=case.units[sign],
    )
    await save_positions(case.centre, case.entry, as_records([one]), no_roads(1))


async def look(case: Case) -> int:
    """The worker looks at the fleet."""
    return await watch_signals(case.centre, case.entry)


async def alone(case: Case, *silent: str) -> None:
    """All tracked units but these are off duty."""
    for sign, driver in case.crew.items():
        if sign not in silent:
            await sign_off(case.centre, case.entry, driver, cause=CAUSE)


async def test_a_unit_on_duty_is_silent_after_three_minutes_and_heard_again(case: Case) -> None:
    await alone(case, "A-1")
    await fix(case, "A-1")
    case.pass_time(180)
    assert await look(case) == 0
    case.pass_time(1)
    assert await look(case) == 1
    assert await look(case) == 0
    (lost,) = await case.events(EventKind.SIGNAL_LOST)
    assert (lost["call_sign"], lost["on_run"], lost["silent_s"], lost["times"]) == ("A-1", False, 181, 1)
    await check_timers(case)
    # an idle unit is told again every ten minutes, by whichever worker comes
    await case.later(601)
    assert [e["times"] for e in await case.events(EventKind.SIGNAL_LOST)] == [1, 2]
    await fix(case, "A-1")
    assert await look(case) == 1
    (back,) = await case.events(EventKind.SIGNAL_BACK)
    assert (back["call_sign"], back["why"]) == ("A-1", "heard")
    await check_timers(case)
    assert await case.value("SELECT count(*) FROM timer WHERE done_at IS NULL") == 0
    await case.check_log()
    async with case.centre.snapshot(case.entry.tenant) as tx:
        assert list(differences(await rebuild(tx), await current(tx))) == []


async def test_on_a_run_fifteen_seconds_are_silence_and_every_minute_is_told(case: Case) -> None:
    await alone(case, "A-1")
    await fix(case, "A-1")
    case.pass_time(100)
    assert await look(case) == 0
    incident = await case.incident()
    run = await case.send("A-1", incident)
    # its phone has the run's interval from now on
    case.pass_time(15)
    assert await look(case) == 0
    await case.step(run.id, S.EN_ROUTE)
    case.pass_time(1)
    assert await look(case) == 1
    await case.later(125)
    told = await case.events(EventKind.SIGNAL_LOST)
    assert [(e["on_run"], e["times"]) for e in told] == [(True, 1), (True, 2), (True, 3)]
    rows = await case.rows("SELECT DISTINCT incident_id FROM event WHERE kind = 'signal_lost'")
    assert [r.incident_id for r in rows] == [incident]
    # the timer finds that it was heard, also when nobody has looked at the fleet meanwhile
    case.pass_time(50)
    await fix(case, "A-1")
    await case.later(5)
    assert [e["why"] for e in await case.events(EventKind.SIGNAL_BACK)] == ["heard"]
    await check_timers(case)


async def test_a_silent_unit_that_is_sent_all_the_same_is_told_at_once(case: Case) -> None:
    await alone(case, "A-1")
    case.pass_time(181)
    assert await look(case) == 1
    run = await case.send("A-1", await case.incident())
    case.pass_time(5)
    assert await look(case) == 1
    told = await case.events(EventKind.SIGNAL_LOST)
    assert [e["on_run"] for e in told] == [False, True]
    # being sent is no sign of life
    assert await case.events(EventKind.SIGNAL_BACK) == []
    timer = await case.rows("SELECT due_at FROM timer WHERE kind = 'signal_lost' AND done_at IS NULL")
    assert [row.due_at - case.now for row in timer] == [timedelta(seconds=60)]
    assert await case.state(run.id) == "offered"


async def test_nobody_is_heard_by_boarding_or_by_a_rest(case: Case) -> None:
    await alone(case, "A-1")
    case.pass_time(181)
    assert await look(case) == 1
    await sign_on(case.centre, case.entry, case.relief, "A-1", None, cause=CAUSE)
    out = UnavailabilityReason.REST
    await make_unavailable(
        case.centre, case.entry, case.operator, case.units["A-1"], out, None, None, cause=CAUSE
    )
    case.pass_time(5)
    assert await look(case) == 0
    await case.later(601)
    assert [e["times"] for e in await case.events(EventKind.SIGNAL_LOST)] == [1, 2]
    await fix(case, "A-1")
    assert await look(case) == 1
    assert [e["why"] for e in await case.events(EventKind.SIGNAL_BACK)] == ["heard"]


async def test_a_run_that_ends_makes_no_sign_of_life(case: Case) -> None:
    """What is long on a run is short off it: the unit has not spoken all the same."""
    await alone(case, "A-1")
    await fix(case, "A-1")
    run = await case.send("A-1", await case.incident())
    case.pass_time(16)
    assert await look(case) == 1
    await stand_down(case.centre, case.entry, case.operator, run.id, "uji", cause=CAUSE)
    assert await look(case) == 0
    await fix(case, "A-1")
    assert await look(case) == 1


async def test_a_second_phone_aboard_ends_a_silence(case: Case) -> None:
    await alone(case, "A-1")
    await fix(case, "A-1")
    case.pass_time(181)
    assert await look(case) == 1
    # its fix comes late, and the marker stays with the first
    case.pass_time(100)
    await fix(case, "A-1", at=case.now - timedelta(seconds=110), phone="second")
    assert await look(case) == 1
    assert [e["why"] for e in await case.events(EventKind.SIGNAL_BACK)] == ["heard"]


async def test_who_goes_off_duty_is_not_silent_and_who_is_out_of_service_may_be_quiet(case: Case) -> None:
    await alone(case, "A-1", "A-2")
    out = UnavailabilityReason.REST
    await make_unavailable(
        case.centre, case.entry, case.operator, case.units["A-2"], out, None, None, cause=CAUSE
    )
    case.pass_time(181)
    assert await look(case) == 1
    await sign_off(case.centre, case.entry, case.crew["A-1"], cause=CAUSE)
    assert await look(case) == 1
    assert [e["why"] for e in await case.events(EventKind.SIGNAL_BACK)] == ["off_duty"]
    case.pass_time(720)
    assert await look(case) == 1
    assert [e["call_sign"] for e in await case.events(EventKind.SIGNAL_LOST)] == ["A-1", "A-2"]


async def test_an_old_fix_that_comes_late_is_no_sign_of_life(case: Case) -> None:
    await alone(case, "A-1")
    case.pass_time(181)
    assert await look(case) == 1
    await fix(case, "A-1", at=case.now - timedelta(seconds=181))
    assert await look(case) == 0
    await fix(case, "A-1", at=case.now - timedelta(seconds=2))
    assert await look(case) == 1


AHEAD_S = 86_400.0


async def test_a_unit_that_spoke_while_the_clock_was_ahead_falls_silent_in_its_time(case: Case) -> None:
    await alone(case, "A-1")
    case.pass_time(AHEAD_S)
    await fix(case, "A-1")
    case.pass_time(-AHEAD_S)
    assert await look(case) == 0
    case.pass_time(181)
    assert await look(case) == 1
    (lost,) = await case.events(EventKind.SIGNAL_LOST)
    assert lost["silent_s"] == 181


async def test_what_was_silent_while_the_clock_was_ahead_is_silent_until_it_is_heard(case: Case) -> None:
    await alone(case, "A-1")
    case.pass_time(AHEAD_S)
    await fix(case, "A-1")
    case.pass_time(181)
    assert await look(case) == 1
    case.pass_time(-AHEAD_S)
    assert await look(case) == 0
    await pull_in(case.centre, case.entry)
    await case.later(601)
    assert [e["times"] for e in await case.events(EventKind.SIGNAL_LOST)] == [1, 2]
    await fix(case, "A-1")
    assert await look(case) == 1
    (back,) = await case.events(EventKind.SIGNAL_BACK)
    assert (back["why"], back["silent_s"]) == ("heard", 0)


async def test_who_boarded_while_the_clock_was_ahead_and_never_spoke_is_silent(case: Case) -> None:
    await alone(case)
    case.pass_time(AHEAD_S)
    await sign_on(case.centre, case.entry, case.relief, "A-1", None, cause=CAUSE)
    case.pass_time(-AHEAD_S)
    assert await look(case) == 1
    case.pass_time(5)
    await fix(case, "A-1")
    assert await look(case) == 1
    # sent by such a clock, a unit is on its run all the same
    case.pass_time(AHEAD_S)
    run = await case.send("A-1", await case.incident())
    case.pass_time(16 - AHEAD_S)
    assert await look(case) == 1
    told = await case.events(EventKind.SIGNAL_LOST)
    assert [(e["on_run"], e["silent_s"]) for e in told] == [(False, 0), (True, 16)]
    assert await case.state(run.id) == "offered"


async def test_a_marker_dated_while_the_clock_was_ahead_goes_to_the_phone_that_speaks(case: Case) -> None:
    case.pass_time(AHEAD_S)
    await fix(case, "A-1")
    case.pass_time(-AHEAD_S)
    assert await pull_in(case.centre, case.entry) == 1
    assert await pull_in(case.centre, case.entry) == 0
    holder = "SELECT installation_id, fixed_at, received_at FROM latest_position"
    case.pass_time(140)
    await fix(case, "A-1", phone="second")
    (marker,) = await case.rows(holder)
    assert marker.installation_id == PHONES[f"{id(case)} A-1 first"]
    assert (marker.fixed_at, marker.received_at) == (case.now - timedelta(seconds=140),) * 2
    case.pass_time(11)
    await fix(case, "A-1", phone="second")
    (marker,) = await case.rows(holder)
    assert (marker.installation_id, marker.fixed_at) == (PHONES[f"{id(case)} A-1 second"], case.now)


async def test_workers_tell_a_silence_once_between_them(case: Case) -> None:
    case.pass_time(181)
    told = await asyncio.gather(*(look(case) for _ in range(6)))
    assert sum(told) == 3
    assert len(await case.events(EventKind.SIGNAL_LOST)) == 3
    await check_timers(case)
