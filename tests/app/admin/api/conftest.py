"""A stub of the remote API, and a signed-in user who calls it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import text
from streamlit.testing.v1 import AppTest

from app import services as composition
from app import testing
from app.runtime import session_binding
from app.services import Services
from tests.app.admin.api.calls import Run
from tests.stub_api import StubApi


@pytest.fixture(scope="module")
def stub_and_services() -> Iterator[tuple[StubApi, Services]]:
    with StubApi() as stub, testing.gatehouse(testing.settings(remote_api_base_url=stub.url)) as services:
        yield stub, services


@pytest.fixture
def stub(stub_and_services: tuple[StubApi, Services]) -> StubApi:
    stub, services = stub_and_services
    composition.install(services)  # tests of another module may have installed theirs
    stub.responses.clear()
    stub.requests.clear()
    return stub


@pytest.fixture
def run_as(stub_and_services: tuple[StubApi, Services], stub: StubApi) -> Callable[..., Run]:
    """Runs a function as a user with these roles and permissions and a recent second factor."""

    def make(*, roles: tuple[str, ...] = (), permissions: tuple[str, ...] = ()) -> Run:
        at = AppTest.from_string("")
        subject = testing.sign_in_as(at, roles=roles, permissions=permissions)
        with stub_and_services[1].storage.engine.begin() as connection:  # type: ignore[attr-defined]
            connection.execute(text("UPDATE sessions SET amr = 'mfa pwd'"))

        def run(call: Callable[[], object]) -> object:
            with session_binding._bound_to(session_binding.Binding(str(at.user["sid"]), subject)):
                return call()

        return run

    return make
