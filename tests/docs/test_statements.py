"""Statements of the documentation that name something of the code are true: it is there, in that order, so many.

A module, command, option, setting, make target, address or permission that a document names in a code span, and each
command line in a fenced block, is looked up in the code. Numbers in prose are compared with what they count.
"""

from __future__ import annotations

import ast
import json
import re
import shlex
import subprocess
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

import click
import pytest

from app.__main__ import gatehouse
from app.core.permissions import CATALOGUE
from app.core.settings import Settings
from app.core.variables import known_variables
from component.dev_tenant.people import PEOPLE
from remote_api.wsgi import described
from tests.app.cli.command_line import loaded
from tests.docs.tables import ROOT

DOCUMENTS: Final = sorted(
    [*ROOT.glob("*.md"), *(p for p in (ROOT / "docs").rglob("*.md") if "decisions" not in p.parts)]
)
"""Decisions tell what was so when they were taken."""
FENCE: Final = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
PACKAGES: Final = ("app", "component", "db", "pages", "remote_api", "tests")
EXAMPLES: Final = {
    "read:invoices", "read:orders", "write:orders", "close:month", "manage:orders", "refund:orders", "action:resource",
}  # fmt: skip
"""Permissions that a reader makes, in the how-tos."""
OTHERS_VARIABLES: Final = {"GATEHOUSE_", "GATEHOUSE_PORT", "AUTH0_"}
PROMISES: Final = re.compile(
    r"\bnot there yet\b|\bnothing (?:deletes|does|checks)\b.{0,20}\byet\b|\bplanned with\b", re.IGNORECASE
)
"""Phrases about planned work, which stay in a document after the work is done."""
NUMBERS: Final = dict(enumerate(("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"), 1))


def spans(document: Path) -> list[str]:
    """What stands in code spans, outside of fenced blocks."""
    return re.findall(r"`([^`\n]+)`", FENCE.sub("", document.read_text(encoding="utf-8")))


def shell_lines(document: Path) -> Iterator[str]:
    """The command lines of fenced blocks; continued ones as one."""
    for language, block in FENCE.findall(document.read_text(encoding="utf-8")):
        if language in {"sh", "console", "shell", "bash", ""}:
            yield from block.replace("\\\n", " ").splitlines()


EACH: Final = [pytest.param(document, id=str(document.relative_to(ROOT))) for document in DOCUMENTS]


def exists(name: str) -> bool:
    """Whether a dotted name is a module of ours, or something at the top of one (or in a class there)."""
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        file = ROOT.joinpath(*parts[:length])
        path = next((p for p in (file.with_suffix(".py"), file / "__init__.py") if p.is_file()), None)
        if path is None and not (length == len(parts) and any(file.glob("**/*.py"))):
            continue
        rest = parts[length:]
        return not rest or (path is not None and rest[0] in top_of(path))
    return False


@cache
def top_of(path: Path) -> frozenset[str]:
    """Names bound at the top of a module."""
    names: set[str] = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                names.add(name)
            case ast.Assign(targets=targets):
                names |= {target.id for target in targets if isinstance(target, ast.Name)}
            case ast.AnnAssign(target=ast.Name(id=name)):
                names.add(name)
            case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
                names |= {alias.asname or alias.name for alias in aliases}
            case _:
                pass
    return frozenset(names | ({"application"} if path.name == "wsgi.py" else set()))


@pytest.mark.parametrize("document", EACH)
def test_modules_that_are_named_exist(document: Path) -> None:
    for span in [span for span in spans(document) if "://" not in span]:
        for name in re.findall(rf"(?<![\w./-])(?:{'|'.join(PACKAGES)})(?:\.[A-Za-z_]\w*)+(?![\w/-])", span):
            if name.rpartition(".")[2] in {"py", "md", "toml", "js", "sqlite3", "html", "css", "com"}:
                continue
            assert exists(name), f"{name} is not in the code"


@pytest.mark.parametrize("document", EACH)
def test_commands_that_are_named_exist(document: Path) -> None:
    lines = [*spans(document), *(line.strip().removeprefix("$ ") for line in shell_lines(document))]
    for line in lines:
        match = re.match(r"(?:\S*/)?(?:gatehouse|python -m app) ([a-z-]+\S*.*)$", line)
        if match is None or "…" in line or "|" in line.split("#")[0]:
            continue
        check_command(shlex.split(match.group(1), comments=True))


def check_command(words: list[str]) -> None:
    """Each word that is a command, and each option, is one of the command line's."""
    command: click.Command = gatehouse
    for word in words:
        if word.startswith("-") and len(word) > 1 and not word[1].isdigit():
            options = {option for param in command.params for option in param.opts} | {"-h", "--help"}
            option = word.partition("=")[0]
            assert option in options, f"gatehouse {' '.join(words)}: there is no {option}"
        elif isinstance(command, click.Group):
            assert word in command.commands, f"gatehouse {' '.join(words)}: there is no {word}"
            command = loaded(command.commands[word])


@pytest.mark.parametrize("document", EACH)
def test_settings_that_are_named_exist(document: Path) -> None:
    known = set(known_variables(Settings))
    for name in re.findall(r"(?<![A-Z_$])(?:GATEHOUSE|AUTH0)_[A-Z0-9_]*\b", document.read_text(encoding="utf-8")):
        assert name in known | OTHERS_VARIABLES, f"{name} is no setting"


