"""A backup folder: base backups that appear whole or not at all, the kept log, and what lies beside it.

semar-backup.json    whose it is: PostgreSQL's identifier of the cluster
base/20261121T034500Z/   data/, outside/, secrets.sealed (with a passphrase), inventory.json
wal/                 the log since the oldest base backup
outside/             checkpoints and the list of erasures, copied as they grow
"""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from dispatch.storage import backup_wal
from dispatch.storage.backup_inventory import BackupFault, Contents, read_inventory, sync

_MARK = "semar-backup.json"
_PARTIAL, _LEAVING = ".partial-", ".removing-"
_STAMP = "%Y%m%dT%H%M%SZ"
SPARE = 64 * 2**20
"""Bytes left free on the disk of a backup."""


class _Mark(msgspec.Struct, frozen=True):
    cluster: str
    format: int = 1


@dataclass(frozen=True, slots=True)
class BackupFolder:
    """One folder, of one cluster."""

    path: Path

    @property
    def base(self) -> Path:
        """Folder of the base backups."""
        return self.path / "base"

    @property
    def wal(self) -> Path:
        """Folder of the kept log."""
        return self.path / "wal"

    @property
    def outside(self) -> Path:
        """Folder of the newest checkpoints and list of erasures."""
        return self.path / "outside"

    def claim(self, cluster: str) -> None:
        """Make the folder for this cluster, or see that it is its. Raises BackupFault."""
        mark = self.path / _MARK
        if mark.is_file():
            if (whose := msgspec.json.decode(mark.read_bytes(), type=_Mark).cluster) != cluster:
                raise BackupFault(
                    f"{self.path} milik basis data lain ({whose}); pakai folder lain",
                    f"{self.path} belongs to another database ({whose}); use another folder",
                )
            return
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            strangers = [p.name for p in self.path.iterdir() if p.name != ".lock"]
        except OSError as refusal:
            raise BackupFault(
                f"{self.path} tidak dapat dibuat: {refusal.strerror}", f"{self.path}: {refusal.strerror}"
            ) from refusal
        if strangers:
            raise BackupFault(
                f"{self.path} tidak kosong ({strangers[0]}) dan bukan folder cadangan; pakai folder lain",
                f"{self.path} is not empty ({strangers[0]}) and is no backup folder; use another one",
            )
        mark.write_bytes(msgspec.json.encode(_Mark(cluster)))

    def require_kept(self) -> None:
        """See that the folder, in which backups were kept before, is there. Raises BackupFault.

        Where its disk is not mounted, a new folder would be made on the disk below: that of the database.
        """
        if not (self.path / _MARK).is_file():
            raise BackupFault(
                f"{self.path} tidak ada lagi, padahal cadangan disimpan di sana: disknya terpasang? "
                "Untuk mulai baru pakai folder lain",
                f"{self.path} is not there any more, and backups were kept in it: is its disk mounted? "
                "To begin anew use another folder",
            )

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Hold the folder against a second backup at the same time. Raises BackupFault."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (self.path / ".lock").open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise BackupFault(
                    f"Cadangan lain sedang ditulis ke {self.path}; tunggu sampai selesai",
                    f"Another backup is being written to {self.path}; wait for it",
                ) from None
            for left in (*self.base.glob(f"{_PARTIAL}*"), *self.base.glob(f"{_LEAVING}*")):
                shutil.rmtree(left)  # of one that was interrupted
            yield

    @contextmanager
    def writing(self, began: datetime) -> Iterator[Path]:
        """Yield an empty folder; it becomes the base backup of this moment when the block ends well."""
        name = began.astimezone(UTC).strftime(_STAMP)
        target = self.base / name
        if target.exists():
            raise BackupFault(f"{target} sudah ada", f"{target} exists already; try again in a second")
        draft = self.base / f"{_PARTIAL}{name}"
        draft.mkdir(mode=0o700, parents=True)
        try:
            yield draft
        except BaseException:
            shutil.rmtree(draft, ignore_errors=True)
            raise
        draft.rename(target)
        sync(self.base)

    def refuse_small_disk(self, needed: int) -> None:
        """Raise BackupFault when there is no room for `needed` bytes."""
        free = shutil.disk_usage(self.path).free
        if free < needed + SPARE:
            raise BackupFault(
                f"{self.path} hanya punya {free / 1e9:.2f} GB; diperlukan {(needed + SPARE) / 1e9:.2f} GB. "
                "Kosongkan, kurangi --keep, atau pakai disk lain",
                f"{self.path} has {free / 1e9:.2f} GB free and {(needed + SPARE) / 1e9:.2f} GB are needed: "
                "make room, keep fewer (--keep), or use another disk",
            )

    def bases(self) -> list[Path]:
        """Return the whole base backups, the oldest first."""
        return sorted(p for p in self.base.glob("[0-9]*Z") if p.is_dir())

    def newest_before(
        self, at: datetime | None, public: bytes | None, name: str | None = None
    ) -> tuple[Path, Contents]:
        """Return the newest base backup that was complete at `at` (None: the newest).

        name: the only one that may be taken. One that cannot be read ends the search, unless it was begun
        after `at`. Raises BackupFault.
        """
        found = [path for path in self.bases() if name in (None, path.name)]
        if not found:
            called = f" {name}" if name else ""
            raise BackupFault(
                f"{self.path} tidak berisi cadangan yang utuh{called}",
                f"{self.path} holds no whole backup{called}",
            )
        for path in reversed(found):
            if at is not None and _began(path) > at:
                continue
            contents = read_inventory(path, public)
            if at is None or datetime.fromisoformat(contents.ended_at) <= at:
                return path, contents
        earliest = read_inventory(found[0], public).ended_at
        raise BackupFault(
            f"Cadangan tertua selesai {earliest}; saat sebelum itu tidak dapat dipulihkan",
            f"The oldest backup was complete at {earliest}; no moment before that can be restored",
        )

    def keep(self, number: int) -> tuple[int, int]:
        """Keep the newest `number` base backups and the log they need; return how many of each went."""
        bases = self.bases()
        leaving, staying = bases[:-number], bases[-number:]
        for path in leaving:
            aside = path.with_name(f"{_LEAVING}{path.name}")
            path.rename(aside)
            shutil.rmtree(aside)
        if not staying:
            return len(leaving), 0
        contents = [read_inventory(path) for path in staying]
        firsts = {backup_wal.segment_at(one.timeline, one.start) for one in contents}
        return len(leaving), backup_wal.forget_unneeded(self.wal, firsts)


def _began(base: Path) -> datetime:
    return datetime.strptime(base.name, _STAMP).replace(tzinfo=UTC)
