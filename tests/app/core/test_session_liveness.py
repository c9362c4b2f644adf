"""A session is live until the first of its lifetimes is over, or it is ended."""

from __future__ import annotations

from datetime import timedelta

import pytest

from app.core.clock import utc_now
from app.core.principal import Subject
from app.core.records import EndReason, Person, Session
from app.core.session_liveness import Liveness, ends_at, liveness

NOW = utc_now()
IDLE = timedelta(minutes=10)


def session(*, used_before: float, left: float, ended: EndReason | None = None, blocked: bool = False) -> Session:
    """A session used ``used_before`` seconds ago, whose absolute lifetime has ``left`` seconds left."""
    return Session(
        ref="ref",
        person=Person(Subject("https://issuer.example/", "ann"), "Ann", "", False, "", blocked=blocked),
        created_at=NOW - timedelta(hours=1),
        authenticated_at=None,
        last_seen_at=NOW - timedelta(seconds=used_before),
        expires_at=NOW + timedelta(seconds=left),
        ended_at=NOW if ended is not None else None,
        end_reason=ended,
        acr="",
        amr=frozenset(),
        user_agent="",
        address="",
        page="",
        access_expires_at=None,
        rights_synced_at=NOW,
        policy_version=1,
        secret_hash=b"",
    )


@pytest.mark.parametrize(
    ("used_before", "left", "ended", "expected"),
    [
        (599.9, 0.1, None, Liveness.LIVE),
        (600, 3600, None, Liveness.EXPIRED),
        (0, 0, None, Liveness.EXPIRED),
        (0, 3600, EndReason.EXPIRED, Liveness.EXPIRED),
        (0, 3600, EndReason.SIGNED_OUT, Liveness.ENDED),
        (6000, -1, EndReason.ENDED_BY_ADMIN, Liveness.ENDED),
    ],
)
def test_liveness(used_before: float, left: float, ended: EndReason | None, expected: Liveness) -> None:
    assert liveness(session(used_before=used_before, left=left, ended=ended), idle=IDLE, now=NOW) is expected


def test_an_ended_session_is_not_live() -> None:
    ended = session(used_before=0, left=3600, ended=EndReason.SIGNED_OUT)
    assert liveness(ended, idle=IDLE, now=NOW) is Liveness.ENDED


def test_a_block_is_left_to_the_decision() -> None:
    assert liveness(session(used_before=0, left=3600, blocked=True), idle=IDLE, now=NOW) is Liveness.LIVE


@pytest.mark.parametrize(("used_before", "left", "seconds"), [(0, 3600, 600), (300, 3600, 300), (0, 5, 5)])
def test_a_session_ends_at_the_earlier_of_both(used_before: float, left: float, seconds: float) -> None:
    assert ends_at(session(used_before=used_before, left=left), idle=IDLE) == NOW + timedelta(seconds=seconds)
