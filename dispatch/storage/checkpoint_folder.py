"""The folder of checkpoints: a file per tenant, the public key beside them, and what an earlier key signed.

A key that was lost or replaced begins new files. Those it signed are set aside with its public half under the
time of the change: `SLUG.until-TIME.jsonl` and `public.until-TIME.key`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dispatch.storage.checkpoints import (
    Checked,
    Checkpoint,
    CheckpointFault,
    Statement,
    check_lines,
    line_hash,
    line_of,
    signed_by,
    statement_of,
)
from dispatch.storage.folder_lock import settle
from dispatch.storage.line_file import append_line, read_lines, replace_lines

PUBLIC_KEY = "public.key"
ERASURES = "erasures.jsonl"
"""The list of erasures, which lies in the same folder."""
_UNTIL = re.compile(r"(?P<tenant>.+)\.until-(?P<stamp>[0-9TZ-]+)\.jsonl")
_HEX = frozenset("0123456789abcdef")


@dataclass(frozen=True, slots=True)
class SignedFile:
    """A tenant's checkpoints by one key, and the file of that key's public half."""

    path: Path
    key: Path


@dataclass(frozen=True, slots=True)
class Last:
    """The last line of a file of checkpoints: what it states, its signature unchecked, and its hash."""

    statement: Statement
    hash: str


def file_of(folder: Path, tenant: str) -> Path:
    """Return the file that a tenant's checkpoints are written to."""
    return folder / f"{tenant}.jsonl"


def files_of(folder: Path, tenant: str) -> list[SignedFile]:
    """Return the files that there are of a tenant, those of earlier keys first."""
    found = set_aside_of(folder, tenant)
    if file_of(folder, tenant).is_file():
        found.append(SignedFile(file_of(folder, tenant), folder / PUBLIC_KEY))
    return found


def set_aside_of(folder: Path, tenant: str) -> list[SignedFile]:
    """Return those of a tenant's files that earlier keys signed, in the order of their ends."""
    found = {}
    for path in folder.glob("*.until-*.jsonl"):
        parts = _UNTIL.fullmatch(path.name)
        if parts and parts["tenant"] == tenant:
            stamp = parts["stamp"]
            found[stamp] = SignedFile(path, folder / f"public.until-{stamp}.key")
    return [found[stamp] for stamp in sorted(found)]


def check_file(file: SignedFile, tenant: str, trusted: Sequence[bytes] = ()) -> Checked:
    """Check every line of a file by the `trusted` keys; by the public key beside it when none is given."""
    beside = public_key_in(file.key)
    publics = list(trusted) or ([beside] if beside else [])
    if publics:
        return check_lines(file.path, tenant, publics)
    fault = CheckpointFault(
        file.path,
        0,
        f"kunci publik {file.key} tidak ada atau bukan 64 angka heksadesimal",
        f"the public key {file.key} is missing or is not 64 hex digits",
    )
    return Checked([], fault)


def public_key_in(path: Path) -> bytes | None:
    """Return the public key (32 bytes) that a file holds in hexadecimal; None when it does not."""
    text = path.read_text(errors="replace").strip().lower() if path.is_file() else ""
    return bytes.fromhex(text) if len(text) == 64 and set(text) <= _HEX else None


def last_line(path: Path) -> Last | None:
    """Return the last line; None when there is none that can be read."""
    lines = read_lines(path)
    statement = statement_of(lines[-1]) if lines else None
    return Last(statement, line_hash(lines[-1])) if statement else None


def last_lines(folder: Path, tenant: str) -> list[Last]:
    """Return the last line of every file of a tenant."""
    return [last for file in files_of(folder, tenant) if (last := last_line(file.path)) is not None]


def begin_with(folder: Path, public: bytes, stamp: str) -> Path | None:
    """Make `public` the folder's key. What another key signed, of all tenants, is set aside with that key.

    The folder has to be held alone. Returns the file of the other key; None when there was no other. After a
    crash on the way the rest is set aside by the next call, under a time of its own.
    """
    present = folder / PUBLIC_KEY
    files = [path for path in sorted(folder.glob("*.jsonl")) if is_present(path.name)]
    if present.is_file():
        if public_key_in(present) == public:
            return None
    elif all(signed_by(line, public) for path in files for line in read_lines(path)[-1:]):
        replace_lines(present, [public.hex().encode()])
        return None
    stamp = _unused(folder, stamp)
    aside = folder / f"public.until-{stamp}.key"
    if present.is_file():
        replace_lines(aside, read_lines(present))
    for path in files:
        path.rename(path.with_name(f"{path.stem}.until-{stamp}.jsonl"))
    settle(folder)
    replace_lines(present, [public.hex().encode()])
    return aside


def append(folder: Path, checkpoint: Checkpoint) -> Path:
    """Write a checkpoint to its tenant's file and see it to the disk; return the file."""
    path = file_of(folder, checkpoint.statement.tenant)
    append_line(path, line_of(checkpoint))
    return path


def is_present(name: str) -> bool:
    """Whether a file of this name holds checkpoints that its tenant's next one is written behind."""
    return name.endswith(".jsonl") and name != ERASURES and not re.search(r"\.(until|lost)-", name)


def _unused(folder: Path, stamp: str) -> str:
    """A clock that was set back, or two changes within a second, must not write over what is kept."""
    tried, number = stamp, 1
    while list(folder.glob(f"*.until-{tried}.*")):
        number += 1
        tried = f"{stamp}-{number}"
    return tried
