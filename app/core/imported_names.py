"""Where the names of a module come from, found by reading its syntax tree: every form of import, and plain aliases."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Final

_FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
_ELSEWHERE: Final = "?"
_MAX_ORIGINS: Final = 64
"""How many origins an alias may have: ``data = data.T`` has no end, and a few names assigned in turn have very many."""


class ImportedNames:
    """The names of one module and their origins, such as ``acc`` → ``app.access``.

    A name that is imported in several places has several origins. Names that come from ``from … import *`` have one
    for each such import that could bring them.
    """

    def __init__(self, tree: ast.Module, stars: Mapping[str, frozenset[str]]) -> None:
        """Read every import of the module, and the aliases that its own level assigns (``who = access.principal``).

        Args:
            tree: The module.
            stars: Name of a module, its last part → the names that ``from … import *`` of it is taken to bring.
        """
        self._origins: defaultdict[str, set[str]] = defaultdict(set)
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    name = alias.asname or alias.name.partition(".")[0]
                    self._origins[name].add(alias.name if alias.asname else name)
            elif isinstance(node, ast.ImportFrom):
                self._import_from(node, stars)
        assigned = list(_assigned(tree))
        before = -1
        while before != (before := sum(map(len, self._origins.values()))):  # an alias of an alias, in any order
            for name, value in assigned:
                self._alias(name, value)

    def origins(self, node: ast.AST, hidden: frozenset[str] = frozenset()) -> frozenset[str]:
        """Return the dotted names that ``node`` may stand for; a name that nothing imports stands for itself.

        Args:
            node: A name, an attribute, or a call of ``import_module`` with a constant; anything else has no origin of
                its own, and its attributes are of ``?``.
            hidden: Names that mean something else here, as parameters and local variables do.
        """
        if isinstance(node, ast.Name):
            return frozenset({_ELSEWHERE} if node.id in hidden else self._origins.get(node.id) or {node.id})
        if isinstance(node, ast.Attribute):
            return frozenset(f"{origin}.{node.attr}" for origin in self.origins(node.value, hidden))
        if isinstance(node, ast.Call) and node.args and _last(node.func) in {"import_module", "__import__"}:
            module = node.args[0]
            if isinstance(module, ast.Constant) and isinstance(module.value, str):
                return frozenset({module.value.lstrip(".")})
        return frozenset({_ELSEWHERE})

    def _alias(self, name: str, value: ast.expr) -> None:
        if not _is_dotted(value):
            return
        origins = self._origins[name]
        new = sorted(self.origins(value) - origins)
        origins.update(new[: max(0, _MAX_ORIGINS - len(origins))])

    def _import_from(self, node: ast.ImportFrom, stars: Mapping[str, frozenset[str]]) -> None:
        module = node.module or ""
        for alias in node.names:
            names = stars.get(module.rpartition(".")[2], frozenset()) if alias.name == "*" else {alias.name}
            for name in names:
                self._origins[alias.asname or name].add(f"{module}.{name}".lstrip("."))


def local_names(function: _FunctionNode) -> frozenset[str]:
    """Return the parameters and variables of a function, which hide what the module has by these names."""
    arguments = function.args
    names = {each.arg for each in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)}
    names |= {each.arg for each in (arguments.vararg, arguments.kwarg) if each is not None}
    body = function.body if isinstance(function.body, list) else [function.body]
    outer: set[str] = set()
    for node in _own_level(body):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.Global | ast.Nonlocal):
            outer |= set(node.names)
    return frozenset(names - outer)


def _own_level(nodes: list[ast.stmt] | list[ast.expr]) -> Iterator[ast.AST]:
    """Everything below ``nodes`` that is not in a function or class of its own."""
    todo: list[ast.AST] = [*nodes]
    while todo:
        node = todo.pop()
        yield node
        if not isinstance(node, _FunctionNode | ast.ClassDef):
            todo += ast.iter_child_nodes(node)


def _assigned(tree: ast.Module) -> Iterator[tuple[str, ast.expr]]:
    """(name, value) of every assignment of the module's own level to a single name."""
    for node in _own_level(tree.body):
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        value = node.value if isinstance(node, ast.Assign | ast.AnnAssign | ast.NamedExpr) else None
        if value is not None:
            yield from ((target.id, value) for target in targets if isinstance(target, ast.Name))


def _is_dotted(value: ast.expr) -> bool:
    return isinstance(value, ast.Name | ast.Attribute | ast.Call)


def _last(node: ast.AST) -> str:
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
