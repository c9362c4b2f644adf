"""Permissions of a hosted app's pages: which rows of ``gatehouse.toml`` a page needs. It runs only if all allow it.

A permission belongs to the page (a script or a function), not to its address: an app may choose its start page on every
run, or register one page at two addresses. The rows are checked when the app offers a page (``st.navigation``), and
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
from app.core.declarations import FILE_NAME
from app.core.errors import GatehouseError, NotFound
from app.core.guard import Caller, refusal
from app.core.permissions import Permission
from app.core.policy import decide

NO_ACCESS: Final = "No access"
_NO_ADDRESS: Final = "?"
"""Placeholder for the address of a page without one. No row has this name, because "?" begins a query."""
_REFUSED: Final = "gatehouse_refused"  # the refusal that was recorded last: a rerun records no second one

PageSource = Path | Callable[..., object]
"""A page's script, or the function that draws it."""


@dataclass(frozen=True, slots=True)
class _PageRows:
    """The rows of the hosted app."""

    script: Path
    rows: Mapping[str, Permission | None]


class _MissingRow(NamedTuple):
    """A row that prevents a page from opening."""

    address: str
    """Without a slash."""
    permission: Permission | None
    declared: bool
    """Whether ``gatehouse.toml`` contains the row."""
    allowed_after_step_up: bool
    """Whether this row would allow the page after a step-up."""


_page_rows: _PageRows | None = None
_offered: Final[ContextVar[list[tuple[PageSource, str]] | None]] = ContextVar("offered_pages", default=None)
"""Source and own address of each page that the app has offered or run in the present run."""
_running: Final[ContextVar[Path | None]] = ContextVar("running_page", default=None)
"""The script of the page whose rows were checked and that runs now."""
original_navigation: Final = st.navigation
_run_page: Final = st.Page.run


def install(script: Path | None, rows: Mapping[str, Permission | None] | None) -> None:
    """Replace ``st.navigation`` and ``st.Page.run`` for the app of ``script``; None restores both, for tests.

    Args:
        script: The entry script of the hosted app.
        rows: Address of a page, without a slash → permission. None when the app declares no pages.
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
    """``st.navigation`` for the hosted app: it hides each page that the user may not open.

    The address of such a page stays registered under a neutral title and shows the refusal.
    """
    if _page_rows is None:
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
            missing = None if page.is_external else _missing_row(page, _page_rows, caller, start=page is start)
            if missing is None:
                offered.setdefault(name, []).append(page)
                if page is start:
                    state.home = page
                continue
            refused = _Refused.of(page, missing)
            refused._default = page is start  # noqa: SLF001 - our copy, which may no longer be the first
            (offered.setdefault(name, []) if missing.allowed_after_step_up else nameless).append(refused)
    if nameless:
        offered.setdefault("", []).extend(nameless)
    chosen = original_navigation(offered, position=position, expanded=expanded)
    if not isinstance(chosen, _Refused):
        st.session_state.pop(_REFUSED, None)
    return chosen


def _run(page: st.Page) -> None:
    """``st.Page.run`` for the hosted app: it checks the page's rows again."""
    if _page_rows is None or page.is_external or get_script_run_ctx(suppress_warning=True) is None:
        _run_page(page)
        return
    source = _source(page)
    if source == _page_rows.script:  # Streamlit's own page for a folder pages/: the gate runs the entry script
        _run_page(page)
        return
    _record_offered(page)
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
    """The row that prevents the user from opening ``page``; None when every row allows it."""
    missing = []
    for address in _addresses(page, known, start=start):
        declared, permission = address in known.rows, known.rows.get(address)
        decision = decide(caller.principal, permission, caller.grants)
        if not (declared and decision.allowed):
            missing.append(_MissingRow(address, permission, declared, declared and decision.allowed_after_step_up))
    return next((row for row in missing if not row.allowed_after_step_up), missing[0] if missing else None)


def _addresses(page: st.Page, known: _PageRows, *, start: bool) -> list[str]:
    """Addresses, without slashes, whose rows ``page`` needs.

    These are ``/`` for the start page, the address that the page has when it is not the start page, the addresses of
    other pages of this run with the same source, and the address that Streamlit infers from the file or function, if
    that has a row. Other files of the app do not change which rows the page needs.
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
    """The address that Streamlit infers for a page without a ``url_path``; empty when it can infer none."""
    return page_icon_and_name(source)[1] if isinstance(source, Path) else str(getattr(source, "__name__", ""))


def _source(page: st.Page) -> PageSource:
    source: Any = page._page  # noqa: SLF001 - no public name
    return source if isinstance(source, Path) else inspect.unwrap(source)


def _record_offered(page: st.Page) -> None:
    offered = _offered.get()
    if offered is not None:
        offered.append((_source(page), _own_address(page)))


def _page(page: Any) -> st.Page:
    return page if isinstance(page, st.Page) else st.Page(page)


class _Refused(st.Page):
    """A stand-in for a page that the user may not open: it shows the refusal."""

    missing: _MissingRow
    _own: str
    """The page's address when it is not the start page."""

    @classmethod
    def of(cls, page: st.Page, missing: _MissingRow) -> _Refused:
        """A stand-in at the address of ``page``, with the page's title only if a step-up would open it."""
        twin: Any = copy.copy(page)  # the app may share its page objects between users
        twin.__class__ = cls
        twin.missing = missing
        twin._own = _own_address(page)  # noqa: SLF001 - our copy
        if not missing.allowed_after_step_up:
            twin._title, twin._icon, twin._help, twin._visibility = NO_ACCESS, "", "", "hidden"  # noqa: SLF001 - our copy
        stand_in: _Refused = twin
        return stand_in

    def run(self) -> None:
        """Show why the page does not open."""
        self._page = self._explain  # in place of the page's own script or function
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
            panels.problem(NotFound(f"/{address} has no row in {FILE_NAME}, so no user may open it{start}."))


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
