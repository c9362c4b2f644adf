"""Checks of fenced blocks by their language. A language without a check has no place in a document.

Each check yields what is wrong, in a sentence.
"""

from __future__ import annotations

import ast
import importlib
import json
import re
import subprocess
import tempfile
import tomllib
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from io import StringIO
from pathlib import Path
from typing import Final

import yaml
from dotenv import dotenv_values

from app.core.errors import ConfigurationError
from app.core.hosted_app_config import FILE_NAME, load_hosted_app_config
from app.core.settings import Settings
from app.core.variables import known_variables
from tests.docs.code_blocks import Block
from tests.docs.project_files import ROOT
from tests.docs.sequence_diagrams import UnknownDiagram, parse
from tests.docs.shell_checks import shell_faults
from tests.node import node

CRON_FIELDS: Final = 5
_ACTION: Final = """
const calls = []
const recorder = (path) => new Proxy(() => undefined, {
  get: (_, name) => recorder([...path, String(name)]),
  apply: () => { calls.push(path.join(".")) },
})
const events = [{}, { authorization: { roles: ["viewer"] }, authentication: { methods: [{ name: "pwd" }] },
  user: {}, client: {}, request: { query: {} },
  transaction: { acr_values: ["http://schemas.openid.net/pape/policies/2007/06/multi-factor"] } }]
;(async () => {
  const handlers = Object.values(exports)
  for (const handler of handlers) for (const event of events) await handler(event, recorder([]))
  if (!handlers.length || !calls.length) throw new Error("no handler, or none that calls the API of Actions")
})().catch((error) => { console.error(String(error)); process.exit(1) })
"""
"""Runs the handlers of an Action of Auth0, whose API records its calls."""


def faults(block: Block) -> list[str]:
    """What is wrong with a block."""
    check = CHECKS.get(block.language)
    if check is None:
        return [f"there is no check for {block.language or 'a block without a language'}"]
    return list(check(block))


def _python(block: Block) -> Iterator[str]:
    """It compiles, what it imports exists, and a test runs it."""
    try:
        tree = ast.parse(block.text)
    except SyntaxError as error:
        yield f"{error}"
        return
    if not block.run_by:
        yield "no comment says how it runs, or quotes it"
    for statement in ast.walk(tree):
        match statement:
            case ast.Import(names=names):
                yield from (f"there is no {name.name}" for name in names if find_spec(name.name) is None)
            case ast.ImportFrom(module=str(module), names=names, level=0):
                imported = importlib.import_module(module)
                for name in names:
                    if not hasattr(imported, name.name) and not _is_module(f"{module}.{name.name}"):
                        yield f"{module} has no {name.name}"
            case _:
                pass


def _is_module(name: str) -> bool:
    try:
        importlib.import_module(name)
    except ModuleNotFoundError:
        return False
    return True


def _shell(block: Block) -> Iterator[str]:
    yield from shell_faults(block.text)


def _crontab(block: Block) -> Iterator[str]:
    for line in block.text.splitlines():
        *fields, command = line.split(None, CRON_FIELDS)
        if not all(re.fullmatch(r"[\d*/,-]+", field) for field in fields):
            yield f"{line}: not five fields and a command"
        yield from shell_faults(command)


def _toml(block: Block) -> Iterator[str]:
    """It is TOML; a ``gatehouse.toml`` is loaded as the product loads it."""
    try:
        tomllib.loads(block.text)
    except tomllib.TOMLDecodeError as error:
        yield f"{error}"
        return
    if Path(block.name).name == FILE_NAME:
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, FILE_NAME).write_text(block.text, encoding="utf-8")
            try:
                load_hosted_app_config(Path(folder, "app.py"))
            except ConfigurationError as error:
                yield from map(str, error.args)
            finally:
                load_hosted_app_config(None)


def _json(block: Block) -> Iterator[str]:
    try:
        json.loads(block.text)
    except json.JSONDecodeError as error:
        yield f"{error}"


def _yaml(block: Block) -> Iterator[str]:
    try:
        yaml.safe_load(block.text)
    except yaml.YAMLError as error:
        yield f"{error}"


def _env(block: Block) -> Iterator[str]:
    known = set(known_variables(Settings))
    yield from (f"{name} is no setting" for name in dotenv_values(stream=StringIO(block.text)) if name not in known)


def _http(block: Block) -> Iterator[str]:
    """Header fields that the product sends."""
    sources = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "remote_api").rglob("*.py"))
    for line in block.text.splitlines():
        name, colon, value = line.partition(": ")
        if not colon or not value or f'"{name}"' not in sources:
            yield f"{line}: no header field that the API sends"


def _javascript(block: Block) -> Iterator[str]:
    """The handlers of an Action of Auth0 run."""
    done = subprocess.run(
        [node(), "--input-type=commonjs", "-"], input=block.text + _ACTION, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        yield done.stderr.strip()


def _mermaid(block: Block) -> Iterator[str]:
    try:
        parse(block.text)
    except UnknownDiagram as error:
        yield f"{error}: not drawn by tests/docs/sequence_diagrams.py"


def _text(block: Block) -> Iterator[str]:
    """A tree of files, each with its description; files of deeper folders are indented."""
    folders: list[tuple[int, str]] = []
    for line in block.text.splitlines():
        indent = len(line) - len(line.lstrip())
        name = line.split()[0]
        while folders and folders[-1][0] >= indent:
            folders.pop()
        path = f"{folders[-1][1] if folders else ''}{name}"
        if re.fullmatch(r"[\w.*/-]+(?:/|\.\w+)", name) and not list(ROOT.glob(path)):
            yield f"{path} does not exist; a block of text is a tree of files"
        if name.endswith("/"):
            folders.append((indent, path))


CHECKS: Final[dict[str, Callable[[Block], Iterator[str]]]] = {
    "crontab": _crontab,
    "env": _env,
    "http": _http,
    "js": _javascript,
    "json": _json,
    "mermaid": _mermaid,
    "python": _python,
    "sh": _shell,
    "text": _text,
    "toml": _toml,
    "yaml": _yaml,
}
"""Language → its check."""
