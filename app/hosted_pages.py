"""Permissions of a hosted app's pages: which entries of ``gatehouse.toml`` a page needs. It runs only if all allow it.

A permission belongs to the page (a script or a function), not to its path: an app may choose its start page on every
run, or register one page at two paths. The entries are checked when the app offers a page (``st.navigation``), and
again when the page runs (``st.Page.run``, and the compilation of its script), so that a page that the app registers in
any other way does not open.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

import streamlit as st
from streamlit.commands import navigation as navigation_module
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.source_util import page_icon_and_name

from app import access, page_registry, panels
from app.core.errors import GatehouseError, NotFound
from app.core.guard import Caller, refusal
from app.core.hosted_app_config import FILE_NAME
from app.core.permissions import Permission
from app.core.policy import decide

NO_ACCESS: Final = "No access"
_NO_PATH: Final = "?"
"""Placeholder for the path of a page without one. No entry has this name, because "?" begins a query."""
_REFUSED: Final = "gatehouse_refused"  # the refusal that was recorded last: a rerun records no second one

PageSource = Path | Callable[..., object]
"""A page's script, or the function that draws it."""


@dataclass(frozen=True, slots=True)
class _PageEntries:
    """The entries of the hosted app."""

    script: Path
    entries: Mapping[str, Permission | None]


class _RefusingEntry(NamedTuple):
    """An entry that prevents a page from opening."""

    url_path: str
    """Without a slash."""
    permission: Permission | None
    exists: bool
    """Whether ``gatehouse.toml`` contains the entry."""
    allowed_after_step_up: bool
    """Whether this entry would allow the page after a step-up."""


_page_entries: _PageEntries | None = None
_offered: Final[ContextVar[list[tuple[PageSource, str]] | None]] = ContextVar("offered_pages", default=None)
"""Source and own path of each page that the app has offered or run in the present run."""
_running: Final[ContextVar[Path | None]] = ContextVar("running_page", default=None)
"""The script of the page whose entries were checked and that runs now."""
original_navigation: Final = st.navigation
_run_page: Final = st.Page.run


def install(script: Path | None, entries: Mapping[str, Permission | None] | None) -> None:
    """Replace ``st.navigation`` and ``st.Page.run`` for the app of ``script``; None restores both, for tests.

    Args:
        script: The entry script of the hosted app.
        entries: Path of a page, without a slash → permission. None when the app declares no pages.
    """
    global _page_entries  # noqa: PLW0603 - one process serves one app
    _page_entries = None
    if script is not None and entries is not None:
        _page_entries = _PageEntries(script.resolve(), entries)
    for module in (st, navigation_module):  # from either of which a script may import it
        vars(module)["navigation"] = navigation if script is not None else original_navigation
    page_class: Any = st.Page
    page_class.run = _run if _page_entries is not None else _run_page


@contextmanager
def run_of_app() -> Iterator[None]:
    """One run of the hosted app: pages are compared with those of the same run only."""
    token = _offered.set([])
    try:
        yield
    finally:
        _offered.reset(token)


def check_compiled(script: Path) -> None:
    """Check that ``script`` may be compiled for Streamlit now: the entry script, or the page that runs.

    Raises:
        NotFound: It is another script of an app that has entries for its pages.
    """
    if _page_entries is not None and script.resolve() not in {_page_entries.script, _running.get()}:
        raise NotFound(f"{script.name} runs as a page only, by the run() of its page, so that its entry counts.")


def navigation(
    pages: Sequence[Any] | Mapping[str, Sequence[Any]],
    *,
    position: Literal["sidebar", "hidden", "top"] = "sidebar",
    expanded: bool | int = False,
) -> st.Page:
    """``st.navigation`` for the hosted app: it hides each page that the user may not open.

    The path of such a page stays registered under a neutral title and shows the refusal.
    """
    if _page_entries is None:
        return original_navigation(pages, position=position, expanded=expanded)
    sections = pages if isinstance(pages, Mapping) else {"": pages}
    made = {name: [_page(page) for page in section] for name, section in sections.items()}
    own = [page for section in made.values() for page in section if not page.is_external]
    start = next((page for page in own if page._default), own[0] if own else None)  # noqa: SLF001 - as Streamlit does
    for page in own:
        _record_offered(page)
    caller = access.caller()
    state = page_registry.navigation_state()
    state.home = None
    offered: dict[str, list[st.Page]] = {}
    nameless: list[st.Page] = []  # in no section of the app: the name of a section is a title too
    for name, pages_of_section in made.items():
        for page in pages_of_section:
            refusing = None if page.is_external else _refusing_entry(page, _page_entries, caller, start=page is start)
            if refusing is None:
                offered.setdefault(name, []).append(page)
                if page is start:
                    state.home = page
                continue
            refused = _Refused.of(page, refusing)
            refused._default = page is start  # noqa: SLF001 - our copy, which may no longer be the first
            (offered.setdefault(name, []) if refusing.allowed_after_step_up else nameless).append(refused)
    if nameless:
        offered.setdefault("", []).extend(nameless)
    chosen = original_navigation(offered, position=position, expanded=expanded)
    if not isinstance(chosen, _Refused):
        st.session_state.pop(_REFUSED, None)
    return chosen


