"""Rotation: new keys, withdrawn keys, and key sets without a usable key."""

from __future__ import annotations

from typing import Any

import pytest

from app.core.errors import ProviderUnavailable
from app.core.failure_reasons import ProviderReason
from app.core.tokens.key_set import KeySet
from tests.app.core.tokens.key_set.gate import same, unavailable, unknown
from tests.clock import FakeClock
from tests.issuer import Issuer, SigningKey
from tests.waiting import wait_until


def test_a_new_key_works_on_its_first_request(issuer: Issuer, keys: KeySet, clock: FakeClock) -> None:
    keys.key("key-0", "RS256")
    clock.move(seconds=6)
    new = issuer.rotate()
    assert same(keys.key("key-1", "RS256"), new)
    assert same(keys.key("key-0", "RS256"), issuer.keys[1])
    assert (issuer.jwks_fetches, keys.generation) == (2, 2)


def test_a_withdrawn_key_dies_at_the_refresh(issuer: Issuer, keys: KeySet, clock: FakeClock) -> None:
    keys.key("key-0", "RS256")
    issuer.rotate(keep_old=False)
    clock.move(seconds=599)
    keys.key("key-0", "RS256")
    assert issuer.jwks_fetches == 1
    clock.move(seconds=1)
    keys.key("key-0", "RS256")  # served once more, while the refresh begins behind it
    wait_until(lambda: keys.generation == 2)
    unknown(keys, "key-0")
    assert issuer.jwks_fetches == 2


UNUSABLE: list[Any] = [[], [{}], [SigningKey("key-9", bits=1024).jwk()], [SigningKey("key-9", "ES256").jwk()], ["x"]]


@pytest.mark.parametrize("published", UNUSABLE)
def test_a_set_without_a_usable_key_is_a_fetch_that_failed(
    issuer: Issuer, keys: KeySet, clock: FakeClock, published: list[Any]
) -> None:
    """A provider that restarts may serve it once; that must not sign all users out."""
    keys.key("key-0", "RS256")
    issuer.published = published
    clock.move(seconds=600)
    keys.key("key-0", "RS256")
    wait_until(lambda: issuer.jwks_fetches == 2 and keys._current_fetch is None)
    assert same(keys.key("key-0", "RS256"), issuer.keys[0])
    assert keys.generation == 1
    with pytest.raises(ProviderUnavailable) as caught:
        keys.key("key-1", "RS256", from_provider=True)
    assert caught.value.reason is ProviderReason.NO_KEYS
    issuer.published = None
    clock.move(seconds=6)
    new = issuer.rotate()
    assert same(keys.key("key-1", "RS256", from_provider=True), new)


def test_a_first_set_without_a_usable_key_is_no_word_about_a_token(issuer: Issuer, keys: KeySet) -> None:
    issuer.published = []
    unavailable(keys, "key-0")
    assert keys.generation == 0


def test_a_key_replaced_under_its_name_is_another_key(issuer: Issuer, keys: KeySet, clock: FakeClock) -> None:
    keys.key("key-0", "RS256")
    issuer.keys = [SigningKey("key-0", number=3)]
    clock.move(seconds=600)
    keys.key("key-0", "RS256")
    wait_until(lambda: keys.generation == 2)
    assert same(keys.key("key-0", "RS256"), issuer.keys[0])


def test_the_generation_stays_when_nothing_changed(issuer: Issuer, keys: KeySet, clock: FakeClock) -> None:
    for fetches in range(1, 4):
        keys.key("key-0", "RS256")
        wait_until(lambda fetches=fetches: issuer.jwks_fetches == fetches)  # type: ignore[misc] # bound for the loop
        wait_until(lambda: keys._current_fetch is None)
        issuer.published = [issuer.keys[0].jwk(x5t="new", extra=fetches)]
        clock.move(seconds=600)
    assert keys.generation == 1
