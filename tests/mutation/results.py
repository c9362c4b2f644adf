"""The results of mutmut, and which of the mutants that no test kills are explained in ``survivors.toml``."""

from __future__ import annotations

import json
import re
import tomllib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mutmut.mutation.diff_apply import get_diff_for_mutant
from mutmut.stats import status_by_exit_code

from tests.mutation.tree import MUTANTS

TABLE: Final = Path(__file__).with_name("survivors.toml")
NOT_KILLED: Final = ("survived", "no tests")
KILLED: Final = ("killed", "segfault")
TIMEOUT: Final = "timeout"
"""Neither killed nor survived: the mutant never ends, or the machine had too much other work."""
_NAME: Final = re.compile(r"(?:x_|xǁ(?P<cls>\w+)ǁ)(?P<function>\w+?)__mutmut_\d+$")


@dataclass(frozen=True)
class Mutant:
    """One change of the code.

    Attributes:
        name: What mutmut calls it, such as for ``mutmut show``.
        at: Module and qualified name of the function.
        status: mutmut's status, such as "killed" or "survived".
    """

    name: str
    at: str
    status: str


@dataclass(frozen=True)
class Survivor:
    """A mutant that no test kills, with its change.

    Attributes:
        at: Module and qualified name of the function.
        was: The changed lines as they are in the code.
        becomes: The lines in their place.
    """

    at: str
    was: str
    becomes: str


def explanations() -> dict[Survivor, str]:
    """Each survivor of ``survivors.toml``, and why no test can kill it."""
    rows = tomllib.loads(TABLE.read_text(encoding="utf-8")).get("survivor", [])
    return {
        Survivor(row["at"], row["was"].strip(), changed.strip()): row["why"]
        for row in rows
        for changed in row["becomes"]
    }


def mutants(folder: Path) -> list[Mutant]:
    """Every mutant of a slice's folder, with the last result."""
    results = []
    for meta in sorted((folder / MUTANTS).rglob("*.py.meta")):
        codes = json.loads(meta.read_text(encoding="utf-8"))["exit_code_by_key"]
        results += [Mutant(name, place_of(name), status_by_exit_code[code]) for name, code in codes.items()]
    return results


def place_of(name: str) -> str:
    """Return ``module:Class.function`` for mutmut's name of a mutant.

    Raises:
        ValueError: It is no name of a mutant.
    """
    module, _, mangled = name.rpartition(".")
    match = _NAME.match(mangled)
    if match is None:
        msg = f"not the name of a mutant: {name}"
        raise ValueError(msg)
    return f"{module}:{match['cls'] + '.' if match['cls'] else ''}{match['function']}"


def change_of(mutant: Mutant) -> Survivor:
    """Return the change of a mutant; the working directory is the slice's folder."""
    path = f"{mutant.at.partition(':')[0].replace('.', '/')}.py"
    lines = get_diff_for_mutant(mutant.name, path=path).splitlines()
    return Survivor(mutant.at, _changed(lines, "-"), _changed(lines, "+"))


def counts_by_module(every: list[Mutant], explained: set[str]) -> dict[str, Counter[str]]:
    """For each module the number of mutants by status; those in ``explained`` (names) count as "explained"."""
    counts: dict[str, Counter[str]] = {}
    for mutant in every:
        status = "explained" if mutant.name in explained else mutant.status
        counts.setdefault(mutant.at.partition(":")[0], Counter())[status] += 1
    return counts


def score(counts: Counter[str]) -> float | None:
    """Killed mutants of all that ran and are not explained, in percent; None where there are none."""
    killed = sum(counts[status] for status in KILLED)
    tried = counts.total() - counts["explained"] - counts["not checked"]
    return 100 * killed / tried if tried else None


def _changed(diff: list[str], sign: str) -> str:
    return "\n".join(line[1:].strip() for line in diff[2:] if line.startswith(sign))
