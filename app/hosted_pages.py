"""Rights of a hosted app's pages: which rows of ``gatehouse.toml`` a page needs, and that it runs only with all.

A right belongs to the page (a script or a function), not to the address that the app gives it: an app may choose its
start page on every run, or put one page at two addresses. The rows are read where a page is offered
(``st.navigation``) and again where it runs (``st.Page.run``, and where its script is compiled), so that a navigation
that did not pass here opens nothing.
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
from app.core.declarations import FILE_NAME
from app.core.errors import GatehouseError, NotFound
from app.core.guard import Caller, refusal
from app.core.permissions import Permission
from app.core.policy import decide

NO_ACCESS: Final = "No access"
_NO_ADDRESS: Final = "?"
"""Stands for the address of a page that has none of its own. No row is called so: "?" begins a query."""
_REFUSED: Final = "gatehouse_refused"  # what was refused and recorded last, so that a rerun is no new refusal

PageSource = Path | Callable[..., object]
"""What a page is: its script, or the function that draws it."""


@dataclass(frozen=True, slots=True)
class _PageRows:
    """The rows of the hosted app."""

    script: Path
    rows: Mapping[str, Permission | None]


class _MissingRow(NamedTuple):
    """A row that keeps a page from being opened."""

    address: str
    """Without its slash."""
    permission: Permission | None
    declared: bool
    """Whether ``gatehouse.toml`` has it at all."""
    allowed_after_step_up: bool
    """Whether a fresh sign-in would open the page, as far as this row is concerned."""


_page_rows: _PageRows | None = None
_offered: Final[ContextVar[list[tuple[PageSource, str]] | None]] = ContextVar("offered_pages", default=None)
"""PageSource and own address of each page that the present run has offered or run."""
_running: Final[ContextVar[Path | None]] = ContextVar("running_page", default=None)
"""The script of the page whose rows were checked and that runs now."""
original_navigation: Final = st.navigation
_run_page: Final = st.Page.run


def install(script: Path | None, rows: Mapping[str, Permission | None] | None) -> None:
    """Take over ``st.navigation`` and ``st.Page.run`` for the app of ``script``; None restores both, for tests.

    Args:
        script: The entry script of the hosted app.
        rows: Address of a page, without its slash → permission. None when the app says nothing about its pages.
    """
    global _page_rows  # noqa: PLW0603 - one process serves one app
    _page_rows = None
    if script is not None and rows is not None:
        _page_rows = _PageRows(script.resolve(), rows)
    for module in (st, navigation_module):  # from either of which a script may import it
        vars(module)["navigation"] = navigation if script is not None else original_navigation
    page_class: Any = st.Page
    page_class.run = _run if _page_rows is not None else _run_page


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
        NotFound: It is another script of an app that has rows for its pages.
    """
    if _page_rows is not None and script.resolve() not in {_page_rows.script, _running.get()}:
        raise NotFound(f"{script.name} runs as a page only, by the run() of its page, so that its row counts.")


def navigation(
    pages: Sequence[Any] | Mapping[str, Sequence[Any]],
    *,
    position: Literal["sidebar", "hidden", "top"] = "sidebar",
    expanded: bool | int = False,
) -> st.Page:
    """``st.navigation`` for the hosted app: a page that the user may not open is not offered and says so when opened.

    Its address stays registered, under a neutral name, so that links to it lead somewhere.
    """
    if _page_rows is None:
        return original_navigation(pages, position=position, expanded=expanded)
    sections = pages if isinstance(pages, Mapping) else {"": pages}
    made = {name: [_page(page) for page in some] for name, some in sections.items()}
    own = [page for some in made.values() for page in some if not page.is_external]
    start = next((page for page in own if page._default), own[0] if own else None)  # noqa: SLF001 - as Streamlit does
    for page in own:
        _remember(page)
    caller = access.caller()
    state = page_registry.navigation_state()
    state.home = None
    offered: dict[str, list[st.Page]] = {}
    nameless: list[st.Page] = []  # in no section of theirs: what a section is called is a title too
    for name, some in made.items():
        for page in some:
            missing = None if page.is_external else _missing_row(page, _page_rows, caller, start=page is start)
            if missing is None:
                offered.setdefault(name, []).append(page)
                if page is start:
                    state.home = page
                continue
            refused = _Refused.of(page, missing)
            refused._default = page is start  # noqa: SLF001 - our copy, which need not be the first any more
            (offered.setdefault(name, []) if missing.allowed_after_step_up else nameless).append(refused)
    if nameless:
        offered.setdefault("", []).extend(nameless)
    chosen = original_navigation(offered, position=position, expanded=expanded)
    if not isinstance(chosen, _Refused):
        st.session_state.pop(_REFUSED, None)
    return chosen


