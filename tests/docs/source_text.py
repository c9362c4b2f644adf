"""Names and prose of a file by its type: Python, JavaScript, Markdown, HTML, CSS and configuration."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.docs.python_text import Defined, python, string_pieces
from tests.docs.text_pieces import Kind, Piece, blanked, code_spans, codes, line_at, prose

_FENCE: Final = re.compile(r"^( *)```(\w*)[^\n]*\n(.*?)^ *```", re.DOTALL | re.MULTILINE)
_PROSE_FENCES: Final = ("", "text", "mermaid")
_JS: Final = re.compile(
    r"(?P<comment>//[^\n]*|/\*.*?\*/)|(?P<string>`(?:\\.|[^`\\])*`|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*')",
    re.DOTALL,
)
_QUOTED: Final = re.compile(r"\"(?:\\.|[^\"\\\n])*\"|'[^'\n]*'")


def pieces(path: Path, text: str, defined: Defined) -> Iterator[Piece]:
    """The pieces of a file by its type; nothing for a type that holds neither names nor prose."""
    match path.suffix:
        case ".py":
            yield from _file_name(path)
            yield from python(text, defined)
        case ".js":
            yield from _file_name(path)
            yield from javascript(text)
        case ".md":
            yield from _file_name(path)
            yield from markdown(text)
        case ".css":
            yield from (
                prose(match[1], line_at(text, match.start())) for match in re.finditer(r"/\*(.*?)\*/", text, re.DOTALL)
            )
        case ".html":
            yield prose(re.sub(r"<style.*?</style>|<[^>]*>|\{[{%].*?[%}]\}", blanked, text, flags=re.DOTALL), 1)
        case _:
            yield from configuration(text)


def _file_name(path: Path) -> Iterator[Piece]:
    yield Piece(Kind.NAME, 1, path.name.partition(".")[0].removeprefix("test_"))


def javascript(text: str) -> Iterator[Piece]:
    """Identifiers, comments (adjacent ones are one passage) and strings."""
    code = _JS.sub(blanked, text)
    yield from (Piece(Kind.NAME, piece.line, piece.text) for piece in codes(code, 1) if piece.kind is Kind.CODE)
    end = -1
    block, start = "", 0
    for match in _JS.finditer(text):
        if match["string"]:
            yield from string_pieces(match[0][1:-1], line_at(text, match.start()), Defined())
            continue
        content = re.sub(r"^\s*(?://|/?\*+/?)", "", match[0], flags=re.MULTILINE)
        if block and text[end : match.start()].strip() == "" and text.count("\n", end, match.start()) == 1:
            block += f"\n{content}"
        else:
            yield prose(block, start)
            block, start = content, line_at(text, match.start())
        end = match.end()
    yield prose(block, start)


def markdown(text: str) -> Iterator[Piece]:
    """Prose, code spans, and what stands in fenced blocks: prose or code by their language."""
    for match in _FENCE.finditer(text):
        line = line_at(text, match.start(3))
        if match[2] in _PROSE_FENCES:
            yield prose(match[3], line)
        yield from codes(match[3], line)
    rest = _FENCE.sub(blanked, text)
    yield prose(rest, 1)
    yield from code_spans(rest, 1)


def configuration(text: str) -> Iterator[Piece]:
    """Comments after ``#`` and quoted sentences of TOML, YAML, Makefiles, shell scripts and the like."""
    kept = []
    for line in text.split("\n"):
        comment = re.search(r"(?:^|\s)#+(.*)", line)
        sentences = [match[0] for match in _QUOTED.finditer(line) if " " in match[0]]
        kept.append(comment[1] if comment else " · ".join(sentences))
    yield prose("\n".join(kept), 1)
