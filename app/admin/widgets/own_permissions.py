"""The permissions that the signed-in administrator lacks, so that nothing is offered which the API would refuse.

For display only: the API decides whether a permission may be granted.
"""

from __future__ import annotations

from collections.abc import Iterable

from app import access
from app.core.policy import decide


def missing_permissions(permissions: Iterable[str]) -> frozenset[str]:
    """Return those of ``permissions`` that the caller does not hold now.

    Raises:
        SessionExpired: The lifetime of the session is over.
        SessionEnded: The session was ended.
        StorageUnavailable: The database does not answer.
    """
    caller = access.caller()
    return frozenset(
        name for name in permissions if not decide(caller.principal, name, caller.grants).allowed_after_step_up
    )
