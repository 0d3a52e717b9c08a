"""The synchronous standby of a running system: nothing acknowledged is lost, and services follow it."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest
from running_desk import SLUG, Desk, wait_until
from running_system import System

from dispatch.local import standby_switch
from dispatch.local.standby_note import read_note
from dispatch.local.standby_pair import StandbyError, read_pair, write_pair
from dispatch.local.standby_servers import PrivatePair, SeatPostgres
from dispatch.local.tether import tethered, working_in
from dispatch.storage.primary import GLANCE_S, NoPrimary, Primary

pytestmark = pytest.mark.timeout(300)


class Town:
    """The running system with its two clusters."""

    def __init__(self, running: list[System], second: Path) -> None:
        """running: the starts of the system, the present one last; the fixture ends them all."""
        self.running = running
        self.second = second
        self.desk = Desk(self.system)

    @property
    def system(self) -> System:
        return self.running[-1]

    def start_again(self) -> None:
        """Start the system anew in its run folder, and sit down at it."""
        self.running.append(System(self.system.run_dir, SEMAR_REHEARSAL="off"))
        self.system.ready()
        before, self.desk = self.desk, Desk(self.system)
        self.desk.acknowledged = before.acknowledged
        before.client.close()

    @property
    def servers(self) -> PrivatePair:
        servers = PrivatePair(self.system.run_dir, say=lambda _: None)
        for seat in servers.seats.values():
            seat.locate()
        return servers

    def in_step(self) -> None:
        """See that there is a standby, and that commits wait for it."""
        pair = read_pair(self.system.run_dir)
        if pair is None:
            self.system.command("standby", "setup", "--folder", str(self.second))
        elif pair.standby is None:
            self.system.command("standby", "rejoin")
        wait_until(lambda: self.desk.standby == "ok")
        wait_until(self.noted_in_step)

    def noted_in_step(self) -> bool:
        note = read_note(self.system.run_dir)
        return note is not None and note.synchronous

    def refused(self, *arguments: str) -> str:
        """Run a command that must fail, and return what it said."""
        command = [sys.executable, "-m", "dispatch", *arguments]
        done = subprocess.run(
            command, env=self.system.environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 1, done.stdout + done.stderr
        return done.stdout + done.stderr

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Keep writing calls down from two desks while the block runs, and have some stored before it."""
        end = threading.Event()

        def write() -> None:
            while not end.is_set():
                self.desk.write_call()

        before = len(self.desk.acknowledged)
        writers = [threading.Thread(target=write) for _ in range(2)]
        for writer in writers:
            writer.start()
        try:
            wait_until(lambda: len(self.desk.acknowledged) > before + 10)
            yield
        finally:
            end.set()
            for writer in writers:
                writer.join()


def kill_all(data: Path) -> None:
    """End a cluster as a power cut does: all its processes at once."""
    for pid in working_in(data, "postgres"):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def destroy(server: SeatPostgres) -> None:
    """End a cluster and its data for good, before the launcher can start it again."""
    gone = server.data.with_name("gone")
    server.data.rename(gone)
    kill_all(gone)
    shutil.rmtree(gone)


@pytest.fixture(scope="module")
def town(server_folder: Path) -> Iterator[Town]:
    """A running training system."""
    system = System(server_folder / "standby" / "run", SEMAR_REHEARSAL="off")
    running = [system]
    try:
        system.ready()
        made = Town(running, server_folder / "standby" / "second")
        yield made
        made.desk.client.close()
    finally:
        for one in running:
            one.stop()


def test_a_primary_that_is_gone_for_good_takes_nothing_acknowledged_with_it(town: Town) -> None:
    town.in_step()
    old = town.servers.primary
    with town.writing():
        destroy(old)
        told = town.system.command("standby", "promote")
        before = len(town.desk.acknowledged)
        wait_until(lambda: len(town.desk.acknowledged) > before + 5)  # the same services, writing again
    assert "nothing acknowledged is missing" in told
    assert town.desk.missing() == []
    assert town.servers.primary.seat != old.seat
    assert town.desk.standby == "down"  # one copy only, and /health says so
    town.in_step()
    assert "whole" in town.system.command("log", "verify", SLUG)
    assert "exactly equal" in town.system.command("log", "rebuild", "--check", SLUG)


