"""Ten thousand refused calls of anonymous clients: a bounded number of audit rows, and no delay of sign-ins."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import cycle

import pytest

from app.core.refusal_counts import MAX_ROWS
from app.core.rights import Rights
from db import verify_chain
from remote_api import create_app
from remote_api.background_writer import BackgroundWriter
from remote_api.services import ApiServices
from tests.clock import FakeClock
from tests.provider import FakeProvider
from tests.signin import SignInWorld, query, sign_in_world

CALLS = 10_000
CHUNKS = 10
TIMES_AS_SLOW = 2.0  # far above the noise of two busy cores, far below what a row and a lock for each would cost


@pytest.fixture
def worlds() -> Iterator[tuple[SignInWorld, SignInWorld]]:
    """Two installations: one that is flooded, and one that is not."""
    with ExitStack() as stack:
        pair = []
        for _ in range(2):
            clock = FakeClock()
            fake = stack.enter_context(FakeProvider(clock.timestamp))
            pair.append(stack.enter_context(sign_in_world(fake, clock)))
        yield pair[0], pair[1]


def seconds_to_sign_in(installation: SignInWorld) -> float:
    client = installation.client()
    started = time.perf_counter()
    installation.sign_in(client)
    return time.perf_counter() - started


def compared(flooded: SignInWorld, quiet: SignInWorld, times: dict[str, list[float]]) -> None:
    for _ in range(3):
        times["flooded"].append(seconds_to_sign_in(flooded))
        times["quiet"].append(seconds_to_sign_in(quiet))


def report(case: str, rows: int, times: dict[str, list[float]]) -> float:
    flooded, quiet = (statistics.median(times[name]) * 1000 for name in ("flooded", "quiet"))
    ratio = flooded / quiet
    print(f"{CALLS:,} {case}: {rows} rows; a sign-in {flooded:.1f} ms, without them {quiet:.1f} ms: ratio {ratio:.2f}")
    return ratio


def test_bad_callbacks(worlds: tuple[SignInWorld, SignInWorld]) -> None:
    flooded, quiet = worlds
    times: dict[str, list[float]] = {"flooded": [], "quiet": []}
    for installation in worlds:
        seconds_to_sign_in(installation)
    client = flooded.client()
    errors = cycle(["access_denied", "server_error", "something made up"])
    for _ in range(CHUNKS):
        for number in range(CALLS // CHUNKS):
            if number % 5:  # a made-up state: nothing is stored for it
                path = flooded.fake.answer("s" * 43, code=f"code-{number}")
            else:  # a sign-in that was started here, and answered with nonsense
                path = flooded.fake.answer(query(flooded.begin(client))["state"], error=next(errors))
            assert client.get(path).status in {400, 403, 503}
        flooded.refusals.flush()
        compared(flooded, quiet, times)
    refused = flooded.audit("app:login:refuse")
    ratio = report("bad callbacks", len(refused), times)
    assert 0 < len(refused) <= CHUNKS * MAX_ROWS
    assert len(refused) <= 2 * 3 * CHUNKS, "one address: one row for each reason and write, and the minute may turn"
    assert ratio < TIMES_AS_SLOW
    assert verify_chain(flooded.storage).good


def test_bad_bearer_tokens(worlds: tuple[SignInWorld, SignInWorld]) -> None:
    flooded, quiet = worlds
    times: dict[str, list[float]] = {"flooded": [], "quiet": []}
    app = create_app(
        flooded.settings,
        ApiServices(storage=flooded.storage, verifier=flooded.verifier, rights=Rights(flooded.storage.read)),
    )
    background_writer: BackgroundWriter = app.extensions[BackgroundWriter.EXTENSION]
    client = app.test_client()
    for installation in worlds:
        seconds_to_sign_in(installation)
    for chunk in range(CHUNKS):
        for number in range(CALLS // CHUNKS):
            address = f"203.0.{chunk}.{number % 250}"  # 2,500 addresses
            answer = client.get(
                "/api/v1/reports/usage",
                headers={"Authorization": f"Bearer not-a-token-{number}"},
                environ_overrides={"REMOTE_ADDR": address},
            )
            assert answer.status_code == 401
        background_writer.flush()
        compared(flooded, quiet, times)
    background_writer.close()
    refused = flooded.audit("api:token:refuse")
    ratio = report("bad bearer tokens", len(refused), times)
    assert 0 < len(refused) <= CHUNKS * MAX_ROWS
    assert ratio < TIMES_AS_SLOW
    assert verify_chain(flooded.storage).good
