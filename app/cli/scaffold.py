"""``make page NAME=invoices REQUIRES=read:invoices``: add a page, its row, and its permission if that is new.

A development tool that edits the files of this source tree; it is no command of ``gatehouse``.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import click

from app.cli.command import CommandError
from app.core.errors import InvalidInput
from app.core.permissions import ROLES

ROOT: Final = Path(__file__).resolve().parents[2]
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{1,40}")
_PERMISSION: Final = re.compile(r"[a-z][a-z-]*:[a-z][a-z-]*")


def add_page(name: str, requires: str, *, root: Path = ROOT) -> list[str]:
    """Write the page's script, its row in the navigation, and its permission.

    Args:
        name: The script's name without ``.py``.
        requires: The permission that opens the page.
        root: The source tree.

    Returns:
        A sentence for each change, then the rows to add to the literal tables of the tests.

    Raises:
        InvalidInput: if the name or the permission has the wrong form, or the page exists.
    """
    problems = {}
    if not _NAME.fullmatch(name):
        problems["NAME"] = "Use lower-case letters, digits and underscores, such as NAME=invoices."
    if not _PERMISSION.fullmatch(requires):
        problems["REQUIRES"] = "Use action:resource in lower case, such as REQUIRES=read:invoices."
    script = root / "pages" / f"{name}.py"
    if script.exists():
        problems["NAME"] = f"pages/{name}.py is there already."
    if problems:
        raise InvalidInput(problems)
    member = requires.upper().replace(":", "_").replace("-", "_")
    title = name.replace("_", " ").capitalize()
    report = [_add_permission(root / "app" / "core" / "permissions.py", member, requires, title)]
    report.append(_add_row(root / "app" / "navigation.py", name, title, member))
    script.write_text(
        f'"""{title}: describe in one sentence what this page shows."""\n\n'
        "import streamlit as st\n\nfrom app import access\n\naccess.require_page()\n\n"
        f'st.title("{title}")\nst.info("This page is empty so far.")\n',
        encoding="utf-8",
    )
    report.append(f"Wrote pages/{name}.py.")
    report.append(_test_rows(name, requires, title, is_new=bool(report[0])))
    return [line for line in report if line]


def _add_permission(file: Path, member: str, value: str, title: str) -> str:
    text = file.read_text(encoding="utf-8")
    if f'"{value}"' in text:
        return ""
    rows = list(re.finditer(r'^    [A-Z_]+ = _Row\("[a-z-]+:[a-z-]+", .*\)$', text, re.MULTILINE))
    at = rows[-1].end()
    line = f'\n    {member} = _Row("{value}", "Open the page {title}.")'
    file.write_text(text[:at] + line + text[at:], encoding="utf-8")
    return f"Added {value} to app/core/permissions.py: write its sentence for people."


def _add_row(file: Path, name: str, title: str, member: str) -> str:
    text = file.read_text(encoding="utf-8")
    path = name.replace("_", "-")
    row = f'    PageRow("{name}.py", "{path}", "{title}", ":material/article:", "Work", Permission.{member}),\n'
    at = text.index('    PageRow("profile.py"')
    file.write_text(text[:at] + row + text[at:], encoding="utf-8")
    return (
        f"Added the row of /{path} to app/navigation.py, with the icon :material/article: in the section Work: "
        "change both there, and move the row to where the page belongs in the navigation."
    )


def _test_rows(name: str, requires: str, title: str, *, is_new: bool) -> str:
    """The rows to add to the literal tables of the tests, as long as only ``ROLES`` have the permission."""
    users = {"anonymous": "Sign in", "no role": requires}
    users |= {role: title if requires in permissions else requires for role, (_, permissions) in ROLES.items()}
    if is_new:
        users["administrator"] = title
    users["blocked"] = "blocked"
    cells = [f'"{user}": "{text}"' for user, text in users.items()]
    lines = ["Add to MATRIX in tests/apptest/test_matrix.py:", f'    "{name}.py": {{']
    lines += [f"        {', '.join(cells[at : at + 3])}," for at in range(0, len(cells), 3)]
    lines.append("    },")
    if is_new:
        lines += ["Add to the catalogue in tests/app/core/test_policy.py:", f'        "{requires}": False,']
    return "\n".join(lines)


def _add_page(name: str, requires: str) -> list[str]:
    """Add the page, and return the report.

    Raises:
        CommandError: with a line for each argument that is wrong.
    """
    try:
        return add_page(name, requires)
    except InvalidInput as error:
        raise CommandError([f"{field}: {text}" for field, text in error.problems.items()]) from error


@click.command("scaffold")
@click.argument("name", default="")
@click.argument("requires", metavar="PERMISSION", default="")
def scaffold(*, name: str, requires: str) -> None:
    """Add a page that requires PERMISSION to this source tree."""
    print(
        *_add_page(name, requires),
        "Then run `make docs` and `make test`.",
        sep="\n",
    )


if __name__ == "__main__":
    scaffold()
