"""The guard inventory of this process, published at its start: which page and function requires which permission."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from app.core.administration_records import GuardKind, GuardRow
from app.core.guard_scanner import functions, leaks_in, named_from, require_page_line
from app.core.hosted_app_config import FILE_NAME, HostedAppConfig
from app.core.shared_identity import IdentityLeak
from app.navigation import PAGES, PAGES_FOLDER

PROCESS: Final = "app"
"""The name of this process in the inventory."""

EVERY_PAGE: Final = "/*"
"""The target of the permission to enter a hosted app."""

_ROOT: Final = PAGES_FOLDER.parent


def own_guards() -> Iterator[GuardRow]:
    """The product's pages by their rows, and the guarded functions of pages and of this package."""
    for row in PAGES:
        file = named_from(row.script, _ROOT)
        yield GuardRow(GuardKind.PAGE, f"/{row.path}", str(row.permission or ""), file, require_page_line(row.script))
    yield from functions(PAGES_FOLDER, root=_ROOT)
    yield from functions(Path(__file__).parent, root=_ROOT)


def identity_leaks(script: Path | None) -> Iterator[IdentityLeak]:
    """Caches that would return one user's result to another: in a hosted app, or (None) in the product."""
    folders = [script.parent] if script is not None else [PAGES_FOLDER, Path(__file__).parent, _ROOT / "remote_api"]
    for folder in folders:
        yield from leaks_in(folder, root=script.parent if script is not None else _ROOT)


def guards_of(script: Path, config: HostedAppConfig) -> Iterator[GuardRow]:
    """Pages and guarded functions of a hosted app, by its script and its configuration."""
    folder = script.parent
    if config.enter is not None:
        yield GuardRow(GuardKind.PAGE, EVERY_PAGE, str(config.enter), FILE_NAME, _line(folder, "enter"))
    elif config.pages is None:
        yield GuardRow(GuardKind.PAGE, EVERY_PAGE, "", script.name, 1)
    for path, permission in (config.pages or {}).items():
        line = _line(folder, f'"/{path}"')
        yield GuardRow(GuardKind.PAGE, f"/{path}", str(permission or ""), FILE_NAME, line)
    yield from functions(folder, root=folder)


def _line(folder: Path, key: str) -> int:
    """The line of ``gatehouse.toml`` that sets ``key``; 1 if there is none."""
    try:
        text = (folder / FILE_NAME).read_text(encoding="utf-8")
    except (OSError, ValueError):
        return 1
    for number, line in enumerate(text.splitlines(), start=1):
        if line.replace("'", '"').partition("=")[0].strip() == key:
            return number
    return 1
