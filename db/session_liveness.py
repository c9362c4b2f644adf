"""The conditions for a live session in SQL: the same rule as ``app.core.session_liveness``.

Statements that end, refresh or log out sessions ask only for those that have not ended: an expired session can still be
resumed, so it has to end too.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement

from db.models import sessions


def is_live(
    now: Any,
    *,
    used_after: Any = None,
    expires_at: Any = sessions.c.expires_at,
    last_seen_at: Any = sessions.c.last_seen_at,
) -> tuple[ColumnElement[bool], ...]:
    """The conditions, to be joined by AND.

    Args:
        now: The present moment: a value or a bound parameter, of the type of ``expires_at``.
        used_after: The present moment less the idle lifetime, in the same type; None leaves the idle lifetime to the
            caller.
        expires_at: The expression for the absolute end, where a statement reads raw integers or avoids an index.
        last_seen_at: The same for the last use.
    """
    conditions: list[ColumnElement[bool]] = [sessions.c.ended_at.is_(None), expires_at > now]
    if used_after is not None:
        conditions.append(last_seen_at > used_after)
    return tuple(conditions)
