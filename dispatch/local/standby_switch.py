"""Sets up, promotes and takes back the standby of a private cluster; a step may be repeated after a crash."""

import fcntl
import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from dispatch.local import places, standby_copy
from dispatch.local.errors import LocalError
from dispatch.local.postgres import ADMIN_ROLE, PostgresError
from dispatch.local.postgres_tools import Progress, ToolFailed
from dispatch.local.standby_note import Note, read_note
from dispatch.local.standby_pair import (
    FIRST,
    PORTS,
    SECOND,
    Pair,
    StandbyError,
    read_pair,
    slot_of,
    write_pair,
)
from dispatch.local.standby_servers import STANDBY_SIGNAL, PrivatePair, SeatPostgres
from dispatch.local.tether import working_in

FOLLOWS_S = 120.0
"""Seconds a fresh standby gets to be started by the launcher, to stream, and to be waited for."""
HAND_OVER_S = 10.0


@dataclass(frozen=True, slots=True)
class Promoted:
    """A promotion: which seat writes now, how long it took, and what is known of the one before.

    answered: the former primary still worked. planned: it also ended in order and handed everything over.
    note: the watcher's last, if any. at_once: it writes now; else the next start finishes the change.
    """

    seat: str
    seconds: float
    answered: bool
    planned: bool
    old_data_found: bool
    note: Note | None
    at_once: bool


def set_up(servers: PrivatePair, folder: Path, progress: Progress, say: Callable[[str], None]) -> None:
    """Copy the running primary into `folder`, let the launcher start the copy, and wait until commits do.

    Raises StandbyError, PostgresError.
    """
    run_dir = servers.run_dir
    if read_pair(run_dir) is not None:
        raise StandbyError(f"{run_dir} has a standby already: see 'dispatch standby status', or 'rejoin'")
    primary = servers.primary
    _require_running(primary)
    folder = folder.absolute()
    place = _place(folder, primary)
    needed = int(primary.execute("SELECT sum(pg_database_size(oid)) FROM pg_database"))
    standby_copy.refuse_small_disk(place, needed)
    slot = slot_of(SECOND)
    primary.ensure_slot(slot)
    assert primary.binaries is not None
    try:
        standby_copy.copy_primary(
            _source(primary), slot, place / "pg", primary.binaries, primary.user, progress
        )
    except BaseException:
        with suppress(PostgresError):  # or the primary keeps its log for a standby that never comes
            primary.execute(f"SELECT pg_drop_replication_slot('{slot}')")
        raise
    pair = Pair({FIRST: primary.data.parent, SECOND: place}, FIRST, SECOND)
    write_pair(run_dir, pair)
    _until_followed(servers, say)


def promote(servers: PrivatePair, *, accept_loss: bool = False) -> Promoted:
    """Make the standby the primary: the other one is fenced and stopped first, then the standby writes.

    An interrupted promotion is finished. With nothing running, the next start finishes it.
    Raises StandbyError: no standby, or it may lack what was acknowledged while it was away (`accept_loss`).
    """
    began = time.monotonic()
    run_dir = servers.run_dir
    pair = _require_pair(run_dir)
    new = servers.seats[pair.standby or pair.primary]
    old = servers.seats[pair.primary if pair.standby else pair.other]
    for seat in (old, new):
        seat.locate()
    running = _require_promotable(new, pair, run_dir)
    followed = running and _hands_over(old, new)
    note = read_note(run_dir)
    if not accept_loss and not followed:
        answers = _answers(old)
        if answers and running:  # the launcher has started it meanwhile
            followed = _hands_over(old, new)
        if not followed:
            _refuse_loss(old, note, answers=answers)
    if pair.standby is not None:
        pair = pair.promoted()
        write_pair(run_dir, pair)  # from here on the launcher does not start the old one again
    found = _fenced(old)
    _stop(old)
    handed_over = followed and _handed_over(old, new)
    if followed and not (handed_over or accept_loss or (note and note.synchronous)):
        standby_copy.unfence(old.data)
        write_pair(run_dir, pair.given_back())  # the launcher starts the old one again
        _refuse_loss(old, note, answers=True)
    if running:
        new.take_over()
    return Promoted(new.seat, time.monotonic() - began, followed, handed_over, found, note, running)


def _require_promotable(new: SeatPostgres, pair: Pair, run_dir: Path) -> bool:
    """Return whether the standby answers; it may be down only when the whole system is."""
    if _answers(new):
        if new.execute("SELECT pg_is_in_recovery()") == "f":
            raise StandbyError("there is no standby to promote: see 'dispatch standby rejoin'")
        return True
    if _launcher_runs(run_dir) or not (new.data / STANDBY_SIGNAL).exists():
        raise StandbyError(f"the standby does not answer, and cannot be promoted (see {new.log_file})")
    return False


