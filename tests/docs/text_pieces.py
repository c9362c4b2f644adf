"""One piece of text of a file: a name, a code or a passage of prose.

A *name* is an identifier, a *code* is a word in a string or a code span (a key, a log event, a command), and *prose* is
text for people: docstrings, comments, sentences in strings, documents.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

_CODE_SPAN: Final = re.compile(r"``.+?``|`[^`\n]+`|\bhttps?://\S+|\]\([^)\s]+\)", re.DOTALL)


class Kind(StrEnum):
    """What a piece of text is."""

    NAME = "name"
    CODE = "code"
    PROSE = "prose"


@dataclass(frozen=True)
class Piece:
    """One name, code or passage of prose, and the line it starts at."""

    kind: Kind
    line: int
    text: str


def name_piece(name: str, line: int, kind: Kind = Kind.NAME) -> Iterator[Piece]:
    """A name or code; the name of a test is a sentence."""
    if name.startswith("test_"):
        yield Piece(Kind.PROSE, line, name.removeprefix("test_").replace("_", " "))
    else:
        yield Piece(kind, line, name)


def prose(text: str, line: int) -> Piece:
    """Prose without its code spans and addresses."""
    return Piece(Kind.PROSE, line, _CODE_SPAN.sub(blanked, text))


def blanked(match: re.Match[str]) -> str:
    return re.sub(r"[^\n]", "·", match[0])


def code_spans(text: str, line: int) -> Iterator[Piece]:
    for match in _CODE_SPAN.finditer(text):
        if match[0].startswith("`"):
            yield from codes(match[0], line + text.count("\n", 0, match.start()))


def codes(text: str, line: int) -> Iterator[Piece]:
    for number, content in enumerate(text.split("\n"), line):
        for name in dict.fromkeys(re.findall(r"[A-Za-z_]\w*(?:-\w+)*", content)):
            yield from name_piece(name.replace("-", "_"), number, Kind.CODE)


def line_at(text: str, at: int) -> int:
    return text.count("\n", 0, at) + 1
