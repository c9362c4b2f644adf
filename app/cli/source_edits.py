"""Insertions into Python source at places of its syntax tree; every other character stays as it is."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from app.core.errors import InvalidInput


class SourceText:
    """The text of a Python file, its syntax tree, and what is inserted into it.

    Args:
        name: The path from the root of the source tree, for errors.
        text: The content.

    Raises:
        InvalidInput: if the text is not Python.
    """

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        try:
            self.tree = ast.parse(text)
        except (SyntaxError, ValueError) as error:
            line = f"line {error.lineno}: {error.msg}" if isinstance(error, SyntaxError) else str(error)
            raise InvalidInput({name: f"It cannot be parsed ({line}). Repair it, then run this again."}) from None
        self._bytes = text.encode()
        self._line_starts = [0]
        for line_bytes in self._bytes.splitlines(keepends=True):
            self._line_starts.append(self._line_starts[-1] + len(line_bytes))
        self._insertions: list[tuple[int, bytes]] = []

    def assigned(self, name: str) -> ast.expr:
        """Return the value of the only assignment to ``name``, at any depth.

        Raises:
            InvalidInput: if there is none, or more than one.
        """
        values = [value for value in self._assignments(name) if value is not None]
        if len(values) != 1:
            raise self.unknown_shape(f"one assignment to {name}")
        return values[0]

    def _assignments(self, name: str) -> Iterator[ast.expr | None]:
        for node in ast.walk(self.tree):
            targets = node.targets if isinstance(node, ast.Assign) else []
            targets = [node.target] if isinstance(node, ast.AnnAssign) else targets
            if isinstance(node, ast.Assign | ast.AnnAssign):
                yield from (node.value for target in targets if isinstance(target, ast.Name) and target.id == name)

    def unknown_shape(self, expected: str) -> InvalidInput:
        """The error for a file that lacks what is to be extended."""
        return InvalidInput({self.name: f"It does not have {expected}, which this command extends."})

    def insert_before(self, node: ast.expr | ast.stmt, text: str) -> None:
        """Insert ``text`` where ``node`` begins."""
        self._insertions.append((self._line_starts[node.lineno - 1] + node.col_offset, text.encode()))

    def insert_after(self, node: ast.expr | ast.stmt, text: str) -> None:
        """Insert ``text`` where ``node`` ends."""
        line, column = node.end_lineno or node.lineno, node.end_col_offset or 0
        self._insertions.append((self._line_starts[line - 1] + column, text.encode()))

    def result(self) -> str:
        """The text with everything that was inserted."""
        content = self._bytes
        for at, text in sorted(self._insertions, key=lambda insertion: insertion[0], reverse=True):
            content = content[:at] + text + content[at:]
        return content.decode()
