"""Translates the remote API's problem documents (RFC 9457) into the product's error classes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from app.core.errors import (
    ConfigurationError,
    ExceedsOwnPermissions,
    GatehouseError,
    InvalidInput,
    PermissionDenied,
    ProviderRefused,
    StepUpRequired,
    TooManyRequests,
    all_errors,
)

TYPE: Final = "application/problem+json"


def error_of(body: Mapping[str, Any]) -> GatehouseError:
    """The error of a problem document; ``GatehouseError`` for an unknown code."""
    build = _BUILDERS.get(str(body.get("code", "")))
    return build(body) if build is not None else GatehouseError(_detail(body))


def _detail(body: Mapping[str, Any]) -> str:
    return str(body.get("detail") or "")


def _plain_builder(cls: type[GatehouseError]) -> Callable[[Mapping[str, Any]], GatehouseError]:
    return lambda body: cls(_detail(body))


def _problems(body: Mapping[str, Any]) -> dict[str, str]:
    problems = body.get("problems")
    return {str(name): str(text) for name, text in problems.items()} if isinstance(problems, dict) else {}


def _names(body: Mapping[str, Any]) -> list[str]:
    names = body.get("permissions")
    return [str(name) for name in names] if isinstance(names, list) else []


def _seconds(body: Mapping[str, Any]) -> int:
    seconds = body.get("retry_after_seconds")
    return seconds if isinstance(seconds, int) else 1


def _step_up(body: Mapping[str, Any]) -> StepUpRequired:
    age = body.get("max_age")
    return StepUpRequired(
        str(body.get("permission", "")),
        _detail(body),
        max_age_seconds=age if isinstance(age, int) else None,
        acr=str(body.get("acr_values", "")),
    )


_BUILDERS: Final[dict[str, Callable[[Mapping[str, Any]], GatehouseError]]] = {
    **{cls.code: _plain_builder(cls) for cls in all_errors()},
    # Classes that need more than a sentence:
    ConfigurationError.code: lambda body: ConfigurationError([_detail(body)]),
    PermissionDenied.code: lambda body: PermissionDenied(
        str(body.get("permission", "")), str(body.get("reason", "")), _detail(body)
    ),
    StepUpRequired.code: _step_up,
    ExceedsOwnPermissions.code: lambda body: ExceedsOwnPermissions(_names(body), _detail(body)),
    InvalidInput.code: lambda body: InvalidInput(_problems(body), _detail(body)),
    TooManyRequests.code: lambda body: TooManyRequests(_seconds(body), _detail(body)),
    ProviderRefused.code: lambda body: ProviderRefused(_detail(body), error=str(body.get("error", ""))),
}
"""Error code → function that creates the error from a problem document."""
