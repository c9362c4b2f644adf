"""Reading what the remote API answers into frozen dataclasses; anything else than agreed is not its own answer.

Members that are not known here are passed over, so that a newer API goes on working with this app.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, Generic, TypeVar

from pydantic import TypeAdapter, ValidationError

from app.api_client import ApiResponse, Params
from app.core.errors import ApiUnavailable

T = TypeVar("T")
_NOT_AS_AGREED: Final = "The remote API answered something that this version of the app does not understand."


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of a list. ``next``: the cursor of the following one, None on the last."""

    rows: tuple[T, ...]
    next: str | None
    total: int
    total_capped: bool
    """Whether ``total`` means "that many or more"."""


@dataclass(frozen=True, slots=True)
class Name:
    """How the provider names somebody (OIDC Core §2, ``iss`` and ``sub``)."""

    issuer: str
    subject: str


@dataclass(frozen=True, slots=True)
class _Around:
    next: str | None
    total: int
    total_capped: bool


@cache
def _adapter(shape: Any) -> TypeAdapter[Any]:
    return TypeAdapter(shape)


def shaped(value: object, shape: type[T]) -> T:
    """``value`` (parsed JSON) as ``shape``; raises ``ApiUnavailable`` when it is not."""
    of: Any = shape
    try:
        found: T = _adapter(of).validate_python(value)
    except ValidationError as error:
        raise ApiUnavailable(_NOT_AS_AGREED) from error
    return found


def read(answer: ApiResponse, shape: type[T]) -> T:
    """What an answer holds, as ``shape``; raises as ``ApiResponse.foreign`` when it is something else."""
    body = answer.object()
    try:
        return shaped(body, shape)
    except ApiUnavailable as error:
        raise answer.foreign(error.detail) from error


def read_list(answer: ApiResponse, name: str, shape: type[T]) -> tuple[T, ...]:
    """The list ``name`` of an answer; raises as ``read``."""
    body = answer.object()
    try:
        return _rows(body, name, shape)
    except ApiUnavailable as error:
        raise answer.foreign(error.detail) from error


def read_page(answer: ApiResponse, name: str, shape: type[T]) -> Page[T]:
    """One page of the list ``name``; raises as ``read``."""
    body = answer.object()
    around = shaped(body, _Around)
    return Page(_rows(body, name, shape), around.next, around.total, around.total_capped)


def asked(**members: object) -> Params:
    """A query of those members that ask for something: empty texts, None and False ask for nothing."""
    said: dict[str, str | list[str]] = {}
    for name, value in members.items():
        if isinstance(value, list | tuple):
            said[name] = [str(one) for one in value]
        elif value is not None and value is not False and value != "":
            said[name] = "true" if value is True else str(value)
    return said


def _rows(body: Mapping[str, Any], name: str, shape: type[T]) -> tuple[T, ...]:
    rows = body.get(name)
    if not isinstance(rows, list):
        raise ApiUnavailable(_NOT_AS_AGREED)
    return tuple(shaped(row, shape) for row in rows)
