"""``python -m tests.rehearsal [--count 20]``: rehearse every operation, print the table; status 1 when any went wrong.

Needs nginx and a PostgreSQL server that is installed (it starts one of its own). Loopback only; everything that it
starts is stopped.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.postgres import Cluster, installed
from tests.rehearsal.operations import Rehearsal, table


def main() -> int:
    """Run the rehearsal; → the exit status."""
    options = argparse.ArgumentParser(prog="python -m tests.rehearsal")
    options.add_argument("--count", type=int, default=20, help="right answers of each kind before and after each step")
    arguments = options.parse_args()
    binaries = installed()
    if binaries is None:
        print("There is no PostgreSQL server: apt install postgresql", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="gatehouse-rehearsal-") as folder, Cluster(binaries) as cluster:
        rehearsal = Rehearsal(Path(folder), cluster, count=min(1000, max(1, arguments.count)))
        with rehearsal.installation:
            results = rehearsal.run()
    print(table(results))
    for result in results:
        for detail in result.details[:5]:
            print(f"{result.operation}: {detail}", file=sys.stderr)
    return 0 if all(result.good for result in results) else 1


if __name__ == "__main__":
    raise SystemExit(main())
