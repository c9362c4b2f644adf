"""The tables that the documentation repeats, rendered from the code: `make docs` writes them, a test compares them.

Each table stands in its document between ``<!-- table:NAME -->`` and ``<!-- /table -->``.
"""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import fields
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from pydantic import SecretStr

from app.core.assurance import SignInRequirement
from app.core.audit import AuditKind
from app.core.errors import all_errors
from app.core.failure_reasons import (
    CALLBACK,
    PROVIDER,
    CallbackReason,
    ClaimReason,
    OAuthReason,
    ProviderReason,
    SignInReason,
    TokenReason,
)
from app.core.permissions import CATALOGUE, ROLES
from app.core.settings import Settings
from app.core.variables import variable
from app.navigation import PAGES, PageRow
from db.timeouts import ADMINISTRATION_TIMEOUTS, MIGRATION_TIMEOUTS, SERVICE_TIMEOUTS, Timeouts
from tests.e2e.accessibility.streamlit_markup import KNOWN_VIOLATIONS
from tests.security.requirement_table import Requirement, requirements

ROOT: Final = Path(__file__).resolve().parents[2]


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    head = list(head)
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _default(value: object) -> str:
    if value is None or value == ():
        return "none"
    if isinstance(value, tuple):
        return ", ".join(part.get_secret_value() if isinstance(part, SecretStr) else str(part) for part in value)
    return f"`{value}`"


def settings_table() -> str:
    """Variable, default, meaning."""
    rows = (
        (f"`{variable(name)}`", _default(field.default), field.description or "")
        for name, field in Settings.model_fields.items()
    )
    return _table(("Variable", "Default", "Meaning"), rows)


def permissions_table() -> str:
    """Permission, sentence, required sign-in, built-in roles."""
    rows = (
        (
            f"`{permission}`",
            permission.sentence,
            _required_sign_in(permission.step_up),
            ", ".join(role for role, (_, permissions) in ROLES.items() if permission in permissions),
        )
        for permission in CATALOGUE.values()
    )
    return _table(("Permission", "What it allows", "Required sign-in", "Built-in roles"), rows)


def auth0_table() -> str:
    """Permission and sentence, to be copied into Auth0's dashboard."""
    return _table(("Permission", "Description"), ((f"`{row}`", row.sentence) for row in CATALOGUE.values()))


def _required_sign_in(requirement: SignInRequirement | None) -> str:
    age, acr = requirement or SignInRequirement()
    parts = [f"at most {age} seconds old"] if age is not None else []
    return " and ".join([*parts, f"of the class `{acr}`"] if acr else parts)


def roles_table() -> str:
    """Built-in role, description."""
    return _table(("Role", "Purpose"), ((f"`{name}`", text) for name, (text, _) in ROLES.items()))


def errors_table() -> str:
    """Code, status, class, title."""
    rows = ((f"`{e.code}`", str(e.status), f"`{e.__name__}`", e.title) for e in all_errors())
    return _table(("Code", "Status", "Class", "Title"), rows)


def audit_table() -> str:
    """Kind, label, sentence."""
    return _table(("Kind", "Label", "Sentence"), ((f"`{kind}`", kind.label, kind.sentence) for kind in AuditKind))


def reasons_table() -> str:
    """Reason, sentence."""
    rows = [(f"`{use}:{row}`", row.sentence) for use, row in _token_reasons()]
    rows += [(f"`{PROVIDER}:{row}`", row.sentence) for row in ProviderReason]
    rows += [(f"`{CALLBACK}:{row}`", row.sentence) for row in CallbackReason]
    rows += [(f"`{row}`", row.sentence) for table in (SignInReason, OAuthReason, ClaimReason) for row in table]
    return _table(("Reason", "Sentence"), rows)


def _token_reasons() -> Iterator[tuple[str, TokenReason]]:
    return (("…-token", row) for row in TokenReason)


def pages_table() -> str:
    """Path, title, what the page shows, script, permission."""
    rows = (
        (
            f"`/{row.path}`",
            row.title,
            _shows(row),
            f"`pages/{row.file}`",
            f"`{row.permission}`" if row.permission else "signed in",
        )
        for row in PAGES
    )
    return _table(("Path", "Page", "It shows", "Script", "Requires"), rows)


def _shows(row: PageRow) -> str:
    """The docstring of a page's script, without the title before its colon."""
    text = ast.get_docstring(ast.parse(row.script.read_text(encoding="utf-8"))) or ""
    return " ".join(text.partition(": ")[2].replace("``", "`").split())


