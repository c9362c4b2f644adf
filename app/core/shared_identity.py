"""Finds code that would return one user's result to another. It reads the syntax tree: nothing is imported or run.

Such code has a cache around a function that depends on its caller: a cache decorator above ``requires``, a cache
called with a guarded function, and what depends on the user (``access.principal``, ``access.allows``, ``st.user``,
``st.context``) in the body of a cached function or of a function of the same module that it uses, by whatever import
or alias. In Streamlit's caches a call of ``access`` raises when it runs (``IdentityShared``). A read of ``st.user``,
and the caches of ``functools`` and ``cachetools``, cannot be detected when they run, only in the syntax tree.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from app.core.imported_names import ImportedNames, local_names

CACHES: Final = frozenset({"cache", "cache_data", "cache_resource", "cached", "cachedmethod", "lru_cache"})
"""Decorators that return the stored result of a function to the next caller, by their last name."""
IDENTITY: Final = frozenset(
    {
        "allows", "allows_row", "bind_session", "bound_session", "browser_hash", "caller", "caller_of", "carried",
        "current_session", "decide", "fresh_for", "missing", "principal", "recently_checked_session", "require",
        "require_page", "require_row", "requires",
    }
)  # fmt: skip
"""Names of the modules ``access`` that depend on the user, earlier names included."""

_OF_THE_SESSION: Final = frozenset({"context", "user"})
"""Names of Streamlit that depend on the user."""
_IMPLEMENTATIONS: Final = frozenset({"ContextProxy", "UserInfoProxy", "get_script_run_ctx"})
"""Their implementations, in modules of Streamlit that an app may import too."""
_STREAMLIT: Final = frozenset({"st", "streamlit"})
_STARS: Final = {
    "access": IDENTITY,
    "app": frozenset({"access"}),
    "functools": CACHES,
    "streamlit": CACHES | _OF_THE_SESSION,
}
"""The names that ``from … import *`` may import, by the last part of the module's name."""

_Function = ast.FunctionDef | ast.AsyncFunctionDef
_FunctionNode = _Function | ast.Lambda


class IdentityLeak(NamedTuple):
    """A cache around code that depends on the user."""

    name: str
    """The function, qualified as in the guard inventory."""
    file: str
    line: int
    problem: str
    """What is wrong and what to do, in a sentence."""

    @property
    def at(self) -> str:
        """File and line, in the form that editors open."""
        return f"{self.file}:{self.line}"


def in_tree(tree: ast.Module, *, file: str) -> Iterator[IdentityLeak]:
    """Find the leaks of one module: each decorated function once, and each call of a cache with a function."""
    reader = _Reader(tree)
    functions = list(_functions(tree, ""))
    for name, function in functions:
        problem = reader.problem_of(function)
        if problem:
            yield IdentityLeak(name, file, function.lineno, problem)
    by_name = {function.name: function for _, function in functions}
    for node in ast.walk(tree):
        argument = _cached_argument(node)
        if isinstance(node, ast.Call) and argument is not None and reader.is_cache(node.func):
            problem = reader.problem_of_cached(argument, _name(node.func), by_name)
            if problem:
                yield IdentityLeak(_decorated(argument), file, node.lineno, problem)


