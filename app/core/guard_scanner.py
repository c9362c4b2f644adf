"""Finding the guards of functions in the syntax tree: nothing is imported or run.

A guard is ``requires`` above a function or ``require`` inside one, with a literal permission: ``Permission.NAME`` or a
name of the catalogue. A permission in a variable is not found. A guard below a cache is found and marked, because it
cannot decide for each caller (see ``app.core.shared_identity``).
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from importlib import metadata
from itertools import islice
from pathlib import Path
from typing import Final
from unicodedata import normalize

import structlog

from app.core import shared_identity
from app.core.administration_ports import AdministrationStorage
from app.core.administration_records import GuardKind, GuardRow
from app.core.clock import Clock, utc_now
from app.core.errors import GatehouseError
from app.core.permissions import CATALOGUE, Permission

MAX_FILES: Final = 2000
"""How many files of one folder are read at most."""
MAX_FILE_BYTES: Final = 1024 * 1024
IN_CACHE: Final = " (in a cache that users share)"
"""The suffix for guarded functions whose result a cache would return to other users."""

_SKIPPED: Final = frozenset({"__pycache__", "node_modules", "site-packages", "tests", "venv", "var"})
_GUARDS: Final = re.compile(r"\brequires?\b")
_PAGE_GUARD: Final = re.compile(r"\brequire_page\b")
_CACHES: Final = re.compile(rf"\b(?:{'|'.join(sorted(shared_identity.CACHES))})\b")
_Function = ast.FunctionDef | ast.AsyncFunctionDef

log = structlog.get_logger(__name__)


def functions(folder: Path, *, root: Path) -> Iterator[GuardRow]:
    """Yield the guarded functions of every script and module below ``folder``, by file and line.

    Files that cannot be parsed are skipped, and so are hidden folders, virtual environments and tests.

    Args:
        folder: Where to search.
        root: The folder that file names are relative to and modules are imported from.
    """
    for file in islice(python_files(folder), MAX_FILES):
        tree = parsed(file, mentions=_GUARDS)
        if tree is not None:
            yield from in_tree(tree, module=_module(file, root), file=named_from(file, root))


def leaks_in(folder: Path, *, root: Path) -> Iterator[shared_identity.IdentityLeak]:
    """Yield the identity leaks below ``folder``; files as in ``functions``."""
    for file in islice(python_files(folder), MAX_FILES):
        tree = parsed(file, mentions=_CACHES)
        if tree is not None:
            yield from shared_identity.in_tree(tree, file=named_from(file, root))


def in_tree(tree: ast.Module, *, module: str, file: str) -> Iterator[GuardRow]:
    """Yield the guarded functions of one module; each function and permission once."""
    guards = list(_guards(tree, ""))
    if not guards:
        return
    known: set[tuple[str, str]] = set()
    shared = {leak.name for leak in shared_identity.in_tree(tree, file=file)}
    for name, permission, line in guards:
        if (name, permission) not in known:
            known.add((name, permission))
            mark = IN_CACHE if name in shared else ""
            yield GuardRow(GuardKind.FUNCTION, f"{module}:{name}{mark}", permission, file, line)


def require_page_line(script: Path) -> int:
    """Return the line of a page's ``require_page()``; 1 if there is none."""
    tree = parsed(script, mentions=_PAGE_GUARD)
    for node in ast.walk(tree) if tree is not None else ():
        if isinstance(node, ast.Call) and _called(node.func) == "require_page":
            return node.lineno
    return 1


def named_from(file: Path, root: Path) -> str:
    """Return a file's path relative to ``root``, with forward slashes; its bare name if it is elsewhere."""
    return file.relative_to(root).as_posix() if file.is_relative_to(root) else file.name


def code_version() -> str:
    """Return the version of the installed code; empty if it is not installed."""
    try:
        return metadata.version("streamlit-gatehouse")
    except metadata.PackageNotFoundError:
        return ""


