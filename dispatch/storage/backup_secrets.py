"""The keys of a deployment in a backup: sealed with a passphrase, or not there at all.

Whoever finds a backup with its keys beside it in the clear can read every sealed name and number in it.
The seal is AES-256-GCM under a key from scrypt (RFC 7914; N = 2^17, r = 8, p = 1: 128 MB for every try).
"""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from dispatch.storage.backup_inventory import BackupFault
from dispatch.storage.vault import master_key_id, read_keys

FILE = "secrets.sealed"
SHORTEST = 12
"""Characters a passphrase has at least."""
NEEDED = ("master.key", "lookup.key", "checkpoint.key")
"""Keys without which a restored system cannot be read, or its checkpoints not go on."""
TRUSTED = ("push.key", "tls/authority.key", "tls/authority.crt", "tls/names")
"""What phones have come to trust, as it lies below the folder of secrets; a deployment may have none of it.

Without the authority every phone has to enrol again, without the push key to subscribe again. The server's
own certificate is no part of it: the authority signs another one, for the machine that is there then.
"""
_CONTEXT = b"semar backup secrets 1"


def seal_secrets(path: Path, files: Mapping[str, bytes], passphrase: str) -> None:
    """Write the files, by name, sealed into `path`. Raises BackupFault for a passphrase that is too short."""
    if len(passphrase) < SHORTEST:
        raise BackupFault(
            f"Kata sandi cadangan kurang dari {SHORTEST} huruf; pakai yang lebih panjang",
            f"The backup's passphrase has fewer than {SHORTEST} characters; use a longer one",
        )
    salt, nonce = secrets.token_bytes(16), secrets.token_bytes(12)
    clear = msgspec.msgpack.encode(dict(files))
    sealed = salt + nonce + AESGCM(_key(passphrase, salt)).encrypt(nonce, clear, _CONTEXT)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(sealed)


def trusted_files(secrets_folder: Path, *, push_key: Path | None = None) -> dict[str, bytes]:
    """Return those of `TRUSTED` that are there, by name; `push_key` where that lies elsewhere."""
    places = {name: secrets_folder / name for name in TRUSTED}
    if push_key is not None:
        places["push.key"] = push_key
    return {name: path.read_bytes() for name, path in places.items() if path.is_file()}


def open_secrets(path: Path, passphrase: str) -> dict[str, bytes]:
    """Return the files, by name. Raises BackupFault: another passphrase, or a damaged file."""
    sealed = path.read_bytes()
    try:
        clear = AESGCM(_key(passphrase, sealed[:16])).decrypt(sealed[16:28], sealed[28:], _CONTEXT)
    except InvalidTag as refusal:
        raise BackupFault(
            f"Kata sandi tidak cocok untuk {path}", f"The passphrase does not open {path}"
        ) from refusal
    return msgspec.msgpack.decode(clear, type=dict[str, bytes])


def joined_keys(first: Mapping[str, bytes], second: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return both sets of files as one: the first's where both have one, and all master keys.

    Around a change of the master key neither set alone opens every moment.
    """
    joined = {**second, **first}
    if "master.key" in joined:
        lines = [line for files in (first, second) for line in files.get("master.key", b"").split()]
        joined["master.key"] = b"".join(line + b"\n" for line in dict.fromkeys(lines))
    return joined


def master_names(files: Mapping[str, bytes]) -> set[str]:
    """Return the names of the master keys among the files. Raises KeyError, ValueError: none, or damaged."""
    return {master_key_id(bytes.fromhex(line)) for line in files["master.key"].decode().split()}


def key_names(master: Path, lookup: Path) -> tuple[tuple[str, ...], str]:
    """Return the names of the master keys, the one in use first, and of the look-up key."""
    key = bytes.fromhex(lookup.read_text().strip())
    return tuple(master_key_id(k) for k in read_keys(master)), lookup_key_id(key)


def lookup_key_id(key: bytes) -> str:
    """Return the name of a look-up key, which tells nothing of the key."""
    return hashlib.sha256(b"semar lookup key id" + key).hexdigest()[:16]


def _key(passphrase: str, salt: bytes) -> bytes:
    return Scrypt(salt=salt, length=32, n=2**17, r=8, p=1).derive(passphrase.encode())
