"""``make page NAME=invoices REQUIRES=read:invoices``: add a page with everything that belongs to it.

It writes the page and a test of it, and adds the page's lines to the tables: navigation, permissions, and the literal
tables of the tests. Then it writes the tables of the documentation. It changes everything or nothing.

A development tool that edits the files of this source tree; it is no command of ``gatehouse``. It reads the tables
from the text of their files, because a file that is being edited may not be importable.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import click

from app.cli.page_tables import (
    MATRIX,
    NAVIGATION,
    PERMISSIONS,
    POLICY,
    TABLES,
    CatalogueTable,
    MatrixTable,
    NavigationTable,
    NewPage,
    PolicyTable,
)
from app.cli.source_tree import SourceTree
from app.core.errors import InvalidInput
from component.http.return_to import is_page_path

ROOT: Final = Path(__file__).resolve().parents[2]
DEFAULT_ICON: Final = ":material/article:"

_NAME: Final = re.compile(r"[a-z][a-z0-9_]{1,40}")
_PERMISSION: Final = re.compile(r"[a-z]+(?:-[a-z]+)*:[a-z]+(?:-[a-z]+)*")
_ICON: Final = re.compile(r":material/([a-z0-9_]+):")
_TITLE: Final = re.compile(r"[^\W_](?:[\w ,.&()'/-]*[\w.)])?")
_MAX_TITLE_CHARACTERS: Final = 60
_SENTENCE: Final = re.compile(r"[A-Z][^\x00-\x1f\x7f|;\\\u2028\u2029]{2,298}\.")
_TAKEN_TITLES: Final = {"Sign in", "No access", "blocked"}
"""Titles that the tests know as those of refusals."""
_VERBS: Final = {"explore": "Explore", "export": "Download", "manage": "Create, change and delete", "read": "See"}

_PAGE: Final = '''"""{title}: this page is empty so far; describe what it shows in one sentence."""

import streamlit as st

from app import access

access.require_page()

st.title("{title}")
st.info("This page is empty so far. Its script is pages/{file}.")
'''
_TEST: Final = '''"""The page {title}; ``test_matrix.py`` has the roles that open it."""

from __future__ import annotations

from app import formatting, testing
from tests.apptest.conftest import AppInstallation


def test_the_page_opens_with_its_permission(installation: AppInstallation) -> None:
    at = testing.open_app("/{path}")
    installation.sign_in(at, permissions=["{permission}"])
    testing.open_page(at, "{file}")
    assert not at.exception
    assert [title.value for title in at.title] == ["{title}"]


def test_a_user_without_the_permission_reads_its_name_and_nothing_of_the_page(installation: AppInstallation) -> None:
    at = testing.open_app("/{path}")
    installation.sign_in(at)
    testing.open_page(at, "{file}")
    assert not at.exception
    assert [title.value for title in at.title] == ["No access"]
    assert formatting.plain("Permission {permission}") in [text.value for text in at.markdown]
'''


class PageError(click.ClickException):
    """Why no page was added, a line each."""

    exit_code = 2

    def __init__(self, lines: Sequence[str]) -> None:
        super().__init__("\n  ".join(["No page was added, and no file was changed:", *lines]))


def add_page(
    name: str, requires: str, *, title: str = "", icon: str = "", sentence: str = "", roles: str = "", root: Path = ROOT
) -> list[str]:
    """Write a page, its test, and its lines in every table.

    Args:
        name: The script's name without ``.py``.
        requires: The permission that opens the page.
        title: The title; by default made of the name.
        icon: A Material icon, such as ``receipt_long``.
        sentence: What the permission allows, if it is new; by default made of its name.
        roles: Names of built-in roles that get the permission, if it is new, with commas between them.
        root: The source tree.

    Returns:
        What was done, a line each.

    Raises:
        InvalidInput: with a sentence for each field and file that prevents it; nothing is changed.
    """
    problems = _mistakes(name, requires, title, icon, sentence)
    if problems:
        raise InvalidInput(problems)
    tree = SourceTree(root)
    texts = {path: tree.read(path) for path in TABLES}
    permissions = CatalogueTable(texts[PERMISSIONS])
    is_new = requires not in permissions.values.values()
    page = NewPage(
        name=name,
        permission=requires,
        title=title or name.replace("_", " ").capitalize(),
        icon=f":material/{icon}:" if icon and not _ICON.fullmatch(icon) else icon or DEFAULT_ICON,
        sentence=(sentence or default_sentence(requires)) if is_new else "",
        roles=tuple(role for role in permissions.roles if role in _names(roles) and role != "administrator"),
    )
    navigation, matrix, policy = (
        NavigationTable(texts[NAVIGATION]),
        MatrixTable(texts[MATRIX]),
        PolicyTable(texts[POLICY]),
    )
    problems = _taken(page, tree, navigation, matrix)
    problems |= _permission_mistakes(page, permissions, policy, is_new=is_new, sentence=sentence, roles=_names(roles))
    if problems:
        raise InvalidInput(problems)
    permitted = {"administrator", *page.roles} if is_new else permissions.roles_with(page.member)
    changed = {
        NAVIGATION: navigation.extended(page),
        MATRIX: matrix.extended(page, permissions.roles, permitted),
    }
    if is_new:
        changed |= {PERMISSIONS: permissions.extended(page), POLICY: policy.extended(page)}
    values = {"title": page.title, "file": page.file, "path": page.path, "permission": page.permission}
    created = {f"pages/{page.file}": _PAGE.format(**values), _test_of(page): _TEST.format(**values)}
    tree.write({path: tree.formatted(path, text) for path, text in (changed | created).items()})
    return _report(page, [*created, *changed], is_new=is_new)


def default_sentence(permission: str) -> str:
    """What a permission allows, as far as its name says it: ``See invoices.`` for ``read:invoices``."""
    action, _, resource = permission.partition(":")
    verb = _VERBS.get(action, action.replace("-", " ").capitalize())
    return f"{verb} {resource.replace('-', ' ')}."


def _names(roles: str) -> list[str]:
    return [role.strip() for role in roles.split(",") if role.strip()]


def _test_of(page: NewPage) -> str:
    return f"tests/apptest/test_{page.name}_page.py"


def _mistakes(name: str, requires: str, title: str, icon: str, sentence: str) -> dict[str, str]:
    """What is wrong with the arguments themselves: argument → sentence."""
    problems = {}
    if not _NAME.fullmatch(name) or keyword.iskeyword(name):
        problems["NAME"] = "Use lower-case letters, digits and underscores, and no keyword, such as NAME=invoices."
    elif not is_page_path(f"/{name.replace('_', '-')}"):
        problems["NAME"] = f"The address /{name.replace('_', '-')} is Gatehouse's own: choose another name."
    if not _PERMISSION.fullmatch(requires):
        problems["REQUIRES"] = "Use action:resource in lower case, such as REQUIRES=read:invoices."
    if title and (not _TITLE.fullmatch(title) or len(title) > _MAX_TITLE_CHARACTERS or title in _TAKEN_TITLES):
        problems["TITLE"] = f"Use letters, digits and spaces, at most {_MAX_TITLE_CHARACTERS}, such as TITLE=Invoices."
    if sentence and not _SENTENCE.fullmatch(sentence):
        problems["SENTENCE"] = "Use one sentence with a capital letter and a full stop: SENTENCE='See invoices.'"
    if icon and not _is_icon(icon):
        problems["ICON"] = "Use the name of a Material symbol, such as ICON=receipt_long (fonts.google.com/icons)."
    return problems


def _is_icon(icon: str) -> bool:
    from streamlit.material_icon_names import ALL_MATERIAL_ICONS  # noqa: PLC0415 - Streamlit loads slowly

    match = _ICON.fullmatch(icon)
    return (match[1] if match else icon) in ALL_MATERIAL_ICONS


def _taken(page: NewPage, tree: SourceTree, navigation: NavigationTable, matrix: MatrixTable) -> dict[str, str]:
    """What has the page's name, file or title already, also what an interrupted run or a removal left."""
    existing = [path for path in (f"pages/{page.file}", _test_of(page)) if tree.exists(path)]
    places = [f"{path} exists" for path in existing]
    places += [f"{NAVIGATION} has a row of {page.file}"] if page.file in navigation.files else []
    places += [f"{MATRIX} has an entry of {page.file}"] if page.file in matrix.files else []
    problems = {}
    if places:
        problems["NAME"] = f"{'; '.join(places)}. Remove what is left of that page, or choose another name."
    elif page.path in navigation.paths:
        problems["NAME"] = f"{NAVIGATION} has a page at /{page.path}: choose another name."
    if page.title in navigation.titles and page.file not in navigation.files:
        problems["TITLE"] = f"{NAVIGATION} has a page named {page.title}: pass another TITLE."
    return problems


