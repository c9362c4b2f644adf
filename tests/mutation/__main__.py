"""Mutation testing: ``python -m tests.mutation [SLICE …]``, or ``make mutation``.

Each slice of ``slices.py`` is copied to ``var/mutation`` and mutated there by mutmut, which remembers results: a second
run tries only what has changed or did not run. Prints a table, and the mutants that no test kills and that
``survivors.toml`` does not explain; the exit status is 1 if there are any.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections import Counter
from contextlib import chdir
from pathlib import Path
from typing import Final

from tests.mutation.results import (
    KILLED,
    NOT_KILLED,
    TIMEOUT,
    change_of,
    counts_by_module,
    explanations,
    mutants,
    score,
)
from tests.mutation.slices import SLICES, Slice
from tests.mutation.tree import FOLDER, ROOT, prepare

TITLES: Final = ("mutants", "killed", "explained", "left", "timeouts", "not run", "score")


def main(arguments: list[str]) -> int:
    """Run the slices and print their results; the exit status is 1 for a survivor that is not explained."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__.partition("\n")[0])
    parser.add_argument("slice", nargs="*", help=f"one of {', '.join(part.name for part in SLICES)} (default: all)")
    parser.add_argument("--only", action="append", default=[], metavar="GLOB", help="mutants by name: app.core.policy*")
    parser.add_argument("--again", action="store_true", help="try again the mutants that survived or took too long")
    parser.add_argument("--report", action="store_true", help="print the last results, and run nothing")
    parser.add_argument("--processes", type=int, default=2, help="how many mutants run at once (default: 2)")
    options = parser.parse_args(arguments)
    if unknown := set(options.slice) - {part.name for part in SLICES}:
        parser.error(f"no slice is called {', '.join(sorted(unknown))}")
    chosen = [part for part in SLICES if not options.slice or part.name in options.slice]
    if not options.report:
        for part in chosen:
            if status := _run(part, options.only, options.processes, again=options.again):
                print(f"mutmut failed for {part.name}", file=sys.stderr)
                return status
    return _report([part for part in chosen if (FOLDER / part.name).is_dir()])


def _run(part: Slice, only: list[str], processes: int, *, again: bool) -> int:
    """Run mutmut in the slice's folder; the exit status is mutmut's."""
    print(f"{part.name}: {', '.join(part.modules)}", flush=True)
    folder = prepare(part)
    names = [mutant.name for mutant in mutants(folder) if mutant.status in (*NOT_KILLED, TIMEOUT)] if again else []
    if again and not names:
        return 0
    return subprocess.run(
        [str(Path(sys.executable).with_name("mutmut")), "run", "--max-children", str(processes), *only, *names],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": "", "PYTHONDONTWRITEBYTECODE": "1"},
        check=False,
    ).returncode


def _report(parts: list[Slice]) -> int:
    """Print the table of modules and the survivors that are not explained; returns 1 if there are any."""
    reasons = explanations()
    total: Counter[str] = Counter()
    unexplained: list[str] = []
    print(f"{'module':44} " + " ".join(f"{title:>9}" for title in TITLES))
    for part in parts:
        folder = FOLDER / part.name
        every = mutants(folder)
        explained: set[str] = set()
        with chdir(folder):
            for mutant in every:
                if mutant.status not in NOT_KILLED:
                    continue
                change = change_of(mutant)
                if change in reasons:
                    explained.add(mutant.name)
                else:
                    unexplained.append(
                        f"{mutant.at} ({mutant.status}; {mutant.name})\n"
                        f"  - {change.was.replace(chr(10), chr(10) + '  - ')}\n"
                        f"  + {change.becomes.replace(chr(10), chr(10) + '  + ')}"
                    )
        for module, counts in counts_by_module(every, explained).items():
            print(_row(module, counts))
            total += counts
    print(_row("all", total))
    print("\n".join(["", *unexplained]))
    return 1 if unexplained else 0


def _row(name: str, counts: Counter[str]) -> str:
    killed = sum(counts[status] for status in KILLED)
    left = counts.total() - killed - counts["explained"] - counts[TIMEOUT] - counts["not checked"]
    reached = score(counts)
    percent = "" if reached is None else f"{reached:.1f} %"
    numbers = (counts.total(), killed, counts["explained"], left, counts[TIMEOUT], counts["not checked"])
    return f"{name:44} " + " ".join(f"{number:9}" for number in numbers) + f" {percent:>7}"


if __name__ == "__main__":
    os.chdir(ROOT)
    sys.exit(main(sys.argv[1:]))
