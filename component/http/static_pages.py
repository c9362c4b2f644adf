"""Small static pages for what goes wrong outside Streamlit: what happened, and what to do next.

Jinja2 escapes every value. The content security policy of a page allows its one style, and its one script where it has
one, by hash.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import quote

import structlog
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse

from app.core import correlation
from app.core.errors import StorageUnavailable

SERVER_ERROR: Final = 500
"""The first status of the class 5xx."""
_UNAVAILABLE: Final = 503
_TEMPLATES: Final = Path(__file__).with_name("templates")
_NOTICE: Final = Environment(
    loader=FileSystemLoader(_TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True
).get_template("notice.html")
_log = structlog.get_logger(__name__)


def _hashes(element: str) -> str:
    """The source expressions for the inline elements of this kind in the template, which have no variable inside."""
    text = (_TEMPLATES / "notice.html").read_text(encoding="utf-8")
    inline = re.findall(rf"<{element}[^>]*>(.*?)</{element}>", text, re.DOTALL)
    return " ".join(f"'sha256-{base64.b64encode(hashlib.sha256(each.encode()).digest()).decode()}'" for each in inline)


CONTENT_SECURITY_POLICY: Final = (
    f"default-src 'none'; style-src {_hashes('style')}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_CSP_WITH_SCRIPT: Final = f"script-src {_hashes('script')}; {CONTENT_SECURITY_POLICY}"
"""For the page that closes its window. Its script reads what it sends from attributes, so one hash allows it alone."""


class PageLink(NamedTuple):
    """A link of a page: its label, and the address on this site."""

    label: str
    href: str


START: Final = PageLink("Back to the start page", "/")


def try_again(return_to: str, *, popup: bool = False, draft: str = "") -> PageLink:
    """The link for another sign-in that returns to the same page.

    Args:
        return_to: The page to return to.
        popup: Whether the sign-in continues in this popup.
        draft: The id of the draft that waits for the sign-in; empty for none.
    """
    more = ("&mode=popup" if popup else "") + (f"&draft={draft}" if draft else "")
    return PageLink("Try again", f"/auth/login?return_to={quote(return_to, safe='')}{more}")


def notice(
    title: str,
    sentences: Sequence[str],
    *,
    status: int,
    actions: Sequence[PageLink] = (START,),
    reload_seconds: int | None = None,
    continue_at: str = "",
    keeps_opener: bool = False,
    retry_after_seconds: int | None = None,
    broadcast_channel: str = "",
) -> HTMLResponse:
    """A page with a heading, some text and links.

    Args:
        title: The heading.
        sentences: The text, one paragraph each.
        status: The HTTP status.
        actions: The links below the text.
        reload_seconds: After how many seconds the page reloads itself; None for never.
        continue_at: The address on this site to which the page redirects at once; empty for none.
        keeps_opener: Whether the page may be in a popup of the app, which has to be able to close itself. Any other
            notice drops its opener, so that a window of another site cannot watch where it leads (HTML, "Cross-origin
            opener policies").
        retry_after_seconds: When a retry may help, sent as ``Retry-After`` (RFC 9110 §10.2.3).
        broadcast_channel: The name of a ``BroadcastChannel``: the page asks the tabs on it to check the session, then
            closes its window. It needs no opener, which a provider may cut (``Cross-Origin-Opener-Policy``), and its
            message proves nothing. Empty for any other page.
    """
    page = _NOTICE.render(
        title=title,
        sentences=sentences,
        actions=actions,
        reference=correlation.current(),
        refresh=f"0; url={continue_at}" if continue_at else reload_seconds,
        broadcast_channel=broadcast_channel,
    )
    headers = {
        "Cache-Control": "no-store",
        "Vary": "Cookie",
        "Content-Security-Policy": _CSP_WITH_SCRIPT if broadcast_channel else CONTENT_SECURITY_POLICY,
    }
    if not (keeps_opener or broadcast_channel):
        headers["Cross-Origin-Opener-Policy"] = "same-origin"
    wait_seconds = reload_seconds if reload_seconds is not None else retry_after_seconds
    if wait_seconds is not None:
        headers["Retry-After"] = str(wait_seconds)
    return HTMLResponse(page, status_code=status, headers=headers)


def signed_in_popup(broadcast_channel: str) -> HTMLResponse:
    """The last page of a sign-in in a popup: it notifies the tabs, and closes its window where it can."""
    return notice(
        "You are signed in",
        ("This window closes by itself. If it does not, close it and return to where you pressed “Sign in”.",),
        status=200,
        actions=(),
        broadcast_channel=broadcast_channel,
    )


def too_many_tabs() -> HTMLResponse:
    """The app serves as many tabs as it can; the page reloads by itself."""
    return notice(
        "Too many tabs are open",
        (
            "The app serves as many tabs as it can just now. Close tabs that you no longer need.",
            "This page looks again by itself every few seconds.",
        ),
        status=503,
        actions=(START,),
        reload_seconds=10,
    )


def log_server_error(status: int, reason_code: str) -> None:
    """Log a response of the class 5xx with its reason code, under the correlation id that the user sees."""
    _log.error("a request failed", status=status, reason=reason_code, correlation_id=correlation.current())


def storage_unavailable(*, logged: bool = False) -> HTMLResponse:
    """The page for a database that does not answer; it reloads by itself. ``logged``: the error is logged already."""
    if not logged:
        log_server_error(_UNAVAILABLE, StorageUnavailable.code)
    return notice(
        "Back in a moment",
        (
            "The product cannot reach its database right now, so it cannot sign you in. Nothing of yours was changed.",
            "This page looks again by itself every few seconds.",
        ),
        status=_UNAVAILABLE,
        actions=(START,),
        reload_seconds=5,
        keeps_opener=True,
    )
