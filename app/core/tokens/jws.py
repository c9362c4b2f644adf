"""The strict parser of compact signed tokens (RFC 7515 §3.1, §5.2): bounded before parsed, one spelling only.

Nothing here is verified: the result may be inspected, never trusted (decision 46). No error repeats anything of the
token.
"""

from __future__ import annotations

import binascii
import json
import re
import string
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from app.core.errors import TokenInvalid
from app.core.failure_reasons import TokenReason

MAX_TOKEN_CHARACTERS: Final = 16_384
MAX_KID_CHARACTERS: Final = 256
_MAX_DEPTH: Final = 16
_MAX_DIGITS: Final = 20

_ALPHABET: Final = (string.ascii_letters + string.digits + "-_").encode("ascii")
_TO_STANDARD: Final = bytes.maketrans(b"-_", b"+/")
_CANONICAL_ENDS: Final = {2: b"AQgw", 3: b"AEIMQUYcgkosw048"}
"""Length of the last group → last characters whose unused bits are zero; any other is a second spelling."""
_STRUCTURE: Final = re.compile(r'\\.|["\[\]{}]', re.DOTALL)
_REFUSED_HEADERS: Final = frozenset({"crit", "b64", "zip", "enc", "cty"})
"""Extensions (RFC 7515 §4.1.11), unencoded or compressed payloads, encrypted and nested tokens."""


class CompactJws(NamedTuple):
    """The parts of a token, unverified."""

    alg: str
    kid: str | None
    typ: str
    """In lower case; empty if absent."""
    claims: Mapping[str, Any]
    signing_input: bytes
    signature: bytes


def token_bytes(token: object) -> bytes:
    """Return the token as ASCII bytes.

    Raises:
        TokenInvalid: if it is too long or not ASCII text.
    """
    if not isinstance(token, str) or not token or len(token) > MAX_TOKEN_CHARACTERS or not token.isascii():
        raise TokenInvalid(reason=TokenReason.SIZE)
    return token.encode("ascii")


def parse(raw: bytes) -> CompactJws:
    """Parse the bytes of ``token_bytes``.

    The header's ``jku``, ``x5u``, ``jwk`` and ``x5c`` are ignored: keys come from the issuer only.

    Raises:
        TokenInvalid: for anything but a plain signed token.
    """
    if raw.translate(None, _ALPHABET) != b"..":
        raise TokenInvalid(reason=TokenReason.NOT_SIGNED)
    head, body, tail = raw.split(b".")
    header = _object(_decode(head))
    if not _REFUSED_HEADERS.isdisjoint(header):
        raise TokenInvalid(reason=TokenReason.EXTENSION)
    alg, typ, kid = header.get("alg"), header.get("typ", ""), header.get("kid")
    if not isinstance(alg, str) or not isinstance(typ, str):
        raise TokenInvalid(reason=TokenReason.HEADER)
    if "kid" in header and not (isinstance(kid, str) and 0 < len(kid) <= MAX_KID_CHARACTERS):
        raise TokenInvalid(reason=TokenReason.KEY_ID)
    return CompactJws(alg, kid, typ.lower(), _object(_decode(body)), raw[: len(head) + 1 + len(body)], _decode(tail))


def _decode(segment: bytes) -> bytes:
    """Base64url without padding, canonical only; the alphabet was checked before."""
    over = len(segment) % 4
    if not segment or over == 1 or (over and segment[-1] not in _CANONICAL_ENDS[over]):
        raise TokenInvalid(reason=TokenReason.ENCODING)
    return binascii.a2b_base64(segment.translate(_TO_STANDARD) + b"=" * (-over % 4))


def _object(data: bytes) -> Mapping[str, Any]:
    """A JSON object of bounded depth and numbers, with no name twice (RFC 7515 §4)."""
    try:
        text = data.decode("utf-8")
        if _too_deep(text):
            raise TokenInvalid(reason=TokenReason.NESTED)
        value = _DECODER.decode(text)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise TokenInvalid(reason=TokenReason.JSON)
    return value


def _too_deep(text: str) -> bool:
    if text.count("{") + text.count("[") <= _MAX_DEPTH:
        return False
    depth, quoted = 0, False
    for match in _STRUCTURE.finditer(text):
        mark = match.group()
        if mark == '"':
            quoted = not quoted
        elif quoted:
            continue
        elif mark in "[{":
            depth += 1
            if depth > _MAX_DEPTH:
                return True
        elif mark in "]}":
            depth -= 1
    return False


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a name twice")
    return members


def _integer(digits: str) -> int:
    if len(digits) > _MAX_DIGITS:
        raise ValueError("too many digits")
    return int(digits)


def _constant(_name: str) -> None:
    raise ValueError("not a JSON number")


_DECODER: Final = json.JSONDecoder(object_pairs_hook=_unique, parse_int=_integer, parse_constant=_constant)
