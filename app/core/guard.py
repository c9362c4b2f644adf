"""The guard: ``decide`` bound to one way of finding the caller, as ``require``, ``requires`` and ``allows``.

There are exactly two guards, one for each adapter: ``app.access`` (browser session) and ``remote_api.access`` (bearer
token). A guard caches no rights: each call reads the caller again.
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
    """The principal of a call and its grants, read together."""

    principal: Principal
    grants: Grants


class OnRefused(Protocol):
    """Called for each refusal, to record it in the audit. Must not raise where nothing can be recorded."""

    def __call__(self, principal: Principal, permission: str | None, decision: Decision, target: str, /) -> None:
        """Record a refusal; ``target`` is a page's path, ``module:function``, or ``METHOD /route``."""


class Guard:
    """Binds ``decide`` to one source of callers."""

    __slots__ = ("_caller", "_clock", "_on_refused")

    def __init__(self, caller: Callable[[], Caller], on_refused: OnRefused, *, clock: Clock = utc_now) -> None:
        """Create a guard.

        Args:
            caller: Returns the current caller with its current grants. It must return ``ANONYMOUS`` where there is no
                context (a thread, a job), never guess, and may raise ``Unauthenticated`` subclasses or
                ``StorageUnavailable``.
            on_refused: Records refusals.
            clock: The current time, for the age of the sign-in.
        """
        self._caller = caller
        self._on_refused = on_refused
        self._clock = clock

    def decide(self, permission: str | None) -> Decision:
        """Decide about ``permission`` now, without audit. None requires only an authenticated, unblocked principal."""
        caller = self._caller()
        return decide(caller.principal, permission, caller.grants, clock=self._clock)

    def allows(self, permission: str | None) -> bool:
        """Whether the call would be allowed now. For showing and hiding only, never instead of ``require``."""
        try:
            return self.decide(permission).allowed
        except Unauthenticated:
            return False

    def missing(self, permission: str | None) -> GatehouseError | None:
        """Return the error that a call would be refused with now; None if it would be allowed. Nothing is recorded.

        ``StepUpRequired`` where a step-up would suffice.
        """
        try:
            decision = self.decide(permission)
        except Unauthenticated as error:
            return error
        return None if decision.allowed else refusal(permission, decision)

    def require(self, permission: str | None, *, target: str = "") -> Principal:
        """Require ``permission`` and return the principal; a refusal is recorded and raised.

        Raises:
            Unauthenticated: if the caller is anonymous.
            PermissionDenied: if the caller may not.
            StepUpRequired: if the caller may after a step-up.
        """
        principal, grants = self._caller()
        decision = decide(principal, permission, grants, clock=self._clock)
        if not decision.allowed:
            self._on_refused(principal, permission, decision, target)
            raise refusal(permission, decision)
        return principal

    def requires(self, permission: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
        """Return a decorator that requires ``permission`` at each call of a function.

        The check runs when the function is called: for an async or a generator function too, before its coroutine or
        generator is created. A cache may stand below (``st.cache_data``, ``functools.lru_cache``): each call decides,
        then reads the cache. The decorated function has the attribute ``required_permission``.

        Args:
            permission: A permission or its name; hosted apps name the permissions that they declare.

        Raises:
            TypeError: at decoration, for a name that is not in the catalogue, for anything but a function or a cache of
                one, and for a parameter ``principal``: the caller is found, never passed.
        """

        def decorate(function: Callable[P, R]) -> Callable[P, R]:
            plain = _plain(function)
            if plain is None:
                msg = (
                    "@requires decorates a function or method, or a cache of one; "
                    "below @staticmethod, @classmethod and @property"
                )
                raise TypeError(msg)
            required = _known(permission)
            if "principal" in inspect.signature(function).parameters:
                msg = "a guarded function cannot have a parameter `principal`: the caller is found, never passed"
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
    """A cache that decides at every call; its other attributes (``clear()``, ``cache_info()``) are passed through.

    Clearing requires no permission: it shows nothing and only makes the next call compute again.
    """

    def __init__(self, cache: Callable[P, R], permission: Permission, check: Callable[[], object]) -> None:
        """Guard ``cache``; ``check`` raises if the caller lacks ``permission``."""
        update_wrapper(self, cache, updated=())
        self._cache = cache
        self._check = check
        self.required_permission = permission

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Decide, then read the cache."""
        self._check()
        return self._cache(*args, **kwargs)

    def __get__(self, instance: object, owner: type | None = None) -> GuardedCache[..., R]:
        """On a method: the cache bound to ``instance``, so that ``clear(...)`` clears the entries of that instance."""
        bind = getattr(self._cache, "__get__", None)
        if instance is None or bind is None:
            return self
        return GuardedCache(bind(instance, owner), self.required_permission, self._check)

    def __getattr__(self, name: str) -> Any:
        """Return an attribute of the cache."""
        return getattr(object.__getattribute__(self, "_cache"), name)


def _plain(function: object) -> FunctionType | None:
    """The function itself, or the function that a cache calls; None for anything else."""
    if isinstance(function, staticmethod | classmethod | property | type) or not callable(function):
        return None
    innermost = inspect.unwrap(function)
    return innermost if isinstance(innermost, FunctionType) else None


def _known(permission: str) -> Permission:
    """The permission of that name; raises ``TypeError`` with the most similar name."""
    row = CATALOGUE.get(permission)
    if row is None:
        near = get_close_matches(str(permission), [known.value for known in CATALOGUE.values()], 1)
        hint = f" Did you mean {near[0]}?" if near else ""
        msg = f"@requires names {permission!r}, which is not in the catalogue of permissions.{hint}"
        raise TypeError(msg)
    return row


def _where(function: FunctionType) -> str:
    """``module:function``; a page's script has no module name, so its file's name is used."""
    module = function.__module__
    if module == "__main__":
        module = f"pages.{PurePath(function.__code__.co_filename).stem}"
    return f"{module}:{function.__qualname__}"


def refusal(permission: str | None, decision: Decision) -> GatehouseError:
    """Return the error for a refused ``decision``: ``Unauthenticated`` if anonymous, else ``PermissionDenied``.

    ``StepUpRequired``, a subclass of it, where a fresh or stronger sign-in would suffice.
    """
    if decision.reason is Reason.ANONYMOUS:
        return Unauthenticated("Sign in to continue.")
    if decision.step_up is not None:
        requirement = decision.step_up
        return StepUpRequired(
            permission or "",
            "This requires a second factor." if requirement.acr else "This requires a more recent sign-in.",
            max_age_seconds=requirement.max_age_seconds,
            acr=requirement.acr,
        )
    sentences = {
        Reason.BLOCKED: "Your account is blocked here. Ask an administrator.",
        Reason.SCOPE: "You have this permission, but the token of this request does not include it.",
        Reason.STEP_UP_REQUIRED: "This requires the sign-in of a person, which a machine cannot do.",
    }
    return PermissionDenied(
        permission or "", decision.reason, sentences.get(decision.reason, "You lack a permission for this.")
    )
