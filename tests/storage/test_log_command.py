"""`dispatch log`: what a person reads of whole and broken logs, and the exit code for a nightly job."""

from __future__ import annotations

import asyncio
import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import asyncpg
import pytest
from log_scene import NOON, VAULT, HasUrls, make_tenant
from typer.testing import CliRunner

from dispatch.cli import app
from dispatch.domain.events import EventKind
from dispatch.domain.roles import SYSTEM
from dispatch.settings import settings
from dispatch.storage.checkpoint_folder import PUBLIC_KEY, append, file_of, files_of, last_line
from dispatch.storage.checkpoints import Signer, Statement
from dispatch.storage.database import Database, Tenant
from dispatch.storage.folder_lock import alone
from dispatch.storage.images import iso
from dispatch.storage.transaction import transaction

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def tenants(database: HasUrls) -> tuple[Tenant, Tenant]:
    async def make() -> tuple[Tenant, Tenant]:
        return (
            await make_tenant(database.owner_url, "99.01", "training"),
            await make_tenant(database.owner_url, "99.02", "training"),
        )

    return asyncio.run(make())


@pytest.fixture
def run(database: HasUrls, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """Run `dispatch log ...` on this test's database; return its exit code and all that it said."""
    (tmp_path / "secrets").mkdir()
    for name in ("master.key", "lookup.key"):
        (tmp_path / "secrets" / name).write_text(secrets.token_hex(32) + "\n")
    monkeypatch.setenv("DATABASE_URL", database.owner_url)
    monkeypatch.setenv("DATABASE_APP_URL", database.app_url)
    monkeypatch.setenv("SEMAR_RUN_DIR", str(tmp_path))
    settings.cache_clear()

    def command(*arguments: str) -> tuple[int, str]:
        done = CliRunner().invoke(app, ["log", *arguments], prog_name="dispatch", catch_exceptions=False)
        return done.exit_code, done.output

    yield command
    settings.cache_clear()


def happen(database: HasUrls, tenant: Tenant, number: int) -> None:
    async def write() -> None:
        app = Database(database.app_url, pool_size=1, name="test")
        try:
            async with transaction(app, tenant, VAULT, SYSTEM, "test", NOON) as tx:
                for n in range(number):
                    await tx.record(EventKind.UNIT_LOADED, ("unit", str(n)))
        finally:
            await app.close()

    asyncio.run(write())


def tamper(database: HasUrls, *statements: str) -> None:
    async def work() -> None:
        owner = await asyncpg.connect(database.owner_url)
        try:
            await owner.execute("ALTER TABLE event DISABLE TRIGGER event_append_only")
            for statement in statements:
                await owner.execute(statement)
        finally:
            await owner.close()

    asyncio.run(work())


def cut(database: HasUrls, tenant: Tenant, seq: int) -> None:
    """Cut a log off behind an event, its head put right."""
    tamper(
        database,
        f"DELETE FROM event WHERE regency_id = {tenant.id} AND seq > {seq}",
        "UPDATE event_head h SET seq = e.seq, hash = e.hash, recorded_at = e.recorded_at FROM event e "
        f"WHERE e.regency_id = {tenant.id} AND h.regency_id = e.regency_id AND e.seq = {seq}",
    )


def test_a_whole_log_ends_with_zero(database: HasUrls, tenants: tuple[Tenant, Tenant], run: Run) -> None:
    happen(database, tenants[0], 2)
    assert run("checkpoint")[0] == 0
    code, said = run("verify")
    assert code == 0
    assert f"{tenants[0].slug}: utuh, 2 peristiwa, 1 catatan" in said
    assert "whole, 2 events, 1 signed checkpoints" in said


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        ("UPDATE event SET actor = 'another' WHERE seq = 2", "BROKEN at event 2: its columns actor differ"),
        ("UPDATE event_head SET recorded_at = '2100-01-01' WHERE seq > 0", "BROKEN at event 3: the head of"),
        ("DELETE FROM event_head", "BROKEN at event 4: the head of the log is gone"),
    ],
)
def test_a_broken_log_is_named_in_words_and_ends_with_one(
    database: HasUrls, tenants: tuple[Tenant, Tenant], run: Run, damage: str, words: str
) -> None:
    happen(database, tenants[0], 3)
    tamper(database, damage)
    code, said = run("verify", tenants[0].slug)
    assert code == 1
    assert f"{tenants[0].slug}: RUSAK pada peristiwa" in said
    assert words in said
    assert "whole" not in said


