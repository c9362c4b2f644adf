"""The demo endpoints."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from app.core.contract.base import RequestModel


class Echo(RequestModel):
    """A text to return."""

    text: Annotated[str, Field(max_length=500, description="The text of the response.")]
