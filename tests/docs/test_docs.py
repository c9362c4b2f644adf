"""The documentation says what the code says: tables are equal, links lead somewhere, commands exist."""

from __future__ import annotations

import ast
import io
import os
import re
import tokenize
import tomllib
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Final

import pytest

from app.core.settings import Settings
from app.core.variables import RETIRED, known_variables
from app.navigation import PAGES
from tests.docs.tables import ROOT, TABLES, env_example, replaced

TEXTS: Final = {".py", ".md", ".toml", ".yaml", ".service", ".conf", ".example", ".html", ".js", ".css", ".json", ""}
"""Suffixes of everything that people read: source, documents, what is shipped for operators."""
IGNORED_FOLDERS: Final = {"var", "build", "dist", "node_modules", "__pycache__", "streamlit_gatehouse.egg-info"}
RETIRED_IN: Final[dict[str, set[str]]] = {
    "CHANGELOG.md": {"DATABASE_URL", "DEFAULT_ROLE"},
    "app/core/settings_checks.py": {"DATABASE_URL"},
    "app/core/variables.py": set(RETIRED),
    "docs/decisions/0028-prefix-settings-and-keep-state-out-of-hosted-apps.md": {"DATABASE_URL", "DEFAULT_ROLE"},
    "docs/how-to/protect-your-own-app.md": {"DATABASE_URL"},
    "docs/how-to/troubleshoot.md": {"DATABASE_URL"},
    "docs/settings.md": {"DATABASE_URL"},
    "tests/docs/test_docs.py": set(RETIRED),
    "tests/security/guards/command_line.py": {"DATABASE_URL"},
    "tests/app/core/test_unknown_settings.py": {"DATABASE_URL"},
    "tests/app/cli/test_preflight.py": {"SESSION_IDLE_SECONDS"},
    "tests/app/core/test_variables.py": set(RETIRED),
}
"""File → the retired names that it explains: they are not read, or belong to another program."""
UNKNOWN_IN: Final = (
    "tests/app/core/test_unknown_settings.py",
    "tests/app/cli/test_errors.py",
    "tests/security/script_server.py",
    "tests/docs/",
)
"""Where names are meant to be no settings."""
"""What the tree of the architecture names as a folder."""
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


@pytest.mark.parametrize("name", TABLES)
def test_a_table_in_the_docs_equals_the_code(name: str) -> None:
    path, render = TABLES[name]
    document = (ROOT / path).read_text(encoding="utf-8")
    assert document == replaced(document, name, render()), "`make docs` updates it"


def test_env_example_equals_the_settings() -> None:
    assert (ROOT / ".env.example").read_text(encoding="utf-8") == env_example(), "`make docs` updates it"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    for target in re.findall(r"\]\((?!https?://|mailto:)([^)\s]+)", text):
        file, _, anchor = target.partition("#")
        path = document.parent / file if file else document
        assert path.exists(), target
        assert not anchor or anchor in anchors(path), target


