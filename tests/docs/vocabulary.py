"""Banned words of the vocabulary in names and prose: ``python -m tests.docs.vocabulary``.

Without arguments the counts of each area are printed, which are none. ``--list PATH...`` prints each place;
``--files FILE...`` reads these files only.
"""

from __future__ import annotations

import argparse
import ast
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Final

from tests.docs.banned_words import ALLOWANCES, RULES, Allowance, Rule
from tests.docs.project_files import ROOT, is_within, project_files
from tests.docs.python_text import Defined
from tests.docs.source_text import pieces
from tests.docs.text_pieces import Kind, Piece

AREAS: Final = (
    "app/admin",
    "app/cli",
    "app/core",
    "app",
    "component/dev_tenant",
    "component",
    "db",
    "deploy",
    "docs",
    "pages",
    "remote_api",
    "tests",
)
"""Path prefixes, the more specific first. A module that moves to a subfolder stays in its area."""
TEXTS: Final = "texts"
"""The area of everything else: the documents and the configuration at the root."""


@dataclass(frozen=True)
class Place:
    """A banned word: the path from the root, the line, the matched name or phrase, its rule, and where it stands."""

    path: str
    line: int
    text: str
    rule: Rule
    in_prose: bool = field(default=False, compare=False)

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.text} -> {self.rule.use}"


def area_of(path: str) -> str:
    """The area a path belongs to."""
    return next((area for area in AREAS if is_within(path, (area,))), TEXTS)


def snake_case(name: str) -> str:
    """A name as its words joined with ``_``, without underscores around it; the case of constants is kept."""
    name = name.strip("_")
    if name.isupper():
        return name
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name)


@cache
def _pattern(expression: str) -> re.Pattern[str]:
    return re.compile(expression, re.IGNORECASE)


@cache
def _prose_pattern(expression: str) -> re.Pattern[str]:
    parts = re.split(r"(\(\?<!.*?\))", expression)  # what stands in a look-behind has a fixed width
    spaced = (part.replace(" ", r"\s" if part.startswith("(?<!") else r"\s+") for part in parts)
    return re.compile("".join(spaced), re.IGNORECASE)


_ANY_PROSE: Final = re.compile(
    "|".join(_prose_pattern(rule.prose).pattern for rule in RULES if rule.prose), re.IGNORECASE
)


@cache
def _rules_of_name(name: str, kind: Kind) -> tuple[Rule, ...]:
    snake = snake_case(name)

    def applies(rule: Rule) -> bool:
        if rule.words and _pattern(rf"(?:.*_)?(?:{rule.words})(?:_.*)?").fullmatch(snake):
            return True
        return bool(rule.exact and kind is Kind.NAME and _pattern(rule.exact).fullmatch(snake))

    return tuple(rule for rule in RULES if applies(rule))


def places_in(path: str, piece: Piece) -> Iterator[Place]:
    """The banned words of one piece of a file, allowed ones included."""
    if piece.kind is Kind.PROSE:
        if not _ANY_PROSE.search(piece.text):
            return
        for rule in RULES:
            if rule.prose and (not rule.paths or is_within(path, rule.paths)):
                for match in _prose_pattern(rule.prose).finditer(piece.text):
                    line = piece.line + piece.text.count("\n", 0, match.start())
                    yield Place(path, line, " ".join(match[0].split()), rule, in_prose=True)
    else:
        for rule in _rules_of_name(piece.text, piece.kind):
            if not rule.paths or is_within(path, rule.paths):
                yield Place(path, piece.line, piece.text, rule)


def allowance_for(place: Place) -> Allowance | None:
    """The exception that covers a place."""
    return next(
        (
            allowance
            for allowance in ALLOWANCES
            if allowance.in_prose is place.in_prose
            and _pattern(allowance.text).fullmatch(place.text)
            and (not allowance.paths or is_within(place.path, allowance.paths))
        ),
        None,
    )


@cache
def all_places(root: Path) -> tuple[Place, ...]:
    """Every banned word of a checkout, allowed ones included."""
    return places_of(root, project_files(root))


def places_of(root: Path, paths: Iterable[str]) -> tuple[Place, ...]:
    """Every banned word of some files of a checkout, allowed ones included."""
    texts = {path: (root / path).read_text(encoding="utf-8") for path in paths}
    defined = Defined()
    for path, text in texts.items():
        if path.endswith(".py"):
            defined.add(ast.parse(text))
    places = (
        place
        for path, text in texts.items()
        for piece in pieces(Path(path), text, defined)
        for place in places_in(path, piece)
    )
    unique = dict.fromkeys(places)  # a line counts once for each name or phrase
    return tuple(sorted(unique, key=lambda place: (place.path, place.line)))


def banned_places(root: Path) -> list[Place]:
    """Every banned word of a checkout that no exception allows."""
    return [place for place in all_places(root) if allowance_for(place) is None]


def counts(root: Path) -> dict[str, int]:
    """Area → number of banned words; areas without any are absent."""
    return dict(sorted(Counter(area_of(place.path) for place in banned_places(root)).items()))


def print_counts(root: Path) -> None:
    """Print the number of banned words by area and by rule."""
    for area, count in counts(root).items():
        print(f"{count:6}  {area}")
    by_rule = Counter(place.rule.banned for place in banned_places(root))
    print(f"{by_rule.total():6}  in all\n")
    for banned, count in by_rule.most_common():
        print(f"{count:6}  {banned}")


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.docs.vocabulary", description=__doc__)
    parser.add_argument("--root", type=Path, default=ROOT, help="another checkout")
    parser.add_argument("--list", nargs="+", metavar="PATH", help="print each place below these paths ('.' for all)")
    parser.add_argument("--files", nargs="+", metavar="FILE", help="print each place in these files, which is quick")
    options = parser.parse_args()
    root = options.root.resolve()
    if options.files:
        places = places_of(root, options.files)
        print(*(place for place in places if allowance_for(place) is None), sep="\n", end="")
        return 0
    if options.list:
        wanted_paths = [path.rstrip("/") for path in options.list]
        for place in banned_places(root):
            if "." in wanted_paths or is_within(place.path, wanted_paths) or area_of(place.path) in wanted_paths:
                print(place)
        return 0
    print_counts(root)
    return 0


if __name__ == "__main__":
    sys.exit(main())
