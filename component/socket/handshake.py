"""What the middleware knows of a handshake once it is bound to its session."""

from __future__ import annotations

from dataclasses import dataclass

from app.core.records import Session


@dataclass(frozen=True, slots=True)
class Handshake:
    """The handshake of a tab.

    Args:
        session: Its session; None for an anonymous browser.
        owner: The owner of the tab (``request_context.owner_of``).
        requested_session_id: The id of the Streamlit session that the browser requests; "" for none.
        is_reattached: Whether the tab is reattached to that one.
        is_expired: Whether the session has expired, and can be resumed.
    """

    session: Session | None
    owner: str
    requested_session_id: str = ""
    is_reattached: bool = False
    is_expired: bool = False
