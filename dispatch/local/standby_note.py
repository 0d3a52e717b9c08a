"""The watcher's word on whether the standby has all that is acknowledged: a small file of a run folder."""

import json
import logging
import os
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

log = logging.getLogger(__name__)

NOTE_FILE = "standby-watch.json"


@dataclass(frozen=True, slots=True)
class Note:
    """What the watcher last saw, for `dispatch standby status` and for a promotion.

    synchronous: whether every commit that is acknowledged is on the standby's disk.
    since: when that began, ISO 8601 in UTC. position: the primary's place in its log then.
    """

    synchronous: bool
    since: str
    position: str


def read_note(run_dir: Path) -> Note | None:
    """Return the last note; None when there is none that can be read."""
    try:
        return Note(**json.loads((run_dir / NOTE_FILE).read_text()))
    except (FileNotFoundError, ValueError, TypeError):
        return None


def write_note(run_dir: Path, note: Note) -> None:
    """Replace the note, on the disk when this returns.

    A disk that takes none is told and passed over; an older note that says more than holds goes all the same.
    """
    draft = run_dir / f".{NOTE_FILE}"
    try:
        with draft.open("w") as file:
            json.dump(asdict(note), file)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(run_dir / NOTE_FILE)
    except OSError as trouble:  # a full disk must not keep commits waiting
        log.error("no note of the standby's state in %s: %s", run_dir, trouble)
        if not note.synchronous:
            with suppress(OSError):
                (run_dir / NOTE_FILE).unlink()  # this needs no room
