"""Access declarations of views: ``requires(permission)``, ``authenticated`` or ``public``, exactly one.

The declaration is data on the function. It is enforced in one place for the whole URL map, before anything of the
request is parsed, and the API does not start with a view that declares nothing. The module also has the functions of
every adapter: ``principal()``, ``require()``, ``allows()``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final, NamedTuple, TypeVar, cast

from flask import current_app, request
from werkzeug.routing import Rule

from app.core.guard import Caller
from app.core.permissions import Permission
from app.core.principal import Principal
from remote_api.bearer import BearerAuthentication

F = TypeVar("F", bound=Callable[..., Any])

EXTENSION: Final = "gatehouse.bearer"

_ATTRIBUTE: Final = "declared_access"


class AccessDeclaration(NamedTuple):
    """``permission`` is None for ``public`` and ``authenticated`` views."""

    protected: bool
    permission: Permission | None = None


PUBLIC: Final = AccessDeclaration(protected=False)
AUTHENTICATED: Final = AccessDeclaration(protected=True)


class UndeclaredAccess(RuntimeError):
    """A view declares no access: a bug, found at start."""


def requires(permission: Permission) -> Callable[[F], F]:
    """Declare that a view needs ``permission``; the function gets ``required_permission``.

    Goes below the route decorator.

    Raises:
        TypeError: The view already declares access.
    """

    def decorate(view: F) -> F:
        view.required_permission = permission  # type: ignore[attr-defined] # read by tests and admin pages
        return _declare(view, AccessDeclaration(protected=True, permission=permission))

    return decorate


def authenticated(view: F) -> F:
    """Declare that a view needs a valid access token of a subject that is not blocked, and no permission."""
    return _declare(view, AUTHENTICATED)


def public(view: F) -> F:
    """Declare that a view needs no access token."""
    return _declare(view, PUBLIC)


def declaration_of(view: Callable[..., Any] | None) -> AccessDeclaration | None:
    """What a view declares; None when it declares nothing."""
    return getattr(view, _ATTRIBUTE, None)


def read_access_declarations(
    rules: Iterable[Rule], views: dict[str, Callable[..., Any]]
) -> dict[str, AccessDeclaration]:
    """Endpoint → what it declares.

    Raises:
        UndeclaredAccess: A view declares nothing, or is wrapped in a cache of ``functools``, which would return one
            caller's response to another. The message names all of them.
    """
    declarations: dict[str, AccessDeclaration] = {}
    missing: list[str] = []
    cached: list[str] = []
    for rule in rules:
        view = views.get(rule.endpoint)
        declaration = declaration_of(view)
        if _is_cached(view):
            cached.append(f"{rule.rule} ({rule.endpoint})")
        if declaration is None:
            missing.append(f"{rule.rule} ({rule.endpoint})")
        else:
            declarations[rule.endpoint] = declaration
    if missing:
        msg = (
            "these endpoints do not declare who may call them; put @requires, @authenticated or @public below the "
            f"route: {', '.join(sorted(missing))}"
        )
        raise UndeclaredAccess(msg)
    if cached:
        msg = (
            "the views of these endpoints are kept in a cache that answers every caller alike; cache what they call: "
            f"{', '.join(sorted(cached))}"
        )
        raise UndeclaredAccess(msg)
    return declarations


def _is_cached(view: Callable[..., Any] | None) -> bool:
    """Whether ``view``, or anything that it wraps, is a cache of ``functools`` or has its interface."""
    layer: Any = view
    while layer is not None:
        if hasattr(layer, "cache_info"):
            return True
        layer = getattr(layer, "__wrapped__", None)
    return False


def _declare(view: F, declaration: AccessDeclaration) -> F:
    if declaration_of(view) is not None:
        msg = f"{view.__qualname__} declares twice who may call it"
        raise TypeError(msg)
    setattr(view, _ATTRIBUTE, declaration)
    return view


def bearer_authentication() -> BearerAuthentication:
    """The access check of the current app; only inside a request."""
    return cast("BearerAuthentication", current_app.extensions[EXTENSION])


def caller() -> Caller:
    """The caller and the current grants."""
    return bearer_authentication().caller(request.environ)


def principal() -> Principal:
    """The principal of the request; ``ANONYMOUS`` without a token."""
    return caller().principal


def require(permission: Permission) -> Principal:
    """Return the principal, or record the refusal and raise as ``Guard.require``."""
    return bearer_authentication().guard.require(permission, target=f"{request.method} {request.url_rule}")


def allows(permission: Permission) -> bool:
    """Whether the caller has ``permission`` now. For presentation only, never instead of ``require``."""
    return bearer_authentication().guard.allows(permission)