def _launcher_runs(run_dir: Path) -> bool:
    try:
        with (run_dir / "launcher.pid").open() as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def rejoin(servers: PrivatePair, progress: Progress, say: Callable[[str], None]) -> str:
    """Make the fenced seat a standby of the present primary; return how: `rewound` or `copied`.

    A standby that does not follow any more is copied anew.
    """
    run_dir = servers.run_dir
    pair = _require_pair(run_dir)
    primary, back = servers.primary, servers.secondary
    _require_running(primary)
    back.locate()
    replaced = pair.standby is None
    if not replaced:
        if _follower(primary, back) == "streaming":
            raise StandbyError("the standby follows already: see 'dispatch standby status'")
        pair = pair.parted()
        write_pair(run_dir, pair)
        _stop(back)
    if left := working_in(back.data, "postgres"):
        raise StandbyError(f"processes {left} still use {back.data}: end them first")
    slot = slot_of(back.seat)
    primary.ensure_slot(slot)
    rewound = _rewound(primary, back, say) if replaced else None
    how = rewound or _copied(primary, back, slot, progress)
    write_pair(run_dir, pair.rejoined())
    _until_followed(servers, say)
    return how


def _rewound(primary: SeatPostgres, back: SeatPostgres, say: Callable[[str], None]) -> str | None:
    if not (back.data / "PG_VERSION").exists() or primary.slot_status(slot_of(back.seat)) == "lost":
        return None
    assert primary.binaries is not None
    # pg_rewind 15 takes the timeline from the last checkpoint: after a promotion that is the former one,
    # and what it makes does not start ("does not contain minimum recovery point")
    primary.execute("CHECKPOINT")
    # a fenced folder would be started as a standby by pg_rewind's own crash recovery
    (back.data / STANDBY_SIGNAL).unlink(missing_ok=True)
    try:
        standby_copy.wind_back(_source(primary), back.data, primary.binaries, back.user)
    except ToolFailed as refusal:
        standby_copy.fence(back.data, back.user, "replaced as primary; could not be wound back")
        say(f"pg_rewind: {refusal}")
        return None
    return "rewound"


def _copied(primary: SeatPostgres, back: SeatPostgres, slot: str, progress: Progress) -> str:
    assert primary.binaries is not None
    place = _place(back.data.parent, primary, whose=True)
    needed = int(primary.execute("SELECT sum(pg_database_size(oid)) FROM pg_database"))
    standby_copy.refuse_small_disk(place, needed)
    if primary.slot_status(slot) == "lost":
        primary.execute(f"SELECT pg_drop_replication_slot('{slot}')")
        primary.ensure_slot(slot)
    standby_copy.copy_primary(_source(primary), slot, back.data, primary.binaries, back.user, progress)
    return "copied"


def _fenced(old: SeatPostgres) -> bool:
    try:
        return standby_copy.fence(old.data, old.user, f"replaced as primary {datetime.now(UTC).isoformat()}")
    except OSError:  # its disk is what failed
        return False


def _hands_over(old: SeatPostgres, new: SeatPostgres) -> bool:
    """Whether the old primary answers and the standby follows it: it ends in order when the standby has all.

    One that was just started again, by the launcher, gets a while to be followed.
    """
    until = time.monotonic() + HAND_OVER_S
    while _answers(old):
        if _follower(old, new) == "streaming":
            return True
        if time.monotonic() > until:
            return False
        time.sleep(0.2)
    return False


def _handed_over(old: SeatPostgres, new: SeatPostgres) -> bool:
    """Whether the old primary, which has ended, did so in order, and the standby has the last it wrote.

    One that waits in vain for its standby gives that up (wal_sender_timeout), and ends in order all the same.
    """
    assert old.binaries is not None
    try:
        end = standby_copy.shut_down_at(old.data, old.binaries, old.user)
        if end is None:
            return False
        # the record of the shutdown begins there: whoever has more has it, and all before it
        query = f"SELECT coalesce(pg_last_wal_receive_lsn() > '{end}', false)"
        return new.execute(query, timeout_s=10.0) == "t"
    except (ToolFailed, PostgresError):
        return False


