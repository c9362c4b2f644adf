"""Headers of every answer: what a browser may do with our pages (security rules R25, R33, R34)."""

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
_PERMISSIONS: Final = ", ".join(
    f"{feature}=()"
    for feature in (
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
)


class SecurityHeaders:
    """The headers of one installation."""

    def __init__(self, *, secure: bool, policy: str) -> None:
        """``secure``: whether people come by https. ``policy``: as ``content_security_policy`` makes it."""
        self._fixed = {
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "same-origin",
            "X-Frame-Options": "DENY",
            "Permissions-Policy": _PERMISSIONS,
        } | ({"Strict-Transport-Security": _HSTS} if secure else {})
        self._policy = policy

    def apply(self, headers: MutableHeaders, *, private: bool) -> None:
        """Put them on an answer. ``private``: a session matters for it, so nothing may keep it.

        An answer's own, stricter content security policy stays.
        """
        for name, value in self._fixed.items():
            headers[name] = value
        headers.setdefault("Content-Security-Policy", self._policy)
        if private:
            headers["Cache-Control"] = "no-store"
            if "cookie" not in headers.get("Vary", "").lower():
                headers.add_vary_header("Cookie")


def content_security_policy(*, index: Path | None = None, picture_hosts: Sequence[str] = ()) -> str:
    """The policy for Streamlit's front end; inline scripts of its page are allowed by hash, and no others run.

    ``index``: the page; by default the one of the installed Streamlit, found without importing it. ``picture_hosts``:
    from where people's pictures may come.
    """
    page = index if index is not None else _streamlit_index()
    scripts = _InlineScripts()
    scripts.feed(page.read_text(encoding="utf-8"))
    scripts.close()
    hashes = "".join(
        f" 'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'" for text in scripts.found
    )
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


def _streamlit_index() -> Path:
    spec = importlib.util.find_spec("streamlit")
    if spec is None or spec.origin is None:
        raise RuntimeError("Streamlit is not installed")
    return Path(spec.origin).parent / "static" / "index.html"


class _InlineScripts(HTMLParser):
    """Collects the text of scripts without a ``src``."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.found: list[str] = []
        self._inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "script" and all(name != "src" for name, _ in attrs):
            self._inside = True
            self.found.append("")

    def handle_endtag(self, tag: str) -> None:
        if tag == "script":
            self._inside = False

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.found[-1] += data
