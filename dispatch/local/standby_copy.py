"""Makes the data folder of a standby: a copy of the running primary, or a former primary wound back."""

import shutil
from pathlib import Path

from dispatch.local import places
from dispatch.local.postgres_binaries import Binaries
from dispatch.local.postgres_tools import Progress, run_tool
from dispatch.local.standby_pair import StandbyError
from dispatch.local.standby_servers import STANDBY_SIGNAL

FENCE_FILE = "semar-replaced"
"""In a data folder that was replaced as primary: says so to whoever wonders why it follows nobody."""
_SPARE = 64 * 2**20


def copy_primary(
    source: str,
    slot: str,
    data: Path,
    binaries: Binaries,
    user: str | None,
    progress: Progress,
) -> None:
    """Copy the running server at `source` (libpq's words) into `data`, which appears whole or not at all.

    slot: the replication slot that keeps what the copy will need next.
    Raises ToolFailed with what pg_basebackup said.
    """
    draft = data.with_name("pg.new")
    if draft.exists():
        shutil.rmtree(draft)
    places.private_folder(draft, user)
    command = [
        str(binaries.folder / "pg_basebackup"), "-D", str(draft), "-d", source, "-S", slot, "-X", "stream",
        "-c", "fast", "--progress", "--no-password",
    ]  # fmt: skip
    try:
        run_tool(command, user, progress)
        _forget_primary_settings(draft)
        _mark(draft, STANDBY_SIGNAL, "", user)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    if data.exists():
        shutil.rmtree(data)
    draft.rename(data)


def wind_back(source: str, data: Path, binaries: Binaries, user: str | None) -> None:
    """Take from a former primary what its successor does not have, so that it can follow (pg_rewind).

    No server may run in it.

    Raises ToolFailed: it cannot be wound back, and has to be copied anew.
    """
    (data / "postmaster.pid").unlink(missing_ok=True)  # its pid may be another program's by now
    command = [str(binaries.folder / "pg_rewind"), "-D", str(data), "--source-server", source]
    run_tool(command, user, lambda done, total: None)
    _forget_primary_settings(data)
    _mark(data, STANDBY_SIGNAL, "", user)
    (data / FENCE_FILE).unlink(missing_ok=True)


def fence(data: Path, user: str | None, why: str) -> bool:
    """See to it that whoever starts this data folder gets a read-only server; return whether it is there."""
    if not data.is_dir():
        return False
    _mark(data, FENCE_FILE, why + "\n", user)
    _mark(data, STANDBY_SIGNAL, "", user)
    return True


def unfence(data: Path) -> None:
    """Take back `fence`."""
    for name in (FENCE_FILE, STANDBY_SIGNAL):
        (data / name).unlink(missing_ok=True)


def shut_down_at(data: Path, binaries: Binaries, user: str | None) -> str | None:
    """Return where a primary that ended in order began the last record of its log; None of another.

    Raises ToolFailed when its data cannot be read.
    """
    told = run_tool(
        [str(binaries.folder / "pg_controldata"), "-D", str(data)], user, lambda done, total: None
    )
    fields = dict(line.split(":", 1) for line in told if ":" in line)
    ended = fields.get("Database cluster state", "").strip() == "shut down"
    return fields["Latest checkpoint location"].strip() if ended else None


def refuse_small_disk(folder: Path, needed: int) -> None:
    """Raise StandbyError when `folder` has no room for `needed` bytes."""
    free = shutil.disk_usage(folder).free
    if free < needed + _SPARE:
        raise StandbyError(
            f"{folder} has {free / 1e9:.2f} GB free and the copy needs {(needed + _SPARE) / 1e9:.2f} GB: "
            "choose a folder on a larger disk"
        )


def _forget_primary_settings(data: Path) -> None:
    """A copy must not wait for itself: what the primary waits for is taken out of the copied settings."""
    path = data / "postgresql.auto.conf"
    if not path.exists():
        return
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(line for line in lines if not line.startswith("synchronous_standby_names")))


def _mark(data: Path, name: str, words: str, user: str | None) -> None:
    path = data / name
    path.write_text(words)
    places.give(path, user)
