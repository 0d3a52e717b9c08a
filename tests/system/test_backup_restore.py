"""Backup and restore of a running system: checksums, a moment between two events, erasures, interruptions."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import pytest
from running_desk import SLUG, Desk, wait_until
from running_system import REPOSITORY, System

from dispatch.local.postgres import PrivatePostgres
from dispatch.services.after_restore import NUMBERS_SKIPPED
from dispatch.storage.backup_folder import BackupFolder
from dispatch.tls.folder import TlsFolder
from registry.population import from_bundle
from rehearsal.cast import adults, registration

pytestmark = pytest.mark.timeout(300)
PASSPHRASE = "sandi cadangan contoh"


class Town:
    """A running system with its backups."""

    def __init__(self, system: System, room: Path) -> None:
        self.system = system
        self.room = room
        self.desk = Desk(system)
        self.folder = BackupFolder(room / "backup")
        self.passphrase = room / "passphrase"
        self.passphrase.write_text(PASSPHRASE + "\n")

    def back_up(self, *more: str) -> str:
        options = ["--to", str(self.folder.path), "--passphrase-file", str(self.passphrase), *more]
        return self.system.command("backup", *options)

    def restore(self, name: str, *more: str) -> subprocess.CompletedProcess[str]:
        """Restore into a new run folder called `name`."""
        options = ["--from", str(self.folder.path), "--to", str(self.room / name), *more]
        if "--keys" not in more and "--passphrase-file" not in more:
            options += ["--passphrase-file", str(self.passphrase)]
        return subprocess.run(
            [sys.executable, "-m", "dispatch", "restore", *options],
            env=self.system.environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def refused(self, name: str, *more: str) -> str:
        """Restore, see that it is refused and nothing is left that could be started; return the words."""
        done = self.restore(name, *more)
        assert done.returncode == 1, done.stdout + done.stderr
        assert not (self.room / name / "pg").exists()
        assert not (self.room / name / "pg.restoring").exists()
        return done.stderr

    def refused_over_the_live_one(self) -> str:
        """Try to restore over the running system; return the words."""
        done = self.restore("run")
        assert done.returncode == 1
        return done.stderr

    def register(self) -> str:
        """Make an account for somebody the registry knows; return the resident's id."""
        bundle = REPOSITORY / "regencies" / "32.14-purwakarta"
        person = next(adults(from_bundle([bundle]), random.Random(5)))
        body = registration(person, SLUG, "sandi-contoh-9")
        answer = self.desk.client.post("/api/v1/residents", json=body)
        return str(answer.raise_for_status().json()["resident_id"])


@pytest.fixture(scope="module")
def town(server_folder: Path) -> Iterator[Town]:
    """A running training system with one base backup and a log that is being kept."""
    room = server_folder / "backup"
    system = System(room / "run", SEMAR_REHEARSAL="off")
    try:
        system.ready()
        made = Town(system, room)
        made.register()
        system.command("tls", "make", "--name", "pusat.contoh")
        system.command("log", "checkpoint", SLUG)
        told = made.back_up()
        assert "any moment can be restored" in told
        yield made
        made.desk.client.close()
    finally:
        system.stop()


def rows(url: str, query: str) -> list[asyncpg.Record]:
    async def ask() -> list[asyncpg.Record]:
        connection = await asyncpg.connect(url)
        try:
            return list(await connection.fetch(query))
        finally:
            await connection.close()

    return asyncio.run(ask())


