"""Wishes about timers, written at a transaction's end, leave what writing each at once would have left."""

from datetime import timedelta
from random import Random
from uuid import UUID

import pytest
from log_scene import VAULT, HasUrls, make_tenant
from one_of_each import NOON, fill

from dispatch.domain.roles import SYSTEM
from dispatch.storage.database import Database
from dispatch.storage.transaction import Transaction, new_id, transaction

KINDS = ("first", "second", "third")
Open = dict[tuple[str, UUID], tuple[object, object]]


def wish(random: Random, tx: Transaction, subjects: list[UUID], running: Open) -> None:
    """Make one wish of the transaction, and the same at once of what runs."""
    subject = random.choice(subjects)
    due = tx.now + timedelta(seconds=random.randrange(1000))
    data = {"n": random.randrange(100)}
    chosen = random.sample(KINDS, random.randrange(1, len(KINDS)))
    match random.randrange(4):
        case 0:
            tx.set_timers(subject, dict.fromkeys(chosen, due), data)
            running |= {(kind, subject): (due, data) for kind in chosen}
        case 1:
            tx.set_timers(subject, dict.fromkeys(chosen, due), data, anew=False)
            for kind in chosen:
                running.setdefault((kind, subject), (due, data))
        case 2:
            tx.clear_timers(subject, chosen)
            for kind in chosen:
                running.pop((kind, subject), None)
        case _:
            tx.keep_timers(subject, KINDS, dict.fromkeys(chosen, due))
            for kind in KINDS:
                if kind in chosen:
                    running.setdefault((kind, subject), (due, {}))
                else:
                    running.pop((kind, subject), None)


@pytest.mark.parametrize("seed", range(5))
async def test_many_wishes_end_as_if_each_was_written_at_once(database: HasUrls, seed: int) -> None:
    random = Random(seed)
    app = Database(database.app_url, pool_size=1, name="test")
    try:
        tenant = (await fill(app, await make_tenant(database.owner_url, "99.01", "training"))).tenant
        subjects = [new_id() for _ in range(3)]
        running: Open = {}
        for turn in range(30):
            now = NOON + timedelta(minutes=turn)
            async with transaction(app, tenant, VAULT, SYSTEM, "test", now) as tx:
                for _ in range(random.randrange(6)):
                    wish(random, tx, subjects, running)
            async with transaction(app, tenant, VAULT, SYSTEM, "test", now) as tx:
                connection = await tx.session.connection()
                rows = await connection.exec_driver_sql(
                    "SELECT kind, subject_id, due_at, data FROM timer WHERE done_at IS NULL "
                    "AND subject_id = ANY($1)",
                    (subjects,),
                )
                found = {(row.kind, row.subject_id): (row.due_at, row.data) for row in rows}
            assert found == running, f"after turn {turn}"
    finally:
        await app.close()
