"""Finds syntax in the source of a module by its structure, and edits it there.

What is around the edit stays as it is written.
"""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Iterator, Sequence
from typing import Final

from tests.security.syntax_pattern import Filling, Match, Place, Reading, expression, is_expression

_DROPPABLE: Final = frozenset({"args", "decorator_list", "elts", "ifs", "keywords"})
"""Sequences that are valid syntax without one of their items."""


class EditError(ValueError):
    """The symbol does not exist, or the edit is not possible at its place."""


class SyntaxTree:
    """The syntax tree of a module with its source; for one edit."""

    def __init__(self, source: str) -> None:
        self._lines = source.encode().split(b"\n")
        self.module = ast.parse(source)
        self._places = {id(place.node): place for place in self._all_places()}

    def _all_places(self) -> Iterator[Place]:
        for parent in ast.walk(self.module):
            for field, value in ast.iter_fields(parent):
                if isinstance(value, ast.AST):
                    yield Place(parent, field)
                elif isinstance(value, list):
                    yield from (Place(parent, field, n) for n, item in enumerate(value) if isinstance(item, ast.AST))

    def find(self, symbol: str, snippet: str) -> list[Match]:
        """Find all places inside of ``symbol`` (empty: the module) that ``snippet`` describes.

        Raises:
            EditError: There is no such symbol.
            SyntaxError: ``snippet`` is no valid syntax.
        """
        scopes = _definitions(self.module, symbol.split(".")) if symbol else [self.module]
        if not scopes:
            raise EditError("no such symbol")
        inside = {id(node) for scope in scopes for node in ast.walk(scope)}
        places = [place for place in self._all_places() if id(place.node) in inside]
        return [
            Match(place, reading, captured)
            for reading in Reading.all_of(snippet)
            for place in places
            if (captured := reading.captured_at(place)) is not None
        ]

    def edit(self, match: Match, instead: str | None) -> str:
        """Edit the tree, and return the source with the same edit.

        Args:
            match: What is edited.
            instead: What replaces it; ``None`` drops it.

        Raises:
            EditError: The edit changes nothing, or what is at the place cannot be dropped.
            SyntaxError: ``instead`` is no valid syntax, or not of the kind that it replaces.
        """
        before = ast.dump(self.module)
        edited = self._dropped(match) if instead is None else self._replaced(match, instead)
        if ast.dump(self.module) == before:
            raise EditError("the edit changes nothing")
        if ast.dump(ast.parse(edited)) != ast.dump(self.module):
            raise EditError("the edit cannot be written at its place")
        return edited

    def _replaced(self, match: Match, instead: str) -> str:
        place, parent, old = match.place, match.place.parent, match.place.node
        if isinstance(old, ast.stmt):
            return self._with_block(place, len(match.reading.nodes), instead, match.captured)
        if isinstance(parent, ast.Expr) and not is_expression(instead):
            return self._with_block(self._places[id(parent)], 1, instead, match.captured)
        filling = Filling(match.captured)
        if isinstance(parent, ast.Dict) and match.reading.fields and place.index is not None:
            entry = filling.visit(expression(f"{{{instead}}}"))
            parent.keys[place.index], parent.values[place.index] = entry.keys[0], entry.values[0]
            return self._rendered(parent, parent)
        if isinstance(old, ast.keyword):
            place.replace(filling.visit(expression(f"_({instead})")).keywords)
            return self._rendered(parent, parent)
        new = filling.visit(expression(instead.removeprefix("@")))
        place.replace([new])
        return self._rendered(old, new)

    def _with_block(self, place: Place, count: int, instead: str, captured: Sequence[object]) -> str:
        """Return the source with other statements in place of ``count`` statements."""
        start = place.index or 0
        old = getattr(place.parent, place.field)[start : start + count]
        new = Filling(captured).visit(ast.parse(instead)).body
        place.replace(new, count)
        return self._with_statements(old[0], old[-1], new)

    def _dropped(self, match: Match) -> str:
        place, parent, old = match.place, match.place.parent, match.place.node
        if isinstance(old, ast.stmt):
            return self._with_block(place, len(match.reading.nodes), "pass", ())
        if isinstance(parent, ast.Expr):
            return self._with_block(self._places[id(parent)], 1, "pass", ())
        if isinstance(parent, ast.Dict) and place.index is not None:
            del parent.keys[place.index], parent.values[place.index]
        elif isinstance(parent, ast.BoolOp):
            place.replace([])
            if len(parent.values) == 1:
                self._places[id(parent)].replace(parent.values)
                return self._rendered(parent, parent.values[0])
        elif place.field in _DROPPABLE:
            place.replace([])
        else:
            raise EditError(f"cannot be dropped, only replaced: {ast.unparse(old)}")
        if place.field == "decorator_list" and isinstance(old, ast.expr):
            return self._with(old, old, "", margin=1)
        return self._rendered(parent, parent)

    def _rendered(self, old: ast.AST, new: ast.AST) -> str:
        """Return the source with ``new`` for ``old``, or with the nearest node around it that has a position."""
        above = [old]
        while id(above[-1]) in self._places:
            above.append(self._places[id(above[-1])].parent)
        strings = [n for n, node in enumerate(above) if isinstance(node, ast.JoinedStr)]
        for node in above[max(strings, default=0) :]:  # Python 3.11 has no positions inside of an f-string
            rendered = new if node is old else node
            if isinstance(node, ast.stmt) and isinstance(rendered, ast.stmt):
                return self._with_statements(node, node, [rendered])
            if isinstance(node, ast.expr) and not isinstance(node, ast.Starred | ast.Slice):
                return self._with(node, node, f"({ast.unparse(rendered)})")
        raise EditError(f"has no position: {ast.unparse(old)}")

    def _with_statements(self, first: ast.stmt, last: ast.stmt, statements: Sequence[ast.stmt]) -> str:
        text = "\n".join(ast.unparse(statement) for statement in statements)
        return self._with(first, last, textwrap.indent(text, " " * first.col_offset).lstrip())

    def _with(self, first: ast.stmt | ast.expr, last: ast.stmt | ast.expr, text: str, *, margin: int = 0) -> str:
        """Return the source with ``text`` from ``first``, and ``margin`` bytes before it, to ``last``."""
        decorators = getattr(first, "decorator_list", [])
        start = min([first.lineno, *(decorator.lineno for decorator in decorators)]) - 1
        end = (last.end_lineno or last.lineno) - 1
        before = [*self._lines[:start], self._lines[start][: first.col_offset - margin]]
        after = [self._lines[end][last.end_col_offset :], *self._lines[end + 1 :]]
        return (b"\n".join(before) + text.encode() + b"\n".join(after)).decode()


def _definitions(scope: ast.AST, names: Sequence[str]) -> list[ast.AST]:
    """Return what a qualified name defines in ``scope``: several nodes for a property with its setter."""
    definitions = [node for node in _statements(scope) if names[0] in _defined_names(node)]
    return (
        definitions if len(names) == 1 else [inner for node in definitions for inner in _definitions(node, names[1:])]
    )


def _statements(scope: ast.AST) -> Iterator[ast.AST]:
    """Statements of a scope, with those in its blocks and without those of its functions and classes."""
    for node in ast.iter_child_nodes(scope):
        if isinstance(node, ast.stmt):
            yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.expr):
            yield from _statements(node)


def _defined_names(node: ast.AST) -> set[str]:
    match node:
        case ast.FunctionDef(name) | ast.AsyncFunctionDef(name) | ast.ClassDef(name):
            return {name}
        case ast.Assign(targets):
            return {target.id for target in targets if isinstance(target, ast.Name)}
        case ast.AnnAssign(ast.Name(name)):
            return {name}
    return set()
