"""The identity that Streamlit sees: trusted headers under random names, in place of any that a client sends."""

from __future__ import annotations

import json
import secrets
from typing import Final

from app.core.records import Session
from component.http.cookies import HeaderList, RawHeaders, browser_hash

_HEADER_PREFIX: Final = "x-gatehouse-"
_IDENTITY_HEADERS: Final = frozenset(
    {b"x-streamlit-user", b"x-forwarded-user", b"x-forwarded-email", b"x-forwarded-preferred-username", b"remote-user"}
)
_IDENTITY_PREFIXES: Final = (_HEADER_PREFIX.encode(), b"x-auth-request-")


class Identity:
    """The header names by which this process reports the identity to Streamlit. Random at each start, not configured.

    ``st.user`` then has ``iss_sub`` (the subject as JSON text ``[issuer, subject]``, or ""), ``sid`` (the session's
    stable reference, or ""), ``browser`` (the hash of the browser's cookie) and ``marker`` (the middleware ran).
    """

    def __init__(self) -> None:
        tag = secrets.token_hex(8)
        self.marker = secrets.token_urlsafe(32)
        self._names = {key: f"{_HEADER_PREFIX}{tag}-{key}" for key in ("iss_sub", "sid", "browser", "marker")}

    def __repr__(self) -> str:
        return "Identity()"

    def trusted_user_headers(self) -> dict[str, str]:
        """Header name → key of ``st.user``: Streamlit's option ``server.trustedUserHeaders``."""
        return {name: key for key, name in self._names.items()}

    def headers(self, session: Session | None, browser: str) -> list[tuple[bytes, bytes]]:
        """The headers of a request with this session; ``browser`` is the id in the browser's cookie."""
        values = {
            "iss_sub": json.dumps(list(session.person.subject)) if session is not None else "",
            "sid": session.ref if session is not None else "",
            "browser": browser_hash(browser),
            "marker": self.marker,
        }
        return [(self._names[key].encode(), value.encode("ascii")) for key, value in values.items()]


def without_identity_headers(headers: HeaderList) -> RawHeaders:
    """The headers without any in which a client names an identity."""
    return [
        (name, value)
        for name, value in headers
        if name.lower() not in _IDENTITY_HEADERS and not name.lower().startswith(_IDENTITY_PREFIXES)
    ]
