"""Edits that remove a guard from the code.

A row names a module, a symbol in it, and the guard as Python syntax. The guard is found in the syntax tree, so a row
does not depend on formatting, comments or positions.
"""

from __future__ import annotations

import os
import textwrap
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from tests.security.syntax_edit import EditError, SyntaxTree
from tests.stack import ROOT


class GuardNotFoundError(LookupError):
    """The row does not describe exactly one place in the code, or its edit is not possible there."""


@dataclass(frozen=True, kw_only=True)
class Removal:
    """A guard in a Python module, the edit that removes it, and the test that must fail then."""

    guard: str
    """What the guard does, as a sentence; unique."""
    at: str
    """``module:qualified.name`` of the function, class or assignment that holds the guard; ``module`` for all of it."""
    without: str
    """The guard: statements, an expression, ``@decorator``, ``keyword=value``, or ``"key": value`` of a dictionary.

    ``...`` stands for any expression; in a block and among arguments, operands or elements for any number of them.
    """
    instead: str | None = None
    """What replaces the guard; each ``...`` is what that of ``without`` stands for, in their order.

    ``None`` drops it: statements, a decorator, an argument, an operand, an element, an entry, or a condition of a
    comprehension.
    """
    test: str
    """The node id of the test that must fail."""
    needs: Callable[[], object] = lambda: None
    """Skips without what the test needs, or fails where it is required."""

    @property
    def file(self) -> str:
        """Path of the module in the project."""
        path = self.at.partition(":")[0].replace(".", "/")
        return f"{path}/__init__.py" if (ROOT / path).is_dir() else f"{path}.py"

    def edit(self, source: str) -> str:
        """Return ``source`` without the guard.

        Raises:
            GuardNotFoundError: The guard is not exactly once in the symbol, or the edit is not possible.
        """
        tree = SyntaxTree(source)
        try:
            matches = tree.find(self.at.partition(":")[2], _snippet(self.without))
            if len(matches) == 1:
                return tree.edit(matches[0], None if self.instead is None else _snippet(self.instead))
        except (EditError, SyntaxError) as error:
            raise GuardNotFoundError(f"{self.at}: {error}: {self.without}") from error
        raise GuardNotFoundError(f"{self.at}: {len(matches)} places, not one, have the guard: {self.without}")


@dataclass(frozen=True, kw_only=True)
class TextRemoval:
    """A guard that is not Python syntax (JavaScript, nginx, SQL in a string), found by its literal text."""

    guard: str
    file: str
    """Path in the project."""
    without: str
    """Text that is in the file once."""
    instead: str = ""
    test: str
    needs: Callable[[], object] = lambda: None

    def edit(self, source: str) -> str:
        """Return ``source`` without the guard.

        Raises:
            GuardNotFoundError: The text is not exactly once in the file.
        """
        if (count := source.count(self.without)) != 1:
            raise GuardNotFoundError(f"{self.file}: {count} places, not one, have the guard: {self.without}")
        return source.replace(self.without, self.instead)


def _snippet(text: str) -> str:
    return textwrap.dedent(text).strip()


def postgresql() -> None:
    """Skip without PostgreSQL."""
    if not os.environ.get("TEST_DATABASE_URL"):
        pytest.skip("needs PostgreSQL: TEST_DATABASE_URL")
