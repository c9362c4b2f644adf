"""Reading the component's events: schemas of everything that the front end may send, and the limits before them.

A front end runs in a user's browser, so nothing it sends is trusted: names come from one list, shapes are exact, and
sizes are bounded.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Final, Literal, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.alias_generators import to_camel

from component.events import (
    AdhocReport,
    AppAuthRequest,
    ContractViolation,
    ErrorEvent,
    Event,
    EventName,
    SignInMode,
    StatusUpdate,
    WebRequest,
)

MAX_EVENT_CHARACTERS: Final = 16_384
"""How large the data of one event may be."""
_MAX_NAME_CHARACTERS: Final = 200
_MAX_TITLE_CHARACTERS: Final = 120
_MAX_TEXT_CHARACTERS: Final = 2_000
_MAX_PATH_CHARACTERS: Final = 2_000
_MAX_BODY_CHARACTERS: Final = 8_192
_MAX_METHOD_CHARACTERS: Final = 10
_MAX_CODE_CHARACTERS: Final = 60
_MAX_TIMESTAMP_CHARACTERS: Final = 40
_NAMES: Final = frozenset(EventName)


def parse(name: object, data: object) -> Event | ContractViolation:
    """The event that the front end sent under ``name``; the violation when it is none.

    The size is checked first, without recursion, so that nothing oversized or deeply nested is validated.
    """
    if not isinstance(name, str) or name not in _NAMES:
        return ContractViolation.UNKNOWN_EVENT
    if not isinstance(data, Mapping):
        return ContractViolation.WRONG_SHAPE
    if json_size(data, MAX_EVENT_CHARACTERS) > MAX_EVENT_CHARACTERS:
        return ContractViolation.TOO_LARGE
    try:
        return _MESSAGE.validate_python({"name": name, "data": dict(data)}).data.event()
    except ValidationError:
        return ContractViolation.WRONG_SHAPE


def json_size(value: object, maximum: int) -> int:
    """About how many characters ``value`` has as JSON, at any depth; stops counting beyond ``maximum``."""
    total, waiting = 0, [value]
    while waiting and total <= maximum:
        item = waiting.pop()
        if isinstance(item, str):
            total += len(item) + 2
        elif isinstance(item, Mapping):
            total += 2 + 2 * len(item)
            waiting.extend(item)
            waiting.extend(item.values())
        elif isinstance(item, list):
            total += 2 + len(item)
            waiting.extend(item)
        else:
            total += 8
    return total


class _Data(BaseModel):
    """The data of an event as JSON: exactly these members, of exactly these types."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, alias_generator=to_camel)


def _timestamp(text: object) -> datetime | None:
    """An ISO 8601 timestamp; None for an empty text. Raises ``ValueError`` for any other value."""
    if not isinstance(text, str) or len(text) > _MAX_TIMESTAMP_CHARACTERS:
        raise ValueError("not a timestamp")
    timestamp = datetime.fromisoformat(text) if text else None
    if timestamp is not None and timestamp.tzinfo is None:
        raise ValueError("no time zone")
    return timestamp


class _StatusUpdateData(_Data):
    signed_in: bool
    person: str = Field(max_length=_MAX_NAME_CHARACTERS)
    valid_until: Annotated[datetime | None, BeforeValidator(_timestamp)]

    def event(self) -> Event:
        return StatusUpdate(self.signed_in, self.person, self.valid_until)


class _AdhocReportData(_Data):
    title: str = Field(min_length=1, max_length=_MAX_TITLE_CHARACTERS)
    text: str = Field(max_length=_MAX_TEXT_CHARACTERS)

    def event(self) -> Event:
        return AdhocReport(self.title, self.text)


class _WebRequestData(_Data):
    action: Literal["WebRequest"]
    method: str = Field(max_length=_MAX_METHOD_CHARACTERS)
    path: str = Field(max_length=_MAX_PATH_CHARACTERS)
    with_token: bool
    body: str = Field(max_length=_MAX_BODY_CHARACTERS)

    def event(self) -> Event:
        return WebRequest(self.method, self.path, self.with_token, self.body)


class _AppAuthRequestData(_Data):
    action: Literal["AppAuthRequest"]
    mode: SignInMode = Field(strict=False)
    return_to: str = Field(max_length=_MAX_PATH_CHARACTERS)

    def event(self) -> Event:
        return AppAuthRequest(self.mode, self.return_to)


class _ErrorData(_Data):
    code: str = Field(max_length=_MAX_CODE_CHARACTERS)
    message: str = Field(max_length=_MAX_TEXT_CHARACTERS)

    def event(self) -> Event:
        return ErrorEvent(self.code, self.message)


class _StatusUpdateMessage(BaseModel):
    name: Literal["onStatusUpdate"]
    data: _StatusUpdateData


class _AdhocReportMessage(BaseModel):
    name: Literal["onAdhocReport"]
    data: _AdhocReportData


class _ActionRequestMessage(BaseModel):
    name: Literal["onActionRequest"]
    data: Annotated[_WebRequestData | _AppAuthRequestData, Field(discriminator="action")]


class _ErrorMessage(BaseModel):
    name: Literal["onError"]
    data: _ErrorData


_Message: TypeAlias = Annotated[
    _StatusUpdateMessage | _AdhocReportMessage | _ActionRequestMessage | _ErrorMessage, Field(discriminator="name")
]
_MESSAGE: Final[TypeAdapter[_Message]] = TypeAdapter(_Message)
