"""Snippets of Python as patterns for syntax trees; ``...`` in a snippet is a wildcard."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

_BLOCKS: Final = frozenset({"body", "orelse", "finalbody"})


@dataclass(frozen=True)
class Place:
    """A node as its parent has it: the value of a field, or an item of one."""

    parent: ast.AST
    field: str
    index: int | None = None

    @property
    def node(self) -> ast.AST:
        value = getattr(self.parent, self.field)
        node: ast.AST = value if self.index is None else value[self.index]
        return node

    def replace(self, nodes: Sequence[ast.AST], count: int = 1) -> None:
        """Put ``nodes`` in place of ``count`` nodes from here."""
        if self.index is None:
            setattr(self.parent, self.field, nodes[0])
        else:
            getattr(self.parent, self.field)[self.index : self.index + count] = nodes


@dataclass(frozen=True)
class Reading:
    """One way to understand a snippet: consecutive statements, or one node of another kind."""

    nodes: Sequence[ast.AST]
    fields: frozenset[str] = frozenset()
    """Fields where it may be found; empty means any."""

    @classmethod
    def all_of(cls, snippet: str) -> list[Reading]:
        if snippet.startswith("@"):
            return [cls([expression(snippet[1:])], frozenset({"decorator_list"}))]
        try:
            body = ast.parse(snippet).body
        except SyntaxError:
            return [cls([expression(f"{{{snippet}}}")], frozenset({"keys"}))]
        match body:
            case [ast.Expr(value)]:
                return [cls([value])]
            case [ast.Assign([ast.Name(name)], value)]:  # it looks like a keyword argument
                return [cls(body, _BLOCKS), cls([ast.keyword(name, value)], frozenset({"keywords"}))]
        return [cls(body, _BLOCKS)]

    def captured_at(self, place: Place) -> list[object] | None:
        """The syntax that the wildcards match at ``place``; ``None`` without a match."""
        captured: list[object] = []
        if self.fields and place.field not in self.fields:
            return None
        if place.index is None:
            nodes = [place.node]
        elif isinstance(place.parent, ast.Dict) and self.fields:
            nodes = [ast.Dict([place.parent.keys[place.index]], [place.parent.values[place.index]])]
        else:
            nodes = getattr(place.parent, place.field)[place.index :][: len(self.nodes)]
        return captured if _matches_all(self.nodes, nodes, captured) else None


@dataclass(frozen=True)
class Match:
    """Where a snippet was found, and how it was read."""

    place: Place
    reading: Reading
    captured: Sequence[object]
    """The match of each wildcard."""


def expression(snippet: str) -> ast.expr:
    return ast.parse(f"({snippet}\n)", mode="eval").body


def is_expression(snippet: str) -> bool:
    try:
        expression(snippet)
    except SyntaxError:
        return False
    return True


def _is_wildcard(node: object) -> bool:
    return (isinstance(node, ast.Constant) and node.value is ...) or (
        isinstance(node, ast.Expr) and _is_wildcard(node.value)
    )


def _matches(pattern: object, node: object, captured: list[object]) -> bool:
    """Whether a node, or the value of a field of one, has the structure of ``pattern``.

    ``captured`` gets what each wildcard stands for: an expression, or a list of nodes.
    """
    if _is_wildcard(pattern):
        captured.append(node)
        return isinstance(node, ast.expr)
    if type(pattern) is not type(node):
        return False
    if isinstance(pattern, ast.Call) and isinstance(node, ast.Call) and any(map(_is_wildcard, pattern.args)):
        names = {keyword.arg for keyword in pattern.keywords}
        rest = [keyword for keyword in node.keywords if keyword.arg not in names]
        named = [keyword for keyword in node.keywords if keyword.arg in names]
        return (
            _matches(pattern.func, node.func, captured)
            and _matches_all(pattern.args, [*node.args, *rest], captured)
            and _matches_all(pattern.keywords, named, captured)
        )
    if isinstance(pattern, list) and isinstance(node, list):
        return _matches_all(pattern, node, captured)
    if isinstance(pattern, ast.AST):
        return all(_matches(value, getattr(node, field, None), captured) for field, value in ast.iter_fields(pattern))
    return pattern == node


def _matches_all(patterns: Sequence[object], nodes: Sequence[object], captured: list[object]) -> bool:
    if not patterns:
        return not nodes
    if not _is_wildcard(patterns[0]):
        is_first = bool(nodes) and _matches(patterns[0], nodes[0], captured)
        return is_first and _matches_all(patterns[1:], nodes[1:], captured)
    before = len(captured)
    for count in range(len(nodes) + 1):
        captured[before:] = [list(nodes[:count])]
        if _matches_all(patterns[1:], nodes[count:], captured):
            return True
    return False


class Filling(ast.NodeTransformer):
    """Replaces the wildcards of a replacement with the matches of the pattern's wildcards, in their order."""

    def __init__(self, captured: Sequence[object]) -> None:
        self._captured = list(captured)

    def visit(self, node: ast.AST) -> Any:
        if _is_wildcard(node) and self._captured:
            return self._captured.pop(0)
        self.generic_visit(node)
        if isinstance(node, ast.Call):  # a wildcard among arguments stands for keywords, too
            node.keywords[:0] = [argument for argument in node.args if isinstance(argument, ast.keyword)]
            node.args = [argument for argument in node.args if not isinstance(argument, ast.keyword)]
        return node
