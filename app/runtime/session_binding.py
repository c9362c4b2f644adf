"""The session that code acts for: that of its Streamlit session, or the one that a function was bound to.

The identity is never read inside anything that users share: in a Streamlit cache, in a function bound to another
session, and in a thread that a cached function may have started, ``IdentityShared`` is raised for every user.
"""

from __future__ import annotations

import hmac
import inspect
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import Final, NamedTuple, ParamSpec, TypeVar

import structlog
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.scriptrunner_utils.script_run_context import (
    _FRAGMENT_THREAD_STATE_FIELDS_ATTR,
    ScriptRunContext,
    ThreadState,
    in_cached_function,
)

from app.core.errors import IdentityShared
from app.core.principal import Subject
from app.services import services

P = ParamSpec("P")
R = TypeVar("R")

_log = structlog.get_logger(__name__)

_IN_CACHE: Final = (
    "This code reads the user's identity inside st.cache_data or st.cache_resource, whose results are returned to "
    "other users too. Check outside and cache inside: put @access.requires above the cache decorator, or pass what "
    "depends on the user, such as principal().subject, to the cached function as an argument."
)
_OTHER_SESSION: Final = (
    "This function is bound to another session by access.bind_session. Bind it in the run that uses it, and keep it in "
    "no module, cache or other place that users share."
)
_THREAD: Final = (
    "This thread received the context of a run from add_script_run_ctx, so it is unknown whether a cached function "
    "started it. Run access.bind_session(function) in the thread instead: it is bound to the session that called it."
)
_OWN_MODULES: Final = frozenset({__name__, "app.access", "app.core.guard", "app.api_client", "app.drafts"})
"""Modules that the log skips when it names the calling code."""


class Binding(NamedTuple):
    """Reference and subject of the session that a Streamlit session, or a function, is bound to."""

    ref: str
    subject: Subject


class RegisteringSession(NamedTuple):
    """The session whose run registers a callable with Streamlit; a binding of None is the anonymous user's."""

    binding: Binding | None

    def enter(self) -> None:
        """Let bound functions serve this session only, for the rest of the present context."""
        _registering_session.set(self)


class _Bound(NamedTuple):
    """The binding of the running function; a binding of None is the anonymous user's."""

    binding: Binding | None


_bound: ContextVar[_Bound | None] = ContextVar("bound_session", default=None)
_registering_session: ContextVar[RegisteringSession | None] = ContextVar("registering_session", default=None)
"""The session whose run registered the callable that Streamlit calls now, outside of any run.

It grants no identity: bound functions only compare themselves with it."""


def has_identity_middleware() -> bool:
    """Whether the identity middleware is in front of this app: only the middleware knows this process's marker."""
    return _is_marked(_user_info())


def binding() -> Binding | None:
    """The session that the present code is bound to: by ``bind_session``, else by the middleware in ``st.user``.

    None for an anonymous user.

    Raises:
        IdentityShared: The code runs inside something that users share.
    """
    _refuse_in_cache()
    bound = _bound.get()
    return bound.binding if bound is not None else _binding_in(_user_info())


def browser_hash() -> str:
    """The hash of the browser's cookie (``component.http.cookies.browser_hash``) from the identity middleware.

    Empty without an identity middleware.

    Raises:
        IdentityShared: The code runs inside something that users share.
    """
    _refuse_in_cache()
    info = _user_info()
    value = info.get("browser")
    return value if _is_marked(info) and isinstance(value, str) else ""


def bind_session(function: Callable[P, R]) -> Callable[P, R]:
    """Bind ``function`` to the present session, so that it can run outside the script, as in a download or a thread.

    The checks inside ``function`` read the session and its grants again when it runs, so that it is refused after the
    session ended or a permission was revoked. The bound function serves this session only: in a run of another session,
    in a callable that such a run registered with Streamlit (``deferred_calls``), and inside a cache it raises
    ``IdentityShared``.

    Raises:
        IdentityShared: The code runs inside something that users share.
    """
    owner = binding()

    @wraps(function)
    def bound(*args: P.args, **kwargs: P.kwargs) -> R:
        _refuse_in_cache()
        _refuse_other_session(owner)
        with _bound_to(owner):
            return function(*args, **kwargs)

    return bound


def registering_session() -> RegisteringSession:
    """The session of the run that registers a callable with Streamlit now; outside of a run the anonymous user."""
    context = get_script_run_ctx(suppress_warning=True)
    return RegisteringSession(_binding_in(context.user_info) if context is not None else None)


@contextmanager
def _bound_to(owner: Binding | None) -> Iterator[None]:
    token = _bound.set(_Bound(owner))
    try:
        yield
    finally:
        _bound.reset(token)


def _refuse_in_cache() -> None:
    if in_cached_function.get():
        raise _shared(_IN_CACHE)


def _refuse_other_session(owner: Binding | None) -> None:
    """Refuse a bound function of ``owner`` in a run, or a callable of a run, of another session.

    A thread that the app itself starts has no session to compare with.

    Raises:
        IdentityShared: The present session is another one.
    """
    bound, registered_by = _bound.get(), _registering_session.get()
    context = get_script_run_ctx(suppress_warning=True)
    if bound is not None:
        present = bound.binding
    elif registered_by is not None:  # before a context, which a thread may have kept from another call
        present = registered_by.binding
    elif context is not None:
        present = _binding_in(context.user_info)
    else:
        return
    if present != owner:
        raise _shared(_OTHER_SESSION)


def _user_info() -> Mapping[str, object]:
    """``st.user`` of this Streamlit session, empty outside one.

    Read from the context, because ``st.user`` looks for a secrets file on disk at every key (Streamlit 1.67).
    """
    context = get_script_run_ctx(suppress_warning=True)
    if context is None:
        return {}
    if not _is_thread_of(context):
        raise _shared(_THREAD)
    return context.user_info


def _is_thread_of(context: ScriptRunContext) -> bool:
    """Whether this thread runs the script, or one of its parallel fragments.

    Streamlit starts no other thread with the context. Only these know whether a cached function runs: any other thread
    does not inherit context variables (``in_cached_function``).
    """
    thread = threading.current_thread()
    if thread.ident == getattr(context, "_main_thread_ident", None):
        return True
    try:
        parallel = ThreadState.get().is_parallel_worker
    except RuntimeError:  # the thread has no state of a run
        return False
    # `add_script_run_ctx` copies the state of the thread that calls it, and sets this attribute.
    return parallel and not hasattr(thread, _FRAGMENT_THREAD_STATE_FIELDS_ATTR)


def _is_marked(info: Mapping[str, object]) -> bool:
    marker = info.get("marker")
    return isinstance(marker, str) and hmac.compare_digest(marker.encode(), services().identity.marker.encode())


def _binding_in(info: Mapping[str, object]) -> Binding | None:
    if not _is_marked(info):
        return None
    ref, name = info.get("sid"), info.get("iss_sub")
    if not isinstance(ref, str) or not ref or not isinstance(name, str) or not name:
        return None
    issuer, subject = json.loads(name)
    return Binding(ref, Subject(issuer, subject))


def _shared(detail: str) -> IdentityShared:
    """Create the error and log the place in the code, for the developer of the app."""
    frame = inspect.currentframe()
    while frame is not None and frame.f_globals.get("__name__") in _OWN_MODULES:
        frame = frame.f_back
    at = f"{frame.f_code.co_filename}:{frame.f_lineno}" if frame is not None else ""
    _log.error("the identity was read inside code that users share", at=at, reason=detail)
    return IdentityShared(detail)
