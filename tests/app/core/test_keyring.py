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


def test_what_a_version_wrote_every_later_one_reads() -> None:
    """The derivation (RFC 5869, computed by hand with ``hmac``) and the shape of stored data never change."""
    keyring = Keyring([OLD])
    assert keyring.key_ids == ("f2d300272c2b84c2",)
    mac = "ab8b7b1012d971814145696ea8eee13ecc948483e4a1eaaf17370a1c0c79063a"
    assert keyring.mac("audit", b"event").hex() == mac
    sealed = "24fc3d0a4024e937a302a2bee26a84ddf3647d899a94f82fc962c8aa7bb596b00601df67e6"
    assert keyring.open("tokens", bytes.fromhex(sealed), "ref") == b"plain"
    assert len(keyring.seal("tokens", b"plain", "ref")) == len(bytes.fromhex(sealed)) == 4 + 12 + 5 + 16


def test_the_write_key_changes_and_the_others_stay() -> None:
    both, old, new = Keyring([NEW, OLD]), Keyring([OLD]), Keyring([NEW])
    assert both.key_ids == new.key_ids + old.key_ids
    assert both.write_key == new.key_ids[0]
    both.write_with(old.key_ids[0])
    assert both.write_key == old.key_ids[0]
    assert both.mac("audit", b"event") == old.mac("audit", b"event")
    assert old.open("tokens", both.seal("tokens", b"plain", "ref"), "ref") == b"plain"
    assert both.mac("audit", b"event", key_id=new.key_ids[0]) == new.mac("audit", b"event")
    for keyring, missing in ((old, new.key_ids[0]), (both, "")):
        with pytest.raises(ValueError, match="not in tuple"):
            keyring.write_with(missing)
    with pytest.raises(ValueError, match="not in tuple"):
        old.mac("audit", b"event", key_id=new.key_ids[0])


def test_a_mac_names_its_key() -> None:
    both, old, new = Keyring([NEW, OLD]), Keyring([OLD]), Keyring([NEW])
    assert both.key_of_mac("audit", b"event", old.mac("audit", b"event")) == old.key_ids[0]
    assert both.key_of_mac("audit", b"event", new.mac("audit", b"event")) == new.key_ids[0]
    assert old.key_of_mac("audit", b"event", new.mac("audit", b"event")) is None
    assert both.has_key(old.key_ids[0])
    assert not old.has_key(new.key_ids[0])


def test_a_seal_of_other_keys_or_without_content_is_refused() -> None:
    keyring = Keyring([NEW])
    with pytest.raises(SealBroken) as caught:
        keyring.open("tokens", Keyring([OLD]).seal("tokens", b"plain", "ref"), "ref")
    assert caught.value.__cause__ is None
    assert keyring.open("tokens", keyring.seal("tokens", b"", ""), "") == b""


def test_the_representation_has_the_number_of_secrets_only() -> None:
    assert repr(Keyring([NEW, OLD])) == "Keyring(2 secrets)"
