"""The guard: one way of finding who is asking, bound to the one decision, as ``require``, ``requires`` and ``allows``.

There are exactly two guards, one per adapter: ``app.access`` (browser session) and ``remote_api.access`` (bearer
token). A guard holds no rights: each call asks afresh.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from difflib import get_close_matches
from functools import partial, update_wrapper, wraps
from pathlib import PurePath
from types import FunctionType
from typing import Any, Generic, NamedTuple, ParamSpec, Protocol, TypeVar, cast

from app.core.clock import Clock, utc_now
from app.core.errors import GatehouseError, PermissionDenied, StepUpRequired, Unauthenticated
from app.core.permissions import CATALOGUE, Permission
from app.core.policy import Decision, Grants, Reason, decide
from app.core.principal import Principal

P = ParamSpec("P")
R = TypeVar("R")


class Caller(NamedTuple):
    """Who is asking and what they hold, read together."""

    principal: Principal
    grants: Grants


class OnRefused(Protocol):
    """What to do when somebody is refused: write the audit event. Must not raise for want of a listener."""

    def __call__(self, principal: Principal, permission: str | None, decision: Decision, target: str, /) -> None:
        """``target``: what was asked for: a page's path, ``module:function``, or ``METHOD /route``."""


class Guard:
    """Binds ``decide`` to one principal source.

    ``ask`` returns who is asking now and what they hold now; it must answer ``ANONYMOUS`` where there is no context
    (a thread, a job), never guess, and may raise ``Unauthenticated`` subclasses or ``StorageUnavailable``.
    """

    __slots__ = ("_ask", "_clock", "_on_refused")

    def __init__(self, ask: Callable[[], Caller], on_refused: OnRefused, *, clock: Clock = utc_now) -> None:
        self._ask = ask
        self._on_refused = on_refused
        self._clock = clock

    def decide(self, permission: str | None) -> Decision:
        """The decision about ``permission`` now, without audit. None asks only for somebody proven and not blocked."""
        caller = self._ask()
        return decide(caller.principal, permission, caller.grants, clock=self._clock)

    def allows(self, permission: str | None) -> bool:
        """Whether it would be allowed now. For showing and hiding only; never instead of ``require``."""
        try:
            return self.decide(permission).allowed
        except Unauthenticated:
            return False

    def missing(self, permission: str | None) -> GatehouseError | None:
        """What a call would be refused with now; None when it would be allowed. For showing only: nothing is recorded.

        ``StepUpRequired`` where a fresh sign-in would do.
        """
        try:
            decision = self.decide(permission)
        except Unauthenticated as error:
            return error
        return None if decision.allowed else refusal(permission, decision)

    def require(self, permission: str | None, *, target: str = "") -> Principal:
        """Return the principal, or raise ``Unauthenticated`` or ``PermissionDenied`` after recording the refusal."""
        principal, grants = self._ask()
        decision = decide(principal, permission, grants, clock=self._clock)
        if not decision.allowed:
            self._on_refused(principal, permission, decision, target)
            raise refusal(permission, decision)
        return principal

    def requires(self, permission: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
        """Decorate a function so that each call decides first; the function gets ``required_permission``.

        The check runs when the function is called: for an async or a generator function too, before anything of it
        is made. ``permission`` may be given by its name, as an app does that declares its own. A cache may stand below
        (``st.cache_data``, ``functools.lru_cache``): each call decides, then asks the cache. Raises ``TypeError`` at
        decoration for a name that is not in the catalogue, for anything but a function or its cache, and for one whose
        signature lets the caller name the principal: who is asking is found, never told.
        """

        def decorate(function: Callable[P, R]) -> Callable[P, R]:
            plain = _plain(function)
            if plain is None:
                msg = (
                    "@requires goes on a function or method, or above a cache of one; "
                    "below @staticmethod, @classmethod and @property"
                )
                raise TypeError(msg)
            required = _known(permission)
            if "principal" in inspect.signature(function).parameters:
                msg = "a guarded function cannot take `principal` as an argument: who is asking is found, never told"
                raise TypeError(msg)
            target = _where(plain)
            require = self.require
            if plain is not function and not isinstance(cast("object", function), FunctionType):
                return GuardedCache(function, required, partial(require, required, target=target))

            @wraps(function)
            def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
                require(required, target=target)
                return function(*args, **kwargs)

            guarded.required_permission = required  # type: ignore[attr-defined] # read by tests and admin pages
            return guarded

        return decorate


class GuardedCache(Generic[P, R]):
    """A cache whose every call decides first; everything else of it (``clear()``, ``cache_info()``) is reached as is.

    Clearing asks for no permission, as it shows nothing and only makes the next call compute again.
    """

    def __init__(self, cache: Callable[P, R], permission: Permission, check: Callable[[], object]) -> None:
        """``check`` raises when the caller lacks ``permission``."""
        update_wrapper(self, cache, updated=())
        self._cache = cache
        self._check = check
        self.required_permission = permission

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Decide, then ask the cache."""
        self._check()
        return self._cache(*args, **kwargs)

    def __get__(self, instance: object, owner: type | None = None) -> GuardedCache[..., R]:
        """On a method: the cache as bound to ``instance``, so that ``clear(...)`` clears what was kept for it."""
        bind = getattr(self._cache, "__get__", None)
        if instance is None or bind is None:
            return self
        return GuardedCache(bind(instance, owner), self.required_permission, self._check)

    def __getattr__(self, name: str) -> Any:
        """An attribute of the cache."""
        return getattr(object.__getattribute__(self, "_cache"), name)


def _plain(function: object) -> FunctionType | None:
    """The function that ``function`` is, or that a cache around it calls; None for anything else."""
    if isinstance(function, staticmethod | classmethod | property | type) or not callable(function):
        return None
    innermost = inspect.unwrap(function)
    return innermost if isinstance(innermost, FunctionType) else None


def _known(permission: str) -> Permission:
    """The permission of that name; raises ``TypeError``, with the one that was probably meant."""
    found = CATALOGUE.get(permission)
    if found is None:
        near = get_close_matches(str(permission), [known.value for known in CATALOGUE.values()], 1)
        hint = f" Did you mean {near[0]}?" if near else ""
        msg = f"@requires asks for {permission!r}, which is not in the catalogue of permissions.{hint}"
        raise TypeError(msg)
    return found


def _where(function: FunctionType) -> str:
    """``module:function``; a page's script has no module name of its own, so its file's name stands for it."""
    module = function.__module__
    if module == "__main__":
        module = f"pages.{PurePath(function.__code__.co_filename).stem}"
    return f"{module}:{function.__qualname__}"


def refusal(permission: str | None, decision: Decision) -> GatehouseError:
    """The error that a refused ``decision`` is raised as: ``Unauthenticated`` for nobody, else ``PermissionDenied``.

    ``StepUpRequired``, which is one too, where a fresh or stronger sign-in would do.
    """
    if decision.reason is Reason.ANONYMOUS:
        return Unauthenticated("Sign in to go on.")
    if decision.step_up is not None:
        asked = decision.step_up
        return StepUpRequired(
            permission or "",
            "This asks for a second factor." if asked.acr else "This asks for a more recent sign-in.",
            max_age_seconds=asked.max_age_seconds,
            acr=asked.acr,
        )
    sentences = {
        Reason.BLOCKED: "Your account is blocked here. Ask an administrator.",
        Reason.SCOPE: "You hold this permission, but the token you used was not given it.",
        Reason.STALE_LOGIN: "This asks for a person's own sign-in, which a machine cannot give.",
    }
    return PermissionDenied(
        permission or "", decision.reason, sentences.get(decision.reason, "You lack a permission for this.")
    )
