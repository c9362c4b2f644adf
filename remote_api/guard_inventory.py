"""The guard inventory of the API: every address with its declared access, published at the start of its process."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from app.core.administration_records import GuardKind, GuardRow
from app.core.guard_scanner import named_from
from remote_api.application import Application

PROCESS: Final = "api"
"""The name of this process among those that publish."""

_ROOT: Final = Path(__file__).resolve().parents[1]


def guards(app: Application) -> Iterator[GuardRow]:
    """Yield every operation with required access, by address and method; public operations are omitted."""
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: rule.rule):
        declaration = app.access_declarations[rule.endpoint]
        if declaration.protected:
            file, line = _where(app.view_functions[rule.endpoint])
            for method in sorted((rule.methods or set()) - {"HEAD"}):
                permission = str(declaration.permission or "")
                yield GuardRow(GuardKind.ENDPOINT, f"{method} {rule.rule}", permission, file, line)


def _where(view: Callable[..., Any]) -> tuple[str, int]:
    code = inspect.unwrap(view).__code__
    return named_from(Path(code.co_filename), _ROOT), code.co_firstlineno
