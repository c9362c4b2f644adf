"""Loading a principal's grants: five roles of fifty permissions each, in a large database."""

from __future__ import annotations

from typing import Final

from app.core.clock import utc_now
from db.synthetic_data import PERMISSIONS_PER_ROLE, role_name
from tests.benchmarks import budgets
from tests.benchmarks.benchmark_run import BenchmarkRun
from tests.benchmarks.measure import calls_of, interleaved
from tests.benchmarks.results import Row, row
from tests.benchmarks.world import ROLES_OF_USER

# Joining the names of a role to one text in the database is the fastest way to read 250 of them.
_BASELINE: Final = """
    SELECT g.source, g.until, g.given_by, g.created_at, g.permission, r.name,
        (SELECT group_concat(rp.permission, ' ') FROM role_permissions rp WHERE rp.role_id = g.role_id)
    FROM people p JOIN grants g ON g.person_id = p.id LEFT JOIN roles r ON r.id = g.role_id
    WHERE p.issuer = ? AND p.subject = ? AND (g.until IS NULL OR g.until > ?)
"""


def loading(run: BenchmarkRun) -> list[Row]:
    """The product's reader against the driver alone, which reads the same rows and makes one set of names."""
    world = run.world
    roles = tuple(role_name(3 + n * 9) for n in range(ROLES_OF_USER))
    subject = world.sign_in("auth0|permissions", roles=roles).subject
    reader, connection = world.database.read, world.raw()
    now = utc_now()
    key = (subject.issuer, subject.subject, int(now.timestamp() * 1_000_000))

    def raw() -> frozenset[str]:
        read: list[str] = []
        for *_, listed in connection.execute(_BASELINE, key).fetchall():
            read += listed.split(" ")
        return frozenset(read)

    names = reader.grants(subject, now).permissions.keys()
    if len(names) != ROLES_OF_USER * PERMISSIONS_PER_ROLE or names != raw():
        raise RuntimeError("the two sides do not read the same")
    try:
        sides = {"baseline": calls_of(raw), "ours": calls_of(lambda: reader.grants(subject, now))}
        samples = interleaved(sides, run.effort)
    finally:
        connection.close()
    return [row("permissions", budgets.PERMISSIONS, samples, "ours", "baseline")]
