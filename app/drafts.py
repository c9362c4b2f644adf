"""Keeps values of a page's form over a sign-in and restores them in the new session.

A redirect starts a new Streamlit session without the input of the old one. A page names the values to keep before its
widgets: ``drafts.keep("title", "notes")``. Kept are ``st.session_state[name]``, values of widgets included, if they are
plain (texts, numbers, dates, lists and the like). Uploads and the input of a form that was not submitted are not kept,
because Streamlit does not pass those to Python. ``app.main`` restores the values once, before it draws a widget.
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
_VALUES: Final = "gatehouse_kept_values"  # of the present page: (path, name → value)
_RESTORED: Final = "gatehouse_draft_restored"
_RESERVED_PREFIX: Final = "gatehouse"


def keep(*names: str) -> None:
    """Keep these entries of ``st.session_state`` over a sign-in from this page. Call it before the page's widgets.

    Raises:
        ValueError: A name has the prefix of Gatehouse's own entries.
    """
    if any(name.startswith(_RESERVED_PREFIX) for name in names):
        raise ValueError(f"Names that begin with {_RESERVED_PREFIX!r} are reserved for Gatehouse.")
    names_by_path: dict[str, tuple[str, ...]] = st.session_state.setdefault(_NAMES, {})
    names_by_path[_path()] = names


def are_kept() -> bool:
    """Whether the present page has named values to keep, so that a run that fails does not lose them."""
    names_by_path: dict[str, tuple[str, ...]] = st.session_state.get(_NAMES, {})
    return bool(names_by_path.get(_path()))


def capture() -> None:
    """Copy the present values to keep, at the start of a run.

    A run that refuses the page draws none of its widgets, and Streamlit then deletes their values: this restores them.
    """
    names_by_path: dict[str, tuple[str, ...]] | None = st.session_state.get(_NAMES)
    if names_by_path is None:
        return  # no page of this session has called keep
    path = _path()
    names = names_by_path.get(path, ())
    before_path, values = st.session_state.get(_VALUES, ("", {}))
    if before_path != path:
        values = {}
        st.session_state[_VALUES] = (path, values)
    for name in names:
        if name in st.session_state:
            values[name] = st.session_state[name]
        elif name in values:
            st.session_state[name] = values[name]


def restore() -> None:
    """Write the draft of this page into ``st.session_state``, once, in the first run of this Streamlit session.

    Raises:
        StorageUnavailable: The database does not answer.
    """
    if _RESTORED in st.session_state:
        return
    st.session_state[_RESTORED] = True
    bound = access.bound_session()
    if bound is None:
        return
    ref, subject = bound
    draft = services().drafts.take(ref, _path(), subject=subject, browser_hash=access.browser_hash())
    if draft is not None:
        for name, value in read(draft.decode()).items():
            st.session_state[name] = value


def store(path: str) -> str:
    """Store the values to keep of the page at ``path`` as a draft.

    Returns:
        The draft's id for the address of the sign-in; empty if there is nothing to keep, or ``path`` is not the page of
        this run.

    Raises:
        StorageUnavailable: The database does not answer.
    """
    capture()
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
