"""A stub of the remote API, and calls of it by a signed-in user."""

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
def served() -> Iterator[tuple[StubApi, Services]]:
    with StubApi() as started, testing.gatehouse(testing.settings(remote_api_base_url=started.url)) as built:
        yield started, built


@pytest.fixture
def stub(served: tuple[StubApi, Services]) -> StubApi:
    stub, built = served
    composition.install(built)  # another module's tests may have come in between
    stub.responses.clear()
    stub.requests.clear()
    return stub


@pytest.fixture
def run_as(served: tuple[StubApi, Services], stub: StubApi) -> Callable[..., Run]:
    """Runs something as somebody with these roles and permissions, whose second factor is fresh."""

    def make(*, roles: tuple[str, ...] = (), permissions: tuple[str, ...] = ()) -> Run:
        at = AppTest.from_string("")
        who = testing.sign_in_as(at, roles=roles, permissions=permissions)
        with served[1].storage.engine.begin() as connection:  # type: ignore[attr-defined]
            connection.execute(text("UPDATE sessions SET amr = 'mfa pwd'"))

        def run(do: Callable[[], object]) -> object:
            with session_binding._bound_to(session_binding.Binding(str(at.user["sid"]), who)):
                return do()

        return run

    return make