def anchors(document: Path) -> set[str]:
    """The anchors that a reader's browser knows for the headings of a document."""
    headings = re.findall(r"^#+ (.*)$", document.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_make_targets_named_in_the_docs_exist() -> None:
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for document in DOCUMENTS:
        for target in re.findall(r"`make ([a-z0-9-]+)", document.read_text(encoding="utf-8")):
            assert target in targets, f"{document.name}: make {target}"


def texts() -> Iterator[tuple[str, str]]:
    """(name, content) of every file that people read."""
    for folder, folders, files in os.walk(ROOT):
        folders[:] = [name for name in folders if not name.startswith(".") and name not in IGNORED_FOLDERS]
        for file in (Path(folder, name) for name in files):
            if file.suffix in TEXTS and file.name != ".env":
                yield file.relative_to(ROOT).as_posix(), file.read_text(encoding="utf-8", errors="replace")


def without_identifiers(source: str) -> str:
    """The strings and comments of a Python file."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return "\n".join(token.string for token in tokens if token.type != tokenize.NAME)


def test_retired_names_of_settings_are_used_nowhere() -> None:
    names = re.compile(rf"(?<![A-Z0-9_])(?:{'|'.join(RETIRED)})(?![A-Z0-9_])")
    uses = {
        f"{name}: {retired}"
        for name, text in texts()
        for retired in names.findall(without_identifiers(text) if name.endswith(".py") else text)
        if retired not in RETIRED_IN.get(name, set())
    }
    assert sorted(uses) == []


def test_every_setting_that_is_named_anywhere_exists() -> None:
    known = set(known_variables(Settings))
    unknown = {
        f"{name}: {variable}"
        for name, text in texts()
        for variable in re.findall(r"(?<![A-Z0-9_$])GATEHOUSE_[A-Z0-9_]*[A-Z0-9](?![A-Z0-9_])", text)
        if variable not in known and not name.startswith(UNKNOWN_IN)
    }
    assert sorted(unknown) == []


def test_every_module_is_in_the_tree_of_the_architecture() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    tree = text.partition("## Tree\n\n```text\n")[2].partition("```")[0]
    named: dict[str, list[str]] = {}
    whole: list[str] = []
    folders: list[tuple[int, str]] = []
    for line in tree.splitlines():
        indent = len(line) - len(line.lstrip())
        while folders and folders[-1][0] >= indent:
            folders.pop()
        parent = folders[-1][1] if folders else ""
        whole += [f"{parent}{folder}" for folder in re.findall(r"(?<![\w/`])\w+/(?=\s)", line)]
        if folder := re.match(r" *(\w+/)", line):
            folders.append((indent, parent := f"{parent}{folder[1]}"))
        named.setdefault(parent, []).extend(re.findall(r"(?<![\w/])[\w*]+\.py", line))
    # A folder of the tree whose modules are not named one by one stands for all of them.
    whole = [
        folder for folder in whole if not any(modules for path, modules in named.items() if path.startswith(folder))
    ]
    missing = [
        name
        for package in ("app", "component", "db", "remote_api")
        for path in sorted((ROOT / package).rglob("*.py"))
        if not (name := path.relative_to(ROOT).as_posix()).startswith(tuple(whole)) and not path.stem.startswith("__")
        if not any(
            fnmatch(path.name, pattern) for pattern in named.get(f"{path.parent.relative_to(ROOT).as_posix()}/", ())
        )
    ]
    assert missing == []


def test_the_newest_version_of_the_changelog_begins_with_what_an_operator_has_to_do() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    version, newest = re.findall(r"^## \[([^\]]*)\][^\n]*\n(.*?)(?=^## |\Z)", changelog, re.DOTALL | re.MULTILINE)[0]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert version == project["version"]
    assert re.findall(r"^### (.*)$", newest, re.MULTILINE) == ["To upgrade", "Added", "Changed", "Fixed", "Security"]
    assert "tests." not in newest.partition("### Added\n\n")[2].partition("\n- ")[0]


def test_the_shipped_files_have_room_for_as_many_tabs_as_they_say() -> None:
    deploy = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / "deploy").iterdir() if path.is_file()}
    files = [
        int(number)
        for name in ("gatehouse-app.service", "compose.yaml", "nginx.conf")
        for number in re.findall(r"(?:LimitNOFILE=|soft: |worker_rlimit_nofile )([0-9]+)", deploy[name])
    ]
    assert files == [16384] * 4, "four open files a tab: room for 4,000"
    sockets = Settings.model_fields["sockets"].default
    how_to = " ".join((ROOT / "docs" / "how-to" / "deploy.md").read_text(encoding="utf-8").split())
    assert f"room for 4,000 tabs; the app accepts {sockets:,} until you raise `GATEHOUSE_SOCKETS`" in how_to


def test_each_page_says_in_its_docstring_what_it_shows() -> None:
    for page in PAGES:
        documentation = ast.get_docstring(ast.parse(page.script.read_text(encoding="utf-8"))) or ""
        assert re.fullmatch(rf"{re.escape(page.title)}: \S.+\.", documentation, re.DOTALL), page.file
