"""Passwords are hashed slowly and checked as slowly for nobody."""

from __future__ import annotations

from server.people.passwords import hash_password, verify

KNOWN = hash_password("correct horse battery")


async def test_the_right_password_and_no_other() -> None:
    assert await verify("correct horse battery", KNOWN)
    for wrong in ("", "correct horse", "Correct horse battery", "correct horse battery ", KNOWN):
        assert not await verify(wrong, KNOWN)


async def test_nobody_has_no_password() -> None:
    assert not await verify("", None)
    assert not await verify("nobody's password", None), "not even the one that is hashed for them"


async def test_a_broken_hash_lets_nobody_in() -> None:
    for broken in ("", "-", "plain", KNOWN[:-10]):
        assert not await verify("plain", broken)


def test_the_hash_is_argon2id_and_salted() -> None:
    assert KNOWN.startswith("$argon2id$")
    assert hash_password("correct horse battery") != KNOWN


async def test_a_long_or_foreign_password_is_fine() -> None:
    for password in ("x" * 1024, "zufällig gewählt 🐎"):
        assert await verify(password, hash_password(password))