def contracts() -> list[dict[str, Any]]:
    """The contracts of import-linter in ``pyproject.toml``."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return list(project["tool"]["importlinter"]["contracts"])


def layers_table() -> str:
    """The layers of each package that has some, as import-linter checks them."""
    rows = (
        (f"`{contract['containers'][0]}`", str(number), ", ".join(f"`{name}`" for name in layer.split(" | ")))
        for contract in contracts()
        if contract["type"] == "layers"
        for number, layer in enumerate(contract["layers"], 1)
    )
    return _table(("Package", "Layer", "Modules and subpackages"), rows)


def streamlit_table() -> str:
    """The modules of ``component`` that may import Streamlit, as import-linter checks it."""
    (contract,) = (entry for entry in contracts() if entry["name"].startswith("In the component only"))
    allowed: list[str] = contract["ignore_imports"]
    names = (line.partition(" -> ")[0] for line in allowed)
    rows = (
        (f"`{name}`", "its API" if name == "component.auth0" else "its messages, `streamlit.proto`") for name in names
    )
    return _table(("Module of `component`", "Imports of Streamlit"), rows)


def bounds_table() -> str:
    """Each timeout of the database, in seconds, for services, commands and migrations."""

    def seconds(bounds: Timeouts, name: str) -> str:
        return f"{getattr(bounds, name):g}" if getattr(bounds, name) else "none"

    rows = (
        (
            row.metadata["purpose"],
            *(seconds(bounds, row.name) for bounds in (SERVICE_TIMEOUTS, ADMINISTRATION_TIMEOUTS, MIGRATION_TIMEOUTS)),
        )
        for row in fields(Timeouts)
    )
    return _table(("Seconds", "App and API", "Commands", "`gatehouse migrate`"), rows)


def requirements_table() -> str:
    """The security requirements: a heading and a table for each area."""
    head = ("Number", "Requirement", "Source", "Tests", "Guards that are removed")
    areas = [
        f"## {area}\n\n{_table(head, map(_requirement, rows))}"
        for area, rows in groupby(requirements(), lambda row: row.area)
    ]
    return "\n\n" + "\n\n".join(areas) + "\n"


def _requirement(row: Requirement) -> Iterable[str]:
    tests = ", ".join(f"`{node}`" for node in row.tests)
    return row.number, row.sentence.removesuffix("."), row.source, tests, "; ".join(row.guards)


def streamlit_violations_table() -> str:
    """What the tests of accessibility accept in Streamlit's markup: rule, element, reason, issue."""
    rows = ((f"`{row.rule}`", f"`{row.selector}`", row.reason, _issue(row.issue)) for row in KNOWN_VIOLATIONS)
    return _table(("Rule", "Element", "Why a script cannot change it", "Issue"), rows)


def _issue(name: str) -> str:
    """A reference such as ``owner/name#1``, as a link."""
    repository, _, number = name.partition("#")
    return f"[{name}](https://github.com/{repository}/issues/{number})" if number else "none"


TABLES: Final[dict[str, tuple[str, Callable[[], str]]]] = {
    "settings": ("docs/settings.md", settings_table),
    "permissions": ("docs/permissions.md", permissions_table),
    "roles": ("docs/permissions.md", roles_table),
    "pages": ("docs/permissions.md", pages_table),
    "auth0": ("docs/how-to/connect-auth0.md", auth0_table),
    "errors": ("docs/errors.md", errors_table),
    "audit": ("docs/audit.md", audit_table),
    "reasons": ("docs/audit.md", reasons_table),
    "layers": ("docs/architecture.md", layers_table),
    "streamlit": ("docs/architecture.md", streamlit_table),
    "bounds": ("docs/how-to/deploy.md", bounds_table),
    "requirements": ("docs/security-requirements.md", requirements_table),
    "streamlit-violations": ("docs/accessibility.md", streamlit_violations_table),
}
"""Table → (document, how it is rendered)."""


def env_example() -> str:
    """``.env.example``: every variable, commented out, with its meaning and default."""
    parts = [
        "# Every setting of Gatehouse. Copy to .env and uncomment what you change; the environment wins over .env.",
        "# The same list with defaults is in docs/settings.md.",
    ]
    for name, field in Settings.model_fields.items():
        default = field.default
        text = "" if default is None or default == () else ",".join(default) if isinstance(default, tuple) else default
        parts.append(f"\n# {field.description}\n#{variable(name)}={text}")
    return "\n".join(parts) + "\n"


def replaced(document: str, name: str, table: str) -> str:
    """``document`` with the table ``name`` replaced.

    Raises:
        ValueError: The document does not have exactly one place for the table.
    """
    pattern = re.compile(rf"(<!-- table:{name} -->\n).*?(<!-- /table -->)", re.DOTALL)
    text, count = pattern.subn(lambda match: f"{match[1]}{table}\n{match[2]}", document)
    if count != 1:
        msg = f"the document has {count} places for the table {name}"
        raise ValueError(msg)
    return text


def main() -> int:
    """Write every table and ``.env.example``."""
    for name, (path, render) in TABLES.items():
        file = ROOT / path
        file.write_text(replaced(file.read_text(encoding="utf-8"), name, render()), encoding="utf-8")
    (ROOT / ".env.example").write_text(env_example(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
