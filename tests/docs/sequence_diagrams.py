"""Draws the sequence diagrams of the documentation as SVG, without a script of another host.

GitHub draws ```` ```mermaid ```` blocks itself. The site would have to load Mermaid, 3 MB of script. The documents use
a small part of its language: participants, messages, replies, messages to oneself and notes over one participant.
Anything else is an error.
"""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass
from html import escape
from typing import Final

COLUMN: Final = 230
MARGIN: Final = 100
LINE: Final = 17
WRAP: Final = 34
HEADER: Final = 34
STEP: Final = 14
_PARTICIPANT: Final = re.compile(r"participant (\w+) as (.+)")
_MESSAGE: Final = re.compile(r"(\w+)(--?>>)(\w+): (.+)")
_NOTE: Final = re.compile(r"Note over (\w+): (.+)")


class UnknownDiagram(ValueError):
    """A line of a diagram that is not drawn here."""


@dataclass(frozen=True)
class Step:
    """A message, or a note when ``target`` is None."""

    source: str
    target: str | None
    text: str
    is_reply: bool = False


@dataclass(frozen=True)
class Diagram:
    """Short name → title of each participant, in order, and the steps."""

    participants: dict[str, str]
    steps: tuple[Step, ...]


def parse(text: str) -> Diagram:
    """Read a diagram.

    Raises:
        UnknownDiagram: It is not a sequence diagram, or has a line of another kind or an unknown participant.
    """
    first, *lines = [line.strip() for line in text.splitlines() if line.strip()] or [""]
    if first != "sequenceDiagram":
        raise UnknownDiagram(first)
    participants: dict[str, str] = {}
    steps: list[Step] = []
    for line in lines:
        if match := _PARTICIPANT.fullmatch(line):
            participants[match[1]] = match[2]
        elif match := _MESSAGE.fullmatch(line):
            steps.append(Step(match[1], match[3], match[4], is_reply=match[2] == "-->>"))
        elif match := _NOTE.fullmatch(line):
            steps.append(Step(match[1], None, match[2]))
        else:
            raise UnknownDiagram(line)
    for step in steps:
        if not {step.source, step.target or step.source} <= participants.keys():
            raise UnknownDiagram(step.text)
    return Diagram(participants, tuple(steps))


def svg_of(text: str) -> str:
    """The diagram as an inline SVG of one line, styled by ``docs/site.css``."""
    diagram = parse(text)
    x_of = {name: MARGIN + number * COLUMN for number, name in enumerate(diagram.participants)}
    y = HEADER + STEP
    body: list[str] = []
    for step in diagram.steps:
        drawn, y = _step(step, x_of, y)
        body += drawn
    width, height = 2 * MARGIN + COLUMN * (len(x_of) - 1), y + STEP
    lives = [f'<line class="life" x1="{x}" y1="{HEADER}" x2="{x}" y2="{height}"/>' for x in x_of.values()]
    titles = [
        part
        for name, title in diagram.participants.items()
        for part in (_box(x_of[name] - 90, 1, 180, HEADER - 2), _text(x_of[name], 22, title))
    ]
    label = escape("; ".join(_sentence(step, diagram) for step in diagram.steps))
    parts = [*lives, *titles, *body]
    return (
        f'<svg class="sequence" role="img" aria-label="{label}" viewBox="0 0 {width} {height}" '
        f'xmlns="http://www.w3.org/2000/svg">{"".join(parts)}</svg>'
    )


def _sentence(step: Step, diagram: Diagram) -> str:
    source = diagram.participants[step.source]
    if step.target is None or step.target == step.source:
        return f"{source}: {step.text}"
    return f"{source} to {diagram.participants[step.target]}: {step.text}"


def _step(step: Step, x_of: dict[str, int], y: int) -> tuple[list[str], int]:
    """The shapes of a step that starts at ``y``, and where the next one starts."""
    x = x_of[step.source]
    if step.target is None:
        lines = textwrap.wrap(step.text, WRAP)
        height = len(lines) * LINE + 10
        return [_box(x - 105, y, 210, height), *_texts(x, y + 17, lines)], y + height + STEP
    if step.target == step.source:
        lines = textwrap.wrap(step.text, WRAP - 8)
        bottom = y + len(lines) * LINE + 6
        path = f'<path class="line" d="M{x} {y + 6}h24v{bottom - y - 8}h-16"/>'
        return [path, _head(x, bottom - 2, -1), *_texts(x + 32, y + 17, lines, anchor="start")], bottom + STEP
    other = x_of[step.target]
    direction = 1 if other > x else -1
    lines = textwrap.wrap(step.text, WRAP * abs(other - x) // COLUMN)
    below = y + len(lines) * LINE + 4
    kind = "line reply" if step.is_reply else "line"
    line = f'<line class="{kind}" x1="{x}" y1="{below}" x2="{other - 8 * direction}" y2="{below}"/>'
    return [*_texts((x + other) // 2, y + 13, lines), line, _head(other, below, direction)], below + STEP


def _head(x: int, y: int, direction: int) -> str:
    back = x - 9 * direction
    return f'<path class="head" d="M{x} {y}L{back} {y - 5}L{back} {y + 5}Z"/>'


def _box(x: int, y: int, width: int, height: int) -> str:
    return f'<rect class="box" x="{x}" y="{y}" width="{width}" height="{height}" rx="4"/>'


def _texts(x: int, y: int, lines: list[str], anchor: str = "middle") -> list[str]:
    return [_text(x, y + number * LINE, line, anchor) for number, line in enumerate(lines)]


def _text(x: int, y: int, text: str, anchor: str = "middle") -> str:
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}">{escape(text)}</text>'