def test_a_planned_change_and_the_way_back(town: Town) -> None:
    town.in_step()
    old = town.servers.primary
    with town.writing():
        assert "ended in order" in town.system.command("standby", "promote")
        before = len(town.desk.acknowledged)
        wait_until(lambda: len(town.desk.acknowledged) > before + 5)
    assert town.desk.missing() == []
    assert "wound back" in town.system.command("standby", "rejoin")
    town.in_step()
    assert town.servers.secondary.seat == old.seat
    assert "streaming sync" in town.system.command("standby", "status")


def test_a_frozen_standby_holds_nothing_up_for_long_and_is_told_loudly(town: Town) -> None:
    town.in_step()
    with frozen(town.servers.secondary):
        assert town.desk.write_call(), "the commit is let go when the standby is given up"
        wait_until(lambda: town.desk.standby == "down")
        watch_log = (town.system.run_dir / "log" / "standby-watch.log").read_text()
        assert "STANDBY TERPUTUS" in watch_log
        assert "STANDBY AWAY" in watch_log
        assert town.desk.client.get("/health").json()["status"] == "degraded"
    town.in_step()
    assert town.desk.missing() == []


async def test_a_replaced_primary_that_comes_back_is_passed_over(town: Town) -> None:
    town.in_step()
    old = town.servers.primary
    follower = Primary(town.servers.app_url, look_every_s=0)
    (await follower.connect()).terminate()
    kill_all(old.data)
    town.system.command("standby", "promote")
    with started_by_hand(old):  # fenced: whoever starts it gets a server that takes no writes
        assert old.execute("SELECT pg_is_in_recovery()") == "t"
        with pytest.raises(NoPrimary, match="takes no writes"):
            await Primary(f"{old.url('semar_app')}&host=/nowhere").connect()
    (old.data / "standby.signal").unlink()
    with started_by_hand(old):  # and one that was forced to take writes is not believed
        assert old.execute("SELECT pg_is_in_recovery()") == "f"
        for found in (follower, Primary(town.servers.app_url)):
            connection = await found.connect()
            assert await connection.fetchval("SHOW port") == town.servers.primary.settings["port"]
            await connection.close()
        with frozen(town.servers.primary):  # nor by a newcomer, to whom the new one is slow to answer
            newcomer = Primary(town.servers.app_url, server_settings={"application_name": "newcomer"})
            connecting = asyncio.create_task(newcomer.connect())
            there = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'newcomer'"
            for _ in range(100):
                await asyncio.sleep(0.02)
                if old.execute(there) != "0":
                    break
            await asyncio.sleep(2 * GLANCE_S)
        connection = await connecting
        assert await connection.fetchval("SHOW port") == town.servers.primary.settings["port"]
        await connection.close()
        wait_until(town.desk.write_call)
    assert town.desk.missing() == []
    town.in_step()


