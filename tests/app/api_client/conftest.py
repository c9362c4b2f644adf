"""A stub of the remote API, and calls of it by a signed-in user."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest
from streamlit.testing.v1 import AppTest

from app import services as composition
from app import testing
from app.core import correlation
from app.runtime import session_binding
from app.services import Services
from tests.app.api_client.signed import Signed
from tests.stub_api import StubApi, json_of


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[StubApi, Services]]:
    with StubApi() as started, testing.gatehouse(testing.settings(remote_api_base_url=started.url)) as built:
        yield started, built


@pytest.fixture
def services(served: tuple[StubApi, Services]) -> Services:
    composition.install(served[1])  # another module's tests may have come in between
    return served[1]


@pytest.fixture
def stub(served: tuple[StubApi, Services], services: Services) -> StubApi:
    stub = served[0]
    stub.requests.clear()
    stub.default_response = json_of({"ok": True}, etag='"v1"')
    stub.health = json_of({"status": "ok"})
    return stub


@pytest.fixture
def signed(services: Services) -> Signed:
    """Runs a function as a signed-in user."""
    at = AppTest.from_string("")
    subject = testing.sign_in_as(at, roles=["administrator"], access_token=f"the-token-{id(at)}")

    def run(do: Callable[[], object]) -> object:
        correlation.begin()
        with session_binding._bound_to(session_binding.Binding(str(at.user["sid"]), subject)):
            return do()

    return run


@pytest.fixture
def never() -> Iterator[threading.Event]:
    """Set at the end: what waits for it is never answered while the test runs."""
    event = threading.Event()
    yield event
    event.set()
