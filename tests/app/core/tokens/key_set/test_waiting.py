"""Callers with a known key never wait for a fetch, others for a bounded time."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from app.core.tokens.key_set import KeySet
from tests.app.core.tokens.key_set.gate import Gate, fetching, same, unavailable, unknown
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
    unavailable(keys, "key-0")
    unavailable(keys, "key-0")
    assert issuer.jwks_fetches == 1
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
