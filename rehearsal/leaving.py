"""Leaving the stage: nothing of a rehearsal stays open, however it ended."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from http import HTTPStatus
from uuid import UUID

import httpx

from rehearsal.client import Client, Connection, OperatorClient
from rehearsal.crew import report_for_duty
from rehearsal.findings import FAILURES, Refused
from rehearsal.stage import Driver, Stage
from rehearsal.timeline import StepFailed

_BEFORE_PATIENT_LEAVES = frozenset({"offered", "accepted", "en_route", "staged", "on_scene", "at_patient"})
_BACK_WITHIN_S, _ASK_EVERY_S = 40.0, 0.5
_REASON = "latihan dihentikan / drill stopped"


async def end_run(operator: OperatorClient, incident_id: UUID) -> None:
    """End every open run of an incident, and cancel it: what a rehearsal that broke off leaves behind.

    A unit with a patient aboard cannot be stood down: the operator steps it to its end, and says so in the
    receiver's place.
    """
    case = await operator.case(incident_id, _REASON)
    for run in case.incident.runs:
        if run.released_at is not None:
            continue
        if run.state in _BEFORE_PATIENT_LEAVES:
            await operator.stand_down(run.id, _REASON)
            continue
        if run.state != "handed_over":
            await operator.step(run.id, "handed_over", receiver=_REASON, room=_REASON)
        await operator.step(run.id, "cleared")
    if case.incident.state in ("reported", "confirmed"):
        await operator.cancel(incident_id, "not_needed")


async def leave(stage: Stage) -> bool:
    """End what is still open; return whether all of it could be ended.

    After a play that went well only sockets and sessions are left.
    """
    wholly, left_overs = True, _left_overs(stage)
    if left_overs:
        await _until_back(stage.connection)
    for name_id, name_en, work in left_overs:
        try:
            with stage.timeline.step(name_id, name_en):
                await work()
        except StepFailed:
            wholly = False
    return await _hang_up(stage) and wholly


async def _until_back(connection: Connection) -> None:
    """A system that was what broke may be on its way up again: give it a moment."""
    public = Client(connection)
    with suppress(TimeoutError):
        async with asyncio.timeout(_BACK_WITHIN_S):
            while True:
                try:
                    await public.health()
                except (httpx.TransportError, Refused):
                    await asyncio.sleep(_ASK_EVERY_S)
                else:
                    return


def _left_overs(stage: Stage) -> list[tuple[str, str, Callable[[], Awaitable[object]]]]:
    """What a play that broke off left open, in the order to end it."""
    work: list[tuple[str, str, Callable[[], Awaitable[object]]]] = []
    console, driver = stage.console, stage.driver
    if console is not None:
        name = "Membereskan: kejadian dibatalkan", "cleaning up: incident cancelled"
        work += [(*name, partial(end_run, console.client, each)) for each in stage.open_incidents]
        name = "Membereskan: panggilan ditutup", "cleaning up: call closed"
        work += [(*name, partial(_end_call, console.client, each)) for each in stage.open_calls]
    if driver is not None and driver.unit is not None:
        name = "Membereskan: pengemudi turun", "cleaning up: driver signs off"
        work.append((*name, partial(_sign_off, stage, driver)))
    return work


async def _end_call(operator: OperatorClient, call_id: UUID) -> None:
    try:
        call = (await operator.call_file(call_id, _REASON)).call
    except Refused as refused:
        if refused.status == HTTPStatus.NOT_FOUND:
            return  # broken off before it was stored
        raise
    if call.incident_id is not None:
        # linked in the very moment of breaking off: the incident was not known here yet
        await end_run(operator, call.incident_id)
    elif call.state != "disposed":
        await operator.dispose(call_id, "cancelled_by_caller")


async def _sign_off(stage: Stage, driver: Driver) -> None:
    # by a new socket: the old one may be what broke
    crew = await report_for_duty(stage.connection, driver.client.token or "")
    try:
        await crew.sign_off()
    finally:
        await crew.close()


async def _hang_up(stage: Stage) -> bool:
    """Close sockets and end sessions that are still open, without a word unless it fails."""
    wholly = True
    for socket in stage.sockets:
        await socket.close()
    for client in stage.sessions:
        try:
            await client.sign_out()
        except FAILURES as failure:
            stage.timeline.say(f"sesi tidak berakhir / session not ended: {failure}", style="red")
            wholly = False
    for claim in stage.claims:
        claim.release()
    return wholly
