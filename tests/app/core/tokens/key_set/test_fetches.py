"""Few fetches of the key set, also in floods of made-up key ids."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from app.core.errors import ProviderUnavailable, TokenInvalid
from app.core.failure_reasons import ProviderReason, TokenReason
from app.core.tokens.key_set import KeySet, _Cause
from tests.app.core.tokens.key_set.gate import Gate, count_of_waiting, same, unavailable, unknown
from tests.clock import FakeClock
from tests.issuer import Issuer
from tests.waiting import wait_until


def test_one_fetch_for_any_number_of_known_keys(issuer: Issuer, keys: KeySet, clock: FakeClock) -> None:
    assert keys.generation == 0
    for _ in range(50):
        assert same(keys.key("key-0", "RS256"), issuer.keys[0])
        clock.move(seconds=10)
    assert issuer.jwks_fetches == 1
    assert keys.generation == 1


def test_a_crowd_at_the_start_causes_one_fetch(issuer: Issuer, gate: Gate, keys: KeySet) -> None:
    gate.open.clear()
    waiting = count_of_waiting(keys)
    with ThreadPoolExecutor(8) as pool:
        calls = [pool.submit(keys.key, "key-0", "RS256") for _ in range(8)]
        wait_until(lambda: len(waiting) == 8)
        gate.open.set()
        assert all(same(each.result(), issuer.keys[0]) for each in calls)
    assert issuer.jwks_fetches == 1


def test_a_crowd_of_unknown_keys_causes_one_fetch(issuer: Issuer, gate: Gate, keys: KeySet, clock: FakeClock) -> None:
    keys.key("key-0", "RS256")
    clock.move(seconds=6)
    gate.open.clear()
    gate.entered.clear()
    waiting = count_of_waiting(keys)
    with ThreadPoolExecutor(8) as pool:
        calls = [pool.submit(unknown, keys, f"unknown-{number}") for number in range(8)]
        wait_until(lambda: len(waiting) == 8)
        gate.open.set()
        for each in calls:
            each.result()
    assert issuer.jwks_fetches == 2


def test_the_cooldown_counts_from_the_end_of_a_fetch(issuer: Issuer, keys: KeySet, clock: FakeClock) -> None:
    keys.key("key-0", "RS256")
    clock.move(seconds=4.9)
    unavailable(keys)
    assert issuer.jwks_fetches == 1
    clock.move(seconds=0.1)
    unknown(keys)
    assert issuer.jwks_fetches == 2


def test_a_flood_of_unknown_keys_causes_five_fetches_a_minute(issuer: Issuer, keys: KeySet, clock: FakeClock) -> None:
    keys.key("key-0", "RS256")
    answers = {TokenInvalid: 0, ProviderUnavailable: 0}
    for number in range(599):
        clock.move(seconds=0.1)
        with pytest.raises((TokenInvalid, ProviderUnavailable)) as caught:
            keys.key(f"unknown-{number}", "RS256")
        answers[caught.type] += 1
    assert issuer.jwks_fetches == 1 + 5
    assert answers == {TokenInvalid: 5, ProviderUnavailable: 594}, (
        "only the calls that fetched the keys report an invalid token"
    )
    keys.key("key-0", "RS256")
    clock.move(seconds=6)
    unknown(keys)
    assert issuer.jwks_fetches == 1 + 6


def flood(keys: KeySet, clock: FakeClock, *, seconds: float = 60) -> None:
    """Ten tokens a second with made-up key ids, which any client can send."""
    for number in range(int(seconds * 10)):
        clock.move(seconds=0.1)
        with pytest.raises((TokenInvalid, ProviderUnavailable)):
            keys.key(f"made-up-{number}", "RS256")


def test_a_flood_does_not_keep_the_providers_own_tokens_from_a_new_key(
    issuer: Issuer, keys: KeySet, clock: FakeClock
) -> None:
    keys.key("key-0", "RS256")
    flood(keys, clock)
    new = issuer.rotate(keep_old=False)
    assert same(keys.key("key-1", "RS256", from_provider=True), new)
    assert same(keys.key("key-1", "RS256"), new), "and so the key is known to every caller"


def test_during_a_flood_a_new_key_is_known_within_twelve_seconds(
    issuer: Issuer, keys: KeySet, clock: FakeClock
) -> None:
    keys.key("key-0", "RS256")
    flood(keys, clock, seconds=61)
    new = issuer.rotate()
    with pytest.raises(ProviderUnavailable) as caught:
        keys.key("key-1", "RS256")
    assert caught.value.reason is ProviderReason.KEYS_WAIT
    assert caught.value.retry_after_seconds is not None
    assert 1 <= caught.value.retry_after_seconds <= 12
    clock.move(seconds=caught.value.retry_after_seconds)
    assert same(keys.key("key-1", "RS256"), new)


def test_the_providers_own_tokens_have_a_cooldown_too(issuer: Issuer, keys: KeySet, clock: FakeClock) -> None:
    keys.key("key-0", "RS256")
    fetched = issuer.jwks_fetches
    for _ in range(100):
        with pytest.raises((TokenInvalid, ProviderUnavailable)):
            keys.key("not-published", "RS256", from_provider=True)
    assert issuer.jwks_fetches == fetched + 1
    new = issuer.rotate()
    with pytest.raises(ProviderUnavailable) as caught:
        keys.key("key-1", "RS256", from_provider=True)
    assert caught.value.retry_after_seconds == 5
    clock.move(seconds=5)
    assert same(keys.key("key-1", "RS256", from_provider=True), new)


def test_a_fetch_for_a_made_up_key_that_began_before_the_rotation_does_not_count_for_the_providers_token(
    issuer: Issuer, gate: Gate, keys: KeySet, clock: FakeClock
) -> None:
    keys.key("key-0", "RS256")
    clock.move(seconds=6)
    gate.open.clear()
    gate.entered.clear()
    waiting = count_of_waiting(keys)
    with ThreadPoolExecutor(2) as pool:
        made_up = pool.submit(unknown, keys, "made-up")
        assert gate.entered.wait(5)  # the old set is read
        new = issuer.rotate()
        call = pool.submit(keys.key, "key-1", "RS256", from_provider=True)
        wait_until(lambda: len(waiting) == 2)  # it has joined the fetch of the old set
        gate.open.set()
        assert same(call.result(), new)
        made_up.result()
    assert issuer.jwks_fetches == 3


def test_a_key_that_was_just_looked_for_is_invalid_and_not_unavailable(
    issuer: Issuer, keys: KeySet, clock: FakeClock
) -> None:
    keys.key("key-0", "RS256")
    clock.move(seconds=6)
    unknown(keys, "old")
    unknown(keys, "old")
    unavailable(keys, "another")
    assert issuer.jwks_fetches == 2


def test_a_key_is_asked_for_as_a_clients_unless_said_otherwise(issuer: Issuer, keys: KeySet, clock: FakeClock) -> None:
    keys.versioned_key("key-0", "RS256")
    clock.move(seconds=6)
    for kid, error in (("first", TokenInvalid), ("second", ProviderUnavailable)):
        with pytest.raises(error):
            keys.versioned_key(kid, "RS256")
        clock.move(seconds=6)
    assert issuer.jwks_fetches == 2


def test_a_named_key_beside_several_is_fetched_and_one_of_no_kind_too(
    issuer: Issuer, gate: Gate, clock: FakeClock
) -> None:
    keys = KeySet(gate, algorithms=("RS256", "ES256"), clock=clock.monotonic)
    issuer.rotate()
    keys.key("key-0", "RS256")
    clock.move(seconds=6)
    unknown(keys, "another")
    clock.move(seconds=12)
    with pytest.raises(TokenInvalid) as caught:
        keys.key(None, "ES256")
    assert caught.value.reason is TokenReason.KEY_UNKNOWN
    assert issuer.jwks_fetches == 3


def test_the_wait_is_in_whole_seconds_and_at_least_one(gate: Gate, keys: KeySet, clock: FakeClock) -> None:
    assert keys._wait_for(_Cause.PROVIDER) == 1
    gate.error = OSError("down")
    unavailable(keys, "key-0")
    for seconds, left in ((0, 5), (3.5, 2), (1, 1), (0.25, 1)):
        clock.move(seconds=seconds)
        assert unavailable(keys, "key-0").retry_after_seconds == left


def test_an_algorithm_we_do_not_take_causes_none(issuer: Issuer, keys: KeySet) -> None:
    for alg in ("HS256", "none", "ES256", "RS512"):
        with pytest.raises(TokenInvalid) as caught:
            keys.key("key-0", alg)
        assert caught.value.reason is TokenReason.ALGORITHM
    assert issuer.jwks_fetches == 0


@pytest.mark.parametrize("algorithms", [(), ("none",), ("RS256", "HS256")])
def test_no_other_algorithm_can_be_asked_for(issuer: Issuer, algorithms: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="algorithms"):
        issuer.key_set(algorithms=algorithms)
