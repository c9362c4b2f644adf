"""The type of the fixture ``signed``."""

from __future__ import annotations

from collections.abc import Callable

Signed = Callable[[Callable[[], object]], object]
