"""What a page keeps over a sign-in: the values that it names, given back to it in the session that comes of it.

A redirect begins a new Streamlit session, so what was typed would be gone. A page names what is worth keeping, before
its widgets: ``drafts.keep("title", "notes")``. Kept are ``st.session_state[name]``, widgets' values included, as far as
they are plain (texts, numbers, dates, lists and the like): never uploads, and nothing of a form that was not submitted,
because Streamlit does not hand those to Python. ``app.main`` gives them back before any widget is drawn, once.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

import streamlit as st

from app import access
from app.draft_values import read, write
from app.services import services
from component.drafts import MAX_BYTES, DraftOwner
from component.http.return_to import safe_return_to

_NAMES: Final = "gatehouse_kept_names"  # page path → names
_VALUES: Final = "gatehouse_kept_values"  # of the page this session is on: (path, name → value)
_TAKEN: Final = "gatehouse_draft_taken"
_OURS: Final = "gatehouse"


def keep(*names: str) -> None:
    """Keep these entries of ``st.session_state`` over a sign-in that begins on this page; before the page's widgets.

    Raises ``ValueError`` for a name of Gatehouse's own.
    """
    if any(name.startswith(_OURS) for name in names):
        raise ValueError(f"Names that begin with {_OURS!r} are Gatehouse's own.")
    kept: dict[str, tuple[str, ...]] = st.session_state.setdefault(_NAMES, {})
    kept[_path()] = names


def remember() -> None:
    """Note what is to be kept, as it is now: the first thing in a run.

    A run that refuses the page draws none of its widgets, and Streamlit then forgets their values: they are put back.
    """
    kept: dict[str, tuple[str, ...]] | None = st.session_state.get(_NAMES)
    if kept is None:
        return  # no page of this session asked for anything yet, as in most
    path = _path()
    names = kept.get(path, ())
    before_path, values = st.session_state.get(_VALUES, ("", {}))
    if before_path != path:
        values = {}
        st.session_state[_VALUES] = (path, values)
    for name in names:
        if name in st.session_state:
            values[name] = st.session_state[name]
        elif name in values:
            st.session_state[name] = values[name]


def give_back() -> None:
    """Put what was kept for this page into ``st.session_state``: once, in this Streamlit session's first run."""
    if _TAKEN in st.session_state:
        return
    st.session_state[_TAKEN] = True
    bound = access.bound_session()
    if bound is None:
        return
    ref, subject = bound
    kept = services().drafts.take(ref, _path(), subject=subject, browser_hash=access.browser_hash())
    if kept is not None:
        for name, value in read(kept.decode()).items():
            st.session_state[name] = value


def store(path: str) -> str:
    """Store what is to be kept of the page at ``path``; → the id for the sign-in's address, "" for nothing.

    Nothing is kept for another page than the one this run is for.
    """
    remember()
    kept_path, values = st.session_state.get(_VALUES, ("", {}))
    if not values or path != kept_path:
        return ""
    bound, text = access.bound_session(), write(values, MAX_BYTES)
    if text == "{}":
        return ""
    owner = DraftOwner.of(bound[1] if bound is not None else None, access.browser_hash())
    return services().drafts.keep(owner, text.encode())


def _path() -> str:
    return safe_return_to(urlsplit(st.context.url or "").path).rstrip("/") or "/"
