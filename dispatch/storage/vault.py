"""Sealing of personal data: one key per person, wrapped by the deployment's master key.

AES-256-GCM with a random 96-bit nonce (NIST SP 800-38D); look-ups go over HMAC-SHA-256 with a key of its own.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_VERSION = b"\x01"
_NONCE = 12


class SealBroken(Exception):
    """A sealed value does not open: wrong key, changed bytes, or sealed for another field."""


def _seal(key: bytes, clear: bytes, context: bytes) -> bytes:
    nonce = secrets.token_bytes(_NONCE)
    return _VERSION + nonce + AESGCM(key).encrypt(nonce, clear, context)


def _unseal(key: bytes, sealed: bytes, context: bytes) -> bytes:
    if sealed[:1] != _VERSION:
        raise SealBroken(f"unknown seal version {sealed[:1]!r}")
    try:
        return AESGCM(key).decrypt(sealed[1 : 1 + _NONCE], sealed[1 + _NONCE :], context)
    except InvalidTag as broken:
        raise SealBroken("sealed value does not open with this key") from broken


@dataclass(frozen=True, slots=True, repr=False)
class DataKey:
    """One person's key, unwrapped. `field` binds a value to its place: it opens nowhere else."""

    id: UUID
    key: bytes

    def seal(self, clear: str, field: str) -> bytes:
        """Return the sealed form of `clear` for `field` (`table.column`)."""
        return _seal(self.key, clear.encode(), self.id.bytes + field.encode())

    def open(self, sealed: bytes, field: str) -> str:
        """Return what was sealed for `field`.

        Raises:
            SealBroken: the value was changed, or sealed with another key or for another field.
        """
        return _unseal(self.key, sealed, self.id.bytes + field.encode()).decode()

    def seal_bytes(self, clear: bytes, field: str) -> bytes:
        """As `seal`, for bytes."""
        return _seal(self.key, clear, self.id.bytes + field.encode())

    def open_bytes(self, sealed: bytes, field: str) -> bytes:
        """As `open`, for bytes."""
        return _unseal(self.key, sealed, self.id.bytes + field.encode())


class Vault:
    """Holds the master key and the look-up key of a deployment."""

    def __init__(self, master_key: bytes, lookup_key: bytes) -> None:
        """Both keys are 32 bytes."""
        for name, key in (("master", master_key), ("lookup", lookup_key)):
            if len(key) != 32:
                raise ValueError(f"the {name} key has {len(key)} bytes, 32 are needed")
        self._master = master_key
        self._lookup = lookup_key
        self.master_key_id = hashlib.sha256(b"semar master key id" + master_key).hexdigest()[:16]

    @classmethod
    def from_files(cls, master: Path, lookup: Path) -> Vault:
        """Read both keys (hex) from files.

        Raises:
            FileNotFoundError, ValueError: a key file is missing or does not hold 64 hex digits.
        """
        return cls(*(bytes.fromhex(path.read_text().strip()) for path in (master, lookup)))

    def new_key(self, key_id: UUID) -> tuple[DataKey, bytes]:
        """Make a person's key; return it with its wrapped form."""
        key = secrets.token_bytes(32)
        return DataKey(key_id, key), _seal(self._master, key, b"person_key" + key_id.bytes)

    def unwrap(self, key_id: UUID, wrapped: bytes) -> DataKey:
        """Return the person's key.

        Raises:
            SealBroken: it was wrapped by another master key.
        """
        return DataKey(key_id, _unseal(self._master, wrapped, b"person_key" + key_id.bytes))

    def rewrap(self, key_id: UUID, wrapped: bytes, old: Vault) -> bytes:
        """Return the key wrapped by this vault's master key instead of `old`'s."""
        return _seal(self._master, old.unwrap(key_id, wrapped).key, b"person_key" + key_id.bytes)

    def lookup_hash(self, kind: str, value: str) -> bytes:
        """Return the keyed hash by which `value` can be found again; `kind` keeps namespaces apart."""
        return hmac.new(self._lookup, f"{kind}\0{value}".encode(), hashlib.sha256).digest()