def test_a_moment_between_two_calls_with_an_erasure_after_it(town: Town) -> None:
    resident = str(rows(_owner(town), "SELECT id FROM resident")[0]["id"])
    assert town.desk.write_call()
    moment = datetime.now(UTC)
    assert town.desk.write_call()
    town.system.command("keys", "erase", SLUG, resident, "--reason", "uji")
    town.system.command("log", "checkpoint", SLUG)
    before, after = town.desk.acknowledged[-2:]
    wait_until(lambda: "erasures.jsonl" in {path.name for path in town.folder.outside.iterdir()})
    done = town.restore("moment", "--at", moment.isoformat())
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 persons erased again" in done.stdout
    assert "were lost" in done.stdout
    assert "exactly equal" in done.stdout
    assert "BROKEN" not in done.stdout
    restored = System(town.room / "moment", SEMAR_REHEARSAL="off")
    try:
        restored.ready()
        desk = Desk(restored)
        assert desk.client.get(f"/api/v1/operator/calls/{before}").status_code == 200
        assert desk.client.get(f"/api/v1/operator/calls/{after}").status_code == 404
        desk.client.close()
        url = PrivatePostgres(town.room / "moment", say=lambda _: None)
        url.sockets = town.room / "moment" / "sock"
        erased = rows(
            url.admin_url.replace("/postgres?", "/semar?"),
            "SELECT r.erased_at, k.wrapped FROM resident r JOIN person_key k ON k.id = r.key_id",
        )
        assert [row["wrapped"] for row in erased] == [None]
        assert erased[0]["erased_at"] is not None
        numbers = rows(url.admin_url.replace("/postgres?", "/semar?"), "SELECT last FROM incident_counter")
        assert min((row["last"] for row in numbers), default=0) >= NUMBERS_SKIPPED, "no number given twice"
    finally:
        restored.stop()


def test_all_that_was_kept_comes_back(town: Town) -> None:
    for _ in range(3):
        assert town.desk.write_call()
    wait_until(lambda: _received(town))
    done = town.restore("end")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "were lost" not in done.stdout
    assert set(town.desk.acknowledged) <= _calls_in(town.room / "end")


def test_phones_go_on_trusting_the_restored_server(town: Town) -> None:
    """Its certificate is a new one, made out to the same names and signed by the authority that they know."""
    before = TlsFolder(town.room / "run").ensure()
    assert not list(town.folder.path.rglob("*authority*")), "in the clear"
    done = town.restore("phones")
    assert done.returncode == 0, done.stdout + done.stderr
    folder = TlsFolder(town.room / "phones")
    assert folder.authority_key.stat().st_mode & 0o777 == 0o600
    assert not folder.server.exists()
    after = folder.ensure()
    assert after.authority == before.authority
    after.server.verify_directly_issued_by(before.authority)
    assert "pusat.contoh" in after.names.hosts


@pytest.mark.parametrize(
    "what", ["data/global/pg_control", "data/PG_VERSION", "secrets.sealed", f"outside/{SLUG}.jsonl"]
)
def test_a_damaged_byte_is_found_and_its_file_named(town: Town, what: str) -> None:
    path = town.folder.bases()[-1] / what
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    try:
        assert str(path) in town.refused("damaged")
    finally:
        path.write_bytes(content)


def test_a_changed_inventory_is_not_believed(town: Town) -> None:
    path = town.folder.bases()[-1] / "inventory.json"
    content = path.read_bytes()
    path.write_bytes(content.replace(b'"size": 3', b'"size": 4', 1))
    try:
        assert str(path) in town.refused("damaged")
    finally:
        path.write_bytes(content)


def test_what_cannot_be_restored_is_refused_with_its_reason(town: Town) -> None:
    assert "a live system is never written over" in town.refused_over_the_live_one()
    assert "no moment before that" in town.refused("early", "--at", "2020-01-01T00:00:00+07:00")
    assert "time zone" in town.refused("zone", "--at", "2026-11-21T14:03:20")
    assert "not happened yet" in town.refused("future", "--at", "2999-01-01T00:00:00Z")
    wrong = town.room / "wrong"
    wrong.write_text("sandi yang lain sekali\n")
    assert "does not open" in town.refused("wrong-words", "--passphrase-file", str(wrong))
    keys = town.room / "keys"
    keys.mkdir(exist_ok=True)
    for name in ("master.key", "lookup.key"):
        (keys / name).write_text("ab" * 32 + "\n")
    assert "not this backup's" in town.refused("wrong-keys", "--keys", str(keys))


