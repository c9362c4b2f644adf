"""Base classes of requests and responses, and what several resources share."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import cache
from typing import Annotated, Any, Final, Generic, ParamSpec, TypeVar, cast

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, WithJsonSchema

from app.core.contract.fields import Cursor, Limit, Reason, Search

P = ParamSpec("P")
M = TypeVar("M", bound="ResponseModel")
T = TypeVar("T")

SessionRef = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,128}$", description="Stable reference of a session.")]
Time = Annotated[
    datetime,
    PlainSerializer(datetime.isoformat, when_used="json-unless-none"),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
"""A time of a response: RFC 3339 with its offset (``+00:00``; pydantic's own serializer writes ``Z``)."""

_NOTHING: Final[set[str]] = set()
_new: Final = object.__new__
_set: Final = object.__setattr__


class RequestModel(BaseModel):
    """Base of request bodies and parameters: unknown fields are refused, and errors never repeat values."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    @classmethod
    def model_json_schema(cls, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Return the JSON schema as pydantic makes it, cached: flask-openapi3 asks for it on every request."""
        return _plain_schema(cls) if not args and not kwargs else super().model_json_schema(*args, **kwargs)


@cache
def _plain_schema(model: type[BaseModel]) -> dict[str, Any]:
    schema: dict[str, Any] = super(RequestModel, model).model_json_schema()  # type: ignore[misc] # the class, not an instance
    return schema


class ResponseModel(BaseModel):
    """Base of response bodies: immutable, and every field is always present."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def construct(model: Callable[P, M], /, *_: P.args, **values: P.kwargs) -> M:
    """Build a response model without validating it, which takes half the time; mypy checks the arguments.

    Only for values of our own code. In tests every response of the API is validated against its model.

    Args:
        model: The class.
        **values: All its fields.
    """
    instance = _new(cast("type[M]", model))
    _set(instance, "__dict__", values)
    _set(instance, "__pydantic_fields_set__", _NOTHING)
    _set(instance, "__pydantic_extra__", None)
    _set(instance, "__pydantic_private__", None)
    return instance


class ListPage(ResponseModel, Generic[T]):
    """Base of one page of a list; ``rows`` is the resource's own field under a common name."""

    next: str | None = Field(description="The cursor of the next page; null on the last one.")
    total: int = Field(description="The number of matches; counting stops at 1000.")
    total_capped: bool = Field(description="Whether there may be more than `total`.")

    @property
    def rows(self) -> tuple[T, ...]:
        """The rows of this page.

        Raises:
            NotImplementedError: if a subclass does not define it.
        """
        raise NotImplementedError


class Message(ResponseModel):
    """One sentence."""

    message: str


class SubjectBody(ResponseModel):
    """Stable id of a person or a machine."""

    issuer: str
    subject: str


class StepUp(ResponseModel):
    """The sign-in that a permission needs, in the terms of RFC 9470; null means any."""

    max_age: int | None = Field(description="The maximum age of the sign-in in seconds.")
    acr_values: str | None = Field(description="The authentication context class, such as that of a second factor.")


class ListQuery(RequestModel):
    """Which rows of a list."""

    q: Search = ""
    cursor: Cursor = ""
    limit: Limit = 50


class ReasonRequest(RequestModel):
    """The reason for a change."""

    reason: Reason