def _permission_mistakes(
    page: NewPage, permissions: CatalogueTable, policy: PolicyTable, *, is_new: bool, sentence: str, roles: list[str]
) -> dict[str, str]:
    """What is wrong with the permission, its sentence and its roles."""
    problems = {}
    if is_new and page.member in permissions.values:
        other = permissions.values[page.member]
        problems["REQUIRES"] = f"{PERMISSIONS} has {page.member} for {other}: choose another name."
    elif is_new and page.permission in policy.permissions:
        problems["REQUIRES"] = f"{POLICY} has {page.permission}, and {PERMISSIONS} does not: remove it there."
    elif not is_new and page.permission not in policy.permissions:
        problems["REQUIRES"] = f"{PERMISSIONS} has {page.permission}, and {POLICY} does not: add it there."
    elif not is_new and permissions.needs_second_factor(page.permission):
        problems["REQUIRES"] = f"{page.permission} requires a second factor: choose another one to open a page."
    if not is_new and sentence:
        problems["SENTENCE"] = f"{page.permission} has its sentence already: omit SENTENCE."
    if unknown := [role for role in roles if role not in permissions.roles]:
        problems["ROLES"] = f"There is no built-in role {', '.join(unknown)}. There are {', '.join(permissions.roles)}."
    elif roles and not is_new:
        problems["ROLES"] = f"{page.permission} belongs to its roles already: omit ROLES."
    return problems


