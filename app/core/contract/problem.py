"""Problem documents (RFC 9457): the body of every error response."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class ProblemBody(BaseModel):
    """RFC 9457: what every error answers. Some codes add members, such as ``permission`` or ``problems``."""

    model_config = ConfigDict(extra="allow", title="Problem")

    type: str = Field(description="Identifies the kind of problem.")
    title: str = Field(description="The kind of problem in words.")
    status: int = Field(description="The HTTP status.")
    detail: str = Field(description="What to know of this occurrence; safe to show.")
    instance: str = Field(description="Identifies this occurrence.")
    code: str = Field(description="Stable code to decide by.")
    correlation_id: str = Field(description="The id under which the log and the audit know this request.")
