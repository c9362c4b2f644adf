"""Sealing and MACs: bound to purpose, context and installation; secrets rotate without losing anything."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from app.core.keyring import Keyring, SealBroken

OLD = "an-old-secret-that-is-long-enough-for-anyone"
NEW = "a-new-secret-that-is-long-enough-for-anyone!"


@given(some.binary(max_size=200), some.text(max_size=20))
def test_sealed_data_opens_only_with_the_same_purpose_and_context(plain: bytes, context: str) -> None:
    keyring = Keyring([NEW])
    sealed = keyring.seal("tokens", plain, context)
    assert keyring.open("tokens", sealed, context) == plain
    assert plain not in sealed or len(plain) < 4
    for purpose, other in (("login", context), ("tokens", context + "x")):
        with pytest.raises(SealBroken):
            keyring.open(purpose, sealed, other)


def test_every_altered_byte_is_noticed() -> None:
    keyring = Keyring([NEW])
    sealed = keyring.seal("tokens", b"plain", "ref")
    for position in range(len(sealed)):
        altered = bytearray(sealed)
        altered[position] ^= 1
        with pytest.raises(SealBroken):
            keyring.open("tokens", bytes(altered), "ref")
    for length in range(len(sealed)):
        with pytest.raises(SealBroken):
            keyring.open("tokens", sealed[:length], "ref")


def test_a_secret_is_rotated_by_putting_the_new_one_in_front() -> None:
    old, both, new = Keyring([OLD]), Keyring([NEW, OLD]), Keyring([NEW])
    sealed, mac = old.seal("tokens", b"plain", "ref"), old.mac("audit", b"event")
    assert both.open("tokens", sealed, "ref") == b"plain"
    assert both.mac_matches("audit", b"event", mac)
    assert new.open("tokens", both.seal("tokens", b"plain", "ref"), "ref") == b"plain"
    assert new.mac_matches("audit", b"event", both.mac("audit", b"event"))
    with pytest.raises(SealBroken):
        new.open("tokens", sealed, "ref")
    assert not new.mac_matches("audit", b"event", mac)


def test_purposes_have_keys_of_their_own() -> None:
    keyring = Keyring([NEW])
    assert keyring.mac("audit", b"x") != keyring.mac("login", b"x")
    assert not keyring.mac_matches("audit", b"x", keyring.mac("login", b"x"))


def test_the_same_text_is_never_sealed_the_same_way_twice() -> None:
    keyring = Keyring([NEW])
    assert keyring.seal("tokens", b"plain", "ref") != keyring.seal("tokens", b"plain", "ref")


def test_a_keyring_shows_no_secret_and_needs_one() -> None:
    assert NEW not in repr(Keyring([NEW]))
    with pytest.raises(ValueError, match="at least one"):
        Keyring([])
