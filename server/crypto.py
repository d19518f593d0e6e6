"""Encryption by field, and the blind index.

A value is ``key id . base64url(nonce . AES-256-GCM ciphertext)``; the associated data names table, column and row, so
a ciphertext that is copied to another place does not decrypt there. Exact search goes by an HMAC under a second key.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import unicodedata
from collections.abc import Mapping

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM


class Undecryptable(Exception):
    """Unknown key, changed text, or a value that was moved from another place."""


class FieldCipher:
    """``keys``: key id -> 32 bytes; the first one encrypts, all decrypt."""

    def __init__(self, keys: Mapping[str, bytes], index_key: bytes) -> None:
        if not keys:
            raise ValueError("no data key")
        self._ciphers = {name: AESGCM(key) for name, key in keys.items()}
        self._current = next(iter(keys))
        self._index_key = index_key

    @classmethod
    def from_settings(cls, data_keys: str, index_key: str) -> FieldCipher:
        keys = {}
        for part in data_keys.split(","):
            name, _, value = part.strip().partition(":")
            keys[name] = base64.b64decode(value)
        return cls(keys, base64.b64decode(index_key))

    def encrypt(self, text: str, place: str) -> str:
        nonce = os.urandom(12)
        sealed = self._ciphers[self._current].encrypt(nonce, text.encode(), place.encode())
        return f"{self._current}.{base64.urlsafe_b64encode(nonce + sealed).decode()}"

    def decrypt(self, value: str, place: str) -> str:
        name, _, body = value.partition(".")
        try:
            raw = base64.urlsafe_b64decode(body)
            return self._ciphers[name].decrypt(raw[:12], raw[12:], place.encode()).decode()
        except (KeyError, ValueError, InvalidTag):
            raise Undecryptable(place) from None

    def blind_index(self, text: str, field: str) -> str:
        """Equal for texts that are equal but for case, accents' form and outer space."""
        normal = unicodedata.normalize("NFKC", text).casefold().strip()
        return hmac.digest(self._index_key, f"{field}\0{normal}".encode(), hashlib.sha256).hex()
