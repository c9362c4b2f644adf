"""Health of the process."""

from __future__ import annotations

from app.core.contract.base import ResponseModel


class Health(ResponseModel):
    """``ok`` or ``ready``."""

    status: str
