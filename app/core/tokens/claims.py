"""Readers of single claims, which refuse a wrong type or length; texts that are only displayed are cleaned instead.

Sources: RFC 7519 §4.1, RFC 9068 §2.2, OIDC Core §2 and §5.1. No error repeats a value.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from app.core.errors import TokenInvalid
from app.core.failure_reasons import ClaimReason, TokenReason

MAX_ID_CHARACTERS: Final = 255
MAX_NAME_CHARACTERS: Final = 200
MAX_EMAIL_CHARACTERS: Final = 320
MAX_PICTURE_CHARACTERS: Final = 2048
_MAX_SECONDS: Final = 253_402_214_400
"""The last day of the year 9999, beyond which there are no dates."""

# Controls, line and paragraph separators, lone surrogates, and the marks that reorder the text after them.
_CONTROLS: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)
_NOT_IN_ADDRESSES: Final = re.compile(r"""[\s"'<>\\^`{|}]""")

Claims = Mapping[str, Any]


def identifier(claims: Claims, name: str, *, limit: int = MAX_ID_CHARACTERS) -> str:
    """Return a bounded text without control characters, unchanged; empty if absent.

    Raises:
        TokenInvalid: for anything else.
    """
    value = claims.get(name)
    if name not in claims or (name in _MAY_BE_EMPTY and value in (None, "")):
        return ""
    if not _exact_text(value, limit):
        raise TokenInvalid(reason=TokenReason.IDENTIFIER)
    return str(value)


_MAY_BE_EMPTY: Final = frozenset({"sid", "org_id"})
"""Some providers send null or an empty text for none, against OIDC Core §5.3.2."""


def _exact_text(value: object, limit: int) -> bool:
    if not isinstance(value, str) or not 0 < len(value) <= limit:
        return False
    return (value.isascii() and value.isprintable()) or _CONTROLS.search(value) is None


def seconds(claims: Claims, name: str) -> float | None:
    """Return a time in seconds since 1970 (``NumericDate``); None if absent.

    Raises:
        TokenInvalid: for a bool, text, NaN or a number that is no date.
    """
    if name not in claims:
        return None
    value = claims[name]
    if type(value) not in {int, float} or not math.isfinite(value) or not 0 <= value <= _MAX_SECONDS:
        raise TokenInvalid(reason=TokenReason.TIME_MALFORMED)
    return float(value)


def instant(at: float) -> datetime:
    """Return seconds since 1970 as aware UTC."""
    return datetime.fromtimestamp(at, UTC)


def audiences(claims: Claims) -> tuple[str, ...]:
    """Return the audiences: a string or a list of strings (RFC 7519 §4.1.3).

    Raises:
        TokenInvalid: for anything else.
    """
    value = claims.get("aud")
    if isinstance(value, str):
        return (value,)
    if not isinstance(value, list) or not all(isinstance(member, str) for member in value):
        raise TokenInvalid(reason=TokenReason.AUDIENCE_MALFORMED)
    return tuple(value)


class UnusableClaims(NamedTuple):
    """The dropped members of one claim about rights: how many, and the fault of the first; no value."""

    reason: ClaimReason
    dropped: int
    first: str


class ClaimMembers(NamedTuple):
    """The usable members of one claim about rights."""

    members: frozenset[str]
    unusable: UnusableClaims | None = None


def members(
    claims: Claims, name: str, reason: ClaimReason, *, otherwise: TokenReason | None, limit: int = MAX_ID_CHARACTERS
) -> ClaimMembers:
    """Return a list of texts. One text counts as a list of one, null and absent as none; unusable members are dropped.

    Args:
        claims: The token's claims.
        name: The claim.
        reason: The reason under which dropped members are reported.
        otherwise: The reason to refuse a claim of any other type; None if it counts as none.
        limit: The maximum length of a member, in characters.

    Raises:
        TokenInvalid: for a claim of another type, such as a number or an object.
    """
    value = claims.get(name)
    if isinstance(value, list):
        return _usable(value, reason, limit)
    if isinstance(value, str):
        return _usable([value] if value else [], reason, limit)
    if value is None or otherwise is None:
        return ClaimMembers(frozenset())
    raise TokenInvalid(reason=otherwise)


def words(claims: Claims, name: str) -> ClaimMembers:
    """Return words separated by spaces (RFC 6749 §3.3), from a text or a list of such texts; otherwise as ``members``.

    Raises:
        TokenInvalid: for a claim of another type.
    """
    value = claims.get(name)
    if isinstance(value, str):
        value = [value]
    if value is None:
        return ClaimMembers(frozenset())
    if not isinstance(value, list):
        raise TokenInvalid(reason=TokenReason.SCOPE)
    parts = [part for each in value for part in (each.split(" ") if isinstance(each, str) else [each]) if part != ""]
    return _usable(parts, ClaimReason.SCOPE, MAX_ID_CHARACTERS)


def _usable(values: list[Any], reason: ClaimReason, limit: int) -> ClaimMembers:
    """The values that can be the name of a right, and a summary of the others."""
    good = [value for value in values if _exact_text(value, limit)]
    if len(good) == len(values):
        return ClaimMembers(frozenset(good))
    bad = [value for value in values if not _exact_text(value, limit)]
    return ClaimMembers(frozenset(good), UnusableClaims(reason, len(bad), _fault(bad[0], limit)))


def _fault(value: object, limit: int) -> str:
    """The fault of a member, without its value."""
    if not isinstance(value, str):
        return "not a text"
    if not value:
        return "empty"
    return f"longer than {limit} characters" if len(value) > limit else "with control characters"


def clean(claims: Claims, name: str, limit: int) -> str:
    """Return a text for display: without control characters, capped; empty if absent or not a text."""
    value = claims.get(name)
    if not isinstance(value, str):
        return ""
    return _CONTROLS.sub("", value).strip()[:limit]


def picture(claims: Claims) -> str:
    """Return the address of the picture if it is a plain https address of bounded length, else an empty text."""
    value = clean(claims, "picture", MAX_PICTURE_CHARACTERS + 1)
    if len(value) > MAX_PICTURE_CHARACTERS or _NOT_IN_ADDRESSES.search(value) is not None:
        return ""
    try:
        parts = urlsplit(value)
        plain = parts.scheme == "https" and bool(parts.hostname) and parts.username is None and parts.port != 0
    except ValueError:
        return ""
    return value if plain else ""


def methods(claims: Claims) -> frozenset[str]:
    """Return the authentication methods (RFC 8176); anything but a list of texts counts as none, which is weaker."""
    value = claims.get("amr")
    if not isinstance(value, list):
        return frozenset()
    return frozenset(member for member in value if _exact_text(member, MAX_ID_CHARACTERS))


def is_machine(sub: str, client_id: str, grant_type: Any) -> bool:
    """Whether the token was issued to a client itself: by Auth0's ``gty`` or ``CLIENT@clients``, or by RFC 9068 §2.2.

    A person's subject has a ``|`` at Auth0, so no user becomes a machine by choosing an account name.
    """
    if grant_type == "client-credentials":
        return True
    return (sub.endswith("@clients") and "|" not in sub) or (bool(client_id) and sub == client_id)
