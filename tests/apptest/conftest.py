"""The app in Streamlit's AppTest, over a database in memory, with the remote API answering over real loopback HTTP."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest
from werkzeug.serving import make_server

from app import hosted, testing
from app import services as composition
from app.core.permissions import declare
from app.core.principal import Subject
from app.core.rights import Rights
from app.services import Services
from remote_api import create_app
from remote_api.background_writer import BackgroundWriter
from remote_api.services import ApiServices
from tests import seeding, stub_responses
from tests.apptest.administration import Administration
from tests.apptest.hosted_apps import Serve, serve_functions
from tests.apptest.stubbed import AdministrationStub, administration_stub
from tests.contract import ContractMiddleware, stored_contract
from tests.issuer import AUDIENCE, CLIENT_ID, ROLES_CLAIM, Issuer
from tests.ports import free_port
from tests.stub_api import StubApi


@pytest.fixture(scope="package", autouse=True)
def databases_are_seeded_once() -> Iterator[None]:
    """Let ``app.testing`` copy a seeded database."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(testing, "seed", seeding.seed)
        yield


@dataclass(frozen=True)
class AppInstallation:
    """A test installation of the app with its remote API: the services, which have the database, and the issuer."""

    services: Services
    issuer: Issuer

    def sign_in(
        self,
        at: AppTest | None,
        *,
        roles: Sequence[str] = (),
        permissions: Sequence[str] = (),
        subject: str | None = None,
        **more: str,
    ) -> Subject:
        """Sign a user in with these roles, permissions of their own, and a real access token."""
        subject = subject or f"test|{id(at)}"
        token = self.issuer.access_token(sub=subject, iss=self.services.settings.issuer)
        return testing.sign_in_as(at, roles=roles, permissions=permissions, subject=subject, access_token=token, **more)


@pytest.fixture
def installation(shared_issuer: Issuer) -> Iterator[AppInstallation]:
    settings = testing.settings(
        oidc_issuer=shared_issuer.url,
        auth0_audience=AUDIENCE,
        auth0_client_id=CLIENT_ID,
        auth0_roles_claim=ROLES_CLAIM,
        remote_api_base_url=f"http://localhost:{free_port()}",
    )
    with testing.gatehouse(settings) as services:
        storage = services.storage
        api = create_app(settings, ApiServices(storage, shared_issuer.verifier(), Rights(storage.read)))
        checked = ContractMiddleware(api, stored_contract())
        server = make_server("127.0.0.1", int(settings.remote_api_base_url.rpartition(":")[2]), checked, threaded=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        with closing(api.extensions[BackgroundWriter.EXTENSION]):
            yield AppInstallation(services, shared_issuer)
            server.shutdown()
            thread.join()
            server.server_close()
        if checked.drifts:
            raise checked.drifts[0]


@pytest.fixture
def change(installation: AppInstallation) -> Callable[[Callable[..., object]], None]:
    """Run a function in a transaction of the installation and commit it, as another process would."""

    def run(do: Callable[..., object]) -> None:
        with composition.services().storage.unit_of_work() as unit:
            do(unit)
            unit.commit()

    return run


@pytest.fixture
def admin() -> Iterator[Administration]:
    """The pages for administrators in front of a stub of the remote API with stub responses."""
    with (
        StubApi(contract=stored_contract()) as stub,
        testing.gatehouse(testing.settings(remote_api_base_url=stub.url)) as services,
    ):
        yield Administration(services, stub_responses.serve(stub))


@pytest.fixture
def stub() -> Iterator[AdministrationStub]:
    """Gatehouse in front of a stub of the remote API whose responses a test replaces."""
    with administration_stub() as ready:
        yield ready


@pytest.fixture
def gatehouse() -> Iterator[Services]:
    """Gatehouse in this process; hosted apps, declared permissions and Streamlit's caches are removed afterwards."""
    with testing.gatehouse() as built:
        yield built
    hosted.install(None)
    declare({}, {})
    st.cache_data.clear()
    st.cache_resource.clear()


@pytest.fixture
def serve(gatehouse: Services, tmp_path: Path) -> Serve:
    """Serve a hosted app whose pages are functions: see ``serve_functions``."""
    return partial(serve_functions, tmp_path)