def _report(page: NewPage, paths: Sequence[str], *, is_new: bool) -> list[str]:
    lines = [f"Added the page {page.title} at /{page.path}. It requires {page.permission}."]
    if is_new:
        roles = ", ".join(["administrator", *page.roles])
        lines.append(f'{page.permission} is new: "{page.sentence}" Roles that have it: {roles}.')
    lines += ["Written:", *(f"  {path}" for path in paths), "  the tables of the documentation"]
    return [*lines, f"Next: write pages/{page.file}, then run `make test-fast`. `make run` shows the page."]


@click.command("scaffold")
@click.argument("name", default="")
@click.argument("requires", metavar="PERMISSION", default="")
@click.option("--title", default="", help="Title of the page (default: made of NAME).")
@click.option("--icon", default="", help="Material symbol, such as receipt_long (default: article).")
@click.option("--sentence", default="", help="What a new permission allows, such as 'See invoices.' (default: made).")
@click.option("--roles", default="", help="Built-in roles that get a new permission, such as viewer,analyst.")
def scaffold(*, name: str, requires: str, title: str, icon: str, sentence: str, roles: str) -> None:
    """Add a page that requires PERMISSION to this source tree.

    Raises:
        PageError: with a line for each mistake; nothing is changed.
    """
    try:
        report = add_page(name, requires, title=title, icon=icon, sentence=sentence, roles=roles)
    except InvalidInput as error:
        raise PageError([f"{field}: {text}" for field, text in error.problems.items()]) from error
    print(*report, sep="\n")


if __name__ == "__main__":
    scaffold()
