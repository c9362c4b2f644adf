"""Rate limits: by subject, or by address for anonymous clients; headers; a flood of one client affects no other."""

from __future__ import annotations

import re
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from limits.storage import MemoryStorage

from app.core.errors import ConfigurationError
from app.core.principal import Subject
from remote_api.rate_limits import MAX_ADDRESSES, SHARED_KEY, MemoryCounter, StoreCounter
from tests.remote_api.world import ApiWorld

MakeWorld = Callable[..., ApiWorld]
RATE_LIMIT = re.compile(r'"calls";r=(\d+);t=(\d+)(?:, "changes";r=(\d+);t=(\d+))?')


def rate_limit(answer: Any) -> tuple[int, ...]:
    """What the header says: calls left, seconds; and the same of changes."""
    match = RATE_LIMIT.fullmatch(answer.headers["RateLimit"])
    assert match is not None, answer.headers["RateLimit"]
    return tuple(int(number) for number in match.groups() if number is not None)


def test_headers_have_the_remaining_calls_and_a_429_the_seconds_to_wait(make_world: MakeWorld) -> None:
    world = make_world(api_rate_limit="3 per day")
    token = world.sign_in().token
    for left in (2, 1, 0):
        answer = world.call("/api/pong", token)
        assert (answer.status_code, rate_limit(answer)[0]) == (200, left)
        assert answer.headers["RateLimit-Policy"] == '"calls";q=3;w=86400'
        assert "Retry-After" not in answer.headers
    answer = world.call("/api/pong", token)
    assert (answer.status_code, answer.json["code"], rate_limit(answer)[0]) == (429, "too-many-requests", 0)
    assert answer.headers["Content-Type"] == "application/problem+json"
    seconds = int(answer.headers["Retry-After"])
    assert answer.json["retry_after_seconds"] == seconds == rate_limit(answer)[1]
    assert 0 < seconds <= 86400
    world.clock.ahead = timedelta(seconds=seconds)
    # The session may be over by then, which depends on the time of day: another one of the same person.
    answer = world.call("/api/pong", world.sign_in().token)
    assert (answer.status_code, rate_limit(answer)[0]) == (200, 2)


def test_calls_pass_again_after_retry_after(make_world: MakeWorld) -> None:
    world = make_world(api_rate_limit="2 per hour")
    token = world.issuer.access_token()
    assert [world.call("/api/pong", token).status_code for _ in range(2)] == [200, 200]
    answer = world.call("/api/pong", token)
    assert answer.status_code == 429
    world.clock.ahead = timedelta(seconds=int(answer.headers["Retry-After"]) + 1)
    assert world.call("/api/pong", token).status_code == 200


def test_a_clock_that_ran_ahead_leaves_no_refusals_behind(make_world: MakeWorld) -> None:
    world = make_world(api_rate_limit="2 per minute")
    world.clock.ahead = timedelta(hours=3)
    assert [world.call("/api/ping").status_code for _ in range(3)] == [200, 200, 429]
    world.clock.ahead = timedelta()
    assert [world.call("/api/ping").status_code for _ in range(3)] == [200, 200, 429]
    world.clock.ahead = timedelta(minutes=1)
    assert world.call("/api/ping").status_code == 200


def test_each_of_the_two_windows_in_use_has_its_own_count() -> None:
    count = MemoryCounter()
    assert [count("a", 7), count("a", 7), count("a", 8), count("a", 7), count("a", 8)] == [1, 2, 1, 3, 2]
    assert count("a", 9) == 1
    assert count("a", 7) == 1, "only two are kept, however a clock jumps"


def test_changes_have_a_limit_of_their_own(make_world: MakeWorld) -> None:
    world = make_world(api_rate_limit="100 per day", api_change_rate_limit="2 per day")
    token = world.sign_in().token
    for left in (1, 0):
        answer = world.call("/api/v1/me/sessions", token, method="DELETE")
        assert (answer.status_code, rate_limit(answer)[2]) == (200, left)
        assert answer.headers["RateLimit-Policy"] == '"calls";q=100;w=86400, "changes";q=2;w=86400'
    assert world.call("/api/v1/me/sessions", token, method="DELETE").status_code == 429
    assert world.call("/api/v1/me/sessions", token).status_code == 200, "reading is still allowed"


def test_a_refused_call_counts_and_is_decided_no_more_beyond_the_limit(make_world: MakeWorld) -> None:
    """Else a flood of refusals would write an audit event each."""
    world = make_world(api_rate_limit="3 per day")
    token = world.sign_in().token
    statuses = [world.call("/api/v1/reports/usage", token).status_code for _ in range(6)]
    assert statuses == [403, 403, 403, 429, 429, 429]
    assert len(world.events("api:endpoint:deny")) == 3


def test_anonymous_clients_are_counted_by_address(make_world: MakeWorld) -> None:
    world = make_world(api_rate_limit="2 per day")

    def call(address: str, token: str | None = None, path: str = "/api/pong") -> int:
        return int(world.call(path, token, environ_overrides={"REMOTE_ADDR": address}).status_code)

    assert [call("203.0.113.1"), call("203.0.113.1", "garbage"), call("203.0.113.1")] == [401, 401, 429]
    assert call("203.0.113.1", path="/api/ping") == 429
    assert call("203.0.113.2") == 401
    good = world.issuer.access_token()
    assert [call("203.0.113.1", good), call("203.0.113.9", good), call("203.0.113.1", good)] == [200, 200, 429]
    # Of IPv6, everything that one customer has is one address.
    assert [call(f"2001:db8:0:1::{number}") for number in (1, 2, 3)] == [401, 401, 429]
    assert call("2001:db8:0:2::1") == 401


