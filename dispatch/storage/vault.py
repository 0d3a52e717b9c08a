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


def master_key_id(key: bytes) -> str:
    """Return the name of a master key, which tells nothing of the key."""
    return hashlib.sha256(b"semar master key id" + key).hexdigest()[:16]


def read_keys(path: Path) -> list[bytes]:
    """Return the keys of a file: one per line in hexadecimal, the one in use first.

    Raises:
        FileNotFoundError, ValueError: the file is missing, or a line does not hold 64 hex digits.
    """
    return [bytes.fromhex(line.strip()) for line in path.read_text().splitlines() if line.strip()]


class Vault:
    """Holds the master keys and the look-up key of a deployment.

    New keys of persons are wrapped by the first master key; those of older ones still open. A vault that was
    read from files follows its master file: a key put in front while the system runs is in use at once.
    """

    def __init__(self, master_key: bytes, lookup_key: bytes, *older: bytes) -> None:
        """All keys are 32 bytes; `older` master keys only open what they wrapped."""
        for name, key in (("lookup", lookup_key), *(("master", k) for k in (master_key, *older))):
            if len(key) != 32:
                raise ValueError(f"the {name} key has {len(key)} bytes, 32 are needed")
        self._masters = (master_key, *older)
        self._lookup = lookup_key
        self._file: Path | None = None
        self._seen: tuple[int, int] | None = None

    @classmethod
    def from_files(cls, master: Path, lookup: Path) -> Vault:
        """Read the master keys (hex, one per line, the one in use first) and the look-up key from files.

        Raises:
            FileNotFoundError, ValueError: a key file is missing or does not hold 64 hex digits.
        """
        seen = _stamp(master)
        first, *older = read_keys(master)
        vault = cls(first, bytes.fromhex(lookup.read_text().strip()), *older)
        vault._file, vault._seen = master, seen
        return vault

    @property
    def master_key_id(self) -> str:
        """The name of the master key in use."""
        self._follow()
        return master_key_id(self._masters[0])

    def new_key(self, key_id: UUID) -> tuple[DataKey, bytes, str]:
        """Make a person's key; return it with its wrapped form, and the name of the master key around it."""
        self._follow()
        master, key = self._masters[0], secrets.token_bytes(32)
        return DataKey(key_id, key), _seal(master, key, b"person_key" + key_id.bytes), master_key_id(master)

    def unwrap(self, key_id: UUID, wrapped: bytes) -> DataKey:
        """Return the person's key.

        Raises:
            SealBroken: it was wrapped by a master key that is not here.
        """
        try:
            return self._unwrapped(key_id, wrapped)
        except SealBroken:
            if not self._follow():
                raise
            return self._unwrapped(key_id, wrapped)

    def rewrap(self, key_id: UUID, wrapped: bytes) -> bytes:
        """Return the key wrapped by the master key in use, whichever of the others it was wrapped by."""
        return _seal(self._masters[0], self.unwrap(key_id, wrapped).key, b"person_key" + key_id.bytes)

    def _unwrapped(self, key_id: UUID, wrapped: bytes) -> DataKey:
        for number, master in enumerate(self._masters, start=1):
            try:
                return DataKey(key_id, _unseal(master, wrapped, b"person_key" + key_id.bytes))
            except SealBroken:
                if number == len(self._masters):
                    raise
        raise AssertionError("a vault has a master key")

    def _follow(self) -> bool:
        """Read the master keys again when their file has changed; return whether it had."""
        if self._file is None:
            return False
        try:
            stamp = _stamp(self._file)
            if stamp == self._seen:
                return False
            keys = read_keys(self._file)
        except (OSError, ValueError):
            return False  # being replaced, or damaged: what is in memory still holds
        if not keys or any(len(key) != 32 for key in keys):
            return False
        self._masters, self._seen = tuple(keys), stamp
        return True

    def lookup_hash(self, kind: str, value: str) -> bytes:
        """Return the keyed hash by which `value` can be found again; `kind` keeps namespaces apart."""
        return hmac.new(self._lookup, f"{kind}\0{value}".encode(), hashlib.sha256).digest()


def _stamp(path: Path) -> tuple[int, int]:
    info = path.stat()
    return info.st_mtime_ns, info.st_ino
