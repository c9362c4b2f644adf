"""The one query of a recheck: it reads the present session of a tab and the grants of its user from storage."""

from __future__ import annotations

from typing import NamedTuple

from app.core.errors import SessionExpired, SignedOut, Unauthenticated
from app.core.policy import Grants
from app.core.records import Session
from app.core.rights import Rights
from component.session.service import SessionService


class SessionCheck(NamedTuple):
    """The present state of a session.

    Attributes:
        session: None when it has ended.
        grants: The grants of its user; None when it has ended, or has expired and can be resumed.
        is_signed_out: Whether its user ended it.
    """

    session: Session | None
    grants: Grants | None
    is_signed_out: bool = False


def check_session(session: Session | None, sessions: SessionService, rights: Rights) -> SessionCheck:
    """Read a session again: one query. Runs in a thread.

    Raises:
        StorageUnavailable: The database does not answer.
    """
    if session is None:
        return SessionCheck(None, None)
    is_expired = False
    try:
        current: Session | None = sessions.by_ref(session.ref)
    except SessionExpired:
        current, is_expired = sessions.resumption.by_ref(session.ref), True
    except Unauthenticated as error:
        return SessionCheck(None, None, isinstance(error, SignedOut))
    if current is None or current.person.blocked or current.person.subject != session.person.subject:
        return SessionCheck(None, None)
    if is_expired:
        return SessionCheck(current, None)
    return SessionCheck(current, rights.of(current.person.subject, current.policy_version))
