"""The Streamlit session to which a WebSocket handshake asks to be reattached.

Streamlit's front end (1.67) names it in the header ``Sec-WebSocket-Protocol``.
"""

from __future__ import annotations

from typing import Final

from component.http.cookies import HeaderList, RawHeaders

_PROTOCOLS: Final = b"sec-websocket-protocol"


def read_requested_session_id(headers: HeaderList) -> str:
    """The id of the Streamlit session to which a handshake asks to be reattached; "" for none."""
    return [*_protocols(headers), "", "", ""][2]


def without_requested_session(headers: HeaderList) -> RawHeaders:
    """The headers of a handshake without that id: Streamlit starts a new session for it."""
    kept = [(name, value) for name, value in headers if name.lower() != _PROTOCOLS]
    protocols = _protocols(headers)[:2]
    return [*kept, (_PROTOCOLS, ", ".join(protocols).encode("latin-1"))] if protocols else kept


def _protocols(headers: HeaderList) -> list[str]:
    """The entries of the first such header, as Streamlit reads it."""
    for name, value in headers:
        if name.lower() == _PROTOCOLS:
            return [entry.strip() for entry in value.decode("latin-1").split(",")]
    return []
