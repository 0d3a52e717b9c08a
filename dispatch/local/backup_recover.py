"""A data folder from a backup, and the server that recovers it to a moment."""

import os
import re
import shutil
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from dispatch.local import places
from dispatch.local.errors import LocalError
from dispatch.local.postgres import PostgresError, PrivatePostgres
from dispatch.local.postgres_binaries import find_binaries
from dispatch.local.standby_pair import FILE as PAIR_FILE
from dispatch.storage.backup_inventory import sync

DRAFT = "pg.restoring"
RECOVER_S = 24 * 3600.0
"""Longest recovery; it is the log since the base backup that takes time."""
_FORGOTTEN = (
    "synchronous_standby_names",
    "primary_",
    "recovery_",
    "restore_command",
    "archive_",
    "hot_standby",
)
_LAST = re.compile(r"last completed transaction was at log time (\S+ \S+)")


class RestoreRefused(LocalError):
    """Nothing can be restored there, or not to that moment; the message says why and what to do."""


def refuse_other_keys(run_dir: Path, files: Mapping[str, bytes]) -> None:
    """Raise RestoreRefused when the folder holds other keys than these, by name: they may be the only ones.

    The database that they open may lie elsewhere, or have been put aside.
    """
    for name in ("master.key", "lookup.key", "checkpoint.key"):
        path = run_dir / "secrets" / name
        if name in files and path.exists() and path.read_bytes().split() != files[name].split():
            raise RestoreRefused(
                f"{path} is another system's key: without it nobody in its database can be read again. "
                "Restore into another folder"
            )


class Recovery(PrivatePostgres):
    """The private cluster of a run folder that has none yet: recovered aside, then put in place."""

    def __init__(self, run_dir: Path, version: int, say: Callable[[str], None]) -> None:
        """Choose the places. Raises RestoreRefused: the run folder has a cluster, or runs."""
        super().__init__(run_dir, settings={"hot_standby": "off", "archive_mode": "off"}, say=say)
        self._refuse_live()
        place = self._choose_place()
        if (place / "pg").exists():
            raise RestoreRefused(f"{place / 'pg'} holds a cluster: restore into another folder")
        self.data = place / DRAFT
        if self.data.exists():
            shutil.rmtree(self.data)
        self.data.mkdir(mode=0o700)
        self.binaries = find_binaries(version)
        self.sockets = places.socket_folder(place / "sock", self.socket_file, self.user)
        places.private_folder(self.log_file.parent)

    def recover(self, at: datetime | None) -> None:
        """Start the server on the copied data and wait until it has recovered to `at`, or all there is.

        Raises RestoreRefused: the log does not reach that moment, or begins after it.
        """
        self._settle(at)
        for path in (self.data, *self.data.rglob("*")):
            places.give(path, self.user)
        self.log_file.touch()
        began = self.log_file.stat().st_size
        self.spawn()
        try:
            self._until_recovered()
        except PostgresError as refusal:
            with self.log_file.open(errors="replace") as log:
                log.seek(began)
                raise self._explained(log.read(), at) from refusal

    def in_place(self) -> Path:
        """Stop the server and put its data where `dispatch run` looks for them; return the folder."""
        self.stop()
        path = self.data / "postgresql.auto.conf"
        path.write_text(_without_recovery(path.read_text()))
        target = self.data.with_name("pg")
        sync(path)
        self.data.rename(target)
        sync(target)
        sync(target.parent)
        return target

    def give_up(self) -> None:
        """Stop the server and remove what was restored."""
        self.stop(grace_s=5.0)
        shutil.rmtree(self.data, ignore_errors=True)

    def _refuse_live(self) -> None:
        for path in (self.run_dir / "pg", self.run_dir / PAIR_FILE):
            if path.exists():
                raise RestoreRefused(
                    f"{path} is there: a live system is never written over. Restore into another folder, "
                    "look at it, then put it in place of the old one"
                )
        places.prepare_run_dir(self.run_dir, self.user)

    def _settle(self, at: datetime | None) -> None:
        for name in ("standby.signal", "postmaster.pid", "backup_label.old"):
            (self.data / name).unlink(missing_ok=True)
        conf = self.data / "postgresql.auto.conf"
        lines = [_without_recovery(conf.read_text()) if conf.exists() else ""]
        # all of the log lies in pg_wal already; the server insists on a command all the same
        lines.append("restore_command = '/bin/false'\nrecovery_target_timeline = 'latest'\n")
        if at is not None:
            moment = at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f+00")
            lines.append(f"recovery_target_time = '{moment}'\nrecovery_target_action = 'promote'\n")
        conf.write_text("".join(lines))
        (self.data / "recovery.signal").touch()
        for name, words in (("postgresql.conf", ""), ("pg_ident.conf", ""), ("pg_hba.conf", _HBA)):
            if name == "pg_hba.conf" or not (self.data / name).exists():
                (self.data / name).write_text(words)

    def _until_recovered(self) -> None:
        until = time.monotonic() + RECOVER_S
        while not self.is_ready():
            if self.poll() is not None:
                raise PostgresError(f"the recovery ended:\n{self.last_words()}")
            if time.monotonic() > until:
                raise PostgresError("the recovery takes more than a day")
            time.sleep(0.05)

    def _explained(self, log: str, at: datetime | None) -> RestoreRefused:
        if "before configured recovery target was reached" in log:
            last = _LAST.findall(log)
            known = (
                f"its last commit is of {last[-1]}+00" if last else "it holds no commit after the base backup"
            )
            return RestoreRefused(
                f"the kept log does not reach {at}: {known}. Leave --at away to restore all there is"
            )
        if "before consistent recovery point" in log:
            return RestoreRefused(f"{at} is before this base backup was complete: choose a later moment")
        if "is not a child of this server's history" in log:
            return RestoreRefused(
                "this base backup is of a branch that a restore to an earlier moment left: choose one from "
                "before that moment (--base)"
            )
        return RestoreRefused(f"the recovery failed ({self.log_file}):\n{self.last_words()}")


_HBA = "local all all trust\nlocal replication all trust\n"


def _without_recovery(text: str) -> str:
    lines = text.splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith(_FORGOTTEN))


def empty_folders(source: Path, target: Path) -> None:
    """Make the folders of a copied cluster: a server misses those that are empty."""
    for path in sorted(source.rglob("*")):
        if path.is_dir():
            (target / path.relative_to(source)).mkdir(mode=0o700, exist_ok=True)
    target.chmod(0o700)


def whole_segment(path: Path, size: int) -> None:
    """Pad a segment that was still being written with zeros to its full size."""
    if path.stat().st_size < size:
        os.truncate(path, size)