def test_a_backup_that_is_cut_short_leaves_nothing_that_looks_whole(town: Town) -> None:
    whole = town.folder.bases()
    process = subprocess.Popen(
        [sys.executable, "-m", "dispatch", "backup", "--to", str(town.folder.path)],
        env=town.system.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_until(lambda: any(town.folder.base.glob(".partial-*/data/*")))
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert town.folder.bases() == whole
    assert any(town.folder.base.glob(".partial-*"))
    assert "whole backup" in town.back_up("--keep", "1")
    assert len(town.folder.bases()) == 1
    assert town.folder.bases() != whole
    assert [path.name for path in town.folder.base.iterdir()] == [town.folder.bases()[0].name]
    assert not list(town.folder.base.rglob("master.key"))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts a small disk")
def test_a_full_disk_is_said_and_leaves_nothing(town: Town) -> None:
    small = town.room / "small"
    small.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=160m", "tmpfs", str(small)], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip("this machine mounts no small disk")
    folder = BackupFolder(small / "backup")
    command = [sys.executable, "-m", "dispatch", "backup", "--to", str(folder.path)]
    try:
        process = subprocess.Popen(
            command, env=town.system.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        wait_until(lambda: any(folder.base.glob(".partial-*")) or process.poll() is not None)
        filled = subprocess.run(
            ["dd", "if=/dev/zero", f"of={small / 'filler'}", "bs=1M"], capture_output=True, check=False
        )
        assert filled.returncode != 0
        _, words = process.communicate(timeout=120)
        assert process.returncode == 1
        assert "the disk is full" in words
        assert list(folder.base.iterdir()) == []
        process = subprocess.Popen(
            command, env=town.system.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        _, words = process.communicate(timeout=120)
        assert "GB are needed" in words  # seen beforehand
    finally:
        town.back_up()  # the log goes to the first folder again
        wait_until(
            lambda: subprocess.run(["umount", str(small)], capture_output=True, check=False).returncode == 0
        )


def test_that_the_log_is_received_is_not_said_while_it_does_not_arrive(town: Town) -> None:
    """Connected it is: the server lists it as one that receives."""
    receiver = next(
        int(path.parent.name)
        for path in Path("/proc").glob("[0-9]*/cmdline")
        if (words := path.read_bytes().split(b"\0"))[0].endswith(b"pg_receivewal")
        and bytes(town.folder.wal / "incoming") in words
    )
    os.kill(receiver, signal.SIGSTOP)
    try:
        told = town.back_up()
    finally:
        os.kill(receiver, signal.SIGCONT)
    assert "has not been received up to this backup" in told
    assert "any moment can be restored" not in told
    assert "any moment can be restored" in town.back_up()


def test_the_log_is_kept_through_a_change_of_primary(town: Town) -> None:
    town.system.command("standby", "setup", "--folder", str(town.room / "second"))
    assert town.desk.write_call()
    town.system.command("standby", "promote")
    wait_until(town.desk.write_call)
    wait_until(lambda: _received(town))
    done = town.restore("after")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "were lost" not in done.stdout
    assert set(town.desk.acknowledged) <= _calls_in(town.room / "after")


def test_around_a_change_of_the_master_key_the_old_and_the_new_one_open_what_is_theirs(town: Town) -> None:
    """The backup's sealed keys are the old ones, the key file that is kept has the new one alone."""
    town.back_up()
    moment = datetime.now(UTC)
    assert town.desk.write_call()
    assert "'dispatch backup'" in town.system.command("keys", "rotate")
    town.system.command("keys", "retire")
    assert town.desk.write_call()
    wait_until(lambda: _received(town))
    new = town.room / "run" / "secrets"
    assert "needs master key" in town.refused("old-alone")
    done = town.restore("new-alone", "--keys", str(new))
    assert done.returncode == 0, done.stdout + done.stderr
    both = ("--keys", str(new), "--passphrase-file", str(town.passphrase))
    done = town.restore("both", *both, "--at", moment.isoformat())
    assert done.returncode == 0, done.stdout + done.stderr
    assert "needs master key" in town.refused("new-too-early", "--keys", str(new), "--at", moment.isoformat())


def _owner(town: Town) -> str:
    return town.system.environment["DATABASE_URL"]


def _admin(town: Town) -> str:
    return _owner(town).replace("semar_owner@", "postgres@")


def _received(town: Town) -> bool:
    """Whether all that is written now has been received into the backup folder."""
    query = (
        "SELECT coalesce(bool_or(flush_lsn >= pg_current_wal_flush_lsn()), false) AS done "
        "FROM pg_stat_replication WHERE application_name = 'semar_archive'"
    )
    return bool(rows(_admin(town), query)[0]["done"])


def _calls_in(run_dir: Path) -> set[str]:
    """The ids of all calls in a restored system."""
    server = PrivatePostgres(run_dir, say=lambda _: None)
    server.start()
    try:
        return {str(row["id"]) for row in rows(server.owner_url, "SELECT id FROM call")}
    finally:
        server.stop()