class _Reader:
    """Reads the functions of one module."""

    def __init__(self, tree: ast.Module) -> None:
        self._names = ImportedNames(tree, _STARS)
        self._functions = {node.name: node for node in tree.body if isinstance(node, _Function)}

    def problem_of(self, function: _Function) -> str:
        """Return what is wrong with a decorated function; empty if nothing is."""
        caches = [place for place, decorator in enumerate(function.decorator_list) if self.is_cache(decorator)]
        if not caches:
            return ""
        cache = _name(function.decorator_list[caches[0]])
        if any(self._is_guard(decorator) for decorator in function.decorator_list[caches[0] :]):
            return _order(cache)
        return self._identity_in(function, cache)

    def problem_of_cached(self, argument: ast.expr, cache: str, functions: Mapping[str, _Function]) -> str:
        """Return what is wrong with a cache of ``argument``: a function's name, a lambda or a decorated function."""
        if isinstance(argument, ast.Lambda):
            return self._identity_in(argument, cache)
        if isinstance(argument, ast.Call):
            return _order(cache) if self._is_guard(argument.func) else ""
        function = functions.get(_name(argument))
        if function is None:
            return ""
        if any(map(self._is_guard, function.decorator_list)):
            return _order(cache)
        return self._identity_in(function, cache)

    def is_cache(self, node: ast.AST) -> bool:
        """Whether it is one of ``CACHES``, or a call of one."""
        if isinstance(node, ast.Call):
            return self.is_cache(node.func)
        return any(origin.rpartition(".")[2] in CACHES for origin in self._names.origins(node))

    def _is_guard(self, decorator: ast.AST) -> bool:
        """Whether it is a call of ``requires``."""
        return isinstance(decorator, ast.Call) and any(
            origin.rpartition(".")[2] == "requires" for origin in self._names.origins(decorator.func)
        )

    def _identity_in(self, function: _FunctionNode, cache: str) -> str:
        """What is wrong with the body of a function that ``cache`` wraps; empty if nothing is."""
        node = next(self._about_the_user(function, frozenset(), {function}), None)
        if node is None:
            return ""
        return (
            f"{_name(node)} is read inside {cache}, whose result is shared between users: read it outside and pass "
            "what depends on the user as an argument."
        )

    def _about_the_user(
        self, function: _FunctionNode, hidden: frozenset[str], visited: set[ast.AST]
    ) -> Iterator[ast.AST]:
        """Every name in the body of a function that depends on the user, in the order of the text.

        Args:
            function: Its body is read.
            hidden: Names that mean something else around it.
            visited: The functions that are being read; functions of the module that this one uses are added.
        """
        inside = hidden | local_names(function)
        todo = [(node, inside) for node in reversed(_body(function))]  # no recursion: expressions can be deep
        while todo:
            node, hidden = todo.pop()
            if isinstance(node, ast.Name | ast.Attribute) and self._is_of_the_user(node, hidden, visited):
                yield node
            if isinstance(node, _FunctionNode):
                inside = hidden | local_names(node)
                todo += [(below, inside) for below in reversed(_body(node))]
                todo += [(below, hidden) for below in _evaluated_around(node)]
            else:
                todo += [(below, hidden) for below in reversed(list(ast.iter_child_nodes(node)))]

    def _is_of_the_user(self, node: ast.Name | ast.Attribute, hidden: frozenset[str], visited: set[ast.AST]) -> bool:
        """Whether a name depends on the user itself, or is of a function of the module that does."""
        if any(map(_is_identity, self._names.origins(node, hidden))):
            return True
        function = self._functions.get(node.id) if isinstance(node, ast.Name) and node.id not in hidden else None
        if function is None or function in visited:
            return False
        visited.add(function)
        guarded = any(map(self._is_guard, function.decorator_list))
        return guarded or next(self._about_the_user(function, frozenset(), visited), None) is not None


def _body(function: _FunctionNode) -> list[ast.AST]:
    return [*function.body] if isinstance(function.body, list) else [function.body]


def _evaluated_around(function: _FunctionNode) -> list[ast.AST]:
    """The parts of a function that are evaluated at its definition: decorators and defaults."""
    decorators = [] if isinstance(function, ast.Lambda) else function.decorator_list
    defaults = [*function.args.defaults, *function.args.kw_defaults]
    return [*decorators, *(each for each in defaults if each is not None)]


def _is_identity(origin: str) -> bool:
    """Whether a dotted name is of something that depends on the user."""
    path, _, name = origin.rpartition(".")
    module = path.rpartition(".")[2]
    if name in IDENTITY and module == "access":
        return True
    return (name in _OF_THE_SESSION and module in _STREAMLIT) or (
        name in _IMPLEMENTATIONS and path.partition(".")[0] in _STREAMLIT
    )


def _cached_argument(node: ast.AST) -> ast.expr | None:
    """The first argument of a call, positional or as ``func``."""
    if not isinstance(node, ast.Call):
        return None
    return next(iter(node.args), None) or next((each.value for each in node.keywords if each.arg == "func"), None)


def _order(cache: str) -> str:
    return f"{cache} stands above requires, so its result is shared between users: put requires above {cache}."


def _functions(node: ast.AST, within: str) -> Iterator[tuple[str, _Function]]:
    """(qualified name, function) of every function below ``node``."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.expr):  # no function is defined in one, and they can be deep
            continue
        inside = within
        if isinstance(child, ast.ClassDef):
            inside = f"{within}{child.name}."
        elif isinstance(child, _Function):
            yield f"{within}{child.name}", child
            inside = f"{within}{child.name}.<locals>."
        yield from _functions(child, inside)


def _decorated(argument: ast.AST) -> str:
    """The name of a function that is passed by name, or decorated in place."""
    inner = argument.args[0] if isinstance(argument, ast.Call) and argument.args else argument
    return _name(inner) or "<lambda>"


def _name(node: ast.AST) -> str:
    """The last part of a dotted name, or of what is called; empty for anything else."""
    if isinstance(node, ast.Call):
        return _name(node.func)
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""
