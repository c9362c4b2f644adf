"""Small static pages for what goes wrong outside Streamlit: plain words, what to do next, nothing but text in them.

Everything that is filled in is escaped, and the page's own content security policy allows its one style by hash.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from html import escape
from pathlib import Path
from string import Template
from typing import Final, NamedTuple
from urllib.parse import quote

from starlette.responses import HTMLResponse

from app.core import correlation

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
    closes: str = "",
) -> HTMLResponse:
    """One notice. ``reload_seconds``: the page asks again by itself after that long.

    ``closes``: the page closes its window, and tells the tabs on the ``BroadcastChannel`` of this name to ask who is
    signed in. It needs no opener, a tie that a provider may cut (``Cross-Origin-Opener-Policy``), and proves nothing.
    """
    script = f'<script data-channel="{escape(closes)}" data-kind="signed-in">{_CLOSE}</script>' if closes else ""
    page = _TEMPLATE.substitute(
        title=escape(title),
        sentences="\n".join(f"<p>{escape(sentence)}</p>" for sentence in sentences),
        actions="".join(f'<a href="{escape(action.href)}">{escape(action.label)}</a>' for action in actions),
        reference=escape(correlation.current()),
        script=script,
        reload=f'<meta http-equiv="refresh" content="{reload_seconds}">' if reload_seconds is not None else "",
    )
    headers = {
        "Cache-Control": "no-store",
        "Vary": "Cookie",
        "Content-Security-Policy": f"{_CLOSES if closes else ''}{POLICY}",
    }
    if reload_seconds is not None:
        headers["Retry-After"] = str(reload_seconds)
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


def storage_unavailable() -> HTMLResponse:
    """The database does not answer; the page recovers by itself."""
    return notice(
        "Back in a moment",
        (
            "The product cannot reach its records right now, so nobody can be let in. Nothing of yours was changed.",
            "This page looks again by itself every few seconds.",
        ),
        status=503,
        actions=(START,),
        reload_seconds=5,
    )
