"""Small static pages for what goes wrong outside Streamlit: plain words, what to do next, nothing but text in them.

Everything that is filled in is escaped, and the page's own content security policy allows its one style by hash.
"""

from __future__ import annotations

import base64
import hashlib
import logging
import re
from collections.abc import Sequence
from html import escape
from pathlib import Path
from string import Template
from typing import Final, NamedTuple
from urllib.parse import quote

from starlette.responses import HTMLResponse

from app.core import correlation
from app.core.errors import StorageUnavailable

SERVER_ERROR: Final = 500
"""The first status of the class 5xx."""
_UNAVAILABLE: Final = 503
_log = logging.getLogger(__name__)
_TEXT: Final = Path(__file__).with_name("notice.html").read_text(encoding="utf-8")
_TEMPLATE: Final = Template(_TEXT)
_STYLE: Final = re.findall(r"<style>(.*?)</style>", _TEXT, re.DOTALL)


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


_HASHES: Final = " ".join(f"'{_hash(style)}'" for style in _STYLE)
POLICY: Final = f"default-src 'none'; style-src {_HASHES}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


class Action(NamedTuple):
    """A way on: what it says, and where on this site it leads."""

    label: str
    href: str


START: Final = Action("Back to the start page", "/")


_CLOSE: Final = (
    "const{channel,kind}=document.currentScript.dataset;"
    "try{new BroadcastChannel(channel).postMessage({kind})}catch{}"
    "setTimeout(()=>window.close(),100)"
)
"""What it tells stands in attributes, so that one hash allows this script and no other."""
_CLOSES: Final = f"script-src '{_hash(_CLOSE)}'; "


def try_again(return_to: str, *, popup: bool = False, draft: str = "") -> Action:
    """Sign in once more, for the same page. ``popup``: in this window too. ``draft``: what waits for it."""
    more = ("&mode=popup" if popup else "") + (f"&draft={draft}" if draft else "")
    return Action("Try again", f"/auth/login?return_to={quote(return_to, safe='')}{more}")


def notice(
    title: str,
    sentences: Sequence[str],
    *,
    status: int,
    actions: Sequence[Action] = (START,),
    reload_seconds: int | None = None,
    goes_on_to: str = "",
    keeps_opener: bool = False,
    retry_after_seconds: int | None = None,
    closes: str = "",
) -> HTMLResponse:
    """One notice.

    Args:
        title: The heading.
        sentences: The text.
        status: The HTTP status.
        actions: Links to go on by.
        reload_seconds: The page asks again by itself after that long.
        goes_on_to: The address on this site to which the page goes on by itself at once.
        keeps_opener: It may be in a popup of our own, which has to be able to close itself. Any other notice lets go of
            the window that opened it, so that a foreign one cannot watch where it leads (HTML, "Cross-origin opener
            policies").
        retry_after_seconds: When trying again may help, as the header ``Retry-After`` (RFC 9110 §10.2.3).
        closes: See below.

    ``closes``: the page closes its window, and tells the tabs on the ``BroadcastChannel`` of this name to ask who is
    signed in. It needs no opener, a tie that a provider may cut (``Cross-Origin-Opener-Policy``), and proves nothing.
    """
    refresh = f"0; url={goes_on_to}" if goes_on_to else reload_seconds
    script = f'<script data-channel="{escape(closes)}" data-kind="signed-in">{_CLOSE}</script>' if closes else ""
    page = _TEMPLATE.substitute(
        title=escape(title),
        sentences="\n".join(f"<p>{escape(sentence)}</p>" for sentence in sentences),
        actions="".join(f'<a href="{escape(action.href)}">{escape(action.label)}</a>' for action in actions),
        reference=escape(correlation.current()),
        script=script,
        reload=f'<meta http-equiv="refresh" content="{escape(str(refresh))}">' if refresh is not None else "",
    )
    headers = {
        "Cache-Control": "no-store",
        "Vary": "Cookie",
        "Content-Security-Policy": f"{_CLOSES if closes else ''}{POLICY}",
    }
    if not (keeps_opener or closes):
        headers["Cross-Origin-Opener-Policy"] = "same-origin"
    wait_seconds = reload_seconds if reload_seconds is not None else retry_after_seconds
    if wait_seconds is not None:
        headers["Retry-After"] = str(wait_seconds)
    return HTMLResponse(page, status_code=status, headers=headers)


def signed_in_popup(channel: str) -> HTMLResponse:
    """The end of a sign-in in a window of its own: it tells the tabs, and closes itself where it can."""
    return notice(
        "You are signed in",
        ("This window closes by itself. If it does not, close it, and go on where you pressed “Sign in”.",),
        status=200,
        actions=(),
        closes=channel,
    )


def too_many_tabs() -> HTMLResponse:
    """There is no place for one more tab; the page recovers by itself."""
    return notice(
        "All places are taken",
        (
            "The app serves as many tabs as it can just now. Close tabs that you no longer need.",
            "This page looks again by itself every few seconds.",
        ),
        status=503,
        actions=(START,),
        reload_seconds=10,
    )


def log_server_error(status: int, reason: str) -> None:
    """Log an answer of the class 5xx, which says where the log has its reason: by the correlation id."""
    _log.error("answered %d: %s (correlation id %s)", status, reason, correlation.current())


def storage_unavailable(*, logged: bool = False) -> HTMLResponse:
    """The database does not answer; the page recovers by itself. ``logged``: the log has it already."""
    if not logged:
        log_server_error(_UNAVAILABLE, StorageUnavailable.code)
    return notice(
        "Back in a moment",
        (
            "The product cannot reach its records right now, so nobody can be let in. Nothing of yours was changed.",
            "This page looks again by itself every few seconds.",
        ),
        status=_UNAVAILABLE,
        actions=(START,),
        reload_seconds=5,
        keeps_opener=True,
    )