def test_a_planned_change_that_goes_wrong_is_called_off_where_it_would_lose_something(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    town.in_step()
    servers = town.servers
    old, hands_over, stop = servers.primary, standby_switch._hands_over, standby_switch._stop
    with ExitStack() as standby_frozen:

        def then_the_line_breaks(old: SeatPostgres, new: SeatPostgres) -> bool:
            assert hands_over(old, new)
            standby_frozen.enter_context(frozen(new))
            old.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_replication")
            wait_until(lambda: town.desk.standby == "down")
            assert town.desk.write_call(), "on the primary alone"
            return True

        def and_the_standby_answers_again(server: SeatPostgres) -> None:
            stop(server)
            standby_frozen.close()

        monkeypatch.setattr(standby_switch, "_hands_over", then_the_line_breaks)
        monkeypatch.setattr(standby_switch, "_stop", and_the_standby_answers_again)
        with pytest.raises(StandbyError, match="--accept-loss"):
            standby_switch.promote(servers)
    assert town.servers.primary.seat == old.seat
    wait_until(town.desk.write_call)
    town.in_step()
    assert town.desk.missing() == []


def test_a_primary_that_the_launcher_was_just_starting_is_waited_for(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    town.in_step()
    servers = town.servers
    old, looks, look = servers.primary, [], standby_switch._answers

    def not_yet(server: SeatPostgres) -> bool:
        if server.seat == old.seat:
            looks.append(server)
            if len(looks) == 1:
                return False
        return look(server)

    monkeypatch.setattr(standby_switch, "_answers", not_yet)
    assert standby_switch.promote(servers).planned
    assert town.servers.primary.seat != old.seat
    town.in_step()
    assert town.desk.missing() == []


def test_a_promotion_that_was_cut_short_is_finished(town: Town) -> None:
    town.in_step()
    pair = read_pair(town.system.run_dir)
    assert pair is not None
    with town.writing():
        write_pair(town.system.run_dir, pair.promoted())  # and there the command was killed
        assert "ended in order" in town.system.command("standby", "promote")
        before = len(town.desk.acknowledged)
        wait_until(lambda: len(town.desk.acknowledged) > before + 5)
    assert town.desk.missing() == []
    assert "no standby to promote" in town.refused("standby", "promote")


def test_a_standby_whose_data_are_lost_is_made_anew(town: Town) -> None:
    town.in_step()
    destroy(town.servers.secondary)
    wait_until(lambda: town.desk.standby == "down")
    assert "copied anew" in town.system.command("standby", "rejoin")
    town.in_step()


def test_a_system_that_stopped_with_a_dead_primary_starts_on_its_standby(town: Town) -> None:
    town.in_step()
    assert town.desk.write_call()
    town.system.stop()
    shutil.rmtree(town.servers.primary.data)
    told = subprocess.check_output(
        [sys.executable, "-m", "dispatch", "standby", "promote"],
        env={**os.environ, "SEMAR_RUN_DIR": str(town.system.run_dir)},
        text=True,
    )
    assert "when the system is started again" in told
    town.start_again()
    assert town.desk.missing() == []


def test_what_the_primary_stored_alone_is_not_given_up_unasked_and_its_loss_is_named(town: Town) -> None:
    town.in_step()
    assert town.desk.missing() == []
    with frozen(town.servers.secondary):
        # what lies in the line between the two would still be read after the primary's end
        town.servers.primary.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_replication")
        assert town.desk.write_call()
        wait_until(lambda: town.desk.standby == "down")
        assert town.desk.write_call()
        town.system.command("log", "checkpoint", SLUG)
        destroy(town.servers.primary)
    since = read_note(town.system.run_dir)
    assert since is not None
    assert not since.synchronous
    refusal = town.refused("standby", "promote")
    assert since.since in refusal
    assert "--accept-loss" in refusal
    told = town.system.command("standby", "promote", "--accept-loss")
    assert f"since {since.since} may be missing" in told
    wait_until(town.desk.write_call)
    lost = town.desk.missing()
    assert len(lost) == 2, "what was acknowledged while the standby was away, and no more"
    assert "were lost" in told
    assert "whole" in town.system.command("log", "verify", SLUG), "the log goes on from what is there"
    aside = list((town.system.run_dir / "checkpoints").glob(f"{SLUG}.lost-*.jsonl"))
    assert len(aside) == 1, "and what was lost stays provable"


@contextmanager
def frozen(server: SeatPostgres) -> Iterator[None]:
    """Stop a cluster's processes where they stand: it keeps its connections and says nothing."""
    pids = working_in(server.data, "postgres")
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


@contextmanager
def started_by_hand(server: SeatPostgres) -> Iterator[None]:
    """Start a cluster as somebody would who knows of no pair."""
    assert server.binaries is not None
    options = ["-c", f"unix_socket_directories={server.sockets}", "-c", f"port={server.settings['port']}"]
    command = [str(server.binaries.folder / "postgres"), "-D", str(server.data), *options]
    process = subprocess.Popen(
        tethered([*command, "-c", "listen_addresses="], signal.SIGINT, server.user),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        wait_until(lambda: answers(server))
        yield
    finally:
        process.send_signal(signal.SIGQUIT)
        process.wait()


def answers(server: SeatPostgres) -> bool:
    try:
        return server.execute("SELECT 1", timeout_s=3.0) == "1"
    except RuntimeError:
        return False
