"""Sessions without a socket: kept for their user whatever other sessions come and go, and released in time."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, cast

from streamlit.runtime.session_manager import SessionInfo

from app.runtime.disconnected_sessions import MAX_ANONYMOUS, DisconnectedSessions, expire_regularly
from component.socket.upload_totals import UploadTotals
from tests.clock import FakeClock


@dataclass
class Session:
    """What the storage reads of one of Streamlit's."""

    id: str
    _user_info: dict[str, str] = field(default_factory=dict)
    ends: int = 0

    def shutdown(self) -> None:
        self.ends += 1


def info(session_id: str, user: str = "") -> SessionInfo:
    return SessionInfo(client=None, session=cast("Any", Session(session_id, {"iss_sub": user, "browser": session_id})))


def ids(kept: DisconnectedSessions) -> list[str]:
    return [each.session.id for each in kept.list()]


def made(clock: FakeClock | None = None) -> DisconnectedSessions:
    return DisconnectedSessions(
        ttl_seconds=120, per_user=3, signed_in=5, anonymous=2, monotonic=(clock or FakeClock()).monotonic
    )


def test_anonymous_sessions_push_out_each_other_only() -> None:
    kept = made()
    kept.save(info("ann", "ann"))
    for number in range(1000):
        kept.save(info(f"anonymous {number}"))
    assert ids(kept) == ["ann", "anonymous 998", "anonymous 999"]
    assert MAX_ANONYMOUS == 128


def test_sessions_of_one_user_push_out_that_users_own() -> None:
    kept = made()
    kept.save(info("ann", "ann"))
    for number in range(1000):
        kept.save(info(f"bob {number}", "bob"))
    assert ids(kept) == ["ann", "bob 997", "bob 998", "bob 999"]


def test_there_is_a_bound_for_all_users() -> None:
    kept = made()
    kept.save(info("anonymous"))
    for number in range(7):
        kept.save(info(f"tab of {number}", f"user {number}"))
    assert ids(kept) == ["anonymous", *(f"tab of {number}" for number in range(2, 7))]


def test_one_is_kept_for_its_time_and_given_out_once() -> None:
    clock = FakeClock()
    kept = made(clock)
    first, second = info("first", "ann"), info("second", "ann")
    kept.save(first)
    clock.ahead = timedelta(seconds=60.0)
    kept.save(second)
    assert (kept.get("first"), kept.get("second"), kept.get("third")) == (first, second, None)
    clock.ahead = timedelta(seconds=119.9)
    kept.save(first)  # lost its socket again: a time of its own
    clock.ahead = timedelta(seconds=180.0)
    assert (kept.get("first"), kept.get("second")) == (first, None)
    kept.delete("first")
    kept.delete("first")
    assert (kept.get("first"), ids(kept)) == (None, [])
    for name in ("a", "b", "c"):
        kept.save(info(name, "ann"))
    assert ids(kept) == ["a", "b", "c"]  # nothing of the past counts


def ended(session_info: SessionInfo) -> int:
    return cast("Any", session_info.session).ends  # type: ignore[no-any-return]


def test_one_that_goes_is_shut_down_and_one_that_is_reattached_is_not() -> None:
    clock = FakeClock()
    kept = made(clock)
    resumed, crowded_out, late = info("resumed", "ann"), info("crowded out", "ann"), info("late", "ann")
    kept.save(resumed)
    kept.delete("resumed")
    for each in (crowded_out, late, info("third", "ann"), info("fourth", "ann")):
        kept.save(each)
    assert (ended(resumed), ended(crowded_out), ended(late)) == (0, 1, 0)
    clock.ahead = timedelta(seconds=120.0)
    kept.expire()
    assert (ended(resumed), ended(crowded_out), ended(late)) == (0, 1, 1)


def test_one_whose_end_fails_keeps_no_other() -> None:
    clock = FakeClock()
    kept = made(clock)
    broken, other = info("broken", "ann"), info("other", "ann")
    cast("Any", broken.session).shutdown = lambda: 1 / 0
    kept.save(broken)
    kept.save(other)
    clock.ahead = timedelta(seconds=120.0)
    kept.expire()
    assert (ids(kept), ended(other)) == ([], 1)


def test_the_uploads_of_one_users_sessions_are_bounded_the_oldest_go() -> None:
    sizes = {"a 1": 150, "a 2": 0, "a 3": 100, "a 4": 250, "b": 400}
    kept = DisconnectedSessions(
        ttl_seconds=120,
        per_user=10,
        signed_in=100,
        uploaded_bytes=lambda session_id: sizes[session_id] * 1024 * 1024,
        monotonic=FakeClock().monotonic,
    )
    for session_id in ("b", "a 1", "a 2", "a 3"):
        kept.save(info(session_id, session_id[0]))
    assert ids(kept) == ["b", "a 1", "a 2", "a 3"]
    kept.save(info("a 4", "a"))
    assert ids(kept) == ["b", "a 2", "a 3", "a 4"]


def test_they_are_released_without_any_socket_that_comes_or_goes() -> None:
    clock = FakeClock()
    kept, only = made(clock), info("only", "ann")
    kept.save(only)
    clock.ahead = timedelta(seconds=120.0)

    async def until_it_is_released() -> None:
        released = asyncio.Event()
        cast("Any", only.session).shutdown = released.set
        expiring = asyncio.create_task(expire_regularly(kept, UploadTotals(), every_seconds=0.0))
        await asyncio.wait_for(released.wait(), 10)
        expiring.cancel()

    asyncio.run(until_it_is_released())
    assert kept.ids() == ()
