"""The key set: few fetches, never a wait for a known key, rotation, outages, bad keys (R03, R19-R24)."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
import structlog

from app.core.errors import ProviderUnavailable, TokenInvalid
from app.core.failure_reasons import ProviderReason
from app.core.tokens.key_set import KeySet
from tests.issuer import Fault, Issuer, SigningKey
from tests.waiting import wait_until


class Time:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Gate:
    """A ``fetch`` that can be held up, and made to fail."""

    def __init__(self, issuer: Issuer) -> None:
        self.issuer = issuer
        self.open = threading.Event()
        self.open.set()
        self.entered = threading.Event()
        self.error: Exception | None = None
        self.answer: Any = None

    def __call__(self) -> Mapping[str, Any]:
        answer = self.issuer.jwks()
        self.entered.set()
        self.open.wait(5)
        if self.error is not None:
            raise self.error
        return answer if self.answer is None else self.answer


def count_of_waiting(keys: KeySet) -> list[object]:
    """An entry for each call from now on that waits for a fetch."""
    begin, waiting = keys._begin, list[object]()

    def counted(*cause: Any) -> Any:
        flight = begin(*cause)
        waiting.append(flight)
        return flight

    keys._begin = counted  # type: ignore[method-assign,assignment]
    return waiting


def fetching() -> bool:
    """Whether a thread still fetches keys."""
    return "gatehouse-keys" in {thread.name for thread in threading.enumerate()}


@pytest.fixture
def now() -> Time:
    return Time()


@pytest.fixture
def issuer() -> Issuer:
    return Issuer()


@pytest.fixture
def gate(issuer: Issuer) -> Gate:
    return Gate(issuer)


@pytest.fixture
def keys(gate: Gate, now: Time) -> KeySet:
    return KeySet(gate, clock=now)


def unknown(keys: KeySet, kid: str | None = "unknown") -> None:
    with pytest.raises(TokenInvalid):
        keys.key(kid, "RS256")


def unavailable(keys: KeySet, kid: str = "unknown") -> None:
    with pytest.raises(ProviderUnavailable):
        keys.key(kid, "RS256")


def same(key: Any, signer: SigningKey) -> bool:
    return bool(key.public_numbers() == signer.private.public_key().public_numbers())


# Few fetches


def test_one_fetch_for_any_number_of_known_keys(issuer: Issuer, keys: KeySet, now: Time) -> None:
    assert keys.generation == 0
    for _ in range(50):
        assert same(keys.key("key-0", "RS256"), issuer.keys[0])
        now.now += 10
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


def test_a_crowd_of_unknown_keys_causes_one_fetch(issuer: Issuer, gate: Gate, keys: KeySet, now: Time) -> None:
    keys.key("key-0", "RS256")
    now.now += 6
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


def test_the_cooldown_counts_from_the_end_of_a_fetch(issuer: Issuer, keys: KeySet, now: Time) -> None:
    keys.key("key-0", "RS256")
    now.now += 4.9
    unavailable(keys)
    assert issuer.jwks_fetches == 1
    now.now += 0.1
    unknown(keys)
    assert issuer.jwks_fetches == 2


def test_a_flood_of_unknown_keys_causes_five_fetches_a_minute(issuer: Issuer, keys: KeySet, now: Time) -> None:
    keys.key("key-0", "RS256")
    answers = {TokenInvalid: 0, ProviderUnavailable: 0}
    for number in range(599):
        now.now += 0.1
        with pytest.raises((TokenInvalid, ProviderUnavailable)) as caught:
            keys.key(f"unknown-{number}", "RS256")
        answers[caught.type] += 1
    assert issuer.jwks_fetches == 1 + 5
    assert answers == {TokenInvalid: 5, ProviderUnavailable: 594}, (
        "only the calls that fetched the keys report an invalid token"
    )
    keys.key("key-0", "RS256")
    now.now += 6
    unknown(keys)
    assert issuer.jwks_fetches == 1 + 6


def flood(keys: KeySet, now: Time, *, seconds: float = 60) -> None:
    """Ten tokens a second with made-up key ids, which any client can send."""
    for number in range(int(seconds * 10)):
        now.now += 0.1
        with pytest.raises((TokenInvalid, ProviderUnavailable)):
            keys.key(f"made-up-{number}", "RS256")


def test_a_flood_does_not_keep_the_providers_own_tokens_from_a_new_key(issuer: Issuer, keys: KeySet, now: Time) -> None:
    keys.key("key-0", "RS256")
    flood(keys, now)
    new = issuer.rotate(keep_old=False)
    assert same(keys.key("key-1", "RS256", from_provider=True), new)
    assert same(keys.key("key-1", "RS256"), new), "and so the key is known to every caller"


def test_during_a_flood_a_new_key_is_known_within_twelve_seconds(issuer: Issuer, keys: KeySet, now: Time) -> None:
    keys.key("key-0", "RS256")
    flood(keys, now, seconds=61)
    new = issuer.rotate()
    with pytest.raises(ProviderUnavailable) as caught:
        keys.key("key-1", "RS256")
    assert caught.value.reason is ProviderReason.KEYS_WAIT
    assert caught.value.retry_after_seconds is not None
    assert 1 <= caught.value.retry_after_seconds <= 12
    now.now += caught.value.retry_after_seconds
    assert same(keys.key("key-1", "RS256"), new)


def test_the_providers_own_tokens_have_a_cooldown_too(issuer: Issuer, keys: KeySet, now: Time) -> None:
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
    now.now += 5
    assert same(keys.key("key-1", "RS256", from_provider=True), new)


def test_a_fetch_for_a_made_up_key_that_began_before_the_rotation_does_not_count_for_the_providers_token(
    issuer: Issuer, gate: Gate, keys: KeySet, now: Time
) -> None:
    keys.key("key-0", "RS256")
    now.now += 6
    gate.open.clear()
    gate.entered.clear()
    with ThreadPoolExecutor(2) as pool:
        made_up = pool.submit(unknown, keys, "made-up")
        assert gate.entered.wait(5)  # the old set is read
        new = issuer.rotate()
        call = pool.submit(keys.key, "key-1", "RS256", from_provider=True)
        gate.open.set()
        assert same(call.result(), new)
        made_up.result()
    assert issuer.jwks_fetches == 3


def test_a_key_that_was_just_looked_for_is_invalid_and_not_unavailable(issuer: Issuer, keys: KeySet, now: Time) -> None:
    keys.key("key-0", "RS256")
    now.now += 6
    unknown(keys, "old")
    unknown(keys, "old")
    unavailable(keys, "another")
    assert issuer.jwks_fetches == 2


def test_an_algorithm_we_do_not_take_causes_none(issuer: Issuer, keys: KeySet) -> None:
    for alg in ("HS256", "none", "ES256", "RS512"):
        with pytest.raises(TokenInvalid):
            keys.key("key-0", alg)
    assert issuer.jwks_fetches == 0


@pytest.mark.parametrize("algorithms", [(), ("none",), ("RS256", "HS256")])
def test_no_other_algorithm_can_be_asked_for(issuer: Issuer, algorithms: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="algorithms"):
        issuer.key_set(algorithms=algorithms)


# Callers with a known key do not wait


def test_a_slow_fetch_delays_no_call_with_a_known_key(gate: Gate, keys: KeySet, now: Time) -> None:
    keys.key("key-0", "RS256")
    now.now += 601  # stale, so that known keys ask for a refresh too
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


def test_an_unknown_key_waits_so_long_and_no_longer(issuer: Issuer, gate: Gate, now: Time) -> None:
    keys = KeySet(gate, clock=now, wait_seconds=0.05)
    gate.open.clear()
    unavailable(keys, "key-0")
    unavailable(keys, "key-0")
    assert issuer.jwks_fetches == 1
    gate.open.set()
    wait_until(lambda: keys.generation == 1)
    assert same(keys.key("key-0", "RS256"), issuer.keys[0])


def test_a_fetch_that_never_ends_is_given_up(issuer: Issuer, gate: Gate, now: Time) -> None:
    keys = KeySet(gate, clock=now, wait_seconds=0.25)
    gate.open.clear()
    unavailable(keys, "key-0")
    old = issuer.keys[0]
    issuer.rotate(keep_old=False)
    now.now += 60
    first_gate, gate.open = gate.open, threading.Event()
    gate.open.set()
    assert same(keys.key("key-1", "RS256"), issuer.keys[0])
    first_gate.set()  # the old response arrives at last and is ignored
    wait_until(lambda: not fetching())
    unavailable(keys, str(old.kid))
    assert keys.generation == 1


# Rotation


def test_a_new_key_works_on_its_first_request(issuer: Issuer, keys: KeySet, now: Time) -> None:
    keys.key("key-0", "RS256")
    now.now += 6
    new = issuer.rotate()
    assert same(keys.key("key-1", "RS256"), new)
    assert same(keys.key("key-0", "RS256"), issuer.keys[1])
    assert (issuer.jwks_fetches, keys.generation) == (2, 2)


def test_a_withdrawn_key_dies_at_the_refresh(issuer: Issuer, keys: KeySet, now: Time) -> None:
    keys.key("key-0", "RS256")
    issuer.rotate(keep_old=False)
    now.now += 599
    keys.key("key-0", "RS256")
    assert issuer.jwks_fetches == 1
    now.now += 1
    keys.key("key-0", "RS256")  # served once more, while the refresh begins behind it
    wait_until(lambda: keys.generation == 2)
    unknown(keys, "key-0")
    assert issuer.jwks_fetches == 2


UNUSABLE: list[Any] = [[], [{}], [SigningKey("key-9", bits=1024).jwk()], [SigningKey("key-9", "ES256").jwk()], ["x"]]


@pytest.mark.parametrize("published", UNUSABLE)
def test_a_set_without_a_usable_key_is_a_fetch_that_failed(
    issuer: Issuer, keys: KeySet, now: Time, published: list[Any]
) -> None:
    """A provider that restarts may serve it once; that must not sign all users out."""
    keys.key("key-0", "RS256")
    issuer.published = published
    now.now += 600
    keys.key("key-0", "RS256")
    wait_until(lambda: issuer.jwks_fetches == 2 and keys._flight is None)
    assert same(keys.key("key-0", "RS256"), issuer.keys[0])
    assert keys.generation == 1
    with pytest.raises(ProviderUnavailable) as caught:
        keys.key("key-1", "RS256", from_provider=True)
    assert caught.value.reason is ProviderReason.NO_KEYS
    issuer.published = None
    now.now += 6
    new = issuer.rotate()
    assert same(keys.key("key-1", "RS256", from_provider=True), new)


def test_a_first_set_without_a_usable_key_is_no_word_about_a_token(issuer: Issuer, keys: KeySet) -> None:
    issuer.published = []
    unavailable(keys, "key-0")
    assert keys.generation == 0


def test_a_key_replaced_under_its_name_is_another_key(issuer: Issuer, keys: KeySet, now: Time) -> None:
    keys.key("key-0", "RS256")
    issuer.keys = [SigningKey("key-0", number=3)]
    now.now += 600
    keys.key("key-0", "RS256")
    wait_until(lambda: keys.generation == 2)
    assert same(keys.key("key-0", "RS256"), issuer.keys[0])


def test_the_generation_stays_when_nothing_changed(issuer: Issuer, keys: KeySet, now: Time) -> None:
    for fetches in range(1, 4):
        keys.key("key-0", "RS256")
        wait_until(lambda fetches=fetches: issuer.jwks_fetches == fetches)  # type: ignore[misc] # bound for the loop
        wait_until(lambda: keys._flight is None)
        issuer.published = [issuer.keys[0].jwk(x5t="new", extra=fetches)]
        now.now += 600
    assert keys.generation == 1


# Outages


GARBAGE: list[Any] = [None, [], "text", {}, {"keys": None}, {"keys": {}}, {"keys": "text"}]


@pytest.mark.parametrize("answer", GARBAGE)
def test_garbage_leaves_cached_keys_alone(issuer: Issuer, gate: Gate, now: Time, answer: Any) -> None:
    keys = KeySet(lambda: answer if spoiled else issuer.jwks(), clock=now)
    spoiled = False
    keys.key("key-0", "RS256")
    spoiled = True
    now.now += 600
    for _ in range(5):
        assert same(keys.key("key-0", "RS256"), issuer.keys[0])
    wait_until(lambda: keys._flight is None)
    unavailable(keys)
    assert keys.generation == 1


@pytest.mark.parametrize("error", [ProviderUnavailable(), OSError("down"), RecursionError(), ValueError()])
def test_an_outage_and_the_way_back(issuer: Issuer, gate: Gate, keys: KeySet, now: Time, error: Exception) -> None:
    with structlog.testing.capture_logs() as lines:
        gate.error = error
        unavailable(keys, "key-0")
        unavailable(keys, "key-0")
        assert issuer.jwks_fetches == 1  # the failure is remembered
        gate.error = None
        now.now += 5
        assert same(keys.key("key-0", "RS256"), issuer.keys[0])
        gate.error = error
        now.now += 6
        unavailable(keys, "key-1")
        assert same(keys.key("key-0", "RS256"), issuer.keys[0])
        gate.error = None
        now.now += 12
        issuer.rotate()
        assert same(keys.key("key-1", "RS256"), issuer.keys[0])
    assert {line["log_level"] for line in lines} == {"warning"}


def test_a_failing_refresh_is_tried_again_after_the_cooldown_only(
    issuer: Issuer, gate: Gate, keys: KeySet, now: Time
) -> None:
    keys.key("key-0", "RS256")
    gate.error = OSError("down")
    now.now += 600
    for _ in range(20):
        keys.key("key-0", "RS256")
    wait_until(lambda: keys._flight is None)
    keys.key("key-0", "RS256")
    assert issuer.jwks_fetches == 2
    now.now += 5
    keys.key("key-0", "RS256")
    wait_until(lambda: issuer.jwks_fetches == 3)


def test_no_thread_to_be_had(keys: KeySet, now: Time, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        unavailable(keys, "key-0")
    now.now += 6
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
            wait_until(lambda: keys._flight is None)
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
    wait_until(lambda: keys._flight is None)
    assert keys.generation == 1
