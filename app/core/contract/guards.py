"""The guard inventory."""

from __future__ import annotations

from pydantic import Field

from app.core.administration_records import GuardKind
from app.core.contract.base import ResponseModel, Time


class GuardBody(ResponseModel):
    """A place in the code that requires a permission."""

    kind: GuardKind
    name: str = Field(description="A page's path, `module:function`, or `METHOD /address`.")
    permission: str = Field(description="Empty if any signed-in user may.")
    file: str
    line: int
    process: str
    version: str
    published_at: Time | None


class Guards(ResponseModel):
    """The guard inventory."""

    guards: tuple[GuardBody, ...]
