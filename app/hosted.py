"""Somebody else's Streamlit app behind our gate, unchanged: ``gatehouse serve path/to/their_app.py``.

Streamlit runs their script as its own (folder, configuration and secrets are theirs); what it compiles for it is a gate
that runs their code only for somebody who is signed in and may enter. Two places of Streamlit are taken over for that:
``ScriptCache.get_bytecode`` (every script that runs comes from there) and ``st.navigation``, which then offers only the
pages that may be opened. Both are of the pinned Streamlit; ``install`` refuses to go on without the first.
"""

from __future__ import annotations

import copy
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from types import CodeType
from typing import Any, Final, Literal
from urllib.parse import unquote, urlsplit

import streamlit as st
from streamlit.commands import navigation as navigation_module
from streamlit.runtime.scriptrunner.script_cache import ScriptCache

from app import access, drafts, menu, panels
from app.changes import changed_since_last_run, show_changes
from app.core import correlation
from app.core.clock import utc_now
from app.core.declarations import FILE_NAME, Declarations
from app.core.errors import GatehouseError, NotFound, ServiceUnavailable, Unauthenticated
from app.core.guard import Asking, refusal
from app.core.permissions import Permission
from app.core.policy import decide
from app.core.records import Session
from app.services import services

_GATE: Final = "<the gate of Gatehouse>"
_GATE_CODE: Final = compile("__import__('app.hosted', fromlist=['run']).run(globals())", _GATE, "exec")
_ASKED: Final = "gatehouse_asked"  # the paths that this Streamlit session asked for; for display only
_PATHS_MAX: Final = 10
_REFUSED: Final = "gatehouse_refused"  # what was refused and recorded last, so that a rerun is no new refusal
_OURS: Final = ("component", "db", "gatehouse", "pages", "remote_api")
_NO_ACCESS: Final = "No access"


@dataclass(frozen=True, slots=True)
class Hosted:
    """The app that is served: its script, and what it declares."""

    script: Path
    declared: Declarations


_hosted: Hosted | None = None
_codes: Final[dict[str, CodeType]] = {}
"""Script → what Streamlit compiled of it."""
_inside: Final[ContextVar[bool]] = ContextVar("past_the_gate", default=False)
_compile: Final = ScriptCache.get_bytecode
_navigate: Final = st.navigation


def mistakes(script: Path, declared: Declarations) -> list[str]:
    """What keeps ``script`` from being served, a sentence each."""
    if not script.is_file() or script.suffix != ".py":
        return [f"{script} is not a Python file: name the script that you would give to `streamlit run`."]
    folder, found = script.parent, []
    if (folder / "pages").is_dir():
        found.append(
            f"{folder / 'pages'}: Streamlit would serve this folder's scripts without asking anybody. Rename it, for "
            "example to views, and list its scripts in st.navigation, as docs/how-to/protect-your-own-app.md shows."
        )
    found += [
        f"{other} has the name of the package of Gatehouse that your script imports rights from: rename it."
        for other in (folder / "app.py", folder / "app")
        if other != script and (other.is_file() or any(other.glob("**/*.py")))
    ]
    if declared.pages is not None and not _navigates(folder):
        found.append(
            f"{folder / FILE_NAME} has rows for pages, but nothing here calls st.navigation. To ask for a permission "
            "for the whole app, write enter = in it instead."
        )
    return found


def _navigates(folder: Path) -> bool:
    """Whether some script or module of the app uses ``navigation``."""
    return any(
        "navigation" in file.read_text(encoding="utf-8", errors="replace")
        for file in folder.glob("**/*.py")
        if not any(part.startswith(".") for part in file.relative_to(folder).parts)
    )


