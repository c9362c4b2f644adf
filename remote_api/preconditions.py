"""Which version a change is meant for: ``If-Match`` in, ``ETag`` out (RFC 9110 §8.8.3, §13.1.1; RFC 6585 §3).

Every operation that changes something declares below its route whether it is ``conditional`` or ``unconditional``; one
that declares neither keeps the API from starting. That the header is there is enforced in one place, before anything
else of the request is looked at; whether its version still holds is decided inside the unit of work that changes it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final, TypeVar

from flask import request

from app.core.errors import BadRequest, PreconditionRequired, StaleVersion

F = TypeVar("F", bound=Callable[..., Any])

READS: Final = frozenset({"GET", "HEAD", "OPTIONS"})

_ATTRIBUTE: Final = "needs_version"
# RFC 9110 §8.8.3: an entity tag is of visible characters but quotes, and here of plain ones.
_STRONG: Final = re.compile(r'"([\x21\x23-\x7e]{1,200})"')
_WEAK: Final = re.compile(r'W/"[\x21\x23-\x7e]{1,200}"')


def conditional(view: F) -> F:
    """Declare that a change is made only to the version that ``If-Match`` names."""
    setattr(view, _ATTRIBUTE, True)
    return view


def unconditional(why: str) -> Callable[[F], F]:
    """Declare that a change needs no version. ``why``: because there is nothing to be overwritten; for the reader."""
    if not why:
        msg = "say why the change needs no version"
        raise TypeError(msg)

    def decorate(view: F) -> F:
        setattr(view, _ATTRIBUTE, False)
        return view

    return decorate


def needs_version(view: Callable[..., Any] | None) -> bool | None:
    """What a view declares; None when it declares nothing."""
    return getattr(view, _ATTRIBUTE, None)


def demand_version() -> None:
    """Raise unless the request names the version it is meant for."""
    version()


def version() -> str:
    """The one version of the request's ``If-Match``.

    Raises ``PreconditionRequired`` without it or for ``*``, which would overwrite whatever is there; ``StaleVersion``
    for a weak tag, which never matches here (RFC 9110 §13.1.1); ``BadRequest`` for anything but one tag.
    """
    sent = request.environ.get("HTTP_IF_MATCH", "").strip(" \t")
    if sent in {"", "*"}:
        raise PreconditionRequired("Send If-Match with the ETag of what you have seen, so that nothing newer is lost.")
    if (strong := _STRONG.fullmatch(sent)) is not None:
        return strong[1]
    if _WEAK.fullmatch(sent):
        raise StaleVersion("A weak ETag does not name a version. Send the ETag as it came.")
    raise BadRequest("If-Match takes exactly one ETag here, in its quotes, as it came.")


def etag(version: str) -> dict[str, str]:
    """The header that names a version."""
    return {"ETag": f'"{version}"'}
