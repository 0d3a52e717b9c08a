"""Messages: each recipient for itself, tried again, once per id, and never out of a training tenant."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from case_scene import Case, S, open_case
from sqlalchemy import text

from dispatch.domain.events import EventKind
from dispatch.jobs import outbox
from dispatch.jobs.outbox import send_due_messages
from dispatch.notify import threads
from dispatch.notify.choice import transports
from dispatch.notify.sms import SmsTransport
from dispatch.notify.transport import Message, NotDelivered, Transports
from dispatch.services.crew_notices import WITHDRAWN
from dispatch.services.due_messages import LEASE, MOST_ATTEMPTS
from dispatch.settings import Settings
from dispatch.storage.transaction import new_id


@pytest.fixture
async def live(database: Any, tmp_path: Path) -> AsyncIterator[Case]:
    async with open_case(database, tmp_path, live=True) as scene:
        yield scene


class Gateway:
    """Takes what it is given, except for the recipients it does not know."""

    def __init__(self, *unknown: str) -> None:
        self.unknown = set(unknown)
        self.taken: list[Message] = []

    async def deliver(self, message: Message) -> None:
        if message.recipient in self.unknown:
            raise NotDelivered(f"no such number {message.recipient}")
        self.taken.append(message)


async def queue(case: Case, *recipients: str, channel: str = "sms", sealed: bool = False) -> None:
    """Queue a message to each."""
    async with case.centre.begin(case.entry.tenant, case.operator, "test") as tx:
        for recipient in recipients:
            key = await tx.new_person() if sealed else None
            await tx.send(
                channel=channel,
                purpose="test",
                subject_id=case.units["A-1"],
                recipient=recipient,
                words=f"untuk {recipient}",
                key=key,
            )


def ways(case: Case, gateway: Gateway) -> Transports:
    """Files as they are set, and the gateway for SMS."""
    return Transports(transports(case.centre.settings).files, {"sms": gateway})


def written(case: Case) -> list[dict[str, str]]:
    """What lies in the files of the tenant."""
    folder = case.centre.settings.run_dir / "outbox" / case.entry.tenant.slug
    return [json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))]


async def test_one_recipient_that_fails_holds_no_other_up(live: Case) -> None:
    gateway = Gateway("+628002")
    await queue(live, "+628001", "+628002", "+628003")
    assert await send_due_messages(live.centre, live.entry, ways(live, gateway)) == 2
    assert {m.recipient for m in gateway.taken} == {"+628001", "+628003"}
    row = (await live.rows("SELECT * FROM outbox WHERE sent_at IS NULL"))[0]
    assert (row.attempts, row.last_error) == (1, "NotDelivered: no such number +628002")
    assert 1.6 <= (row.due_at - live.now).total_seconds() <= 2.4
    gateway.unknown.clear()
    live.pass_time(3)
    assert await send_due_messages(live.centre, live.entry, ways(live, gateway)) == 1
    assert await live.value("SELECT count(*) FROM outbox WHERE sent_at IS NULL") == 0


async def test_a_recipient_that_cannot_be_opened_holds_no_other_up(live: Case) -> None:
    gateway = Gateway()
    await queue(live, "+628001", "+628002", sealed=True)
    other_master = os.urandom(60)
    async with live.owner.begin() as connection:
        await connection.execute(
            text("UPDATE person_key SET wrapped = :w WHERE id = (SELECT key_id FROM outbox LIMIT 1)"),
            {"w": other_master},
        )
    assert await send_due_messages(live.centre, live.entry, ways(live, gateway)) == 1
    assert len(gateway.taken) == 1
    assert len(await live.events(EventKind.MESSAGE_FAILED)) == 1


async def test_a_message_that_breaks_its_way_is_given_up_in_the_end(live: Case) -> None:
    class Broken(Gateway):
        async def deliver(self, message: Message) -> None:
            raise ValueError("nothing that anybody thought of")

    await queue(live, "+628001")
    for _ in range(MOST_ATTEMPTS + 2):
        await send_due_messages(live.centre, live.entry, ways(live, Broken()))
        live.pass_time(150)
    row = (await live.rows("SELECT * FROM outbox"))[0]
    assert (row.attempts, row.last_error) == (
        MOST_ATTEMPTS,
        "ValueError: nothing that anybody thought of",
    )
    assert len(await live.events(EventKind.MESSAGE_FAILED)) == 1


async def test_a_folder_that_hangs_takes_no_thread_from_others(
    live: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The roads are asked in threads, too: an offer must not wait for a dead share."""
    monkeypatch.setattr(outbox, "SEND_WITHIN_S", 0.2)
    spool = tmp_path / "spool"
    (spool / "outbox").mkdir(parents=True)
    await queue(live, *(f"+62800{n:02d}" for n in range(40)))
    pid = os.getpid()
    # opening a pipe that nobody reads waits, as a dead share does
    pipes = [
        spool / "outbox" / f".OUTA{row.created_at:%Y%m%d_%H%M%S}_00_{row.recipient}_{row.id.hex}.txt.{pid}"
        for row in await live.rows("SELECT * FROM outbox")
    ]
    for pipe in pipes:
        os.mkfifo(pipe)
    way = Transports(transports(live.centre.settings).files, {"sms": SmsTransport(spool)})
    try:
        assert await send_due_messages(live.centre, live.entry, way) == 0
        async with asyncio.timeout(10):
            assert await asyncio.to_thread(lambda: "free") == "free"
    finally:
        readers = [os.open(pipe, os.O_RDONLY | os.O_NONBLOCK) for pipe in pipes]
        await asyncio.gather(*(threads.aside(lambda: None) for _ in range(threads.MOST)))
        for reader in readers:
            os.close(reader)


