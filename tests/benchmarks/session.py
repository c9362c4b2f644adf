"""Resolving a session by its reference, as every socket message asks for it: one query, and little more."""

from __future__ import annotations

from app.core.clock import utc_now
from app.services import build
from component.session.service import SessionService
from tests.benchmarks import budgets
from tests.benchmarks.baselines import BY_REF
from tests.benchmarks.benchmark_run import BenchmarkRun
from tests.benchmarks.measure import calls_of, interleaved
from tests.benchmarks.results import Row, row
from tests.benchmarks.world import BenchmarkWorld


def resolving(run: BenchmarkRun) -> list[Row]:
    """``SessionService.by_ref`` against the driver reading the same rows; raises unless it is exactly one query."""
    world = run.world
    ref = world.sign_in("auth0|session", roles=("viewer",)).ref
    sessions, connection = build(world.settings, storage=world.database).sessions, world.raw()
    key = (ref,)
    queries = _queries(world, sessions, ref)
    if len(queries) != 1:
        msg = f"resolving a session took {len(queries)} queries: {queries}"
        raise RuntimeError(msg)
    try:
        sides = {
            "baseline": calls_of(lambda: connection.execute(BY_REF, key).fetchone()),
            "ours": calls_of(lambda: sessions.by_ref(ref)),
        }
        samples = interleaved(sides, run.effort)
    finally:
        connection.close()
    return [row("session", budgets.SESSION, samples, "ours", "baseline", note="one query, counted by the driver")]


def _queries(world: BenchmarkWorld, sessions: SessionService, ref: str) -> list[str]:
    """The statements one resolution runs, as the driver sees them."""
    world.database.read.policy_version()  # so that there is a connection, and no other one is opened
    kept = world.database._read_connections._idle  # type: ignore[attr-defined] # its only reads are here
    seen: list[str] = []
    for connection in kept:
        connection.set_trace_callback(seen.append)
    try:
        if sessions.by_ref(ref).created_at > utc_now():
            raise RuntimeError("not the session that was issued")
    finally:
        for connection in kept:
            connection.set_trace_callback(None)
    return seen
