"""The budgets: one row each, as ``docs`` promise them. A missed budget is work to do, never a number to change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Budget:
    """The largest ratio of candidate to baseline; the smallest with ``at_least``, for rates."""

    description: str
    ratio: float
    at_least: bool = False

    def met(self, measured: float) -> bool:
        """Whether a measured ratio is within the budget."""
        return measured >= self.ratio if self.at_least else measured <= self.ratio

    def __str__(self) -> str:
        return f"{'≥' if self.at_least else '≤'} {self.ratio:g}"


VERIFY_SEEN: Final = Budget("verifying a token seen before: route that only verifies / plain route", 1.15)
VERIFY_SEEN_PEER: Final = Budget("the same / behind Authlib's ResourceProtector", 0.45)
VERIFY_FRESH: Final = Budget("verifying a token never seen / bare RS256 verify of cryptography", 6.0)
ENDPOINT: Final = Budget("whole protected endpoint / plain route with one raw read", 1.3)
ENDPOINT_SERVED: Final = Budget("the same under gunicorn and wrk, requests/s", 0.85, at_least=True)
FUNCTION: Final = Budget("guarded function, principal loaded / set look-up and plain call", 10.0)
PERMISSIONS: Final = Budget("loading a principal's permissions / raw sqlite3", 1.6)
PEOPLE: Final = Budget("50 of 100,000 people by a filter, with roles and total / 50 rows by id with roles", 2.0)
SESSION: Final = Budget("resolving a session on a socket message / raw sqlite3 read", 3.0)
RERUN: Final = Budget("guarded rerun, ten pages, CPU / the same app unguarded", 1.25)
RERUN_STOCK: Final = Budget("guarded rerun, ten pages, CPU / stock Streamlit's empty page", 0.2)
SIGN_IN: Final = Budget("sign-in in a browser, click to guarded page / Streamlit's own st.login", 1.0)