def test_an_address_that_a_client_claims_does_not_count(make_world: MakeWorld) -> None:
    world = make_world(api_rate_limit="2 per day")
    answers = [
        world.call("/api/pong", headers={"X-Forwarded-For": f"203.0.113.{number}"}).status_code for number in range(3)
    ]
    assert answers == [401, 401, 429]


def test_supervisors_ask_as_often_as_they_please(make_world: MakeWorld) -> None:
    world = make_world(api_rate_limit="1 per day")
    for path in ("/healthz", "/readyz") * 5:
        answer = world.call(path)
        assert answer.status_code == 200
        assert "RateLimit" not in answer.headers


def test_one_subjects_flood_neither_slows_nor_denies_another(make_world: MakeWorld) -> None:
    world = make_world(api_rate_limit="300 per day")
    loud, quiet = world.sign_in("auth0|loud").token, world.sign_in("auth0|quiet").token

    def milliseconds() -> float:
        started_at = time.perf_counter()
        assert world.call("/api/pong", quiet).status_code == 200
        return (time.perf_counter() - started_at) * 1000

    assert [world.call("/api/pong", loud).status_code for _ in range(301)] == [200] * 300 + [429]
    alone, flooded = [], []
    for _ in range(100):  # by turns, so that the machine's noise meets both
        flooded_now = [world.call("/api/pong", loud).status_code for _ in range(10)]
        assert flooded_now == [429] * 10
        flooded.append(milliseconds())
        alone.append(milliseconds())
    beside, by_itself = statistics.median(flooded), statistics.median(alone)
    ratio = beside / by_itself
    print(f"a call beside a flood {beside:.2f} ms, by itself {by_itself:.2f} ms: ratio {ratio:.2f}")
    assert ratio < 2
    assert not world.events("api:endpoint:deny")


def test_many_at_once_are_counted_each(make_world: MakeWorld) -> None:
    world = make_world(api_rate_limit="50 per day")
    token = world.sign_in().token
    with ThreadPoolExecutor(8) as threads:
        statuses = list(threads.map(lambda _: world.call("/api/pong", token).status_code, range(120)))
    assert (statuses.count(200), statuses.count(429)) == (50, 70)


# Where it is counted


def test_memory_is_bounded_by_addresses_and_freed_with_the_window() -> None:
    count = MemoryCounter()
    for number in range(MAX_ADDRESSES):
        assert count(f"address {number}", 1) == 1
    assert [count("one more", 1), count("and another", 1), count("address 5", 1)] == [1, 2, 2]
    assert count(Subject("issuer", "ann"), 1) == 1, "a subject never shares"
    assert len(count._counts) == MAX_ADDRESSES + 2
    assert SHARED_KEY in count._counts
    assert count("address 5", 2) == 1
    assert len(count._counts) == 1
    assert count("address 5", 1) == 3, "a thread that read the clock just before it turned counts into its own window"
    assert count("address 5", 2) == 2
    assert count("address 5", 3) == 1
    assert len(count._other_counts) == 1, "only the two windows used last are kept"


def test_a_store_of_the_library_counts_for_all(make_world: MakeWorld) -> None:
    store = MemoryStorage()
    first, second = StoreCounter(store, "calls", 3600), StoreCounter(store, "calls", 3600)
    ann = Subject("https://issuer.test/", "ann with\nanything in it")
    assert [first(ann, 7), second(ann, 7), first(ann, 8)] == [1, 2, 1]
    assert first("203.0.113.1", 7) == 1


class Broken(MemoryStorage):
    """A store that does not answer."""

    def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        raise ValueError(key)


def test_calls_pass_without_a_store_and_the_log_has_one_line(
    make_world: MakeWorld, capsys: pytest.CaptureFixture[str]
) -> None:
    counter = StoreCounter(Broken(wrap_exceptions=True), "calls", 60)
    assert [counter("203.0.113.1", 1) for _ in range(5)] == [None] * 5
    world = make_world()
    limits: Any = world.app._limits
    object.__setattr__(limits._calls, "counter", counter)
    answer = world.call("/api/ping")
    assert (answer.status_code, "RateLimit" in answer.headers) == (200, False)
    assert "".join(capsys.readouterr()).count("GATEHOUSE_RATE_LIMIT_STORAGE does not answer") == 1


@pytest.mark.parametrize("address", ["redis://user:hidden@localhost:1", "nope://x", "async+memory://", "memory"])
def test_a_store_that_cannot_be_used_stops_the_start_in_plain_words(make_world: MakeWorld, address: str) -> None:
    with pytest.raises(ConfigurationError, match="GATEHOUSE_RATE_LIMIT_STORAGE") as caught:
        make_world(rate_limit_storage=address)
    assert "hidden" not in str(caught.value)
