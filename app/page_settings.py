"""The settings of this process, for pages, which may not import its services."""

from __future__ import annotations

from app import services as composition
from app.core.settings import Settings


def settings() -> Settings:
    """The settings that this process was started with.

    Raises:
        ConfigurationError: The process has no services yet, and its settings are not right.
    """
    return composition.services().settings
