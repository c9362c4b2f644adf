"""Problem documents (RFC 9457): the body of every error response."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class ProblemBody(BaseModel):
    """The body of every error response (RFC 9457). Some codes add members, such as ``permission`` or ``problems``."""

    model_config = ConfigDict(extra="allow", title="Problem")

    type: str = Field(description="Identifies the kind of problem.")
    title: str = Field(description="The kind of problem in words.")
    status: int = Field(description="The HTTP status.")
    detail: str = Field(description="Explains this occurrence; safe to show.")
    instance: str = Field(description="Identifies this occurrence.")
    code: str = Field(description="Stable code for programs.")
    correlation_id: str = Field(description="The id of this request in the log and the audit.")
