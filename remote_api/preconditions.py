"""Preconditions: the version that a change is based on, as ``If-Match`` and ``ETag`` (RFC 9110 §8.8.3, RFC 6585 §3).

Every operation that changes something declares below its route whether it is ``conditional`` or ``unconditional``; the
API does not start with one that declares neither. One place requires the header, before any other part of the request
is parsed. The unit of work of the change compares the version (RFC 9110 §13.1.1).
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
# RFC 9110 §8.8.3, without obs-text: visible ASCII characters but quotes.
_TAG: Final = re.compile(r"[\x21\x23-\x7e]{1,200}")


def conditional(view: F) -> F:
    """Declare that a change is made only to the version that ``If-Match`` names."""
    setattr(view, _ATTRIBUTE, True)
    return view


def unconditional(reason: str) -> Callable[[F], F]:
    """Declare that a change needs no version.

    Args:
        reason: Why nothing can be overwritten; for the reader.

    Raises:
        TypeError: The reason is empty.
    """
    if not reason:
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
    """Return the version that the request's ``If-Match`` names.

    Raises:
        PreconditionRequired: The header is missing, or is ``*``, which would overwrite any version.
        StaleVersion: The tag is weak, and weak tags never match (RFC 9110 §13.1.1).
        BadRequest: The header is anything other than one entity tag.
    """
    header = request.environ.get("HTTP_IF_MATCH", "").strip(" \t")
    if header in {"", "*"}:
        raise PreconditionRequired("Send If-Match with the ETag of what you have seen, so that nothing newer is lost.")
    etags = request.if_match  # lenient: takes unquoted tags and ``w/``, and merges equal ones
    tag = next(iter(etags.as_set(include_weak=True)), "")
    if header not in {f'"{tag}"', f'W/"{tag}"'} or _TAG.fullmatch(tag) is None:
        raise BadRequest("If-Match takes exactly one ETag here, in its quotes, as it came.")
    if etags.is_weak(tag):
        raise StaleVersion("A weak ETag does not name a version. Send the ETag as it came.")
    return tag


def etag(version: str) -> dict[str, str]:
    """The header that names a version."""
    return {"ETag": f'"{version}"'}
