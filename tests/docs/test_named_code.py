"""Code that documents name exists: functions, classes, audit kinds, reasons, options, pages and messages."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

import pytest

from app.core.audit import AuditKind
from app.core.failure_reasons import CALLBACK, PROVIDER, CallbackReason, ClaimReason, ProviderReason, TokenReason
from app.core.settings import Settings
from app.core.variables import known_variables
from app.navigation import PAGES
from tests.docs.tables import ROOT
from tests.docs.test_statements import DOCUMENTS, EACH, PACKAGES, exists, shell_lines, spans

DECISIONS: Final = sorted((ROOT / "docs" / "decisions").glob("*.md"))
ALL: Final = [pytest.param(path, id=str(path.relative_to(ROOT))) for path in [*DOCUMENTS, *DECISIONS]]
FORMER: Final = frozenset({"CHANGELOG.md"})
"""Documents that name what there was before."""
PAGE_MODULES: Final = ("access", "api_client", "drafts", "formatting", "panels")
"""Modules of ``app`` that documents name without their package, as a page imports them."""
OTHERS: Final = frozenset(
    {"PyJWKClient", "enableStaticServing", "end_session_endpoint", "ignore_startup_parameters", "lock_timeout"}
    | {"maxMessageSize", "pg_dump", "runOnSave", "statement_timeout", "tcp_user_timeout"}
)
"""Names of other programs that documents explain and no code uses."""


@cache
def code() -> str:
    """The text of everything that runs, in one string."""
    files = [path for package in PACKAGES for path in (ROOT / package).rglob("*") if path.suffix in {".py", ".js"}]
    files += [ROOT / "Makefile", ROOT / "pyproject.toml", *(p for p in (ROOT / "deploy").iterdir() if p.is_file())]
    return "\n".join(path.read_text(encoding="utf-8") for path in files if path.parent != Path(__file__).parent)


@cache
def words() -> frozenset[str]:
    return frozenset(re.findall(r"\w+", code()))


@pytest.mark.parametrize("document", ALL)
def test_modules_that_decisions_and_documents_name_exist(document: Path) -> None:
    for span in spans(document):
        for module, attribute in re.findall(rf"(?<![\w./-])((?:{'|'.join(PACKAGES)})(?:\.\w+)+):(\w+)", span):
            assert exists(f"{module}.{attribute}"), f"{module}:{attribute} is not in the code"
        for module in re.findall(r"\bpython -m ([\w.]+)", span):
            assert module.partition(".")[0] not in PACKAGES or runnable(module), f"python -m {module} does not run"
        if match := re.fullmatch(rf"({'|'.join(PAGE_MODULES)})\.(\w+)(?:\(.*\))?", span.lstrip("@")):
            assert exists(f"app.{match[1]}.{match[2]}"), f"{span} is not in app.{match[1]}"


def runnable(module: str) -> bool:
    """Whether ``python -m`` has something to run."""
    path = ROOT.joinpath(*module.split("."))
    file = path / "__main__.py" if path.is_dir() else path.with_suffix(".py")
    return file.is_file() and '__name__ == "__main__"' in file.read_text(encoding="utf-8")


@pytest.mark.parametrize("document", ALL)
def test_names_in_code_spans_occur_in_the_code(document: Path) -> None:
    """A name of several words, with or without arguments, is one that the code has: a renamed one is not."""
    if document.name in FORMER:
        return
    known = words() | OTHERS | set(known_variables(Settings))
    names = (re.fullmatch(r"@?(?:\w+\.)*(\w+)(?:\(.*\))?", span) for span in spans(document))
    compound = {name[1] for name in names if name and re.search(r"[a-z]_[a-z]|[a-z][A-Z]|[A-Z]_[A-Z]", name[1])}
    assert sorted(compound - known) == []


@pytest.mark.parametrize("document", EACH)
def test_options_of_modules_exist(document: Path) -> None:
    for line in [*spans(document), *shell_lines(document)]:
        if match := re.search(r"python -m ((?:tests|remote_api|component)[\w.]*) (.*)", line):
            path = ROOT.joinpath(*match[1].split("."))
            files = list(path.rglob("*.py")) if path.is_dir() else [path.with_suffix(".py")]
            source = "".join(file.read_text(encoding="utf-8") for file in files)
            for option in re.findall(r"(?<!\S)--[a-z-]+", match[2].partition("#")[0]):
                assert f'"{option}"' in source, f"python -m {match[1]} has no {option}"


@pytest.mark.parametrize("document", EACH)
def test_audit_kinds_and_reasons_exist(document: Path) -> None:
    kinds = {str(kind) for kind in AuditKind}
    families = {kind.partition(":")[0] for kind in kinds}
    reasons = {PROVIDER: ProviderReason, CALLBACK: CallbackReason}
    for span in spans(document):
        if re.fullmatch(r"[a-z]+:[a-z]+:[a-z-]+", span) and span.partition(":")[0] in families:
            assert span in kinds or document.name in FORMER, f"{span} is no audit kind"
        family, _, reason = span.partition(":")
        if re.fullmatch(r"[a-z-]+", reason) and (family in reasons or family.endswith("-token")):
            table = reasons.get(family, TokenReason)
            assert reason in {str(row) for table in (table, ClaimReason) for row in table}, f"{span} is no reason"


@pytest.mark.parametrize("document", ["README.md", "docs/how-to/administer.md"])
def test_addresses_of_pages_exist(document: str) -> None:
    paths = {row.path for row in PAGES}
    for span in spans(ROOT / document):
        if match := re.fullmatch(r"/([a-z-]*)(?:\?.*)?", span):
            assert match[1] in paths, f"{span} is no page"


@cache
def literals() -> tuple[str, ...]:
    """The texts of the code, without what is put into them when it runs."""
    return tuple(text for package in PACKAGES if package != "tests" for text in literals_of(ROOT / package))


def literals_of(package: Path) -> Iterator[str]:
    for path in package.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value
    for path in package.rglob("*.js"):
        yield path.read_text(encoding="utf-8")


@pytest.mark.parametrize("document", ["docs/how-to/administer.md", "docs/sessions.md", "docs/component.md"])
def test_texts_of_the_pages_that_are_quoted_are_theirs(document: str) -> None:
    prose = re.sub(r"`[^`]*`", "", (ROOT / document).read_text(encoding="utf-8"))
    quoted = [" ".join(text.split()) for pair in re.findall(r'"([^"]+)"|“([^”]+)”', prose) for text in pair if text]
    assert quoted
    missing = [text for text in quoted if not any(text in literal for literal in literals())]
    assert missing == []


def test_messages_of_the_troubleshooting_table_are_those_of_the_code() -> None:
    text = (ROOT / "docs" / "how-to" / "troubleshoot.md").read_text(encoding="utf-8")
    messages = re.findall(r"^\| `([^`]+)`", text, re.MULTILINE)
    assert messages
    lines = [(line,) for line in (ROOT / "Makefile").read_text(encoding="utf-8").splitlines()]
    known = [*templates(), *lines]
    assert [message for message in messages if not any(is_of(parts, message) for parts in known)] == []


def templates() -> Iterator[tuple[str, ...]]:
    """The literal parts of each text and f-string of the code."""
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.JoinedStr):
                    yield tuple(str(part.value) for part in node.values if isinstance(part, ast.Constant))
                elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                    yield (node.value,)


def is_of(parts: tuple[str, ...], message: str) -> bool:
    """Whether ``message`` is a text, or the beginning of one, that has these parts in this order, for half or more."""
    if any(message in part for part in parts):
        return True
    position, matched = 0, 0
    for part in parts:
        start = message.find(part, position)
        if start < 0:
            ends = (message[index:] for index in range(position, len(message) - 5))
            return matched + len(next((end for end in ends if part.startswith(end)), "")) >= len(message) / 2
        position, matched = start + len(part), matched + len(part)
    return matched >= len(message) / 2
