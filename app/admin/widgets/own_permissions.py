"""What the administrator who is asking holds themselves, so that nothing is offered which the API would refuse.

For showing only: whether it may be given is decided by the API when it is.
"""

from __future__ import annotations

from collections.abc import Iterable

from app import access
from app.core.policy import decide


def not_held(permissions: Iterable[str]) -> frozenset[str]:
    """Those of ``permissions`` that who is asking does not hold now. Raises as ``access.caller``."""
    caller = access.caller()
    return frozenset(
        name for name in permissions if not decide(caller.principal, name, caller.grants).allowed_after_step_up
    )
