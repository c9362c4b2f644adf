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
_HASHES: Final = " ".join(
    f"'sha256-{base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()}'" for style in _STYLE
)
POLICY: Final = f"default-src 'none'; style-src {_HASHES}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


class Action(NamedTuple):
    """A way on: what it says, and where on this site it leads."""

    label: str
    href: str


START: Final = Action("Back to the start page", "/")


def try_again(return_to: str) -> Action:
    """Sign in once more, for the same page."""
    return Action("Try again", f"/auth/login?return_to={quote(return_to, safe='')}")


def notice(
    title: str,
    sentences: Sequence[str],
    *,
    status: int,
    actions: Sequence[Action] = (START,),
    reload_seconds: int | None = None,
) -> HTMLResponse:
    """One notice. ``reload_seconds``: the page asks again by itself after that long."""
    page = _TEMPLATE.substitute(
        title=escape(title),
        sentences="\n".join(f"<p>{escape(sentence)}</p>" for sentence in sentences),
        actions="".join(f'<a href="{escape(action.href)}">{escape(action.label)}</a>' for action in actions),
        reference=escape(correlation.current()),
        reload=f'<meta http-equiv="refresh" content="{reload_seconds}">' if reload_seconds is not None else "",
    )
    headers = {"Cache-Control": "no-store", "Vary": "Cookie", "Content-Security-Policy": POLICY}
    if reload_seconds is not None:
        headers["Retry-After"] = str(reload_seconds)
    return HTMLResponse(page, status_code=status, headers=headers)


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
