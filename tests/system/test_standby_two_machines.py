"""A standby over the network, with passwords: waited for, promoted, and the old primary taken back."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import asyncpg
import pytest
from running_desk import wait_until

from dispatch.local.postgres import PrivatePostgres
from dispatch.local.secret_files import CHECKPOINT_KEY, LOOKUP_KEY, MASTER_KEY, secret_file
from dispatch.local.standby_machine import ROLE, MachinePostgres, read_machine, with_password
from dispatch.local.standby_servers import REPLICATION
from dispatch.local.tether import working_in
from dispatch.storage.primary import Primary
from dispatch.storage.vault import master_key_id, read_keys

pytestmark = pytest.mark.timeout(300)
HERE = "127.0.0.1"
PASSWORD = "sandi-uji"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HERE, 0))
        return int(probe.getsockname()[1])


class Machines:
    """Two servers on this machine that know each other by network addresses alone."""

    def __init__(self, room: Path) -> None:
        self.room = room
        self.ports = {"a": free_port(), "b": free_port()}
        # more room than a standby has by itself, which does not serve with less than its primary
        room_for = {"max_connections": "120"}
        self.first = PrivatePostgres(
            room / "a",
            settings={**REPLICATION, **room_for, "listen_addresses": HERE, "port": str(self.ports["a"])},
            say=lambda _: None,
        )
        self.passwords = room / "passwords"

    def start_first(self) -> None:
        """The primary: passwords for everybody who comes over the network."""
        self.first.start()
        rules = ("local all all trust", f"host all all {HERE}/32 scram-sha-256")
        (self.first.data / "pg_hba.conf").write_text(
            "\n".join([*rules, f"host replication {ROLE} {HERE}/32 scram-sha-256", ""])
        )
        self.first.execute(f"ALTER ROLE semar_owner PASSWORD '{PASSWORD}'; SELECT pg_reload_conf()")
        self.first.execute("CREATE TABLE told (number int); ALTER TABLE told OWNER TO semar_owner", "semar")

    @property
    def services(self) -> str:
        """The address that services are given."""
        return f"postgresql://semar_owner:{PASSWORD}@{self.places}/semar"

    @property
    def places(self) -> str:
        """Both machines."""
        return ",".join(f"{HERE}:{port}" for port in self.ports.values())

    def primary_at(self, seat: str) -> str:
        return f"postgresql://{ROLE}@{HERE}:{self.ports[seat]}/postgres?passfile={self.passwords}"

    def own(self, seat: str) -> list[str]:
        """The options that name one machine."""
        folder = ["--folder", str(self.room / seat), "--listen", HERE]
        return [*folder, "--port", str(self.ports[seat]), "--allow", f"{HERE}/32"]

    def command(self, *arguments: str, status: int = 0) -> str:
        done = self._run(arguments)
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout + done.stderr

    def said(self, *arguments: str) -> str:
        """What a command says, whatever it ends with."""
        done = self._run(arguments)
        return done.stdout + done.stderr

    def _run(self, arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "dispatch", "standby", *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "SEMAR_RUN_DIR": str(self.room / "watch")}

    @contextmanager
    def running(self, *arguments: str, log: Path | None = None) -> Iterator[None]:
        """Keep one of the standing commands running."""
        with (log or Path(os.devnull)).open("wb") as words:
            process = subprocess.Popen(
                [sys.executable, "-m", "dispatch", "standby", *arguments],
                env=self.environment,
                stdout=words,
                stderr=words,
                start_new_session=True,
            )
        try:
            yield
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)

    def in_step(self) -> bool:
        """Whether commits wait for a standby that has all."""
        query = "SELECT count(*) > 0 FROM pg_stat_replication WHERE sync_state = 'sync'"
        return bool(asyncio.run(ask(with_password(self.watched, self.passwords), query)))

    @property
    def watched(self) -> str:
        """The address that the watcher is given."""
        return f"postgresql://{ROLE}@{self.places}/postgres"

    def tell(self, number: int) -> None:
        asyncio.run(ask(self.services, f"INSERT INTO told VALUES ({number}) RETURNING true"))

    def told(self) -> object:
        return asyncio.run(ask(self.services, "SELECT array_agg(number ORDER BY number) FROM told"))


async def ask(url: str, query: str) -> object:
    connection = await Primary(url).connect()
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


@pytest.fixture
def machines(server_folder: Path) -> Iterator[Machines]:
    """A primary that serves on the network."""
    pair = Machines(server_folder / f"machines-{free_port()}")
    (pair.room / "watch").mkdir(parents=True)
    try:
        pair.start_first()
        yield pair
    finally:
        pair.first.stop()


def test_the_second_machine_takes_over_and_the_first_comes_back_behind_it(machines: Machines) -> None:
    machines.command("role", "--url", machines.first.admin_url, "--password-file", str(machines.passwords))
    assert machines.passwords.stat().st_mode & 0o777 == 0o600
    with pytest.raises(asyncpg.InvalidPasswordError):
        asyncio.run(ask(f"postgresql://semar_owner@{HERE}:{machines.ports['a']}/semar", "SELECT 1"))
    machines.command("setup", "--primary", machines.primary_at("a"), *machines.own("b"))
    second = str(machines.room / "b")
    with ExitStack() as standing:
        standing.enter_context(machines.running("run", "--folder", second))
        watch = ["watch", "--url", machines.watched, "--password-file", str(machines.passwords)]
        standing.enter_context(machines.running(*watch))
        wait_until(machines.in_step, 60.0)
        machines.tell(1)
        assert "two primaries" in machines.command("promote", "--folder", second, status=1)
        for pid in working_in(machines.first.data, "postgres"):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not working_in(machines.first.data, "postgres"))
        assert "--old-is-off" in machines.command("promote", "--folder", second, status=1)
        promoted = machines.command("promote", "--folder", second, "--old-is-off")
        assert "master.key (copy it from the other machine" in promoted
        assert machines.told() == [1]
        machines.tell(2)
        assert "standby: -" in machines.command("status", "--folder", second, status=1)
        back = machines.command("rejoin", "--primary", machines.primary_at("b"), *machines.own("a"))
        assert "wound back" in back
        standing.enter_context(machines.running("run", "--folder", str(machines.room / "a")))
        wait_until(machines.in_step, 60.0)
        machines.tell(3)
        first = MachinePostgres(machines.room / "a", read_machine(machines.room / "a"))
        first.locate()
        assert first.execute("SELECT pg_is_in_recovery()") == "t"
        wait_until(lambda: first.execute("SELECT array_agg(number) FROM told", "semar") == "{1,2,3}")


def test_a_primary_that_comes_back_alone_acknowledges_nothing_until_a_person_says_so(
    machines: Machines,
) -> None:
    machines.command("role", "--url", machines.first.admin_url, "--password-file", str(machines.passwords))
    machines.command("setup", "--primary", machines.primary_at("a"), *machines.own("b"))
    run = ["run", "--folder", str(machines.room / "b")]
    both = ["--url", machines.watched, "--password-file", str(machines.passwords)]
    watch = ["watch", "--patience", "1", *both]
    with machines.running(*run), machines.running(*watch):
        wait_until(machines.in_step, 60.0)
        machines.first.stop()  # the second machine would be promoted now, and the first is switched on again
    log = machines.room / "watch.log"
    machines.first.prepare()
    machines.first.spawn()
    wait_until(machines.first.is_ready)
    with ExitStack() as standing:
        standing.enter_context(machines.running(*watch, log=log))
        wait_until(lambda: "ALL COMMITS WAIT" in log.read_text(), 60.0)
        assert machines.first.execute("SHOW synchronous_standby_names") != ""
        writer = threading.Thread(target=machines.tell, args=(1,))
        writer.start()
        waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
        wait_until(lambda: machines.first.execute(waiting) == "1")
        assert "until it has kept up" in machines.command("alone", *both)
        writer.join()
        assert machines.told() == [1]
        standing.enter_context(machines.running(*run))
        wait_until(machines.in_step, 60.0)


def test_a_second_machine_says_which_master_keys_it_lacks(machines: Machines) -> None:
    machines.command("role", "--url", machines.first.admin_url, "--password-file", str(machines.passwords))
    table = "CREATE TABLE person_key (master_key_id text, wrapped bytea)"
    machines.first.execute(f"{table}; INSERT INTO person_key VALUES ('elsewhere', '\\x00')", "semar")
    machines.command("setup", "--primary", machines.primary_at("a"), *machines.own("b"))
    second = ["--folder", str(machines.room / "b")]
    secrets = machines.room / "watch" / "secrets"
    for name in (MASTER_KEY, LOOKUP_KEY, CHECKPOINT_KEY):
        secret_file(secrets / name)
    with machines.running("run", *second):
        wait_until(lambda: "recovery" in machines.said("status", *second), 60.0)
        assert "master key elsewhere, in use in semar" in machines.command("status", *second, status=1)
        mine = master_key_id(read_keys(secrets / MASTER_KEY)[0])
        machines.first.execute(f"UPDATE person_key SET master_key_id = '{mine}'", "semar")
        wait_until(lambda: "keys are not" not in machines.said("status", *second))
        machines.command("status", *second)
