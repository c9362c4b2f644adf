"""Names and attributes of our cookies; the only place that reads or writes one (RFC 6265bis).

Names carry a tag of the installation, because all ports of a host share one cookie jar. On https every cookie is
``Secure`` and ``__Host-``, so that no sibling host can plant one.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from typing import Final

RawHeaders = list[tuple[bytes, bytes]]
HeaderList = Iterable[tuple[bytes, bytes]]

_TAG_CHARACTERS: Final = 8
_STATE_CHARACTERS: Final = 32
_MAX_HEADER_BYTES: Final = 65_536
_VALUE: Final = re.compile(r"[!#$%&'()*+\-./0-9:<=>?@A-Z\[\]^_`a-z{|}~]*")
_BROWSER: Final = re.compile(r"[A-Za-z0-9_-]{43}")


class Cookies:
    """The cookies of one installation. Holds no state; safe from any thread."""

    def __init__(self, base_url: str) -> None:
        """``base_url``: the address at which people reach the app; https makes the cookies ``Secure``."""
        self.secure = base_url.lower().startswith("https://")
        tag = hashlib.sha256(base_url.encode()).hexdigest()[:_TAG_CHARACTERS]
        self.broadcast_channel = f"gatehouse-{tag}"
        """The ``BroadcastChannel`` on which the tabs of one browser ask each other to check the session."""
        prefix = f"{'__Host-' if self.secure else ''}gatehouse-{tag}"
        self.session = f"{prefix}-session"
        self.browser = f"{prefix}-browser"
        self.no_silent_sign_in = f"{prefix}-silent"
        """Prevents a silent sign-in in this browser while it lasts, whatever its value.

        "1": one was tried within the last hour. "signed-out": a user signed out within the last day, which the page of
        an ended session then explains.
        """
        self._login_prefix = f"{prefix}-login-"

    def login(self, state: str) -> str:
        """The name of the cookie that holds the login transaction with this state; it does not show the state."""
        return self._login_prefix + hashlib.sha256(state.encode()).hexdigest()[:_STATE_CHARACTERS]

    def logins(self, cookies: Mapping[str, str]) -> dict[str, str]:
        """Those of ``cookies`` that hold login transactions: name → value."""
        return {name: value for name, value in cookies.items() if name.startswith(self._login_prefix)}

    def browser_id(self, cookies: Mapping[str, str]) -> str:
        """The browser's random id from its cookie; empty when there is none or it is not one of ours."""
        value = cookies.get(self.browser, "")
        return value if _BROWSER.fullmatch(value) else ""

    def hide(self, headers: HeaderList) -> RawHeaders:
        """The headers without our cookies, and without those of Streamlit's own sign-in, which is not used here.

        Scripts can read every cookie of the handshake, and must not see the session's secret.
        """
        return _without(
            headers,
            (
                f"{self.session}=",
                f"{self.browser}=",
                f"{self.no_silent_sign_in}=",
                self._login_prefix,
                "_streamlit_user",
            ),
        )

    def with_browser(self, headers: HeaderList, browser: str) -> RawHeaders:
        """The headers with a new browser id in place of any other."""
        return [*_without(headers, (f"{self.browser}=",)), (b"cookie", f"{self.browser}={browser}".encode())]

    def set(self, name: str, value: str, *, max_age_seconds: int | None = None) -> str:
        """A ``Set-Cookie`` value; without ``max_age_seconds`` the cookie lasts until the browser is closed."""
        age = f"; Max-Age={max_age_seconds}" if max_age_seconds is not None else ""
        return f"{name}={value}; Path=/; HttpOnly; SameSite=Lax{'; Secure' if self.secure else ''}{age}"

    def clear(self, name: str) -> str:
        """A ``Set-Cookie`` value that removes the cookie."""
        return self.set(name, "", max_age_seconds=0)


def browser_hash(browser: str) -> str:
    """The SHA-256 of a browser's id, in hexadecimal, for places that must not have the id itself."""
    return hashlib.sha256(browser.encode()).hexdigest()


def read_cookies(headers: HeaderList) -> dict[str, str]:
    """Name → value of all ``Cookie`` headers of a request (ASGI's raw headers).

    A name that comes twice with different values counts as absent: one of them was planted, and either could be it.
    Empty when the header is larger than any browser sends.
    """
    text = "; ".join(value.decode("latin-1") for name, value in headers if name.lower() == b"cookie")
    if len(text) > _MAX_HEADER_BYTES:
        return {}
    cookies: dict[str, str] = {}
    twice: set[str] = set()
    for part in text.split(";"):
        name, equals, value = part.strip(" \t").partition("=")
        if not equals or not name or not _VALUE.fullmatch(value):
            continue
        if cookies.setdefault(name, value) != value:
            twice.add(name)
    return {name: value for name, value in cookies.items() if name not in twice}


def _without(headers: HeaderList, prefixes: tuple[str, ...]) -> RawHeaders:
    """The headers without the cookies of these prefixes; an empty ``Cookie`` header is dropped."""
    kept: RawHeaders = []
    for name, value in headers:
        if name.lower() != b"cookie":
            kept.append((name, value))
            continue
        parts = [part.strip() for part in value.decode("latin-1").split(";")]
        if others := "; ".join(part for part in parts if part and not part.startswith(prefixes)):
            kept.append((name, others.encode("latin-1")))
    return kept
