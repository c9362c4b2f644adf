"""The list of people: 50 of 100,000 by each filter, with roles and a total, against fetching 50 rows by their ids.

The baseline reads 50 people with their roles by the driver alone and makes the same records of them: that is what any
list must do once it knows which 50 to show.
"""

from __future__ import annotations

import json
from functools import partial
from typing import Final

from app.core.administration_records import PeopleQuery
from app.core.clock import utc_now
from db.people_rows import person_row
from db.synthetic_data import permission_name, role_name
from tests.benchmarks import budgets
from tests.benchmarks.benchmark_run import BenchmarkRun
from tests.benchmarks.measure import Batch, calls_of, interleaved
from tests.benchmarks.results import Row, row

QUERIES: Final = {
    "no filter": PeopleQuery(),
    "prefix": PeopleQuery(text="zoe a"),
    "substring": PeopleQuery(text="rson.7"),
    "wide substring": PeopleQuery(text="example"),
    "role": PeopleQuery(role=role_name(0)),
    "permission": PeopleQuery(permission=permission_name(0)),
}
_BASELINE: Final = """
    SELECT p.id, p.erased_at,
        (SELECT group_concat(r.name, char(10)) FROM grants g JOIN roles r ON r.id = g.role_id
         WHERE g.person_id = p.id AND (g.until IS NULL OR g.until > ?)),
        p.issuer, p.subject, p.name, p.email, p.email_verified, p.picture, p.blocked, p.first_seen_at, p.last_seen_at,
        p.machine, p.signed_out_at
    FROM people p WHERE p.id IN (SELECT value FROM json_each(?))
"""


def listing(run: BenchmarkRun) -> list[Row]:
    """The product's list by each filter; the baseline reads the same 50 people."""
    world = run.world
    reader, connection = world.database.administration, world.raw()
    now = utc_now()
    at = int(now.timestamp() * 1_000_000)

    def baseline(ids: str) -> object:
        return tuple(map(person_row, connection.execute(_BASELINE, (at, ids)).fetchall()))

    rows = []
    try:
        for name, query in QUERIES.items():
            shown = [person.id for person in reader.people(query, now).rows]
            if not shown:
                raise RuntimeError(f"no person matches {name}")
            sides: dict[str, Batch] = {
                "baseline": calls_of(partial(baseline, json.dumps(shown))),
                "ours": calls_of(partial(reader.people, query, now)),
            }
            samples = interleaved(sides, run.effort)
            rows.append(row(f"people: {name}", budgets.PEOPLE, samples, "ours", "baseline"))
    finally:
        connection.close()
    return rows
