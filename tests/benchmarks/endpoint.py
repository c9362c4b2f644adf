"""The whole protected endpoint in this process: verification, session, person and rights, by the product's own app."""

from __future__ import annotations

from typing import Final

from app.core.rights import Rights
from app.core.tokens.hashes import token_hash
from app.core.tokens.verifier import build_verifier
from remote_api import create_app
from remote_api.background_writer import BackgroundWriter
from remote_api.services import ApiServices
from tests.benchmarks import baselines, budgets
from tests.benchmarks.benchmark_run import BenchmarkRun
from tests.benchmarks.calling import getting
from tests.benchmarks.measure import calls_of, interleaved
from tests.benchmarks.results import Row, row

PATH: Final = "/api/pong-scoped"


def in_process(run: BenchmarkRun) -> list[Row]:
    """Own token, real session and grants in a file, against a plain route that reads the same rows by the driver."""
    world = run.world
    person = world.sign_in("auth0|endpoint", roles=("developer",))
    storage = world.database
    services = ApiServices(storage=storage, verifier=build_verifier(world.settings), rights=Rights(storage.read))
    app = create_app(world.settings, services)
    baseline = baselines.one_read(world.file, token_hash(person.token))
    base = world.settings.remote_api_base_url
    try:
        sides = {
            "baseline": calls_of(getting(baseline, base, PATH, person.token)),
            "ours": calls_of(getting(app, base, PATH, person.token)),
        }
        samples = interleaved(sides, run.effort)
    finally:
        background_writer: BackgroundWriter = app.extensions[BackgroundWriter.EXTENSION]
        background_writer.close()
    return [row("endpoint", budgets.ENDPOINT, samples, "ours", "baseline")]
