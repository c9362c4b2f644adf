"""Outages of the provider: cached keys stay in use."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
import structlog

from app.core.errors import ProviderUnavailable
from app.core.failure_reasons import ProviderReason
from app.core.tokens.key_set import KeySet
from tests.app.core.tokens.key_set.gate import Gate, same, unavailable
from tests.clock import FakeClock
from tests.issuer import Fault, Issuer, SigningKey
from tests.waiting import wait_until

GARBAGE: list[Any] = [None, [], "text", {}, {"keys": None}, {"keys": {}}, {"keys": "text"}]


@pytest.mark.parametrize("answer", GARBAGE)
def test_garbage_leaves_cached_keys_alone(issuer: Issuer, gate: Gate, clock: FakeClock, answer: Any) -> None:
    keys = KeySet(lambda: answer if spoiled else issuer.jwks(), clock=clock.monotonic)
    spoiled = False
    keys.key("key-0", "RS256")
    spoiled = True
    clock.move(seconds=600)
    for _ in range(5):
        assert same(keys.key("key-0", "RS256"), issuer.keys[0])
    wait_until(lambda: keys._current_fetch is None)
    unavailable(keys)
    assert keys.generation == 1


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ProviderUnavailable(), ProviderReason.UNEXPECTED),
        (ProviderUnavailable(reason=ProviderReason.DNS), ProviderReason.DNS),
        (OSError("down"), ProviderReason.BROKEN_OFF),
        (RecursionError(), ProviderReason.NOT_JSON),
        (ValueError(), ProviderReason.NOT_JSON),
        (KeyError(), ProviderReason.UNEXPECTED),
    ],
)
def test_an_outage_and_the_way_back(
    issuer: Issuer, gate: Gate, keys: KeySet, clock: FakeClock, error: Exception, reason: ProviderReason
) -> None:
    with structlog.testing.capture_logs() as lines:
        gate.error = error
        for _ in range(2):
            failure = unavailable(keys, "key-0")
            assert (failure.reason, failure.retry_after_seconds) == (reason, 5)
        assert issuer.jwks_fetches == 1  # the failure is remembered
        clock.move(seconds=3.5)
        assert unavailable(keys, "key-0").retry_after_seconds == 2
        gate.error = None
        clock.move(seconds=1.5)
        assert same(keys.key("key-0", "RS256"), issuer.keys[0])
        gate.error = error
        clock.move(seconds=6)
        failure = unavailable(keys, "key-1")
        assert (failure.reason, failure.retry_after_seconds) == (reason, 12)
        assert same(keys.key("key-0", "RS256"), issuer.keys[0])
        gate.error = None
        clock.move(seconds=12)
        issuer.rotate()
        assert same(keys.key("key-1", "RS256"), issuer.keys[0])
    event = "the provider's key set could not be read; cached keys stay in use"
    assert lines == [{"event": event, "reason": reason, "log_level": "warning"}] * 2


def test_a_failing_refresh_is_tried_again_after_the_cooldown_only(
    issuer: Issuer, gate: Gate, keys: KeySet, clock: FakeClock
) -> None:
    keys.key("key-0", "RS256")
    gate.error = OSError("down")
    clock.move(seconds=600)
    for _ in range(20):
        keys.key("key-0", "RS256")
    wait_until(lambda: keys._current_fetch is None)
    keys.key("key-0", "RS256")
    assert issuer.jwks_fetches == 2
    clock.move(seconds=5)
    keys.key("key-0", "RS256")
    wait_until(lambda: issuer.jwks_fetches == 3)


def test_no_thread_to_be_had(keys: KeySet, clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        assert unavailable(keys, "key-0").reason is ProviderReason.UNEXPECTED
    clock.move(seconds=6)
    keys.key("key-0", "RS256")


def test_over_http_down_slow_and_back() -> None:
    with Issuer() as issuer:
        discovery = issuer.discovery(timeout_seconds=0.25, cooldown_seconds=0)
        keys = KeySet(discovery.fetch_jwks, cooldown_seconds=0, unknown_fetch_seconds=0, wait_seconds=0.1)
        keys.key("key-0", "RS256")
        for number, fault in enumerate((Fault.DOWN, Fault.SLOW, Fault.GARBAGE, Fault.DRIP), start=1):
            issuer.jwks_fault = fault
            unavailable(keys)
            assert same(keys.key("key-0", "RS256"), issuer.keys[0])
            wait_until(lambda: keys._current_fetch is None)
            assert issuer.jwks_fetches == 1 + number
        issuer.jwks_fault = None
        new = issuer.rotate()
        assert same(keys.key("key-1", "RS256"), new)


def test_no_wrong_answer_while_keys_rotate(issuer: Issuer) -> None:
    keys = issuer.key_set(cooldown_seconds=0, max_age_seconds=0)
    issuer.rotate()
    stop = threading.Event()

    def fetched_since(fetches: int) -> bool:
        return issuer.jwks_fetches > fetches

    def ask() -> int:
        fetches = 0
        while not stop.is_set():
            assert same(keys.key("key-0", "RS256"), SigningKey("key-0"))
            assert same(keys.key("key-1", "RS256"), SigningKey("key-1", number=1))
            fetches += 1
        return fetches

    with ThreadPoolExecutor(4) as pool:
        calls = [pool.submit(ask) for _ in range(4)]
        for number in range(20):
            issuer.published = [key.jwk(extra=number) for key in issuer.keys[:: 1 if number % 2 else -1]]
            wait_until(partial(fetched_since, issuer.jwks_fetches))
        stop.set()
        assert all(each.result() > 0 for each in calls)
    wait_until(lambda: keys._current_fetch is None)
    assert keys.generation == 1
