"""Keeps beside the standby what a system needs outside its database: keys, checkpoints, the pair's note.

The run folder lies on the primary's disk and dies with it; rows without their master key are ciphertext. The
copy is always in the second seat's folder, whichever seat writes: the first seat's is the run folder itself.

SECOND SEAT/pg         the cluster; made anew by a rename beside it, which never touches the copy
SECOND SEAT/kept       0700: `system.json` (pair, watcher's note), `secrets/`, `checkpoints/`, `accounts.json`
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from dispatch.local import places
from dispatch.local.secret_files import CHECKPOINT_KEY, KEY_BYTES, LOOKUP_KEY, MASTER_KEY, PUSH_KEY
from dispatch.local.standby_note import Note, read_note
from dispatch.local.standby_pair import SECOND, Pair, StandbyError, pair_of, read_pair, words_of, write_whole
from dispatch.settings import Settings
from dispatch.storage.backup_outside import copy_outside

FOLDER = "kept"
SECRETS, CHECKPOINTS, ACCOUNTS = "secrets", "checkpoints", "accounts.json"
_SYSTEM = "system.json"


@dataclass(frozen=True, slots=True)
class Kept:
    """What the copy says of its system.

    run_dir: the run folder that it is the copy of. note: the watcher's word on whether the standby is in
    step. seen: when the watcher last saw that this holds, ISO 8601 in UTC; empty when it has not yet.
    """

    run_dir: Path
    pair: Pair
    note: Note | None
    seen: str


def kept_folder(pair: Pair) -> Path:
    """The folder of the copy."""
    return pair.places[SECOND] / FOLDER


def read_kept(folder: Path) -> Kept | None:
    """Return what a copy says; None when there is none. Raises StandbyError, OSError."""
    path = folder / _SYSTEM
    try:
        told = json.loads(path.read_text())
        note = Note(**told["note"]) if told["note"] else None
        return Kept(Path(told["run_dir"]), pair_of(told["pair"]), note, told["seen"])
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as damage:
        raise StandbyError(f"{path} is damaged: {damage!r}") from damage


def write_kept(folder: Path, kept: Kept) -> None:
    """Write what the copy says, whole or not at all."""
    note = asdict(kept.note) if kept.note else None
    told = {"run_dir": str(kept.run_dir), "pair": words_of(kept.pair), "note": note, "seen": kept.seen}
    write_whole(folder / _SYSTEM, (json.dumps(told, indent=2) + "\n").encode())


def keep(deployment: Settings, seen: str = "") -> Path | None:
    """Bring the copy up to date and return its folder; None where no standby was ever set up.

    Nothing is taken out of the copy: a disk that is failing may list less than it holds. seen: as in `Kept`,
    empty to leave it as it is. Raises StandbyError, OSError.
    """
    run_dir = deployment.run_dir.absolute()
    pair = read_pair(run_dir)
    if pair is None:
        return None
    folder = kept_folder(pair)
    if not (folder.parent / "pg").is_dir():  # not mounted: nothing is made below a mount point
        raise StandbyError(f"{folder.parent} holds no cluster: is its disk mounted?")
    before = require_current(pair)
    files = {name: path.read_bytes() for name, path in secret_paths(deployment).items() if path.is_file()}
    for name in (MASTER_KEY, LOOKUP_KEY, CHECKPOINT_KEY):
        _require_key(name, files.get(name))
    for private in (folder, folder / SECRETS, folder / CHECKPOINTS):
        places.private_folder(private)
    for name, content in files.items():
        put_private(folder / SECRETS / name, content)
    # a new one, put there meanwhile, was put into the copy first
    while (key := deployment.master_key_path.read_bytes()) != files[MASTER_KEY]:
        files[MASTER_KEY] = key
        put_private(folder / SECRETS / MASTER_KEY, key)
    if deployment.accounts_path.is_file():
        put_private(folder / ACCOUNTS, deployment.accounts_path.read_bytes())
    copy_outside(deployment.checkpoints_dir, folder / CHECKPOINTS)
    now = Kept(run_dir, pair, read_note(run_dir), seen or (before.seen if before else ""))
    if now != before:
        write_kept(folder, now)
    return folder


def require_current(pair: Pair) -> Kept | None:
    """Return what the copy of this pair says, if it can be read.

    Raises StandbyError when it knows more than the pair: the system goes on from there in another run folder.
    """
    try:
        kept = read_kept(kept_folder(pair))
    except OSError:  # a disk that is away says nothing
        return None
    if kept is not None and kept.pair.generation > pair.generation:
        raise StandbyError(
            f"this system goes on in {kept.run_dir}, where its standby took over: nothing is started here"
        )
    return kept


def what_is_not_kept(deployment: Settings, pair: Pair) -> str | None:
    """Say what the copy lacks; None when the system could go on from it."""
    folder = kept_folder(pair)
    try:
        kept = read_kept(folder)
        if kept is None or kept.pair != pair:
            return f"{folder} does not know the pair as it is"
        for name, path in secret_paths(deployment).items():
            copy = folder / SECRETS / name
            if path.is_file() and not (copy.is_file() and copy.read_bytes() == path.read_bytes()):
                return f"{copy} is not the same as {path}"
    except (OSError, StandbyError) as trouble:
        return str(trouble)
    return None


def kept_master_key(deployment: Settings) -> Path | None:
    """The copy of the master key, when there is a standby and its disk is there."""
    pair = read_pair(deployment.run_dir.absolute())
    copy = kept_folder(pair) / SECRETS / MASTER_KEY if pair else None
    return copy if copy and copy.is_file() else None


def secret_paths(deployment: Settings) -> dict[str, Path]:
    """Return where each secret lies, by its name below the folder of secrets, also those of other folders."""
    folder = deployment.run_dir.absolute() / SECRETS
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and not path.name.startswith(".")]
    named = {
        MASTER_KEY: deployment.master_key_path,
        LOOKUP_KEY: deployment.lookup_key_path,
        CHECKPOINT_KEY: deployment.checkpoint_key_path,
        PUSH_KEY: deployment.push_key_path,
    }
    return {str(path.relative_to(folder)): path for path in files} | named


def put_private(path: Path, content: bytes) -> None:
    """See to it that a file has this content, readable by its owner alone; make its folder."""
    if not (path.is_file() and path.read_bytes() == content):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_whole(path, content)


def _require_key(name: str, content: bytes | None) -> None:
    """A file that is gone or unreadable must not replace the last good copy of a key."""
    if content is None and name == CHECKPOINT_KEY:
        return  # made with the first checkpoint
    try:
        sizes = {len(bytes.fromhex(line)) for line in (content or b"").decode().split()}
    except ValueError:
        sizes = set()
    if sizes != {KEY_BYTES}:
        raise StandbyError(f"{name} is no key any more: the copy of it is left as it was")
