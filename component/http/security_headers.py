"""Headers of every response: what a browser may do with our pages."""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import re
from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path
from typing import Final

from starlette.datastructures import MutableHeaders

_HOST: Final = re.compile(r"[A-Za-z0-9.-]+")
_HSTS: Final = "max-age=31536000; includeSubDomains"
_HOSTED_FEATURES: Final = frozenset({"camera", "geolocation", "microphone"})
"""What widgets of Streamlit can use (``st.camera_input``, ``st.audio_input``); our own pages use none of it."""
_FRAMED: Final = "object-src 'none'; base-uri 'self'; frame-ancestors 'self'"
"""For the files of a hosted app's custom components, which Streamlit shows in frames."""
_FEATURES: Final = (
    "accelerometer",
    "camera",
    "display-capture",
    "geolocation",
    "gyroscope",
    "magnetometer",
    "microphone",
    "midi",
    "payment",
    "usb",
)


class SecurityHeaders:
    """The headers of one installation."""

    def __init__(self, *, secure: bool, csp: str, hosted: bool = False) -> None:
        """``secure``: whether people come by https. ``csp``: as ``content_security_policy`` makes it.

        ``hosted``: the pages are those of a hosted app.
        """
        self._hosted = hosted
        self._fixed = {
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "same-origin",
            "X-Frame-Options": "DENY",
            "Permissions-Policy": ", ".join(
                f"{feature}={'(self)' if hosted and feature in _HOSTED_FEATURES else '()'}" for feature in _FEATURES
            ),
        } | ({"Strict-Transport-Security": _HSTS} if secure else {})
        self._csp = csp

    def apply(self, headers: MutableHeaders, *, private: bool, component: bool = False, page: bool = False) -> None:
        """Set the headers of a response. A stricter content security policy of its own stays.

        Args:
            headers: The headers of the response.
            private: Whether it depends on the session, so that it must not be cached.
            component: Whether it is a file of a custom component, which a hosted app may show in a frame.
            page: Whether it is a page of the app. A window of another site loses its reference to it; the popups that
                the page opens for a sign-in can still be watched. The last page of a popup has no such header, or it
                could not close its window.
        """
        for name, value in self._fixed.items():
            headers[name] = value
        if component and self._hosted:
            headers["X-Frame-Options"] = "SAMEORIGIN"
            headers["Content-Security-Policy"] = _FRAMED
        headers.setdefault("Content-Security-Policy", self._csp)
        if page:
            headers["Cross-Origin-Opener-Policy"] = "same-origin-allow-popups"
        if private:
            headers["Cross-Origin-Resource-Policy"] = "same-origin"
            headers["Cache-Control"] = "no-store"
            if "cookie" not in headers.get("Vary", "").lower():
                headers.add_vary_header("Cookie")


def content_security_policy(
    *,
    index: Path | None = None,
    picture_hosts: Sequence[str] = (),
    hosted: bool = False,
    inline_scripts: bool = False,
) -> str:
    """The policy for Streamlit's front end; inline scripts of its page are allowed by hash, and no others run.

    Args:
        index: Streamlit's page; None for the one of the installed Streamlit, which is found without importing it.
        picture_hosts: The hosts that pictures of people may come from.
        hosted: Whether it is for a hosted app, whose maps, pictures, films and frames may come from any https address.
        inline_scripts: Whether that app has scripts in its own HTML.
    """
    page = index if index is not None else _streamlit_index()
    scripts = _InlineScripts()
    scripts.feed(page.read_text(encoding="utf-8"))
    scripts.close()
    hashes = "".join(
        f" 'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'" for text in scripts.texts
    )
    if hosted:
        return _hosted_csp("'unsafe-inline' 'unsafe-eval' https:" if inline_scripts else f"'wasm-unsafe-eval'{hashes}")
    pictures = "".join(f" https://{host}" for host in picture_hosts if _HOST.fullmatch(host))
    return "; ".join(
        (
            "default-src 'self'",
            f"script-src 'self' 'wasm-unsafe-eval'{hashes}",
            "style-src 'self' 'unsafe-inline'",
            f"img-src 'self' data: blob:{pictures}",
            "font-src 'self' data:",
            "connect-src 'self'",
            "media-src 'self' blob:",
            "worker-src 'self' blob:",
            "frame-src 'self'",
            "object-src 'none'",
            "base-uri 'self'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        )
    )


def _hosted_csp(scripts: str) -> str:
    """As ours, but what is shown may come from anywhere by https; components of a page's own run from ``blob:``."""
    return "; ".join(
        (
            "default-src 'self'",
            f"script-src 'self' blob: {scripts}",
            "style-src 'self' 'unsafe-inline' https:",
            "img-src 'self' data: blob: https:",
            "font-src 'self' data: https:",
            "connect-src 'self' data: blob: https:",
            "media-src 'self' data: blob: https:",
            "worker-src 'self' blob:",
            "frame-src 'self' data: blob: https:",
            "object-src 'none'",
            "base-uri 'self'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        )
    )


def _streamlit_index() -> Path:
    spec = importlib.util.find_spec("streamlit")
    if spec is None or spec.origin is None:
        raise RuntimeError("Streamlit is not installed")
    return Path(spec.origin).parent / "static" / "index.html"


class _InlineScripts(HTMLParser):
    """Collects the text of scripts without a ``src``."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.texts: list[str] = []
        self._inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "script" and all(name != "src" for name, _ in attrs):
            self._inside = True
            self.texts.append("")

    def handle_endtag(self, tag: str) -> None:
        if tag == "script":
            self._inside = False

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.texts[-1] += data