def _run(page: st.Page) -> None:
    """``st.Page.run`` for the hosted app: its rows are read now, whatever offered the page."""
    if _page_rows is None or page.is_external or get_script_run_ctx(suppress_warning=True) is None:
        _run_page(page)
        return
    source = _source(page)
    if source == _page_rows.script:  # Streamlit's own page for a folder pages/: the gate runs the entry script
        _run_page(page)
        return
    _remember(page)
    missing = _missing_row(page, _page_rows, access.caller(), start=page._default)  # noqa: SLF001 - as in navigation
    if missing is not None:
        _Refused.of(page, missing).run()
        return
    token = _running.set(source if isinstance(source, Path) else None)
    try:
        _run_page(page)
    finally:
        _running.reset(token)


def _missing_row(page: st.Page, known: _PageRows, caller: Caller, *, start: bool) -> _MissingRow | None:
    """The row that keeps the user from opening ``page``; None when every row that it needs is held."""
    missing = []
    for address in _addresses(page, known, start=start):
        declared, permission = address in known.rows, known.rows.get(address)
        decision = decide(caller.principal, permission, caller.grants)
        if not (declared and decision.allowed):
            missing.append(_MissingRow(address, permission, declared, declared and decision.allowed_after_step_up))
    return next((row for row in missing if not row.allowed_after_step_up), missing[0] if missing else None)


def _addresses(page: st.Page, known: _PageRows, *, start: bool) -> list[str]:
    """Addresses, without slashes, whose rows ``page`` needs.

    Those are: ``/`` for the start page; the address it has when it is not the start page; that of any other page of
    this run with the same source; and the address that Streamlit infers from its file or function, when there is a row
    for it. Whatever other files the app has, they take no row away from the page.
    """
    source, own = _source(page), _own_address(page)
    needed = ["", own] if start else [own]
    needed += [address for other, address in _offered.get() or () if other == source and address in known.rows]
    inferred = _inferred_address(source)
    if inferred and inferred in known.rows:  # a function without a name has none, and "" is the row of the start page
        needed.append(inferred)
    return list(dict.fromkeys(needed))


def _own_address(page: st.Page) -> str:
    """The address of ``page`` when it is not the start page."""
    return page._url_path or _inferred_address(_source(page)) or _NO_ADDRESS  # noqa: SLF001 - `url_path` is empty for the start page


def _inferred_address(source: PageSource) -> str:
    """The address that Streamlit takes for a page that names none; empty when it can find none."""
    return page_icon_and_name(source)[1] if isinstance(source, Path) else str(getattr(source, "__name__", ""))


def _source(page: st.Page) -> PageSource:
    source: Any = page._page  # noqa: SLF001 - no public name
    return source if isinstance(source, Path) else inspect.unwrap(source)


def _remember(page: st.Page) -> None:
    offered = _offered.get()
    if offered is not None:
        offered.append((_source(page), _own_address(page)))


def _page(page: Any) -> st.Page:
    return page if isinstance(page, st.Page) else st.Page(page)


class _Refused(st.Page):
    """Stands for a page that may not be opened now: running it says so."""

    missing: _MissingRow
    _own: str
    """Its address when it is not the start page."""

    @classmethod
    def of(cls, page: st.Page, missing: _MissingRow) -> _Refused:
        """In place of ``page``, at its address; it keeps its title only where a fresh sign-in opens it."""
        twin: Any = copy.copy(page)  # theirs may be shared by everybody
        twin.__class__ = cls
        twin.missing = missing
        twin._own = _own_address(page)  # noqa: SLF001 - our copy
        if not missing.allowed_after_step_up:
            twin._title, twin._icon, twin._help, twin._visibility = NO_ACCESS, "", "", "hidden"  # noqa: SLF001 - our copy
        stand_in: _Refused = twin
        return stand_in

    def run(self) -> None:
        """Say why it does not open."""
        self._page = self._explain  # what was on it is not run
        _run_page(self)

    def _explain(self) -> None:
        address, permission, declared, _ = self.missing
        if declared:
            refuse(permission, f"/{address}")
            if address and address not in {self._own, _NO_ADDRESS}:
                st.caption(
                    f"The page /{self._own} needs the row of /{address} in {FILE_NAME} too: that is the address that "
                    "Streamlit infers from the name of its file or function, or another address of the same page."
                )
        elif address == _NO_ADDRESS:
            panels.problem(NotFound("This page has no address of its own, so it can have no row: give it a url_path."))
        else:
            start = ", as the start page either: add one beside the row of /" if self._default and address else ""
            panels.problem(NotFound(f"/{address} has no row in {FILE_NAME}, so nobody may open it{start}."))


def refuse(permission: Permission | None, target: str) -> None:
    """Show a refusal: recorded once for as long as the user stays there, shown on every rerun."""
    try:
        if st.session_state.get(_REFUSED) != target:
            st.session_state[_REFUSED] = target
            access.require(permission, target=target)
        decision = access.decide(permission)
        if decision.allowed:  # granted in this very moment
            st.rerun()
        raise refusal(permission, decision)
    except GatehouseError as error:
        panels.failure(error, access.principal)