@pytest.mark.parametrize("document", EACH)
def test_permissions_that_are_named_are_in_the_catalogue(document: Path) -> None:
    catalogue = {permission.value for permission in CATALOGUE.values()}
    verbs = {name.partition(":")[0] for name in catalogue}
    for span in spans(document):
        if re.fullmatch(r"[a-z]+:[a-z][a-z-]*", span) and span.partition(":")[0] in verbs:
            assert span in catalogue | EXAMPLES, f"{span} is no permission"


@pytest.mark.parametrize("document", EACH)
def test_addresses_of_the_api_that_are_named_exist(document: Path) -> None:
    for span in spans(document):
        for address in re.findall(r"(?<![\w.])/api/[\w/{}<>:.-]*", span):
            path = re.sub(r"[<{][^>}]*[>}]", "{}", address.rstrip("./"))
            assert path in api_addresses() or any(prefix.startswith(f"{path}/") for prefix in api_addresses()), address


@cache
def api_addresses() -> frozenset[str]:
    paths = json.loads(described())["paths"]
    return frozenset({re.sub(r"{[^}]*}", "{}", path) for path in paths} | {"/api/openapi.json", "/api/docs"})


@pytest.mark.parametrize("document", EACH)
def test_our_own_addresses_that_are_named_exist(document: Path) -> None:
    routes = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "component").rglob("*.py"))
    for span in spans(document):
        for address in re.findall(r"(?<![\w.])/auth/[a-z-]+", span):
            assert f'"{address}"' in routes, address


@pytest.mark.parametrize("document", EACH)
def test_make_targets_in_command_lines_exist(document: Path) -> None:
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for line in shell_lines(document):
        if match := re.match(r"(?:\$ )?make ([a-z0-9-]+)", line.strip()):
            assert match.group(1) in targets, line


@pytest.mark.parametrize("document", EACH)
def test_nothing_is_promised_for_later(document: Path) -> None:
    match = PROMISES.search(document.read_text(encoding="utf-8"))
    assert match is None, match


def test_every_file_of_the_tree_exists() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    tree = text.partition("## Tree\n\n```text\n")[2].partition("```")[0]
    modules = {path.name for package in PACKAGES for path in (ROOT / package).rglob("*.py")} | {
        "gatehouse.py",
        "streamlit_gatehouse.py",
    }
    for name in re.findall(r"(?<![\w*])\w+\.py", tree):
        assert name in modules, f"{name} is in the tree of docs/architecture.md, and not in the code"


def test_numbers_in_prose_count_what_is_there() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"local tenant for development, with {NUMBERS[len(PEOPLE)]} people" in changelog
    architecture = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    claimed, _, rest = architecture.partition("## In ")[2].partition(" sentences")
    listed = re.findall(r"^\d+\. ", rest.partition("\n## ")[0], re.MULTILINE)
    assert claimed == NUMBERS[len(listed)]


def test_the_how_to_names_every_literal_table_that_a_new_page_or_permission_changes() -> None:
    text = (ROOT / "docs" / "how-to" / "add-a-page.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(tests/[\w/]+\.py)`", text))
    pages = [f'"{path.name}"' for path in (ROOT / "pages").glob("*.py")]
    permissions = [permission.value for permission in CATALOGUE.values()]
    tables = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "tests").rglob("test_*.py")
        if all_in(path, pages) or all_in(path, permissions)
    }
    assert tables, "the search finds the tables that there are"
    assert tables <= named, f"not named: {sorted(tables - named)}"


def all_in(path: Path, texts: list[str]) -> bool:
    text = path.read_text(encoding="utf-8")
    return all(expected in text for expected in texts)


FOREIGN: Final = re.compile(r"""(?<![\w./'"-])['"]?gatehouse(?:\[\w+\])?(?:[=<>~!]=?[\w.]+)?['"]?(?![\w/.-])""")
"""The name of another project's package on the public index, as something to install."""


def test_no_file_names_a_foreign_package_as_something_to_install() -> None:
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, tracked.split("\0")):
        path = ROOT / name
        if path == Path(__file__) or path.suffix in {".png", ".ico"} or not path.is_file():
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            assert not installs_foreign(line), f"{name}:{number}: {line.strip()}"


def installs_foreign(line: str) -> bool:
    """Whether a line installs ``gatehouse`` by name, or depends on it."""
    for match in re.finditer(
        r"\b(?:pip3?|pipx|uv|uvx|poetry|conda)\b[^\n#`]*?\b(?:install|add|run|inject)\b([^\n#`]*)", line
    ):
        if FOREIGN.search(match.group(1)):
            return True
    return bool(
        re.search(
            r"""\bgatehouse\[\w+\]|^gatehouse\s*[=<>~]=|\buvx gatehouse\b""", line.replace("streamlit-gatehouse", "")
        )
    )


@pytest.mark.parametrize(
    ("line", "is_foreign"),
    [
        ("pip install gatehouse", True),
        ("pip install 'gatehouse[postgres]'", True),
        ("/opt/gatehouse/bin/pip install --require-hashes -r requirements.lock", False),
        ("/opt/gatehouse/bin/pip install --no-deps .", False),
        ("uv add gatehouse==1.0", True),
        ("pipx install gatehouse", True),
        ("gatehouse==0.2.0", True),
        ("pip install /dist/streamlit_gatehouse-0.2.0-py3-none-any.whl", False),
        ("pip install '.[postgres]'  # gatehouse", False),
        ("gatehouse serve", False),
    ],
)
def test_what_counts_as_installing_by_name(line: str, is_foreign: bool) -> None:
    assert installs_foreign(line) is is_foreign


def test_the_distribution_is_not_called_as_a_foreign_package() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["name"] == "streamlit-gatehouse"
    assert project["scripts"] == {"gatehouse": "gatehouse:main"}, "the command keeps its name"
