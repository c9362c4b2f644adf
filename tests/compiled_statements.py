"""One cache of compiled SQL for all engines of a test run.

SQLAlchemy has a cache for each engine, and nearly every test has a database, and so an engine, of its own: without a
shared cache the same few hundred statements are compiled in each of thousands of tests.
"""

from __future__ import annotations

from typing import Any, Final

import pytest
from sqlalchemy import Engine
from sqlalchemy.util import LRUCache

SIZE: Final = 5000
"""Statements; all tests together have fewer."""


class CompiledStatements(LRUCache[Any, Any]):
    """SQLAlchemy's cache, with equal dialects instead of the same dialect."""

    def get(self, key: Any, default: Any = None) -> Any:
        """The compiled statement of ``key``, whose first part is the dialect."""
        return super().get(_shared(key), default)

    def __setitem__(self, key: Any, compiled: Any) -> None:
        """Store the compiled statement of ``key``."""
        super().__setitem__(_shared(key), compiled)


def share(patch: pytest.MonkeyPatch) -> None:
    """Let all engines that have a cache use the shared one."""
    statements = CompiledStatements(SIZE)

    def cache_of(engine: Engine) -> CompiledStatements | None:
        return None if vars(engine)["_compiled_cache"] is None else statements

    def keep(engine: Engine, cache: object) -> None:
        vars(engine)["_compiled_cache"] = cache

    patch.setattr(Engine, "_compiled_cache", property(cache_of, keep), raising=False)


def _shared(key: tuple[Any, ...]) -> tuple[Any, ...]:
    dialect, *statement = key
    return (dialect.name, dialect.driver, dialect.paramstyle, dialect.server_version_info, *statement)
