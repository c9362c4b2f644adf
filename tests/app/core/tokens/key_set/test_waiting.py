"""Callers with a known key never wait for a fetch, others for a bounded time."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from app.core.errors import ProviderUnavailable
from app.core.failure_reasons import ProviderReason
from app.core.tokens.key_set import KeySet
from tests.app.core.tokens.key_set.gate import Gate, count_of_waiting, fetching, same, unavailable, unknown
from tests.clock import FakeClock
from tests.issuer import Issuer
from tests.waiting import wait_until


def test_a_slow_fetch_delays_no_call_with_a_known_key(gate: Gate, keys: KeySet, clock: FakeClock) -> None:
    keys.key("key-0", "RS256")
    clock.move(seconds=601)  # stale, so that known keys ask for a refresh too
    gate.open.clear()
    gate.entered.clear()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(unknown, keys)
        assert gate.entered.wait(5)
        for _ in range(100):  # none waits for the gate, which is closed
            keys.key("key-0", "RS256")
        assert not waiting.done()
        gate.open.set()
        waiting.result()


def test_an_unknown_key_waits_so_long_and_no_longer(issuer: Issuer, gate: Gate, clock: FakeClock) -> None:
    keys = KeySet(gate, clock=clock.monotonic, wait_seconds=0.05)
    gate.open.clear()
    for _ in range(2):
        assert unavailable(keys, "key-0").reason is ProviderReason.TIMEOUT
    assert issuer.jwks_fetches == 1
    (thread,) = [thread for thread in threading.enumerate() if thread.name == "gatehouse-keys"]
    assert thread.daemon, "a process that ends does not wait for the provider"
    gate.open.set()
    wait_until(lambda: keys.generation == 1)
    assert same(keys.key("key-0", "RS256"), issuer.keys[0])


def test_a_fetch_that_never_ends_is_given_up(issuer: Issuer, gate: Gate, clock: FakeClock) -> None:
    keys = KeySet(gate, clock=clock.monotonic, wait_seconds=0.25)
    gate.open.clear()
    unavailable(keys, "key-0")
    old = issuer.keys[0]
    issuer.rotate(keep_old=False)
    clock.move(seconds=60)
    first_gate, gate.open = gate.open, threading.Event()
    gate.open.set()
    assert same(keys.key("key-1", "RS256"), issuer.keys[0])
    first_gate.set()  # the old response arrives at last and is ignored
    wait_until(lambda: not fetching())
    unavailable(keys, str(old.kid))
    assert keys.generation == 1


def test_a_token_of_the_provider_joins_a_fetch_that_brings_its_key(
    issuer: Issuer, gate: Gate, keys: KeySet, clock: FakeClock
) -> None:
    keys.key("key-0", "RS256")
    clock.move(seconds=6)
    new = issuer.rotate()
    gate.open.clear()
    gate.entered.clear()
    waiting = count_of_waiting(keys)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(keys.key, "key-1", "RS256")
        assert gate.entered.wait(5)
        second = pool.submit(keys.key, "key-1", "RS256", from_provider=True)
        wait_until(lambda: len(waiting) == 2)
        gate.open.set()
        assert same(first.result(), new)
        assert same(second.result(), new)
    assert issuer.jwks_fetches == 2


def test_a_token_of_the_provider_waits_no_longer_for_the_fetch_of_another(
    issuer: Issuer, gate: Gate, clock: FakeClock
) -> None:
    keys = KeySet(gate, clock=clock.monotonic, wait_seconds=0.05)
    keys.key("key-0", "RS256")
    clock.move(seconds=6)
    gate.open.clear()
    assert unavailable(keys, "made-up").reason is ProviderReason.TIMEOUT
    with pytest.raises(ProviderUnavailable) as caught:
        keys.key("key-1", "RS256", from_provider=True)
    assert caught.value.reason is ProviderReason.TIMEOUT
    gate.open.set()
    wait_until(lambda: not fetching())
    assert issuer.jwks_fetches == 2


@pytest.mark.parametrize("kept", [0, 1])
def test_absent_key_ids_are_remembered_up_to_a_limit(
    issuer: Issuer, keys: KeySet, clock: FakeClock, monkeypatch: pytest.MonkeyPatch, kept: int
) -> None:
    monkeypatch.setattr("app.core.tokens.key_set.MAX_ABSENT", kept)
    keys.key("key-0", "RS256")
    clock.move(seconds=6)
    unknown(keys)
    (unknown if kept else unavailable)(keys)
    assert issuer.jwks_fetches == 2
