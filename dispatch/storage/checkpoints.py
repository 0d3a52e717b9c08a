"""Signed checkpoints of the event logs, kept outside the database: they notice a log whose end was cut off.

A chain of hashes shows every change within a log, but a log whose last events are gone is a shorter whole
chain. A checkpoint says how far a log had come, signed with a key that the database's keepers need not have
(Ed25519, RFC 8032). One file per tenant and key, one JSON line each, which names the hash of the line before.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from dispatch.local.secret_files import read_secret
from dispatch.storage.line_file import read_lines

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


@dataclass(frozen=True, slots=True)
class CheckpointFault:
    """Why a file of checkpoints cannot be trusted from a line on; line 0: as a whole."""

    path: Path
    line: int
    why_id: str
    why_en: str

    @property
    def message_id(self) -> str:
        """File, line and reason in Indonesian."""
        return f"{self.path}{f', baris {self.line}' if self.line else ''}: {self.why_id}"

    @property
    def message_en(self) -> str:
        """The same in English."""
        return f"{self.path}{f', line {self.line}' if self.line else ''}: {self.why_en}"


@dataclass(frozen=True, slots=True)
class Checked:
    """The statements of a file up to its first fault; `fault` is None when it has none."""

    statements: list[Statement]
    fault: CheckpointFault | None


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


def line_of(checkpoint: Checkpoint) -> bytes:
    """Return the line that a file holds for a checkpoint."""
    return msgspec.json.encode(checkpoint)


def statement_of(line: bytes) -> Statement | None:
    """Return what a line states, its signature unchecked; None when it is no whole checkpoint."""
    found = _decoded(line)
    return found.statement if found else None


def line_hash(line: bytes) -> str:
    """Return what the next line names as the one before it."""
    return hashlib.sha256(line).hexdigest()


def signed_by(line: bytes, public: bytes) -> bool:
    """Whether a line is a checkpoint signed with the key that `public` belongs to."""
    found = _decoded(line)
    return found is not None and _genuine(found, public)


def check_lines(path: Path, tenant: str, publics: Sequence[bytes]) -> Checked:
    """Check each line's signature and its link to the one before; one of the keys has to have signed all.

    What stands before the first line that was changed, taken out or signed by another key can be relied on.
    """
    lines = read_lines(path)
    public = next((key for key in publics if lines and signed_by(lines[0], key)), publics[0])
    statements: list[Statement] = []
    previous = ""
    for number, line in enumerate(lines, start=1):
        fault = _fault_of(line, tenant, previous, public)
        if fault is not None:
            return Checked(statements, CheckpointFault(path, number, *fault))
        found = statement_of(line)
        assert found is not None
        statements.append(found)
        previous = line_hash(line)
    return Checked(statements, None)


def _fault_of(line: bytes, tenant: str, previous: str, public: bytes) -> tuple[str, str] | None:
    found = _decoded(line)
    if found is None:
        return "bukan catatan yang utuh", "is not a whole checkpoint"
    if not _genuine(found, public):
        return "tanda tangan tidak sah", "the signature is not valid"
    if found.statement.tenant != tenant or found.statement.previous != previous:
        return "tidak menyambung ke baris sebelumnya", "does not follow the line before"
    return None


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
