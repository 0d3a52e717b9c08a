"""SMS through a real gammu-smsd with its dummy phone: what the ladder queues leaves as it should."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from case_scene import CAUSE, Case, S, open_case

from dispatch.domain.events import EventKind
from dispatch.domain.roles import SYSTEM
from dispatch.jobs.outbox import send_due_messages
from dispatch.notify.choice import transports
from dispatch.notify.transport import Transports
from dispatch.storage.tables.unit import Unit

GAMMU = shutil.which("gammu-smsd")
FOLDERS = ("inbox", "outbox", "sent", "error")
NUMBER = "+628000001"


@pytest.fixture
async def case(database: Any, tmp_path: Path) -> AsyncIterator[Case]:
    async with open_case(database, tmp_path / "run", live=True) as scene:
        async with scene.centre.begin(scene.entry.tenant, SYSTEM, CAUSE) as tx:
            unit = await tx.get(Unit, scene.units["A-1"])
            unit.phone = NUMBER
            await tx.record(EventKind.UNIT_LOADED, unit)
        yield scene


@pytest.fixture
async def spool(tmp_path: Path) -> AsyncIterator[Path]:
    """The spool of a running gammu-smsd, whose phone is a folder."""
    folder = tmp_path / "spool"
    for name in (*FOLDERS, "phone"):
        (folder / name).mkdir(parents=True)
    paths = "".join(
        f"{key} = {folder / name}/\n"
        for key, name in zip(("inboxpath", "outboxpath", "sentsmspath", "errorsmspath"), FOLDERS, strict=True)
    )
    settings = tmp_path / "smsdrc"
    settings.write_text(
        f"[gammu]\ndevice = {folder / 'phone'}\nmodel = dummy\nconnection = none\n"
        f"[smsd]\nservice = files\nlogfile = {tmp_path / 'smsd.log'}\n{paths}commtimeout = 1\n"
    )
    assert GAMMU is not None, "gammu-smsd is missing: scripts/bootstrap --dev installs it"
    process = await asyncio.create_subprocess_exec(
        GAMMU, "-c", str(settings), stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        yield folder
    finally:
        process.terminate()
        await process.wait()


async def until(true: Callable[[], Awaitable[bool]]) -> None:
    """Wait for something that another process does."""
    async with asyncio.timeout(30):
        while True:
            if await true():
                return
            await asyncio.sleep(0.05)


async def names(folder: Path) -> list[str]:
    return sorted(await asyncio.to_thread(lambda: [path.name for path in folder.iterdir()]))


def ways(case: Case, spool: Path) -> Transports:
    return transports(case.centre.settings.model_copy(update={"sms_spool": spool}))


async def test_the_sms_of_an_offer_goes_out_once(case: Case, spool: Path) -> None:
    out = ways(case, spool)
    await case.send("A-1", await case.incident())
    await case.later(15)
    assert await send_due_messages(case.centre, case.entry, out) == 1
    message = await case.value("SELECT id FROM outbox")

    async def gone_out() -> bool:
        return len(await names(spool / "sent")) == 1

    await until(gone_out)
    (name,) = await names(spool / "sent")
    assert name.endswith(f"_{NUMBER}_{message.hex}.txt")
    assert await names(spool / "error") == []
    # the worker died before it could write that down: the next one does not send it a second time
    async with case.owner.begin() as connection:
        await connection.exec_driver_sql("UPDATE outbox SET sent_at = NULL, due_at = created_at")
    assert await send_due_messages(case.centre, case.entry, out) == 1
    assert await names(spool / "outbox") == []
    assert await names(spool / "sent") == [name]
    text = (spool / "sent" / name).read_text()
    number = await case.value("SELECT number FROM incident")
    assert number in text
    assert "A-1" in text
    await out.aclose()


async def test_an_offer_that_was_answered_sends_no_sms(case: Case, spool: Path) -> None:
    out = ways(case, spool)
    run = await case.send("A-1", await case.incident())
    await case.later(15)
    await case.step(run.id, S.ACCEPTED, case.crew["A-1"])
    assert await send_due_messages(case.centre, case.entry, out) == 0
    assert await names(spool / "outbox") + await names(spool / "sent") == []
    await out.aclose()
