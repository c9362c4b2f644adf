"""The parts of the rate limits by themselves: keys in a store, the log line, the windows, and the headers."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import structlog
from limits.storage import MemoryStorage

from app.core.principal import Subject
from remote_api import rate_limits
from remote_api.rate_limits import MemoryCounter, StoreCounter
from tests.remote_api.world import ApiWorld

MakeWorld = Callable[..., ApiWorld]


class Recording(MemoryStorage):
    """A store that records what it has to count, and may not answer."""

    def __init__(self) -> None:
        super().__init__(wrap_exceptions=True)
        self.counted: list[tuple[str, float]] = []
        self.down = False

    def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        self.counted.append((key, expiry))
        if self.down:
            raise ValueError(key)
        return super().incr(key, expiry, amount)


def digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def test_a_key_in_a_store_has_the_quota_the_window_and_a_hash() -> None:
    store = Recording()
    counter = StoreCounter(store, "calls", 3600)
    assert (counter("203.0.113.1", 7), counter(Subject("https://issuer.test/", "ann"), 8)) == (1, 1)
    assert store.counted == [
        (f"gatehouse:calls:7:{digest('address' + chr(10) + '203.0.113.1')}", 3600),
        (f"gatehouse:calls:8:{digest('https://issuer.test/' + chr(10) + 'ann')}", 3600),
    ]


def test_the_log_has_one_line_a_minute_while_the_store_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    store, now = Recording(), [1000.0]
    store.down = True
    monkeypatch.setattr("remote_api.rate_limits.time.monotonic", lambda: now[0])
    counter = StoreCounter(store, "calls", 60)
    with structlog.testing.capture_logs() as lines:
        for seconds, logged in ((0, 1), (59, 1), (1, 1), (0.5, 2), (60, 2), (1, 3)):
            now[0] += seconds
            assert counter("203.0.113.1", 1) is None
            assert len(lines) == logged
    event = "calls are not counted: GATEHOUSE_RATE_LIMIT_STORAGE does not answer"
    assert lines[0] == {"event": event, "log_level": "error"}


def test_the_product_counts_in_the_store_of_the_settings(
    make_world: MakeWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Recording()
    monkeypatch.setattr(rate_limits, "open_rate_limit_storage", lambda _: store)
    world = make_world(api_rate_limit="3 per day", api_change_rate_limit="2 per minute")
    token = world.sign_in().token
    assert world.call("/api/v1/me/sessions", token, method="DELETE").status_code == 200
    assert [(key.split(":")[:2], expiry) for key, expiry in store.counted] == [
        (["gatehouse", "calls"], 86400),
        (["gatehouse", "changes"], 60),
    ]


def test_a_store_that_fails_between_the_two_counts_leaves_the_changes_uncounted(make_world: MakeWorld) -> None:
    world = make_world(api_rate_limit="3 per day", api_change_rate_limit="2 per minute")
    limits: Any = world.app._limits
    object.__setattr__(limits._changes, "counter", lambda *_: None)
    answer = world.call("/api/v1/me/sessions", world.sign_in().token, method="DELETE")
    assert answer.headers["RateLimit"].partition(", ")[2].startswith('"changes";r=2;')


def test_calls_of_one_window_are_counted_together_and_changes_by_their_own_window(make_world: MakeWorld) -> None:
    world = make_world(api_rate_limit="100 per day", api_change_rate_limit="2 per minute")
    start = world.clock()
    midnight = start.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    world.clock.move(seconds=(midnight - start).total_seconds() + 600)
    ann, bob = world.sign_in("auth0|ann").token, world.sign_in("auth0|bob").token

    def change(token: str) -> Any:
        return world.call("/api/v1/me/sessions", token, method="DELETE")

    assert [change(ann).status_code, change(bob).status_code] == [200, 200]
    world.clock.move(seconds=20)
    answer = change(ann)
    assert answer.headers["RateLimit"] == f'"calls";r=98;t={86400 - 620}, "changes";r=0;t=40'
    assert {"RateLimit", "RateLimit-Policy"} <= {name for name, _ in answer.headers}
    assert "RateLimit-Policy" in [name for name, _ in world.call("/api/ping").headers]
    refused = change(ann)
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "40")
    assert refused.json["detail"] == "Too many calls. Try again in 40 seconds."
    world.clock.move(seconds=40)
    assert change(ann).headers["RateLimit"] == f'"calls";r=96;t={86400 - 660}, "changes";r=1;t=60'


def test_a_change_with_an_invalid_token_counts_as_a_call_of_its_address(make_world: MakeWorld) -> None:
    world = make_world(api_rate_limit="3 per day")
    answer = world.call("/api/v1/me/sessions", "garbage", method="DELETE")
    assert (answer.status_code, answer.headers["RateLimit-Policy"]) == (401, '"calls";q=3;w=86400')
    assert answer.headers["RateLimit"].startswith('"calls";r=2;t=')
    assert "changes" not in answer.headers["RateLimit"]


@pytest.mark.parametrize("window", [-1, 0, 1])
def test_any_window_can_be_the_first(window: int) -> None:
    counter = MemoryCounter()
    assert [counter("a", window), counter("a", window), counter("a", window + 1)] == [1, 2, 1]
