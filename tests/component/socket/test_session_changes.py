"""What a recheck finds: which difference of grants locks a page, and what has become of a session."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from unittest.mock import Mock

import pytest

from app.core.clock import utc_now
from app.core.errors import SessionEnded, SessionExpired, SignedOut
from app.core.policy import NO_GRANTS, GrantPath, Grants, Source
from app.core.principal import Subject
from app.core.records import Person, Session
from component.socket.session_changes import SessionChange, grants_change
from component.socket.session_check import SessionCheck, check_session

PATH = (GrantPath("analyst", Source.ADMIN),)
OTHER_PATH = (GrantPath(None, Source.TOKEN),)


def grants(*permissions: str, roles: tuple[str, ...] = (), administrator: bool = False) -> Grants:
    return Grants(
        permissions=dict.fromkeys(permissions, PATH),
        roles=dict.fromkeys(roles, PATH),
        administrator_paths=PATH if administrator else (),
    )


@pytest.mark.parametrize(
    ("before", "after", "change"),
    [
        (NO_GRANTS, NO_GRANTS, SessionChange.NONE),
        (grants("a:x"), grants("a:x"), SessionChange.NONE),
        (Grants(permissions={"a:x": PATH}), Grants(permissions={"a:x": OTHER_PATH}), SessionChange.NONE),
        (grants("a:x"), grants("a:x", "b:y"), SessionChange.CHANGED),
        (grants("a:x"), grants("a:x", roles=("viewer",)), SessionChange.CHANGED),
        (grants("a:x", roles=("viewer",)), grants("a:x"), SessionChange.CHANGED),
        (grants("a:x"), grants(), SessionChange.LOST),
        (grants("a:x"), grants("b:y"), SessionChange.LOST),
        (grants("a:x", "b:y"), grants("b:y", "c:z"), SessionChange.LOST),
        # the administrator role contains every permission without listing any
        (grants("a:x"), grants(administrator=True), SessionChange.CHANGED),
        (grants(), grants(administrator=True), SessionChange.CHANGED),
        (grants(administrator=True), grants(administrator=True), SessionChange.NONE),
        (grants("a:x", administrator=True), grants("a:x"), SessionChange.LOST),
        (grants(administrator=True), grants("a:x"), SessionChange.LOST),
        (grants("a:x", administrator=True), grants(administrator=True), SessionChange.CHANGED),
    ],
)
def test_which_difference_loses_a_right(before: Grants, after: Grants, change: SessionChange) -> None:
    assert grants_change(before, after) is change


SUBJECT = Subject("https://issuer.example/", "auth0|ann")
NOW = utc_now()
SESSION = Session(
    ref="ref",
    person=Person(SUBJECT, "Ann", "", False, "", blocked=False),
    created_at=NOW,
    authenticated_at=None,
    last_seen_at=NOW,
    expires_at=NOW,
    ended_at=None,
    end_reason=None,
    acr="",
    amr=frozenset(),
    user_agent="",
    address="",
    page="",
    access_expires_at=None,
    rights_synced_at=NOW,
    policy_version=7,
    secret_hash=b"",
)
GRANTS = grants("a:x")


def checked(*, live: Any, resumable: Session | None = None, session: Session | None = SESSION) -> SessionCheck:
    """Check a session that storage has as ``live``, an error to raise among them."""
    sessions, rights = Mock(), Mock()
    sessions.by_ref.side_effect = [live]
    sessions.resumption.by_ref.side_effect = lambda ref: {"ref": resumable}[ref]
    rights.of.side_effect = lambda subject, version: {(SUBJECT, 7): GRANTS}[subject, version]
    result = check_session(session, sessions, rights)
    if session is not None:
        sessions.by_ref.assert_called_once_with("ref")
    return result


def test_a_live_session_has_its_grants() -> None:
    present = replace(SESSION, page="another")
    assert checked(live=present) == SessionCheck(present, GRANTS, is_signed_out=False)


def test_an_expired_session_that_can_be_resumed_has_none() -> None:
    assert checked(live=SessionExpired(), resumable=SESSION) == SessionCheck(SESSION, None)
    assert checked(live=SessionExpired(), resumable=None) == SessionCheck(None, None)


def test_an_ended_session_is_gone() -> None:
    assert checked(live=SessionEnded()) == SessionCheck(None, None, is_signed_out=False)
    assert checked(live=SignedOut()) == SessionCheck(None, None, is_signed_out=True)
    assert checked(live=None, session=None) == SessionCheck(None, None)


@pytest.mark.parametrize("resumed", [False, True])
@pytest.mark.parametrize(
    "person",
    [
        replace(SESSION.person, blocked=True),
        replace(SESSION.person, subject=Subject("https://issuer.example/", "auth0|bob")),
    ],
)
def test_a_session_of_a_blocked_or_another_user_is_gone(person: Person, resumed: bool) -> None:
    present = replace(SESSION, person=person)
    result = checked(live=SessionExpired(), resumable=present) if resumed else checked(live=present)
    assert result == SessionCheck(None, None)
