"""Types of request values: bounded, and parsed strictly without coercion."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BeforeValidator, Field, StrictInt, WithJsonSchema
from pydantic_core import PydanticCustomError

from app.core.administration_records import MAX_ROWS
from app.core.records import MAX_REASON_CHARACTERS, MAX_SEARCH_CHARACTERS

MAX_INTEGER: Final = 2**63 - 1
"""What both databases hold."""
# No control characters, no line or paragraph separators, nothing that turns the direction of text.
LINE: Final = r"^[^\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]*$"

_DIGITS: Final = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)
_MOMENT: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?(?:[Zz]|[+-][0-9]{2}:[0-9]{2})",
    re.ASCII,
)
_FIRST: Final = datetime(1970, 1, 1, tzinfo=UTC)


def _number(value: Any) -> Any:
    """The number that a part of an address or of a query spells, in its one plain spelling."""
    if isinstance(value, str):
        if _DIGITS.fullmatch(value) is None:
            raise PydanticCustomError("number", "Input should be a plain whole number")
        return int(value)
    return value


def _flag(value: Any) -> Any:
    if value in ("true", "false"):
        return value == "true"
    raise PydanticCustomError("flag", "Input should be true or false")


def _moment(value: Any) -> datetime:
    """A time by RFC 3339, with its offset; UTC from here on."""
    wrong = PydanticCustomError("moment", "Input should be a time with its offset, such as 2026-01-31T12:00:00Z")
    if not isinstance(value, str) or _MOMENT.fullmatch(value) is None:
        raise wrong
    try:
        at = datetime.fromisoformat(value.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise wrong from None
    if at < _FIRST:
        raise PydanticCustomError("moment", "Input should be a time after 1970")
    return at


def _trimmed(value: str) -> str:
    return value.strip()


Id = Annotated[int, BeforeValidator(_number), Field(ge=1, le=MAX_INTEGER, description="Id of the resource.")]
"""In an address or a query."""
BodyId = Annotated[StrictInt, Field(ge=1, le=MAX_INTEGER)]
"""In a body, where a number is a number."""
Flag = Annotated[bool, BeforeValidator(_flag)]
"""In a query."""
Moment = Annotated[datetime, BeforeValidator(_moment), WithJsonSchema({"type": "string", "format": "date-time"})]
Days = Annotated[int, BeforeValidator(_number), Field(ge=1, le=365, description="How many days, today included.")]
Limit = Annotated[int, BeforeValidator(_number), Field(ge=1, le=MAX_ROWS, description="The maximum number of rows.")]
Cursor = Annotated[
    str,
    Field(
        max_length=3000,
        pattern=r"^[A-Za-z0-9_-]*$",
        description="The `next` of the previous page; valid for the same filters only.",
    ),
]
Search = Annotated[
    str, Field(max_length=MAX_SEARCH_CHARACTERS, pattern=LINE, description="Part of a text, without regard to case.")
]
Name = Annotated[str, Field(min_length=1, max_length=500, pattern=LINE)]
Reason = Annotated[
    str,
    AfterValidator(_trimmed),
    Field(
        max_length=MAX_REASON_CHARACTERS,
        min_length=1,
        pattern=LINE,
        description="Why; kept in the audit with the change.",
    ),
]
PermissionName = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[a-z][a-z-]*:[a-z][a-z-]*$")]
