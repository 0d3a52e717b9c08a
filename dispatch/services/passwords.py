"""Passwords: made, judged, hashed with argon2id and checked, outside the event loop."""

from __future__ import annotations

import asyncio
import secrets
from concurrent.futures import ThreadPoolExecutor
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from dispatch.domain.errors import FieldProblem, InvalidInput

MIN_LENGTH = 10
MAX_LENGTH = 200
# without letters and digits that look alike: these passwords are read from a screen and typed on a phone
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
_GROUPS, _GROUP_LENGTH = 3, 4  # 12 of 31 signs: 59 bits

_hasher = PasswordHasher()
# each hash fills 64 MiB for about 140 ms: more at once would starve a small machine. The threads are its own,
# so that a flood of guesses waits here and not in front of the road searches, which share the usual ones.
_threads = ThreadPoolExecutor(2, thread_name_prefix="password")


async def hash_password(password: str) -> str:
    """Return the argon2id hash of a password, with its parameters and salt."""
    return await asyncio.get_running_loop().run_in_executor(_threads, _hash, password)


async def check_password(password: str, stored: str | None) -> bool:
    """Return whether `password` is the one that was hashed; without a hash the answer takes as long."""
    return await asyncio.get_running_loop().run_in_executor(_threads, _check, password, stored)


def generate_password() -> str:
    """Return a new random password such as `kx7m-p2hd-w9qa`."""
    return "-".join("".join(secrets.choice(_ALPHABET) for _ in range(_GROUP_LENGTH)) for _ in range(_GROUPS))


def refuse_weak_password(password: str, field: str = "password") -> None:
    """Refuse a password that is too short or too long to be one.

    Raises:
        InvalidInput: fewer than 10 or more than 200 characters, or one character only.
    """
    if MIN_LENGTH <= len(password) <= MAX_LENGTH and len(set(password)) > 1:
        return
    raise InvalidInput(
        FieldProblem(
            field,
            f"kata sandi harus {MIN_LENGTH} sampai {MAX_LENGTH} karakter dan tidak satu karakter berulang",
            f"the password must have {MIN_LENGTH} to {MAX_LENGTH} characters, not one character repeated",
        )
    )


def _hash(password: str) -> str:
    return _hasher.hash(_bytes(password))


def _check(password: str, stored: str | None) -> bool:
    try:
        right = _hasher.verify(stored or _hash_of_nothing(), _bytes(password))
    except (VerificationError, InvalidHashError):
        return False
    return right and stored is not None


def _bytes(password: str) -> bytes:
    return password.encode("utf-8", "surrogatepass")  # half a character from a broken client is just wrong


@cache
def _hash_of_nothing() -> str:
    return _hasher.hash(secrets.token_hex(16))
