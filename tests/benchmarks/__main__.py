"""``python -m tests.benchmarks``: run benchmarks, print one table, write JSON. Exit 1 when a budget is missed or a
benchmark does not work.
"""

from __future__ import annotations

import argparse
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from tests.benchmarks import (
    endpoint,
    function,
    people,
    permissions,
    rerun,
    results,
    serving,
    session,
    sign_in,
    verification,
)
from tests.benchmarks.benchmark_run import BenchmarkRun
from tests.benchmarks.results import Row, Skipped
from tests.stack import ROOT

BENCHMARKS: Final[Mapping[str, Callable[[BenchmarkRun], list[Row]]]] = {
    "verify-seen": verification.seen,
    "verify-fresh": verification.fresh,
    "endpoint": endpoint.in_process,
    "endpoint-served": serving.under_gunicorn,
    "guarded-function": function.guarded,
    "people": people.listing,
    "permissions": permissions.loading,
    "session": session.resolving,
    "rerun": rerun.guarded,
    "sign-in": sign_in.in_a_browser,
}
DEFAULT_FILE: Final = ROOT / "var" / "bench.json"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmarks of the arguments."""
    options = _parser().parse_args(arguments)
    rows: list[Row] = []
    skipped: dict[str, str] = {}
    failed: dict[str, str] = {}
    with BenchmarkRun(quick=options.quick) as run:
        for name in options.only or BENCHMARKS:
            print(f"{name} …", file=sys.stderr, flush=True)
            try:
                rows += BENCHMARKS[name](run)
            except Skipped as reason:
                skipped[name] = str(reason)
            except Exception as error:  # noqa: BLE001 - what the others measured must not be lost
                traceback.print_exc()
                failed[name] = f"{type(error).__name__}, see above"
    print(results.table(rows, skipped, failed))
    results.write(options.json, results.document(rows, skipped, failed, quick=options.quick))
    print(f"Written to {options.json}.")
    return 0 if not failed and all(row.met for row in rows) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "python -m tests.benchmarks", description="Measure against baselines and other libraries."
    )
    parser.add_argument(
        "--quick", action="store_true", help="a small database and few rounds: that it works, not how fast"
    )
    parser.add_argument("--only", nargs="+", choices=BENCHMARKS, metavar="NAME", help=", ".join(BENCHMARKS))
    parser.add_argument("--json", type=Path, default=DEFAULT_FILE, metavar="PATH", help="where to write the figures")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
