"""Code that would hand one user's result to another, found by reading the syntax tree: nothing is imported or run.

What counts is a cache around something that decides about its caller: a cache decorator above ``requires``, a cache
called with a guarded function, and a call about the user (``access.principal()``, ``access.allows(…)``), ``st.user`` or
``st.context`` in the body of a cached function. In Streamlit's caches such a call raises when it runs
(``IdentityShared``); in those of ``functools`` and ``cachetools`` nothing can tell when it runs, so reading is all
there is.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Final, NamedTuple

CACHES: Final = frozenset({"cache", "cache_data", "cache_resource", "cached", "cachedmethod", "lru_cache"})
"""Decorators that keep what a function returned for whoever calls it next, by their last name."""
IDENTITY: Final = frozenset(
    {
        "allows", "allows_row", "asking", "asking_of", "bound_session", "browser_hash", "carried", "current_session",
        "decide", "fresh_for", "missing", "principal", "require", "require_page", "require_row", "requires",
        "session_at_the_gate",
    }
)  # fmt: skip
"""What the modules named ``access`` offer that depends on the user."""

_OF_THE_SESSION: Final = frozenset({"context", "user"})
"""What Streamlit offers that depends on the user."""

_Function = ast.FunctionDef | ast.AsyncFunctionDef


class Place(NamedTuple):
    """One such place."""

    name: str
    """The function, qualified as in the guard inventory."""
    file: str
    line: int
    problem: str
    """What is wrong and what to do, in a sentence."""

    @property
    def at(self) -> str:
        """File and line, as editors take them."""
        return f"{self.file}:{self.line}"


def in_tree(tree: ast.Module, *, file: str) -> Iterator[Place]:
    """Such places of one module, each function once."""
    imported = _imported(tree)
    functions = list(_functions(tree, ""))
    guarded = {function.name for _, function in functions if any(map(_is_guard, function.decorator_list))}
    for name, function in functions:
        problem = _problem(function, imported)
        if problem:
            yield Place(name, file, function.lineno, problem)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _is_cache(node.func) and node.args and _is_guarded(node.args[0], guarded):
            yield Place(_decorated(node.args[0]), file, node.lineno, _order(_name(node.func)))


def _problem(function: _Function, imported: frozenset[str]) -> str:
    """What is wrong with a function; empty when nothing is."""
    caches = [place for place, decorator in enumerate(function.decorator_list) if _is_cache(decorator)]
    if not caches:
        return ""
    cache = _name(function.decorator_list[caches[0]])
    if any(_is_guard(decorator) for decorator in function.decorator_list[caches[0] :]):
        return _order(cache)
    for node in (part for statement in function.body for part in ast.walk(statement)):
        called = node.func if isinstance(node, ast.Call) else None
        if (called is not None and _is_about_the_user(called, imported)) or _is_of_the_session(node):
            return (
                f"{_name(called or node)} is read inside {cache}, whose result is shared between users: read it "
                "outside and pass what depends on the user as an argument."
            )
    return ""


def _order(cache: str) -> str:
    return f"{cache} stands above requires, so its result is shared between users: put requires above {cache}."


def _functions(node: ast.AST, within: str) -> Iterator[tuple[str, _Function]]:
    """(qualified name, function) of every function below ``node``."""
    for child in ast.iter_child_nodes(node):
        inside = within
        if isinstance(child, ast.ClassDef):
            inside = f"{within}{child.name}."
        elif isinstance(child, _Function):
            yield f"{within}{child.name}", child
            inside = f"{within}{child.name}.<locals>."
        yield from _functions(child, inside)


def _imported(tree: ast.Module) -> frozenset[str]:
    """Names by which the module has calls about the user without ``access.`` before them."""
    return frozenset(
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").rpartition(".")[2] == "access"
        for alias in node.names
        if alias.name in IDENTITY
    )


def _is_about_the_user(called: ast.AST, imported: frozenset[str]) -> bool:
    if isinstance(called, ast.Attribute):
        return called.attr in IDENTITY and _name(called.value) == "access"
    return isinstance(called, ast.Name) and called.id in imported


def _is_of_the_session(node: ast.AST) -> bool:
    """Whether it is ``st.user`` or ``st.context``."""
    return isinstance(node, ast.Attribute) and node.attr in _OF_THE_SESSION and _name(node.value) in {"st", "streamlit"}


def _is_cache(decorator: ast.AST) -> bool:
    return _name(decorator) in CACHES


def _is_guard(decorator: ast.AST) -> bool:
    return isinstance(decorator, ast.Call) and _name(decorator.func) == "requires"


def _is_guarded(argument: ast.AST, guarded: set[str]) -> bool:
    """Whether what a cache is called with is a guarded function: by its name, or decorated in place."""
    if isinstance(argument, ast.Call):
        return _is_guard(argument.func)
    return _name(argument) in guarded


def _decorated(argument: ast.AST) -> str:
    """The name of a function that is given by it, or decorated in place."""
    inner = argument.args[0] if isinstance(argument, ast.Call) and argument.args else argument
    return _name(inner) or "<lambda>"


def _name(node: ast.AST) -> str:
    """The last part of a dotted name, or of what is called; empty for anything else."""
    if isinstance(node, ast.Call):
        return _name(node.func)
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""
