"""The remote API for tests: the real app over a database in memory, with a real issuer on loopback."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any

from app.core.keyring import Keyring
from app.core.rights import Rights
from app.core.tokens.verifier import build_verifier
from db import open_database, verify_chain
from remote_api import create_app
from remote_api.application import Application
from remote_api.background_writer import BackgroundWriter
from remote_api.services import ApiServices
from tests.clock import FakeClock
from tests.issuer import Issuer
from tests.remote_api.contract_client import ContractClient
from tests.seeding import seed
from tests.world import SignedIn, World, settings_for

SECRET = "0123456789abcdefghijklmnopqrstuvwxyz"


@dataclass
class ApiWorld(World):
    """A test installation with the remote API, whose responses are checked against the contract.

    The clock is that of the API, not of its verifier: tokens are verified at the real time.
    """

    clock: FakeClock
    app: Application = field(init=False)
    _background_writers: list[BackgroundWriter] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        self.app = self.make_app()

    def make_app(self, storage: Any = None) -> Application:
        """The API over ``storage``, or over the database."""
        storage = storage or self.database
        verifier = build_verifier(self.settings)
        app = create_app(
            self.settings,
            ApiServices(
                storage=storage,
                verifier=verifier,
                rights=Rights(storage.read, clock=self.clock),
                clock=self.clock,
                verify_chain=partial(verify_chain, self.database),
            ),
        )
        app.test_client_class = ContractClient
        self._background_writers.append(_background_writer(app))
        return app

    @property
    def background_writer(self) -> BackgroundWriter:
        """The app's background writer."""
        return _background_writer(self.app)

    def close(self) -> None:
        """Close the apps and the database."""
        for background_writer in self._background_writers:
            background_writer.close()
        self.database.close()

    def sign_in(
        self,
        name: str = "auth0|ann",
        *,
        roles: tuple[str, ...] = (),
        lasts: timedelta = timedelta(hours=8),
        amr: tuple[str, ...] = ("pwd",),
        **claims: Any,
    ) -> SignedIn:
        """A person with these roles and a session of the app, and its access token, to which ``claims`` are added."""
        return self.new_session(self.person(name, roles=roles), lasts=lasts, amr=amr, **claims)

    def call(self, path: str, token: str | None = None, *, method: str = "GET", **options: Any) -> Any:
        """Call the API, with ``token`` as bearer token if any. ``Any``: werkzeug types ``json`` as optional."""
        headers = dict(options.pop("headers", {}))
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        return self.app.test_client().open(path, method=method, headers=headers, **options)


def api_world(issuer: Issuer, **settings: Any) -> ApiWorld:
    """A test installation whose API trusts ``issuer``; the caller closes it.

    Args:
        issuer: The provider that signs the tokens.
        **settings: Settings that are added to those of ``settings_for``.
    """
    chosen, keyring = settings_for(issuer, **settings), Keyring([SECRET])
    database = open_database(chosen, keyring)
    seed(database)
    return ApiWorld(issuer, chosen, keyring, FakeClock(), database)


@dataclass(frozen=True)
class Caller:
    """A signed-in user who calls ``/api/v1``."""

    world: ApiWorld
    signed_in: SignedIn

    def get(self, path: str, **query: Any) -> Any:
        """GET."""
        return self.send("GET", path, query=query)

    def send(
        self, method: str, path: str, body: Any = None, *, version: str | None = None, query: Any = None, **options: Any
    ) -> Any:
        """Send a request. ``version``: the value of ``If-Match``, unchanged."""
        headers = {"If-Match": version} if version is not None else {}
        content = {"json": body} if body is not None else {}
        return self.world.call(
            f"/api/v1{path}",
            self.signed_in.token,
            method=method,
            headers=headers,
            query_string=query,
            **content,
            **options,
        )


def administrator(world: ApiWorld, name: str = "auth0|root") -> Caller:
    """A signed-in administrator who has just used a second factor."""
    return Caller(world, world.sign_in(name, roles=("administrator",), amr=("pwd", "mfa")))


def caller(world: ApiWorld, name: str, *roles: str) -> Caller:
    """A signed-in user with these roles."""
    return Caller(world, world.sign_in(name, roles=roles))


def _background_writer(app: Application) -> BackgroundWriter:
    background_writer = app.extensions[BackgroundWriter.EXTENSION]
    assert isinstance(background_writer, BackgroundWriter)
    return background_writer
