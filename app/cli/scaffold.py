"""``make page NAME=orders REQUIRES=read:orders``: add a page with its row, and its permission where that is new.

A development tool for this source tree; it edits files and never runs in an installed product.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from app.core.errors import GatehouseError, InvalidInput

ROOT: Final = Path(__file__).resolve().parents[2]
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{1,40}")
_PERMISSION: Final = re.compile(r"[a-z][a-z-]*:[a-z][a-z-]*")


def add_page(name: str, requires: str, *, root: Path = ROOT) -> list[str]:
    """Write the page's script, its row, and its permission's line; returns what was done, a sentence each.

    Raises ``InvalidInput`` for a name or permission that cannot be, or a page that is there already.
    """
    problems = {}
    if not _NAME.fullmatch(name):
        problems["NAME"] = "Use lower-case letters, digits and underscores, such as NAME=orders."
    if not _PERMISSION.fullmatch(requires):
        problems["REQUIRES"] = "Use action:resource in lower case, such as REQUIRES=read:orders."
    script = root / "pages" / f"{name}.py"
    if script.exists():
        problems["NAME"] = f"pages/{name}.py is there already."
    if problems:
        raise InvalidInput(problems)
    member = requires.upper().replace(":", "_").replace("-", "_")
    title = name.replace("_", " ").capitalize()
    done = [_add_permission(root / "app" / "core" / "permissions.py", member, requires, title)]
    done.append(_add_row(root / "app" / "navigation.py", name, title, member))
    script.write_text(
        f'"""{title}: say in one sentence what this page shows."""\n\n'
        "import streamlit as st\n\nfrom app import access\n\naccess.require_page()\n\n"
        f'st.title("{title}")\nst.info("This page is empty so far.")\n',
        encoding="utf-8",
    )
    done.append(f"Wrote pages/{name}.py.")
    return [line for line in done if line]


def _add_permission(file: Path, member: str, value: str, title: str) -> str:
    text = file.read_text(encoding="utf-8")
    if f'"{value}"' in text:
        return ""
    lines = list(re.finditer(r'^    [A-Z_]+ = "[a-z-]+:[a-z-]+", .*$', text, re.MULTILINE))
    at = lines[-1].end()
    line = f'\n    {member} = "{value}", "Open the page {title}."'
    file.write_text(text[:at] + line + text[at:], encoding="utf-8")
    return f"Added {value} to app/core/permissions.py: give it a sentence people understand."


def _add_row(file: Path, name: str, title: str, member: str) -> str:
    text = file.read_text(encoding="utf-8")
    path = name.replace("_", "-")
    row = f'    PageRow("{name}.py", "{path}", "{title}", ":material/article:", "Work", Permission.{member}),\n'
    at = text.index('    PageRow("profile.py"')
    file.write_text(text[:at] + row + text[at:], encoding="utf-8")
    return f"Added the row of /{path} to app/navigation.py."


def main(arguments: Sequence[str]) -> int:
    """``python -m app.cli.scaffold NAME PERMISSION``."""
    name, requires = [*arguments, "", ""][:2]
    try:
        done = add_page(name, requires)
    except InvalidInput as error:
        print(*(f"{field}: {text}" for field, text in error.problems.items()), sep="\n", file=sys.stderr)
        return 2
    except GatehouseError as error:
        print(error.detail, file=sys.stderr)
        return 2
    print(
        *done,
        "Run `make docs`, then `make test`: the literal tables in tests ask you to say who may open it.",
        sep="\n",
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
