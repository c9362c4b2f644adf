"""Hosts an unchanged Streamlit app behind an entry check: ``gatehouse serve path/to/app.py``.

Streamlit uses the app's own folder, configuration and secrets. In place of the app's scripts it runs the entry check,
which runs the app's code only for a signed-in user with the permission to enter. For this, ``install`` replaces
``ScriptCache.get_bytecode``, the source of every script that runs, and raises if Streamlit does not use the
replacement. ``app.hosted_pages`` decides about the app's pages.
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

from app import access, drafts, hosted_pages, panels, sidebar
from app.access_changes import changed_since_last_run, show_changes
from app.core import correlation
from app.core.clock import utc_now
from app.core.errors import NotFound, ServiceUnavailable, Unauthenticated
from app.core.guard import Caller
from app.core.hosted_app_config import HostedAppConfig
from app.core.policy import decide
from app.core.records import Session
from app.services import services

_ENTRY_CHECK: Final = "<the entry check of Gatehouse>"
_ENTRY_CHECK_CODE: Final = compile("__import__('app.hosted', fromlist=['run']).run(globals())", _ENTRY_CHECK, "exec")
_REQUESTED_PATHS: Final = "gatehouse_requested_paths"  # of this Streamlit session; for display only
_MAX_PATHS: Final = 10
_PACKAGES: Final = ("component", "db", "gatehouse", "pages", "remote_api", "streamlit_gatehouse")


@dataclass(frozen=True, slots=True)
class Hosted:
    """The hosted app: its script and its configuration."""

    script: Path
    config: HostedAppConfig


_hosted: Hosted | None = None
_codes: Final[dict[str, CodeType]] = {}
"""Script → the code that Streamlit compiled from it."""
_inside: Final[ContextVar[bool]] = ContextVar("past_the_entry_check", default=False)
_compile: Final = ScriptCache.get_bytecode


def install(hosted: Hosted | None) -> None:
    """Run the entry check in place of every script of this process from now on; None removes it, for tests.

    Raises:
        RuntimeError: Streamlit does not use the entry check.
    """
    global _hosted  # noqa: PLW0603 - one process serves one app
    _hosted = hosted
    _codes.clear()
    ScriptCache.get_bytecode = _bytecode if hosted is not None else _compile  # type: ignore[method-assign] # see above
    if hosted is None:
        hosted_pages.install(None, None)
    else:
        hosted_pages.install(hosted.script, hosted.config.pages)
    if hosted is not None and ScriptCache().get_bytecode(__file__).co_filename != _ENTRY_CHECK:
        raise RuntimeError("Streamlit compiles scripts without the entry check")


def free_module_names(folder: Path) -> None:
    """Let the hosted app import its own modules that have the name of a package of Gatehouse.

    Gatehouse has loaded its packages already. ``app`` stays, because hosted scripts import ``access`` from it.
    """
    for name in _PACKAGES:
        if (folder / f"{name}.py").is_file() or (folder / name).is_dir():
            for module in [loaded for loaded in sys.modules if loaded == name or loaded.startswith(f"{name}.")]:
                _replaced_modules.append(sys.modules.pop(module))


_replaced_modules: Final[list[object]] = []
"""Modules of Gatehouse that can no longer be imported by name and stay in use."""


def _bytecode(self: ScriptCache, script_path: str) -> Any:
    """The code that Streamlit runs for a script: the entry check, or the script's own while the entry check runs it."""
    code = _compile(self, script_path)
    if _inside.get():
        hosted_pages.check_compiled(Path(script_path))
        return code
    _codes[os.path.abspath(script_path)] = code  # noqa: PTH100 - as Streamlit keys its own
    return _ENTRY_CHECK_CODE


def run(namespace: dict[str, Any]) -> None:
    """Run the hosted script in its module's ``namespace`` if the user may enter; only the entry check calls this."""
    file = os.path.abspath(namespace["__file__"])  # noqa: PTH100 - as above
    code = _codes[file]
    if _enter():
        with _past_the_entry_check(), hosted_pages.run_of_app():
            try:
                hosted_pages.check_compiled(Path(file))
            except NotFound as error:
                panels.problem(error)
            else:
                exec(code, namespace)  # noqa: S102 - as Streamlit runs it


@contextmanager
def _past_the_entry_check() -> Iterator[None]:
    token = _inside.set(True)
    try:
        yield
    finally:
        _inside.reset(token)


def _config() -> HostedAppConfig:
    if _hosted is None:
        raise RuntimeError("no hosted app is installed")
    return _hosted.config


def _enter() -> bool:
    """Whether the hosted script may run now; shows the account beside it, or a view in its place."""
    correlation.begin()
    if not access.has_identity_middleware():
        panels.unprotected()
        return False
    drafts.restore()
    drafts.capture()
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
    """Show the sign-in page at the requested path."""
    panels.sign_in(error, path=_stand_in("Sign in"), app=_config().title)
    return False


def _signed_in(caller: Caller, session: Session) -> bool:
    enter = _config().enter
    decision = decide(caller.principal, enter, caller.grants)
    if not decision.allowed_after_step_up:
        _stand_in(hosted_pages.NO_ACCESS)
    with st.sidebar:
        sidebar.account(
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
    """Register a page with this title at the requested path, so that Streamlit finds it; returns the path."""
    path = unquote(urlsplit(st.context.url or "").path).strip("/")
    known: list[str] = st.session_state.get(_REQUESTED_PATHS, [])
    known = st.session_state[_REQUESTED_PATHS] = list(dict.fromkeys([path, *known]))[:_MAX_PATHS]
    pages = [st.Page(_nothing, title=title, default=True, visibility="hidden")]
    pages += [st.Page(_nothing, title=title, url_path=each, visibility="hidden") for each in known if each]
    hosted_pages.original_navigation(pages, position="hidden")
    config = _config()
    st.set_page_config(page_title=f"{title} · {config.title}", page_icon=config.icon or None, layout="centered")
    return path


def _nothing() -> None:
    """An empty page."""
