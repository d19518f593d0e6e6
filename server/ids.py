"""Names that cannot be guessed."""

from __future__ import annotations

import hashlib
import re
import secrets

_ADDRESS = re.compile(r"[A-Za-z0-9_-]{21}[AQgw]")


def new_id() -> str:
    """128 random bits, 22 characters base64url."""
    return secrets.token_urlsafe(16)


def well_formed(value: str) -> bool:
    """Whether ``value`` can be one of ours (16 bytes leave four possible last characters)."""
    return _ADDRESS.fullmatch(value) is not None


def digest(value: str) -> str:
    """SHA-256, hex: what the store keeps of a secret that is random enough not to need a slow hash."""
    return hashlib.sha256(value.encode()).hexdigest()
