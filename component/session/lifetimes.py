"""How long a session lasts, when its user is warned, and how often its use is stored (OWASP ASVS 5.0 §7.3)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from app.core import session_liveness
from app.core.records import Session

TOUCH_SECONDS: Final = 60
"""How often at most use of a session is stored."""
REFRESH_MARGIN_SECONDS: Final = 60
"""An access token with less time left than this is due for a refresh."""
_WARNING_SECONDS: Final = 120
_RESUMPTION_SECONDS: Final = 3600


@dataclass(frozen=True, slots=True)
class SessionLifetimes:
    """The lifetimes of sessions and of the rights of their tokens, in seconds."""

    idle_seconds: int
    absolute_seconds: int
    rights_max_age_seconds: int

    @property
    def idle(self) -> timedelta:
        """The idle lifetime: how long a session lasts without use."""
        return timedelta(seconds=self.idle_seconds)

    @property
    def warning_seconds(self) -> float:
        """How long before the end the user is warned: two minutes, or half of a lifetime shorter than four."""
        return min(_WARNING_SECONDS, self.idle_seconds / 2, self.absolute_seconds / 2)

    @property
    def touch_seconds(self) -> float:
        """How often use is stored. A short idle lifetime needs it more than once a minute, or active users expire."""
        return min(TOUCH_SECONDS, self.idle_seconds / 10)

    @property
    def resumption_seconds(self) -> float:
        """How long after its end its user can resume an expired session."""
        return _RESUMPTION_SECONDS

    @property
    def cookie_seconds(self) -> int:
        """How long a browser keeps the session's cookie: until the session can no longer be resumed."""
        return self.absolute_seconds + _RESUMPTION_SECONDS

    def ends_at(self, session: Session) -> datetime:
        """When the session ends without further use: the earlier end of its two lifetimes."""
        return session_liveness.ends_at(session, idle=self.idle)
