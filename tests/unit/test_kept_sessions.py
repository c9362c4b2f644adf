"""Sessions without a socket: kept for whom they are, however many others come and go."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, cast

from streamlit.runtime.session_manager import SessionInfo

from app.kept_sessions import MAX_ANONYMOUS, KeptSessions


@dataclass
class Session:
    """What the storage reads of one of Streamlit's."""

    id: str
    _user_info: dict[str, str] = field(default_factory=dict)


@dataclass
class Time:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


def info(session_id: str, user: str = "") -> SessionInfo:
    return SessionInfo(client=None, session=cast("Any", Session(session_id, {"iss_sub": user, "browser": session_id})))


def ids(kept: KeptSessions) -> list[str]:
    return [each.session.id for each in kept.list()]


def made(time: Time | None = None) -> KeptSessions:
    return KeptSessions(ttl_seconds=120, per_user=3, signed_in=5, anonymous=2, monotonic=time or Time())


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
    time = Time()
    kept = made(time)
    first, second = info("first", "ann"), info("second", "ann")
    kept.save(first)
    time.now = 60.0
    kept.save(second)
    assert (kept.get("first"), kept.get("second"), kept.get("third")) == (first, second, None)
    time.now = 119.9
    kept.save(first)  # lost its socket again: a time of its own
    time.now = 180.0
    assert (kept.get("first"), kept.get("second")) == (first, None)
    kept.delete("first")
    kept.delete("first")
    assert (kept.get("first"), ids(kept)) == (None, [])
    for name in ("a", "b", "c"):
        kept.save(info(name, "ann"))
    assert ids(kept) == ["a", "b", "c"]  # nothing of the past counts