def install(hosted: Hosted | None) -> None:
    """Put the gate before every script that this process runs from now on; None takes it away, for tests.

    Raises ``RuntimeError`` when Streamlit does not take it.
    """
    global _hosted  # noqa: PLW0603 - one process serves one app
    _hosted = hosted
    _codes.clear()
    ScriptCache.get_bytecode = _bytecode if hosted is not None else _compile  # type: ignore[method-assign] # see above
    for module in (st, navigation_module):  # from either of which a script may import it
        vars(module)["navigation"] = navigation if hosted is not None else _navigate
    if hosted is not None and ScriptCache().get_bytecode(__file__).co_filename != _GATE:
        raise RuntimeError("Streamlit compiles scripts without asking the gate")


def make_room(folder: Path) -> None:
    """Let modules beside the script that are named like packages of ours be theirs; ours are loaded already.

    Not ``app``: that is what their script imports ``access`` from.
    """
    for name in _OURS:
        if (folder / f"{name}.py").is_file() or (folder / name).is_dir():
            for module in [loaded for loaded in sys.modules if loaded == name or loaded.startswith(f"{name}.")]:
                _kept.append(sys.modules.pop(module))


_kept: Final[list[object]] = []
"""Modules of ours that nobody finds by name any more, and that live on."""


def _bytecode(self: ScriptCache, script_path: str) -> Any:
    """What Streamlit runs for a script: the gate, unless the gate is what runs it."""
    code = _compile(self, script_path)
    if _inside.get():
        return code
    _codes[os.path.abspath(script_path)] = code  # noqa: PTH100 - as Streamlit keys its own
    return _GATE_CODE


def run(namespace: dict[str, Any]) -> None:
    """Run their script in its module's ``namespace`` if the gate lets it; called by the gate's code only."""
    code = _codes[os.path.abspath(namespace["__file__"])]  # noqa: PTH100 - as above
    if _enter():
        with _past_the_gate():
            exec(code, namespace)  # noqa: S102 - as Streamlit runs it


@contextmanager
def _past_the_gate() -> Iterator[None]:
    token = _inside.set(True)
    try:
        yield
    finally:
        _inside.reset(token)


def _declared() -> Declarations:
    if _hosted is None:
        raise RuntimeError("no app is served")
    return _hosted.declared


def _enter() -> bool:
    """Whether their script runs now; shows what stands in its place, or the account corner beside it."""
    correlation.begin()
    if not access.guarded():
        panels.unguarded()
        return False
    drafts.give_back()
    drafts.remember()
    try:
        session = access.session_at_the_gate()
        asking = access.asking_of(session)
        if session is None or asking.principal.subject is None:
            return _signed_out(None)
        return _signed_in(asking, session)
    except Unauthenticated as error:
        return _signed_out(error)
    except ServiceUnavailable as error:
        _stand_in("Not available")
        panels.problem(error)
        return False


def _signed_out(error: Unauthenticated | None) -> bool:
    """Sign-in, at the very path that was asked for."""
    panels.sign_in(error, asked=_stand_in("Sign in"))
    return False


def _signed_in(asking: Asking, session: Session) -> bool:
    enter = _declared().enter
    decision = decide(asking.principal, enter, asking.grants)
    if not decision.within_reach:
        _stand_in(_NO_ACCESS)
    with st.sidebar:
        panels.account(
            asking.principal,
            session,
            sorted(asking.grants.roles),
            limits=services().sessions.limits,
            picture_hosts=services().settings.picture_hosts,
            key="gatehouse-account",
            rights=" ".join(sorted([*asking.grants.permissions, *asking.grants.roles])),
        )
    if not decision.allowed:
        _refuse(enter, "/")
        return False
    show_changes(changed_since_last_run(asking, utc_now()))
    services().sessions.sync_if_due(session)
    return True


def _stand_in(title: str) -> str:
    """Make the path that was asked for a page of this one name, so that Streamlit finds it; → the path."""
    asked = unquote(urlsplit(st.context.url or "").path).strip("/")
    known: list[str] = st.session_state.get(_ASKED, [])
    known = st.session_state[_ASKED] = list(dict.fromkeys([asked, *known]))[:_PATHS_MAX]
    pages = [st.Page(_nothing, title=title, default=True, visibility="hidden")]
    pages += [st.Page(_nothing, title=title, url_path=path, visibility="hidden") for path in known if path]
    _navigate(pages, position="hidden")
    st.set_page_config(page_title=title)
    return asked


