"""The literal tables that a new page has lines in, each read and extended in the text of its file.

The tables stay literal: a page's row, its permission's row, and the rows of the tests that assert who may do what.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from app.cli.source_edits import SourceText

PERMISSIONS: Final = "app/core/permissions.py"
NAVIGATION: Final = "app/navigation.py"
MATRIX: Final = "tests/apptest/test_matrix.py"
POLICY: Final = "tests/app/core/test_policy.py"
TABLES: Final = (PERMISSIONS, NAVIGATION, MATRIX, POLICY)
"""The files that have these tables, from the root of the source tree."""
SECTION: Final = "Work"
"""The section of the navigation that a new page is put in."""

_ADMINISTRATOR: Final = "administrator"
_MAX_COLUMNS: Final = 120
_ROW_FIELDS: Final = 6


@dataclass(frozen=True, slots=True)
class NewPage:
    """A page to add.

    Args:
        name: The script's name without ``.py``.
        permission: The permission that opens it.
        title: Its title.
        icon: Its icon, as Streamlit writes it.
        sentence: What a new permission allows; empty for one that exists.
        roles: Built-in roles that get a new permission, besides ``administrator``.
    """

    name: str
    permission: str
    title: str
    icon: str
    sentence: str = ""
    roles: tuple[str, ...] = ()

    @property
    def file(self) -> str:
        """The script in ``pages``."""
        return f"{self.name}.py"

    @property
    def path(self) -> str:
        """The page's address, without its slash."""
        return self.name.replace("_", "-")

    @property
    def member(self) -> str:
        """The permission's name in ``Permission``."""
        return self.permission.upper().replace(":", "_").replace("-", "_")


class CatalogueTable:
    """The rows of ``Permission`` and the built-in roles, in ``app/core/permissions.py``.

    Raises:
        InvalidInput: if the file has another shape.
    """

    def __init__(self, text: str) -> None:
        self._source = source = SourceText(PERMISSIONS, text)
        self._rows = {
            target.id: statement
            for node in source.tree.body
            if isinstance(node, ast.ClassDef) and node.name == "Permission"
            for statement in node.body
            if isinstance(statement, ast.Assign) and _is_call(statement.value, "_Row")
            for target in statement.targets
            if isinstance(target, ast.Name)
        }
        if not self._rows:
            raise source.unknown_shape("rows in the class Permission")
        self.values = {name: _first_text(statement.value) for name, statement in self._rows.items()}
        self._roles = self._read_roles()

    def _read_roles(self) -> dict[str, ast.Set | None]:
        table = self._source.assigned("_BUILT_IN_ROLES")
        if not isinstance(table, ast.Dict):
            raise self._source.unknown_shape("a dictionary _BUILT_IN_ROLES")
        roles: dict[str, ast.Set | None] = {}
        for key, value in zip(table.keys, table.values, strict=True):
            name = key.value if isinstance(key, ast.Constant) else _ADMINISTRATOR
            sets = [node for node in ast.walk(value) if isinstance(node, ast.Set)]
            roles[str(name)] = sets[0] if len(sets) == 1 else None
        return roles

    @property
    def roles(self) -> tuple[str, ...]:
        """The built-in roles, in the order of their table."""
        return tuple(self._roles)

    def needs_second_factor(self, permission: str) -> bool:
        """Whether the row of ``permission`` requires a class of sign-in."""
        (statement,) = [self._rows[name] for name, value in self.values.items() if value == permission]
        return any(isinstance(node, ast.keyword) and node.arg == "acr" for node in ast.walk(statement))

    def roles_with(self, member: str) -> set[str]:
        """The built-in roles that have the permission named ``member``."""
        return {_ADMINISTRATOR} | {
            role
            for role, permissions in self._roles.items()
            if permissions is not None
            and any(isinstance(item, ast.Attribute) and item.attr == member for item in permissions.elts)
        }

    def extended(self, page: NewPage) -> str:
        """The text with the page's permission, also in the sets of its roles.

        Raises:
            InvalidInput: if the permissions of a role are no set.
        """
        row = f"\n    {page.member} = _Row({_literal(page.permission)}, {_literal(page.sentence)})"
        self._source.insert_after(list(self._rows.values())[-1], row)
        for role in page.roles:
            permissions = self._roles[role]
            if permissions is None:
                raise self._source.unknown_shape(f"a set of permissions of the role {role}")
            self._source.insert_after(permissions.elts[-1], f", Permission.{page.member}")
        return self._source.result()


