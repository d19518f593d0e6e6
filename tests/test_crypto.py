"""The field cipher and the blind index."""

from __future__ import annotations

import base64
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.crypto import FieldCipher, Undecryptable
from tests.stores import INDEX_KEY, cipher

PLACE = "patient.name.row1"
OLD, NEW = b"o" * 32, b"n" * 32


@given(st.text())
def test_what_is_sealed_opens_again_at_its_place_only(text: str) -> None:
    sealed = cipher().encrypt(text, PLACE)
    assert cipher().decrypt(sealed, PLACE) == text
    for elsewhere in ("patient.name.row2", "patient.dob.row1", "visit.name.row1", ""):
        with pytest.raises(Undecryptable):
            cipher().decrypt(sealed, elsewhere)


def test_the_same_text_is_never_sealed_alike() -> None:
    assert len({cipher().encrypt("Ana", PLACE) for _ in range(50)}) == 50


def test_the_value_names_its_key_and_hides_the_text() -> None:
    sealed = cipher().encrypt("Ana Pereira", PLACE)
    assert sealed.startswith("k1.")
    assert b"Ana" not in base64.urlsafe_b64decode(sealed.partition(".")[2])


@given(st.integers(min_value=0), st.integers(min_value=1, max_value=255))
def test_any_changed_byte_is_noticed(at: int, flip: int) -> None:
    name, _, body = cipher().encrypt("Ana Pereira", PLACE).partition(".")
    raw = bytearray(base64.urlsafe_b64decode(body))
    raw[at % len(raw)] ^= flip
    with pytest.raises(Undecryptable):
        cipher().decrypt(f"{name}.{base64.urlsafe_b64encode(raw).decode()}", PLACE)


@given(st.text())
def test_nonsense_is_undecryptable_and_nothing_worse(value: str) -> None:
    for nonsense in (value, f"k1.{value}"):
        with pytest.raises(Undecryptable):
            cipher().decrypt(nonsense, PLACE)


def test_an_error_names_the_place_and_never_the_text() -> None:
    with pytest.raises(Undecryptable) as error:
        cipher().decrypt("k1.Ana", PLACE)
    assert str(error.value) == PLACE
    assert error.value.__cause__ is None


def test_after_a_change_of_keys_the_new_one_seals_and_both_open() -> None:
    before = FieldCipher({"old": OLD}, INDEX_KEY)
    after = FieldCipher({"new": NEW, "old": OLD}, INDEX_KEY)
    kept = before.encrypt("Ana", PLACE)
    assert after.decrypt(kept, PLACE) == "Ana"
    assert after.encrypt("Ana", PLACE).startswith("new.")
    with pytest.raises(Undecryptable):
        before.decrypt(after.encrypt("Ana", PLACE), PLACE)


def test_a_cipher_without_a_key_is_refused() -> None:
    with pytest.raises(ValueError, match="no data key"):
        FieldCipher({}, INDEX_KEY)


def test_keys_come_from_the_settings_in_their_order() -> None:
    text = ", ".join(f"{name}:{base64.b64encode(key).decode()}" for name, key in (("b", NEW), ("a", OLD)))
    made = FieldCipher.from_settings(text, base64.b64encode(INDEX_KEY).decode())
    assert made.encrypt("Ana", PLACE).startswith("b.")
    assert made.decrypt(FieldCipher({"a": OLD}, b"").encrypt("Ana", PLACE), PLACE) == "Ana"


@pytest.mark.parametrize("same", ["élise tremblay", "  Élise Tremblay ", "ÉLISE TREMBLAY"])
def test_the_blind_index_finds_a_name_however_it_is_typed(same: str) -> None:
    index = cipher().blind_index("Élise Tremblay", "patient.name")
    assert cipher().blind_index(same, "patient.name") == index
    assert cipher().blind_index(unicodedata.normalize("NFD", same), "patient.name") == index


def test_the_blind_index_differs_by_text_field_and_key() -> None:
    index = cipher().blind_index("Ana", "patient.name")
    assert cipher().blind_index("Anna", "patient.name") != index
    assert cipher().blind_index("Ana", "patient.dob") != index
    assert FieldCipher({"k1": OLD}, b"x" * 32).blind_index("Ana", "patient.name") != index