def test_a_fault_of_the_checkpoints_keeps_none_of_the_chain_from_being_told(
    database: HasUrls, tenants: tuple[Tenant, Tenant], run: Run, tmp_path: Path
) -> None:
    tenant = tenants[0]
    for _ in range(2):
        happen(database, tenant, 1)
        run("checkpoint")
    path = file_of(tmp_path / "checkpoints", tenant.slug)
    path.write_bytes(path.read_bytes().replace(b'"seq":2', b'"seq":7'))
    code, said = run("verify", tenant.slug)
    assert code == 1
    assert "line 2: the signature is not valid" in said
    assert "the chain is unbroken, 2 events; signatures reach only 1 checkpoints" in said
    tamper(database, "UPDATE event SET cause = 'another' WHERE seq = 2")
    code, said = run("verify", tenant.slug)
    assert code == 1
    assert "line 2: the signature is not valid" in said
    assert "BROKEN at event 2: its columns cause differ" in said
    (tmp_path / "checkpoints" / PUBLIC_KEY).unlink()
    code, said = run("verify", tenant.slug)
    assert code == 1
    assert "is missing or is not 64 hex digits" in said
    assert "BROKEN at event 2" in said


def test_a_lost_key_is_said_and_both_keys_files_are_verified(
    database: HasUrls, tenants: tuple[Tenant, Tenant], run: Run, tmp_path: Path
) -> None:
    tenant, folder = tenants[0], tmp_path / "checkpoints"
    happen(database, tenant, 1)
    run("checkpoint")
    old = tmp_path / "kept elsewhere.key"
    old.write_bytes((folder / PUBLIC_KEY).read_bytes())
    (tmp_path / "secrets" / "checkpoint.key").unlink()
    happen(database, tenant, 1)
    code, said = run("checkpoint")
    assert code == 0
    assert "the signing key has changed" in said
    code, said = run("verify", tenant.slug)
    assert code == 0
    assert "whole, 2 events, 2 signed checkpoints" in said
    code, said = run("verify", tenant.slug, "--public-key", str(old))
    assert code == 1, "the new key is not the one that is trusted"
    present = ("--public-key", str(folder / PUBLIC_KEY))
    assert run("verify", tenant.slug, "--public-key", str(old), *present)[0] == 0
    first = files_of(folder, tenant.slug)[0].path
    first.write_bytes(first.read_bytes().replace(b'"seq":1', b'"seq":7'))
    code, said = run("verify", tenant.slug)
    assert code == 1
    assert first.name in said


def test_a_loss_is_accepted_for_the_tenants_that_are_named(
    database: HasUrls, tenants: tuple[Tenant, Tenant], run: Run, tmp_path: Path
) -> None:
    for tenant in tenants:
        happen(database, tenant, 3)
    run("checkpoint")
    for tenant in tenants:
        cut(database, tenant, 1)
    mine, other = tenants
    kept = file_of(tmp_path / "checkpoints", other.slug).read_bytes()
    code, said = run("checkpoint", mine.slug, "--accept-loss")
    assert code == 0
    assert f"{mine.slug}: peristiwa sesudah 1 sampai 3 HILANG" in said
    assert other.slug not in said
    assert file_of(tmp_path / "checkpoints", other.slug).read_bytes() == kept
    assert run("verify", mine.slug)[0] == 0
    assert run("verify", other.slug)[0] == 1


def test_a_command_waits_for_whoever_is_signing(
    database: HasUrls, tenants: tuple[Tenant, Tenant], run: Run, tmp_path: Path
) -> None:
    """The worker is between the reading of the last line and the writing of the next."""
    tenant, folder = tenants[0], tmp_path / "checkpoints"
    happen(database, tenant, 1)
    run("checkpoint")
    happen(database, tenant, 1)
    command = [sys.executable, "-m", "dispatch", "log", "checkpoint", tenant.slug]
    with alone(folder):
        statement = next_statement(database, tenant, folder)
        signing = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        while f" {signing.pid} " not in waiting_for_locks():
            assert signing.poll() is None, "it did not wait"
        signer = Signer.from_file(tmp_path / "secrets" / "checkpoint.key")
        append(folder, signer.sign(statement))
    said, _ = signing.communicate()
    assert signing.returncode == 0
    assert "no new event" in said
    code, said = run("verify", tenant.slug)
    assert code == 0, said
    assert "2 signed checkpoints" in said


def next_statement(database: HasUrls, tenant: Tenant, folder: Path) -> Statement:
    async def ask() -> asyncpg.Record:
        owner = await asyncpg.connect(database.owner_url)
        try:
            return await owner.fetchrow("SELECT * FROM event_head WHERE regency_id = $1", tenant.id)
        finally:
            await owner.close()

    head, last = asyncio.run(ask()), last_line(file_of(folder, tenant.slug))
    assert last is not None
    at = iso(head["recorded_at"])
    return Statement(tenant.slug, head["seq"], head["hash"].hex(), at, at, last.hash)


def waiting_for_locks() -> str:
    lines = Path("/proc/locks").read_text().splitlines()
    return "\n".join(line for line in lines if "->" in line)