class NavigationTable:
    """The rows of ``PAGES``, in ``app/navigation.py``.

    Raises:
        InvalidInput: if the file has another shape.
    """

    def __init__(self, text: str) -> None:
        self._source = source = SourceText(NAVIGATION, text)
        table = source.assigned("PAGES")
        rows = table.elts if isinstance(table, ast.Tuple) else []
        self._rows = [row for row in rows if isinstance(row, ast.Call) and len(row.args) == _ROW_FIELDS]
        if not rows or len(self._rows) != len(rows):
            raise source.unknown_shape("rows in PAGES")
        self.files, self.paths, self.titles = ({_first_text(row, number) for row in self._rows} for number in range(3))

    def extended(self, page: NewPage) -> str:
        """The text with the page's row, behind the last one of its section."""
        section = [row for row in self._rows if _first_text(row, 4) == SECTION] or self._rows[:-1]
        values = ", ".join(map(_literal, (page.file, page.path, page.title, page.icon, SECTION)))
        self._source.insert_after(section[-1], f",\n    PageRow({values}, Permission.{page.member})")
        return self._source.result()


class MatrixTable:
    """Who opens which page, in ``tests/apptest/test_matrix.py``.

    Raises:
        InvalidInput: if the file has another shape.
    """

    def __init__(self, text: str) -> None:
        self._source = source = SourceText(MATRIX, text)
        table = source.assigned("MATRIX")
        if not isinstance(table, ast.Dict) or not table.values:
            raise source.unknown_shape("a dictionary MATRIX")
        self._table = table
        self.files = {key.value for key in table.keys if isinstance(key, ast.Constant)}

    def extended(self, page: NewPage, roles: Iterable[str], permitted: set[str]) -> str:
        """The text with the page's entry.

        Args:
            page: The page.
            roles: The built-in roles.
            permitted: Those that open the page.
        """
        users = {"anonymous": "Sign in", "no role": page.permission}
        users |= {role: page.title if role in permitted else page.permission for role in roles}
        users["blocked"] = "blocked"
        entry = f",\n    {_literal(page.file)}: {{\n{_lines(users)}\n    }}"
        self._source.insert_after(self._table.values[-1], entry)
        return self._source.result()


class PolicyTable:
    """The catalogue and the built-in roles, in ``tests/app/core/test_policy.py``.

    Raises:
        InvalidInput: if the file has another shape.
    """

    def __init__(self, text: str) -> None:
        self._source = source = SourceText(POLICY, text)
        catalogue = source.assigned("catalogue")
        if not isinstance(catalogue, ast.Dict) or not catalogue.keys:
            raise source.unknown_shape("a dictionary catalogue")
        self._catalogue = catalogue
        self.permissions = {key.value for key in catalogue.keys if isinstance(key, ast.Constant)}
        tables = [_items(node) for node in ast.walk(source.tree) if isinstance(node, ast.Dict)]
        roles = [items for items in tables if _ADMINISTRATOR in items and "viewer" in items]
        if len(roles) != 1:
            raise source.unknown_shape("one dictionary of the built-in roles")
        (self._roles,) = roles

    def extended(self, page: NewPage) -> str:
        """The text with the page's permission, in the catalogue and in the lists of its roles.

        Raises:
            InvalidInput: if a role has no list.
        """
        self._source.insert_after(self._catalogue.values[-1], f",\n        {_literal(page.permission)}: False")
        for role in page.roles:
            permissions = _texts(self._roles[role]) if role in self._roles else []
            if not permissions:
                raise self._source.unknown_shape(f"a list of permissions of the role {role}")
            after = [node for node in permissions if str(node.value) > page.permission]
            if after:
                self._source.insert_before(after[0], f"{_literal(page.permission)}, ")
            else:
                self._source.insert_after(permissions[-1], f", {_literal(page.permission)}")
        return self._source.result()


def _lines(cells: Mapping[str, str]) -> str:
    """The entries of a dictionary, as many to a line as fit."""
    lines = [" " * 7]
    for key, value in cells.items():
        cell = f" {_literal(key)}: {_literal(value)},"
        if len(lines[-1]) + len(cell) > _MAX_COLUMNS and lines[-1].strip():
            lines.append(" " * 7)
        lines[-1] += cell
    return "\n".join(lines)


def _literal(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _is_call(node: ast.expr, name: str) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name


def _first_text(node: ast.expr, number: int = 0) -> str:
    """The text of one argument of a call; empty if it is none."""
    argument = node.args[number] if isinstance(node, ast.Call) and len(node.args) > number else None
    return str(argument.value) if isinstance(argument, ast.Constant) else ""


def _texts(node: ast.expr) -> list[ast.Constant]:
    """The texts in an expression, in the order in which they are written."""
    texts = [item for item in ast.walk(node) if isinstance(item, ast.Constant) and isinstance(item.value, str)]
    return sorted(texts, key=lambda item: (item.lineno, item.col_offset))


def _items(table: ast.Dict) -> dict[str, ast.expr]:
    pairs = zip(table.keys, table.values, strict=True)
    return {str(key.value): value for key, value in pairs if isinstance(key, ast.Constant)}
