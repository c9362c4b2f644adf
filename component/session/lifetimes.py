"""How long a session lasts: the idle and the absolute limit, and when its person is warned (OWASP ASVS 5.0 §7.3)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from app.core import session_liveness
from app.core.records import Session

TOUCH_SECONDS: Final = 60
"""How often at most it is written down that somebody was here."""
_WARNING_SECONDS: Final = 120
_RESUMPTION_SECONDS: Final = 3600


@dataclass(frozen=True, slots=True)
class SessionLifetimes:
    """How long things last, in seconds."""

    idle_seconds: int
    absolute_seconds: int
    rights_max_age_seconds: int

    @property
    def idle(self) -> timedelta:
        """How long a session lasts without use."""
        return timedelta(seconds=self.idle_seconds)

    @property
    def warning_seconds(self) -> float:
        """How long before the end the person is warned: two minutes, or half of a limit shorter than four."""
        return min(_WARNING_SECONDS, self.idle_seconds / 2, self.absolute_seconds / 2)

    @property
    def touch_seconds(self) -> float:
        """How often being there is noted. Short limits need more than once a minute, or who works runs into them."""
        return min(TOUCH_SECONDS, self.idle_seconds / 10)

    @property
    def resumption_seconds(self) -> float:
        """How long after its end a session that expired can be revived by its own person."""
        return _RESUMPTION_SECONDS

    @property
    def cookie_seconds(self) -> int:
        """How long a browser keeps the session's cookie: as long as it can be of use."""
        return self.absolute_seconds + _RESUMPTION_SECONDS

    def ends_at(self, session: Session) -> datetime:
        """When the session ends if nobody does anything: the earlier of its two limits."""
        return session_liveness.ends_at(session, idle=self.idle)
