"""What a recheck of a tab's session may find: a revoked or granted right, an expired, replaced or ended session.

``Tab.recheck`` decides what follows: a rerun of the page, the expiry overlay, or the end of the socket.
"""

from __future__ import annotations

from enum import Enum

from app.core.policy import Grants


class SessionChange(Enum):
    """What a recheck has found, compared with the recheck before."""

    NONE = "none"
    CHANGED = "changed"  # the rights differ, and none is lost
    LOST = "lost"  # a right is lost
    EXPIRED = "expired"  # the session has expired, and can be resumed
    RECONNECT = "reconnect"  # the session has a new secret, with which the socket must reconnect
    ENDED = "ended"


def grants_change(before: Grants, after: Grants) -> SessionChange:
    """What changed between two sets of grants, by the permissions and roles that they contain."""
    if before is after:
        return SessionChange.NONE
    if after.is_administrator:
        is_lost = False
    else:
        is_lost = before.is_administrator or not before.permissions.keys() <= after.permissions.keys()
    if is_lost:
        return SessionChange.LOST
    is_same = (
        before.is_administrator == after.is_administrator
        and before.permissions.keys() == after.permissions.keys()
        and before.roles.keys() == after.roles.keys()
    )
    return SessionChange.NONE if is_same else SessionChange.CHANGED