async def test_a_message_that_went_out_while_it_was_withdrawn_is_said_to_be_sent(live: Case) -> None:
    class Slow(Gateway):
        async def deliver(self, message: Message) -> None:
            await live.step(run.id, S.ACCEPTED)
            assert await live.value("SELECT last_error FROM outbox") == WITHDRAWN
            await super().deliver(message)

    run = await live.send("M-1", await live.incident())
    assert await send_due_messages(live.centre, live.entry, ways(live, Slow())) == 1
    row = (await live.rows("SELECT * FROM outbox"))[0]
    assert (row.sent_at, row.failed_at, row.last_error) == (live.now, None, None)


async def test_a_message_that_never_goes_out_is_told(live: Case) -> None:
    gateway = Gateway("+628001")
    await queue(live, "+628001")
    for _ in range(MOST_ATTEMPTS + 2):
        await send_due_messages(live.centre, live.entry, ways(live, gateway))
        live.pass_time(150)
    row = (await live.rows("SELECT * FROM outbox"))[0]
    assert (row.attempts, row.sent_at) == (MOST_ATTEMPTS, None)
    assert row.failed_at is not None
    (alarm,) = await live.events(EventKind.MESSAGE_FAILED)
    assert alarm == {"purpose": "test", "subject_id": str(live.units["A-1"]), "channel": "sms"}


async def test_workers_share_the_messages(live: Case) -> None:
    gateway = Gateway()
    await queue(live, *(f"+6280{n:03d}" for n in range(40)))
    work = [send_due_messages(live.centre, live.entry, ways(live, gateway)) for _ in range(4)]
    assert sum(await asyncio.gather(*work)) == 40
    assert len(gateway.taken) == len({m.id for m in gateway.taken}) == 40


async def test_a_message_whose_worker_is_gone_goes_out_with_the_same_id(live: Case) -> None:
    class Dies(Gateway):
        async def deliver(self, message: Message) -> None:
            await super().deliver(message)
            raise asyncio.CancelledError

    await queue(live, "+628001")
    dying, gateway = Dies(), Gateway()
    assert await send_due_messages(live.centre, live.entry, ways(live, dying)) == 0
    assert await send_due_messages(live.centre, live.entry, ways(live, gateway)) == 0
    live.pass_time(LEASE.total_seconds() + 1)
    assert await send_due_messages(live.centre, live.entry, ways(live, gateway)) == 1
    assert [m.id for m in gateway.taken] == [m.id for m in dying.taken]


async def test_nothing_of_a_training_tenant_leaves_the_machine(case: Case) -> None:
    gateway = Gateway()
    await queue(case, "+628001", "+628002")
    async with case.owner.begin() as connection:
        await connection.exec_driver_sql("UPDATE outbox SET channel = 'sms'")
    assert await send_due_messages(case.centre, case.entry, ways(case, gateway)) == 2
    assert gateway.taken == []
    assert {m["to"] for m in written(case)} == {"+628001", "+628002"}
    folder = case.centre.settings.run_dir / "outbox" / "99.01-latihan"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}


async def test_a_channel_without_a_gateway_says_that_it_wrote_a_file(live: Case) -> None:
    await queue(live, "+628001")
    await send_due_messages(live.centre, live.entry, transports(live.centre.settings))
    assert [m["text"] for m in written(live)] == ["untuk +628001"]
    assert "no gateway for sms" in await live.value("SELECT last_error FROM outbox")


async def test_a_sealed_recipient_is_opened_for_sending_and_an_erased_one_is_not(live: Case) -> None:
    gateway = Gateway()
    await queue(live, "+628001", "+628002", sealed=True)
    assert await live.value("SELECT count(*) FROM outbox WHERE recipient IS NOT NULL") == 0
    async with live.owner.begin() as connection:
        await connection.exec_driver_sql(
            "UPDATE person_key SET wrapped = NULL WHERE id = (SELECT key_id FROM outbox ORDER BY id LIMIT 1)"
        )
    assert await send_due_messages(live.centre, live.entry, ways(live, gateway)) == 1
    assert [m.recipient for m in gateway.taken] == ["+628002"]
    assert await live.value("SELECT count(*) FROM outbox WHERE failed_at IS NOT NULL") == 1


async def test_the_spool_of_gammu(live: Case, tmp_path: Path) -> None:
    spool = tmp_path / "spool"
    sms = SmsTransport(spool)
    message = Message(new_id(), "99.01", "+628001", "SEMAR uji", "offer", live.now)
    with pytest.raises(NotDelivered, match="gammu-smsd"):
        await sms.deliver(message)
    for folder in ("outbox", "sent", "error"):
        (spool / folder).mkdir(parents=True)
    await sms.deliver(message)
    (file,) = (spool / "outbox").iterdir()
    assert file.name == f"OUTA20261120_050000_00_+628001_{message.id.hex}.txt"
    assert file.read_text() == "SEMAR uji"
    # gammu has sent it and the worker did not hear of it
    file.rename(spool / "sent" / file.name)
    await sms.deliver(message)
    assert list((spool / "outbox").iterdir()) == []
    chosen, note = transports(Settings(sms_spool=spool, run_dir=tmp_path)).of("sms")
    assert isinstance(chosen, SmsTransport)
    assert note is None
