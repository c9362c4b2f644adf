"""Somebody else's Streamlit app behind our gate, unchanged: ``gatehouse serve path/to/their_app.py``.

Streamlit runs their script as its own (folder, configuration and secrets are theirs); what it compiles for it is a gate
that runs their code only for somebody who is signed in and may enter. ``ScriptCache.get_bytecode`` (every script that
runs comes from there) is taken over for that; ``install`` refuses to go on without it. ``app.hosted_pages`` decides
about the app's pages.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from types import CodeType
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import streamlit as st
from streamlit.runtime.scriptrunner.script_cache import ScriptCache

from app import access, drafts, hosted_pages, panels
from app.access_changes import changed_since_last_run, show_changes
from app.core import correlation
from app.core.clock import utc_now
from app.core.declarations import Declarations
from app.core.errors import NotFound, ServiceUnavailable, Unauthenticated
from app.core.guard import Caller
from app.core.policy import decide
from app.core.records import Session
from app.services import services

_GATE: Final = "<the gate of Gatehouse>"
_GATE_CODE: Final = compile("__import__('app.hosted', fromlist=['run']).run(globals())", _GATE, "exec")
_ASKED: Final = "gatehouse_asked"  # the paths that this Streamlit session asked for; for display only
_PATHS_MAX: Final = 10
_OURS: Final = ("component", "db", "gatehouse", "pages", "remote_api", "streamlit_gatehouse")


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


def install(hosted: Hosted | None) -> None:
    """Put the gate before every script that this process runs from now on; None takes it away, for tests.

    Raises ``RuntimeError`` when Streamlit does not take it.
    """
    global _hosted  # noqa: PLW0603 - one process serves one app
    _hosted = hosted
    _codes.clear()
    ScriptCache.get_bytecode = _bytecode if hosted is not None else _compile  # type: ignore[method-assign] # see above
    if hosted is None:
        hosted_pages.install(None, None)
    else:
        hosted_pages.install(hosted.script, hosted.declared.pages)
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
        hosted_pages.check_compiled(Path(script_path))
        return code
    _codes[os.path.abspath(script_path)] = code  # noqa: PTH100 - as Streamlit keys its own
    return _GATE_CODE


def run(namespace: dict[str, Any]) -> None:
    """Run their script in its module's ``namespace`` if the gate lets it; called by the gate's code only."""
    file = os.path.abspath(namespace["__file__"])  # noqa: PTH100 - as above
    code = _codes[file]
    if _enter():
        with _past_the_gate(), hosted_pages.run_of_app():
            try:
                hosted_pages.check_compiled(Path(file))
            except NotFound as error:
                panels.problem(error)
            else:
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
        session = access.recently_checked_session()
        caller = access.caller_of(session)
        if session is None or caller.principal.subject is None:
            return _signed_out(None)
        return _signed_in(caller, session)
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


def _signed_in(caller: Caller, session: Session) -> bool:
    enter = _declared().enter
    decision = decide(caller.principal, enter, caller.grants)
    if not decision.allowed_after_step_up:
        _stand_in(hosted_pages.NO_ACCESS)
    with st.sidebar:
        panels.account(
            caller.principal,
            session,
            sorted(caller.grants.roles),
            lifetimes=services().sessions.lifetimes,
            picture_hosts=services().settings.picture_hosts,
            key="gatehouse-account",
            rights=" ".join(sorted([*caller.grants.permissions, *caller.grants.roles])),
        )
    if not decision.allowed:
        hosted_pages.refuse(enter, "/")
        return False
    show_changes(changed_since_last_run(caller, utc_now()))
    services().sessions.sync_if_due(session)
    return True


def _stand_in(title: str) -> str:
    """Make the path that was asked for a page of this one name, so that Streamlit finds it; → the path."""
    asked = unquote(urlsplit(st.context.url or "").path).strip("/")
    known: list[str] = st.session_state.get(_ASKED, [])
    known = st.session_state[_ASKED] = list(dict.fromkeys([asked, *known]))[:_PATHS_MAX]
    pages = [st.Page(_nothing, title=title, default=True, visibility="hidden")]
    pages += [st.Page(_nothing, title=title, url_path=path, visibility="hidden") for path in known if path]
    hosted_pages.original_navigation(pages, position="hidden")
    st.set_page_config(page_title=title)
    return asked


def _nothing() -> None:
    """A page with nothing on it."""