def publish_guards(
    storage: AdministrationStorage, process: str, guards: Iterable[GuardRow], *, clock: Clock = utc_now
) -> bool:
    """Publish the guards of this process for administrators. False if the database failed, which prevents no start."""
    try:
        with storage.unit_of_work() as unit:
            unit.publish_guards(process, code_version(), tuple(guards), clock())
            unit.commit()
    except GatehouseError as error:
        log.warning("the guard inventory could not be published", process=process, error=error.code)
        return False
    return True


def python_files(folder: Path) -> Iterator[Path]:
    """Yield the Python files below ``folder`` in a fixed order, without hidden folders, environments or tests."""
    for entry in sorted(folder.iterdir()) if folder.is_dir() else ():
        if entry.name.startswith(".") or entry.name in _SKIPPED or entry.is_symlink():
            continue
        if entry.is_dir():
            yield from python_files(entry) if not (entry / "pyvenv.cfg").exists() else ()
        elif entry.suffix == ".py":
            yield entry


def parsed(file: Path, *, mentions: re.Pattern[str]) -> ast.Module | None:
    """Return the syntax tree of ``file``; None if it cannot be parsed, or does not mention a name.

    Most files mention no guard and no cache, and to parse all of them would take a second at each start.

    Args:
        file: The file.
        mentions: Finds the names without which there is nothing to find in the tree.
    """
    try:
        if file.stat().st_size > MAX_FILE_BYTES:
            return None
        source = file.read_bytes()
        # Identifiers are normalized like this when they are parsed.
        if not mentions.search(normalize("NFKC", source.decode(errors="replace"))):
            return None
        return ast.parse(source)
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return None  # a mistake in an app's script shows when the script runs


def _module(file: Path, root: Path) -> str:
    """The module's dotted name, such as ``app.sign_in``; a script outside of ``root`` by its bare name."""
    path = Path(named_from(file, root)).with_suffix("")
    parts = path.parts[:-1] if path.name == "__init__" else path.parts
    return ".".join(parts)


def _guards(node: ast.AST, within: str) -> Iterator[tuple[str, str, int]]:
    """(qualified name, permission, line) of each guard below ``node``; ``within`` is the prefix of the name."""
    for child in ast.iter_child_nodes(node):
        inside = within
        if isinstance(child, ast.ClassDef):
            inside = f"{within}{child.name}."
        elif isinstance(child, _Function):
            name = f"{within}{child.name}"
            for decorator in child.decorator_list:
                if (permission := _permission(decorator, "requires")) is not None:
                    yield name, permission, child.lineno
            inside = f"{name}.<locals>."
        elif isinstance(child, ast.expr):  # without recursion: they can be deep
            for part in ast.walk(child):
                if isinstance(part, ast.Call) and (permission := _permission(part, "require")) is not None:
                    yield _innermost(within), permission, part.lineno
            continue
        yield from _guards(child, inside)


def _innermost(within: str) -> str:
    """The name of the function (or class) that ``within`` is a prefix for; of the module's own body, ``<module>``."""
    return within.removesuffix(".").removesuffix(".<locals>") or "<module>"


def _permission(node: ast.AST, guard: str) -> str | None:
    """The permission that ``node`` requires, if it is a call of ``guard`` with a literal permission."""
    if not isinstance(node, ast.Call) or _called(node.func) != guard or not node.args:
        return None
    argument = node.args[0]
    if isinstance(argument, ast.Constant):
        permission = CATALOGUE.get(argument.value) if isinstance(argument.value, str) else None
        return permission.value if permission is not None else None
    if isinstance(argument, ast.Attribute) and _called(argument.value) == "Permission":
        member = vars(Permission).get(argument.attr)
        return member.value if isinstance(member, Permission) else None
    return None


def _called(node: ast.AST) -> str:
    """The last part of a dotted name; empty for anything else."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""
