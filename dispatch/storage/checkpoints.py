"""Signed checkpoints of the event logs, kept outside the database: they notice a log whose end was cut off.

A chain of hashes shows every change within a log, but a log whose last events are gone is a shorter whole
chain. A checkpoint says how far a log had come, signed with a key that the database's keepers need not have
(Ed25519, RFC 8032). One file per tenant, one JSON line each, which names the hash of the line before.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from dispatch.local.secret_files import read_secret
from dispatch.storage.line_file import append_line, read_lines

PUBLIC_KEY = "public.key"
_CONTEXT = b"semar checkpoint 1\n"


class Statement(msgspec.Struct, frozen=True):
    """What is signed: the log of `tenant` had `seq` events, the last with `hash` (hexadecimal).

    `recorded_at` is that event's time, `made_at` the checkpoint's own, both ISO 8601 in UTC. `previous` is
    the SHA-256 of the line before, empty in the first.
    """

    tenant: str
    seq: int
    hash: str
    recorded_at: str
    made_at: str
    previous: str


class Checkpoint(msgspec.Struct, frozen=True):
    """A statement with its signature (hexadecimal)."""

    statement: Statement
    signature: str


class CheckpointFault(Exception):
    """A file of checkpoints cannot be trusted; the message names file, line and reason in both languages."""

    def __init__(self, path: Path, line: int, why_id: str, why_en: str) -> None:
        super().__init__(f"{path}:{line}: {why_en}")
        self.message_id = f"{path}, baris {line}: {why_id}"
        self.message_en = f"{path}, line {line}: {why_en}"


class Signer:
    """Signs checkpoints."""

    def __init__(self, seed: bytes) -> None:
        """`seed` is the private key, 32 bytes."""
        self._key = Ed25519PrivateKey.from_private_bytes(seed)

    @classmethod
    def from_file(cls, path: Path) -> Signer:
        """Read the key (hex) from a file, making it when there is none; only its owner may read it."""
        return cls(bytes.fromhex(read_secret(path)))

    @property
    def public(self) -> bytes:
        """The public key, 32 bytes: enough to check, not to sign."""
        return self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    def sign(self, statement: Statement) -> Checkpoint:
        """Return the signed statement."""
        return Checkpoint(statement, self._key.sign(_signed_bytes(statement)).hex())


def append(folder: Path, checkpoint: Checkpoint, public: bytes) -> Path:
    """Write a checkpoint to its tenant's file and see it to the disk; return the file."""
    folder.mkdir(parents=True, exist_ok=True)
    public_file = folder / PUBLIC_KEY
    if not public_file.exists():
        public_file.write_text(public.hex() + "\n")
    path = file_of(folder, checkpoint.statement.tenant)
    append_line(path, msgspec.json.encode(checkpoint))
    return path


def file_of(folder: Path, tenant: str) -> Path:
    """Return the file of a tenant's checkpoints."""
    return folder / f"{tenant}.jsonl"


def last_line(folder: Path, tenant: str) -> tuple[Statement, str] | None:
    """Return the last statement and the hash of its line; None when there is none that can be read."""
    lines = read_lines(file_of(folder, tenant))
    found = _decoded(lines[-1]) if lines else None
    return (found.statement, _line_hash(lines[-1])) if found else None


def statement_of(line: bytes) -> Statement | None:
    """Return what a line states, its signature unchecked; None when it is no whole checkpoint."""
    found = _decoded(line)
    return found.statement if found else None


def read_checkpoints(folder: Path, tenant: str, public: bytes) -> list[Statement]:
    """Return a tenant's statements in order, each one's signature and link checked.

    Raises:
        CheckpointFault: a line was changed, taken out, or signed by another key.
    """
    path = file_of(folder, tenant)
    statements: list[Statement] = []
    previous = ""
    for number, line in enumerate(read_lines(path), start=1):
        found = _decoded(line)
        if found is None:
            raise CheckpointFault(path, number, "bukan catatan yang utuh", "is not a whole checkpoint")
        if not _genuine(found, public):
            raise CheckpointFault(path, number, "tanda tangan tidak sah", "the signature is not valid")
        if found.statement.tenant != tenant or found.statement.previous != previous:
            raise CheckpointFault(
                path, number, "tidak menyambung ke baris sebelumnya", "does not follow the line before"
            )
        statements.append(found.statement)
        previous = _line_hash(line)
    return statements


def _genuine(checkpoint: Checkpoint, public: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(
            bytes.fromhex(checkpoint.signature), _signed_bytes(checkpoint.statement)
        )
    except (InvalidSignature, ValueError):
        return False
    return True


def _decoded(line: bytes) -> Checkpoint | None:
    try:
        return msgspec.json.decode(line, type=Checkpoint)
    except (msgspec.DecodeError, msgspec.ValidationError):
        return None


def _signed_bytes(statement: Statement) -> bytes:
    return _CONTEXT + msgspec.json.encode(statement, order="sorted")


def _line_hash(line: bytes) -> str:
    return hashlib.sha256(line).hexdigest()
