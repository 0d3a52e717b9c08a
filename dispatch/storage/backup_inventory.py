"""The inventory of a base backup: every file with its size and SHA-256, signed with the checkpoint key."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

FILE = "inventory.json"
DATA = "data"
"""Folder of the copied cluster within a base backup."""
PIECE = 1 << 20
_CONTEXT = b"semar backup 1\n"

Told = Callable[[int, int], None]
"""Told bytes done and bytes in all, now and then."""


class BackupFault(Exception):
    """A backup cannot be made, trusted or used; which file, and what to do, in both languages."""

    def __init__(self, message_id: str, message_en: str) -> None:
        super().__init__(message_en)
        self.message_id = message_id
        self.message_en = message_en


class Kept(msgspec.Struct, frozen=True):
    """One file: its path within the backup, bytes, SHA-256 in hexadecimal."""

    path: str
    size: int
    sha256: str


class Contents(msgspec.Struct, frozen=True):
    """What a base backup holds.

    cluster: PostgreSQL's system identifier; version: its major version. timeline and start: where its log
    begins (`0/2000028`). began_at, ended_at: ISO 8601 in UTC; it can be restored to any moment after ended_at
    that the kept log reaches. master_keys, lookup_key: names of the keys that open personal data, which tell
    nothing of them. secrets: whether the sealed keys lie in the backup. program: version of SEMAR.
    """

    cluster: str
    version: int
    timeline: int
    start: str
    began_at: str
    ended_at: str
    master_keys: tuple[str, ...]
    lookup_key: str
    secrets: bool
    program: str
    files: tuple[Kept, ...]


class Signed(msgspec.Struct, frozen=True):
    """Contents with the signature over them and the public key that checks it, both in hexadecimal."""

    contents: Contents
    signature: str
    public: str


def write_inventory(folder: Path, contents: Contents, seed: bytes) -> None:
    """Sign the contents with the key `seed` (32 bytes) and write them; on the disk on return."""
    key = Ed25519PrivateKey.from_private_bytes(seed)
    public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    signed = Signed(contents, key.sign(_signed_bytes(contents)).hex(), public.hex())
    path = folder / FILE
    with path.open("wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(signed), indent=1))
        file.flush()
        os.fsync(file.fileno())


def read_inventory(folder: Path, public: bytes | None = None) -> Contents:
    """Return what a base backup holds, its signature checked: with `public`, if given, else with its own key.

    Its own key shows damage; a key from elsewhere shows forgery, too. Raises BackupFault.
    """
    path = folder / FILE
    try:
        signed = msgspec.json.decode(path.read_bytes(), type=Signed)
        key = public if public is not None else bytes.fromhex(signed.public)
        Ed25519PublicKey.from_public_bytes(key).verify(
            bytes.fromhex(signed.signature), _signed_bytes(signed.contents)
        )
    except FileNotFoundError:
        raise BackupFault(f"{folder} bukan cadangan yang utuh", f"{folder} is not a whole backup") from None
    except (msgspec.DecodeError, ValueError, InvalidSignature) as damage:
        raise BackupFault(
            f"{path} rusak atau diubah; pakai cadangan lain (--base)",
            f"{path} is damaged or was changed; use another backup (--base)",
        ) from damage
    return signed.contents


def inventory_of(folder: Path, told: Told = lambda done, total: None) -> tuple[Kept, ...]:
    """Read every file under `folder` and return them in order of their paths."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != FILE)
    total, done = sum(path.stat().st_size for path in paths), 0
    kept = []
    for path in paths:
        digest = hash_of(path)
        size = path.stat().st_size
        kept.append(Kept(str(path.relative_to(folder)), size, digest))
        done += size
        told(done, total)
    return tuple(kept)


def copied_checked(source: Path, target: Path, kept: Iterable[Kept], told: Told) -> None:
    """Copy files from a backup, each one's checksum taken on the way; stops at the first damaged one.

    Raises BackupFault naming it; OSError.
    """
    files = list(kept)
    total, done = sum(one.size for one in files), 0
    for one in files:
        place = target / one.path
        place.parent.mkdir(parents=True, exist_ok=True)
        digest = hashlib.sha256()
        try:
            with (source / one.path).open("rb") as reading, place.open("wb") as writing:
                for piece in iter(lambda: reading.read(PIECE), b""):
                    digest.update(piece)
                    writing.write(piece)
        except FileNotFoundError:
            raise _damaged(source / one.path, "hilang", "is missing") from None
        if digest.hexdigest() != one.sha256:
            raise _damaged(source / one.path, "rusak", "is damaged")
        done += one.size
        told(done, total)


def check_files(folder: Path, kept: Iterable[Kept], told: Told) -> None:
    """Read every file of a backup and compare; raises BackupFault naming the first damaged one."""
    files = list(kept)
    total, done = sum(one.size for one in files), 0
    for one in files:
        path = folder / one.path
        if not path.is_file():
            raise _damaged(path, "hilang", "is missing")
        if hash_of(path) != one.sha256:
            raise _damaged(path, "rusak", "is damaged")
        done += one.size
        told(done, total)


def hash_of(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sync_tree(folder: Path) -> None:
    """See every file and folder under `folder` to the disk."""
    for path in _all(folder):
        sync(path)


def sync(path: Path) -> None:
    """See one file, or the names in one folder, to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _all(folder: Path) -> Iterator[Path]:
    yield from folder.rglob("*")
    yield folder


def _damaged(path: Path, how_id: str, how_en: str) -> BackupFault:
    return BackupFault(
        f"{path} {how_id}: cadangan ini tidak dapat dipakai; pakai yang lain (--base)",
        f"{path} {how_en}: this backup cannot be used; use another one (--base)",
    )


def _signed_bytes(contents: Contents) -> bytes:
    return _CONTEXT + msgspec.json.encode(contents, order="sorted")
