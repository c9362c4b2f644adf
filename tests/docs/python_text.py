"""Names and prose of Python source: definitions, uses of the project's names, docstrings, comments and strings."""

from __future__ import annotations

import ast
import io
import re
import textwrap
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from tests.docs.text_pieces import Piece, code_spans, codes, name_piece, prose

PACKAGES: Final = ("app", "component", "db", "pages", "remote_api", "tests")
"""Top-level folders whose names belong to the project; whatever else is imported is a library's."""
LIBRARY_METHODS: Final = {"done", "one", "tell", "scale"}
"""Methods of futures, SQLAlchemy's results, files and Altair: their uses say nothing about the project."""
_CODE: Final = re.compile(
    r"^\s*(?:if|elif|while|for|with|try|except|return|raise|yield|assert|await|async|def|class|import|from)\b.*[:(=]\s*$"
    r"|\w+\([^ ]*\)[.,;)]|\s[-+*/]?=\s|:=|=>|;\s*$|\b(?:SELECT|INSERT INTO|UPDATE|DELETE FROM|CREATE|ALTER|FROM)\b",
    re.MULTILINE,
)


@dataclass(frozen=True)
class Defined:
    """Names that Python files define: a use counts only if the project defines the name."""

    members: set[str] = field(default_factory=set)
    """Modules, functions, classes, attributes and variables of modules and classes."""
    parameters: set[str] = field(default_factory=set)

    def add(self, tree: ast.Module) -> None:
        """Add what one module defines."""
        for node in ast.walk(tree):
            match node:
                case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                    self.members.add(name)
                case ast.ClassDef(name=name, body=body):
                    self.members.add(name)
                    self.members.update(_assigned(body))
                case ast.Module(body=body):
                    self.members.update(_assigned(body))
                case ast.Attribute(attr=name, ctx=ast.Store()):
                    self.members.add(name)
                case ast.arg(arg=name):
                    self.parameters.add(name)
                case _:
                    pass


def _assigned(body: list[ast.stmt]) -> Iterator[str]:
    for node in body:
        match node:
            case ast.Assign(targets=targets):
                yield from (target.id for target in targets if isinstance(target, ast.Name))
            case ast.AnnAssign(target=ast.Name(id=name)):
                yield name
            case _:
                pass


def python(text: str, defined: Defined) -> Iterator[Piece]:
    """Names that are defined, uses of names that the project defines, docstrings, comments and strings."""
    nodes = list(ast.walk(ast.parse(text)))
    yield from _python_names(nodes, defined)
    yield from _python_comments(text)
    yield from _python_strings(nodes, text, defined)


def _python_names(nodes: list[ast.AST], defined: Defined) -> Iterator[Piece]:
    seen_by_line = set()
    local = _local_names(nodes)
    for node in nodes:
        name = ""
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                pass
            case ast.arg(arg=name) | ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
                pass
            case ast.Name(id=used) if used in local:
                name = used
            case ast.Attribute(attr=used) if used in defined.members and used not in LIBRARY_METHODS:
                name = used
            case ast.keyword(arg=str(used)) if used in defined.members or used in defined.parameters:
                name = used
            case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                pass
            case ast.ImportFrom(module=module, names=aliases) if _is_ours(module):
                for alias in aliases:
                    yield from name_piece(alias.asname or alias.name, alias.lineno)
            case _:
                pass
        line = getattr(node, "lineno", 0)
        if name and (name, line) not in seen_by_line:
            seen_by_line.add((name, line))
            yield from name_piece(name, line)


def _is_ours(module: str | None) -> bool:
    return (module or "").partition(".")[0] in PACKAGES


def _local_names(nodes: list[ast.AST]) -> set[str]:
    """Names that a module defines anywhere, or imports from the project."""
    names: set[str] = set()
    for node in nodes:
        match node:
            case (
                ast.FunctionDef(name=name)
                | ast.AsyncFunctionDef(name=name)
                | ast.ClassDef(name=name)
                | ast.arg(arg=name)
            ):
                names.add(name)
            case ast.Name(id=name, ctx=ast.Store()):
                names.add(name)
            case ast.ImportFrom(module=module, names=aliases) if _is_ours(module):
                names |= {alias.asname or alias.name for alias in aliases}
            case ast.alias(asname=str(name)):
                names.add(name)
            case _:
                pass
    return names


def _python_comments(text: str) -> Iterator[Piece]:
    """Comments; those on adjacent lines are one passage."""
    if "#" not in text:
        return
    block: list[str] = []
    start = 0
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type != tokenize.COMMENT:
            continue
        if block and token.start[0] != start + len(block):
            yield from _commented(block, start)
            block = []
        if not block:
            start = token.start[0]
        block.append(token.string.lstrip("#!: "))
    yield from _commented(block, start)


def _commented(block: list[str], start: int) -> Iterator[Piece]:
    if block:
        text = "\n".join(block)
        yield prose(text, start)
        yield from code_spans(text, start)


def _python_strings(nodes: list[ast.AST], text: str, defined: Defined) -> Iterator[Piece]:
    lines = text.split("\n")
    docstrings = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
    inside: set[int] = set()
    for node in nodes:
        match node:
            case ast.JoinedStr(values=values):
                inside |= {id(value) for value in ast.walk(node)}
                parts = (str(value.value) if isinstance(value, ast.Constant) else "{}" for value in values)
                yield from string_pieces("".join(parts), node.lineno, defined)
            case ast.Constant(value=str(content)) if id(node) in docstrings:
                yield prose(content, node.lineno)
                yield from code_spans(content, node.lineno)
            case ast.Constant(value=str(content)) if id(node) not in inside:
                is_block = any(quotes in lines[node.lineno - 1] for quotes in ('"""', "'''"))
                yield from string_pieces(content if is_block else content.replace("\n", " "), node.lineno, defined)
            case _:
                pass


def string_pieces(content: str, line: int, defined: Defined) -> Iterator[Piece]:
    """A string: Python source (a test's script), a fragment of code, a sentence, or a code."""
    nested = _source_pieces(content, defined)
    if nested:
        yield from (Piece(piece.kind, piece.line + line - 1, piece.text) for piece in nested)
        return
    if _CODE.search(content):
        yield from codes(content, line)
    elif re.search(r"[A-Za-z,.…]\s+[A-Za-z]", content):
        yield prose(content, line)
        yield from code_spans(content, line)
    else:
        yield from codes(content, line)


def _source_pieces(content: str, defined: Defined) -> list[Piece]:
    """The pieces of a string that is a Python script; empty for any other string."""
    source = content.lstrip("\\\n")
    if not re.search(r"^\s*(?:import|from|def|class) .*\n", source, re.MULTILINE):
        return []
    above = content.count("\n", 0, len(content) - len(source))
    try:
        inner = list(python(textwrap.dedent(source), defined))
    except (SyntaxError, tokenize.TokenError):
        return []
    return [Piece(piece.kind, piece.line + above, piece.text) for piece in inner]
