"""Passwords: argon2id with the library's current parameters (RFC 9106), off the event loop."""

from __future__ import annotations

import asyncio

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

_hasher = PasswordHasher()
#: checked when there is no such account, so that both answers take as long (ASVS 6.3.8)
_NOBODY = _hasher.hash("nobody's password")

MIN_LENGTH = 12


def hash_password(password: str) -> str:
    return _hasher.hash(password)


async def verify(password: str, known_hash: str | None) -> bool:
    """Whether the password is right. Takes about 50 ms of CPU in a thread, with an account or without."""
    right = await asyncio.to_thread(_verify, password, known_hash or _NOBODY)
    return right and known_hash is not None


def _verify(password: str, known_hash: str) -> bool:
    try:
        return _hasher.verify(known_hash, password)
    except (VerificationError, InvalidHashError):
        return False