def _nothing() -> None:
    """A page with nothing on it."""


def navigation(
    pages: Sequence[Any] | Mapping[str, Sequence[Any]],
    *,
    position: Literal["sidebar", "hidden", "top"] = "sidebar",
    expanded: bool | int = False,
) -> st.Page:
    """``st.navigation`` for the served app: a page that may not be opened is offered to nobody and says so when asked.

    Its address stays registered, under a neutral name, so that links to it lead somewhere.
    """
    rows = _declared().pages
    if rows is None:
        return _navigate(pages, position=position, expanded=expanded)
    sections = pages if isinstance(pages, Mapping) else {"": pages}
    made = {name: [_page(page) for page in some] for name, some in sections.items()}
    own = [page for some in made.values() for page in some if not page.is_external]
    start = next((page for page in own if not page.url_path), own[0] if own else None)
    asking = access.asking()
    way = menu.way()
    way.home = None
    told: dict[str, list[st.Page]] = {}
    untold: list[st.Page] = []  # in no section of theirs: what a section is called is a title too
    for name, some in made.items():
        for page in some:
            path = "" if page is start else page.url_path
            declared = path in rows
            decision = decide(asking.principal, rows.get(path), asking.grants)
            if page.is_external or (declared and decision.allowed):
                told.setdefault(name, []).append(page)
                if page is start:
                    way.home = page
                continue
            named = declared and decision.within_reach
            refused = _Refused.of(page, rows.get(path), f"/{path}", declared=declared, named=named)
            refused._default = page is start  # noqa: SLF001 - our copy, which need not be the first any more
            (told.setdefault(name, []) if named else untold).append(refused)
    if untold:
        told.setdefault("", []).extend(untold)
    chosen = _navigate(told, position=position, expanded=expanded)
    if not isinstance(chosen, _Refused):
        st.session_state.pop(_REFUSED, None)
    return chosen


def _page(page: Any) -> st.Page:
    return page if isinstance(page, st.Page) else st.Page(page)


class _Refused(st.Page):
    """Stands for a page that may not be opened now: running it says so."""

    permission: Permission | None
    target: str
    declared: bool

    @classmethod
    def of(cls, page: st.Page, permission: Permission | None, target: str, *, declared: bool, named: bool) -> _Refused:
        """In place of ``page``, at its address. ``named``: it is kept in the menu, since a fresh sign-in opens it."""
        twin: Any = copy.copy(page)  # theirs may be shared by everybody
        twin.__class__ = cls
        twin.permission, twin.target, twin.declared = permission, target, declared
        if not named:
            twin._title, twin._icon, twin._help, twin._visibility = _NO_ACCESS, "", "", "hidden"  # noqa: SLF001 - our copy
        stand_in: _Refused = twin
        return stand_in

    def run(self) -> None:
        """Say why it does not open."""
        self._page = self._say  # what was on it is not run
        super().run()

    def _say(self) -> None:
        if self.declared:
            _refuse(self.permission, self.target)
        else:
            panels.problem(NotFound(f"{self.target} has no row in {FILE_NAME}, so nobody may open it."))


def _refuse(permission: Permission | None, target: str) -> None:
    """Show a refusal: recorded once for as long as the person stays there, shown on every rerun."""
    try:
        if st.session_state.get(_REFUSED) != target:
            st.session_state[_REFUSED] = target
            access.require(permission, target=target)
        decision = access.decide(permission)
        if decision.allowed:  # given back in this very moment
            st.rerun()
        raise refusal(permission, decision)
    except GatehouseError as error:
        panels.failure(error, access.principal)