def _follower(old: SeatPostgres, new: SeatPostgres) -> str:
    try:
        rows = old.execute(
            "SELECT application_name, state FROM pg_stat_replication", timeout_s=3.0
        ).splitlines()
    except PostgresError:
        return ""
    return dict(line.split("|") for line in rows).get(slot_of(new.seat), "")


def _refuse_loss(old: SeatPostgres, note: Note | None, *, answers: bool) -> None:
    if answers:
        raise StandbyError(
            "the primary works and the standby does not follow it: promoting would throw away what it lacks. "
            "Wait until it follows (dispatch standby status), or say --accept-loss"
        )
    if note is None or not note.synchronous:
        when = f"since {note.since} (log position {note.position})" if note else "at a time that is not known"
        raise StandbyError(
            f"the standby was not kept in step {when}: what was acknowledged from then on is on the old "
            f"primary alone ({old.data}). Start that one if it can be started; else say --accept-loss"
        )


def _place(folder: Path, primary: SeatPostgres, *, whose: bool = False) -> Path:
    """Return the folder that shall hold the copy, made and reachable for the server's user."""
    if not whose and (folder / "pg").exists():
        raise StandbyError(
            f"{folder / 'pg'} exists already: choose another folder, or remove it if it is yours"
        )
    if not whose and folder in (primary.data.parent, primary.run_dir):
        raise StandbyError(f"{folder} holds the primary: a standby on the same disk dies with it")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as refusal:
        raise StandbyError(f"{folder} cannot be made: {refusal.strerror}") from refusal
    if not whose and any(entry.name != "pg.new" for entry in folder.iterdir()):
        raise StandbyError(f"{folder} is not empty: choose an empty folder")
    places.prepare_run_dir(folder, primary.user)
    if not places.reaches(primary.user, folder):
        raise StandbyError(
            f"the user {primary.user} cannot reach {folder}: allow passage (chmod o+x) through the folders "
            "above it"
        )
    return folder


def _require_pair(run_dir: Path) -> Pair:
    pair = read_pair(run_dir)
    if pair is None:
        raise StandbyError(
            f"{run_dir} has no standby: make one with 'dispatch standby setup --folder FOLDER'"
        )
    return pair


def _require_running(server: SeatPostgres) -> None:
    server.locate()
    try:
        server.execute("SELECT 1", timeout_s=10.0)
    except PostgresError as away:
        raise StandbyError(
            f"PostgreSQL {server.seat} does not answer; 'dispatch run' has to run: {away}"
        ) from away


def _answers(server: SeatPostgres) -> bool:
    """Whether it runs and answers within seconds: a frozen server keeps its socket and says nothing."""
    try:
        return server.execute("SELECT 1", timeout_s=3.0) == "1"
    except PostgresError:
        return False


def _source(primary: SeatPostgres) -> str:
    where = f"host='{primary.sockets}' port={PORTS[primary.seat]}"
    return f"{where} user={ADMIN_ROLE} dbname=postgres connect_timeout=10"


def _stop(server: SeatPostgres) -> None:
    """End a server of the launcher: in order first, so that the standby gets the rest, then at once."""
    for wish, patience_s in ((signal.SIGINT, 15.0), (signal.SIGQUIT, 3.0), (signal.SIGKILL, 10.0)):
        if not _ended(server.data, wish, patience_s):
            continue
        return
    raise StandbyError(f"processes {working_in(server.data, 'postgres')} of the old primary do not end")


def _ended(data: Path, wish: signal.Signals, patience_s: float) -> bool:
    until = time.monotonic() + patience_s
    left = working_in(data, "postgres")
    # the order to end in peace is for the postmaster, whose children heed it; force is for all of them
    told = [pid for pid in left if wish is not signal.SIGINT or _is_postmaster(pid, left)]
    for pid in told:
        with suppress(ProcessLookupError):
            os.kill(pid, wish)
    while working_in(data, "postgres"):
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True


def _is_postmaster(pid: int, all_pids: list[int]) -> bool:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
    parent = int(status.partition("PPid:")[2].split()[0])
    return parent not in all_pids


def _until_followed(servers: PrivatePair, say: Callable[[str], None]) -> None:
    """Wait until the launcher has started the standby and the watcher lets commits wait for it."""
    primary = servers.primary
    until = time.monotonic() + FOLLOWS_S
    while primary.execute("SHOW synchronous_standby_names") == "":
        if time.monotonic() > until:
            raise LocalError(
                f"the standby was made, and is not waited for after {FOLLOWS_S:.0f} s: is 'dispatch run' up? "
                f"See 'dispatch standby status' and {servers.secondary.log_file}"
            )
        time.sleep(0.2)
    say("commits wait for the standby")