def _run(page: st.Page) -> None:
    """``st.Page.run`` for the hosted app: it checks the page's entries again."""
    if _page_entries is None or page.is_external or get_script_run_ctx(suppress_warning=True) is None:
        _run_page(page)
        return
    source = _source(page)
    if source == _page_entries.script:  # Streamlit's own page for a folder pages/: the entry check runs the script
        _run_page(page)
        return
    _record_offered(page)
    refusing = _refusing_entry(page, _page_entries, access.caller(), start=page._default)  # noqa: SLF001 - as in navigation
    if refusing is not None:
        _Refused.of(page, refusing).run()
        return
    token = _running.set(source if isinstance(source, Path) else None)
    try:
        _run_page(page)
    finally:
        _running.reset(token)


def _refusing_entry(page: st.Page, known: _PageEntries, caller: Caller, *, start: bool) -> _RefusingEntry | None:
    """The entry that prevents the user from opening ``page``; None when every entry allows it."""
    refusing = []
    for url_path in _paths(page, known, start=start):
        exists, permission = url_path in known.entries, known.entries.get(url_path)
        decision = decide(caller.principal, permission, caller.grants)
        if not (exists and decision.allowed):
            refusing.append(_RefusingEntry(url_path, permission, exists, exists and decision.allowed_after_step_up))
    return next((entry for entry in refusing if not entry.allowed_after_step_up), refusing[0] if refusing else None)


def _paths(page: st.Page, known: _PageEntries, *, start: bool) -> list[str]:
    """Paths, without slashes, whose entries ``page`` needs.

    These are ``/`` for the start page, the path that the page has when it is not the start page, the paths of
    other pages of this run with the same source, and the path that Streamlit infers from the file or function, if
    that has an entry. Other files of the app do not change which entries the page needs.
    """
    source, own = _source(page), _own_path(page)
    needed = ["", own] if start else [own]
    needed += [url_path for other, url_path in _offered.get() or () if other == source and url_path in known.entries]
    inferred = _inferred_path(source)
    if inferred and inferred in known.entries:  # a function without a name has none; "" is that of the start page
        needed.append(inferred)
    return list(dict.fromkeys(needed))


def _own_path(page: st.Page) -> str:
    """The path of ``page`` when it is not the start page."""
    return page._url_path or _inferred_path(_source(page)) or _NO_PATH  # noqa: SLF001 - `url_path` is empty for the start page


def _inferred_path(source: PageSource) -> str:
    """The path that Streamlit infers for a page without a ``url_path``; empty when it can infer none."""
    return page_icon_and_name(source)[1] if isinstance(source, Path) else str(getattr(source, "__name__", ""))


def _source(page: st.Page) -> PageSource:
    source: Any = page._page  # noqa: SLF001 - no public name
    return source if isinstance(source, Path) else inspect.unwrap(source)


def _record_offered(page: st.Page) -> None:
    offered = _offered.get()
    if offered is not None:
        offered.append((_source(page), _own_path(page)))


def _page(page: Any) -> st.Page:
    return page if isinstance(page, st.Page) else st.Page(page)


class _Refused(st.Page):
    """A stand-in for a page that the user may not open: it shows the refusal."""

    refusing: _RefusingEntry
    _own: str
    """The page's path when it is not the start page."""

    @classmethod
    def of(cls, page: st.Page, refusing: _RefusingEntry) -> _Refused:
        """A stand-in at the path of ``page``, with the page's title only if a step-up would open it."""
        twin: Any = copy.copy(page)  # the app may share its page objects between users
        twin.__class__ = cls
        twin.refusing = refusing
        twin._own = _own_path(page)  # noqa: SLF001 - our copy
        if not refusing.allowed_after_step_up:
            twin._title, twin._icon, twin._help, twin._visibility = NO_ACCESS, "", "", "hidden"  # noqa: SLF001 - our copy
        stand_in: _Refused = twin
        return stand_in

    def run(self) -> None:
        """Show why the page does not open."""
        self._page = self._explain  # in place of the page's own script or function
        _run_page(self)

    def _explain(self) -> None:
        url_path, permission, exists, _ = self.refusing
        if exists:
            refuse(permission, f"/{url_path}")
            if url_path and url_path not in {self._own, _NO_PATH}:
                st.caption(
                    f"The page /{self._own} needs the entry of /{url_path} in {FILE_NAME} too: that is the address "
                    "that Streamlit infers from the name of its file or function, or another address of the same page."
                )
        elif url_path == _NO_PATH:
            panels.problem(
                NotFound("This page has no address of its own, so it can have no entry: give it a url_path.")
            )
        else:
            start = ", as the start page either: add one beside the entry of /" if self._default and url_path else ""
            panels.problem(NotFound(f"/{url_path} has no entry in {FILE_NAME}, so no user may open it{start}."))


def refuse(permission: Permission | None, target: str) -> None:
    """Show a refusal on every rerun. It is recorded once for as long as the user stays on the page."""
    try:
        if st.session_state.get(_REFUSED) != target:
            st.session_state[_REFUSED] = target
            access.require(permission, target=target)
        decision = access.decide(permission)
    except GatehouseError as error:
        panels.failure(error, access.principal)
        return
    if decision.allowed:  # granted between the two decisions
        st.rerun()
    panels.failure(refusal(permission, decision), access.principal)
