"""The composition root of the API's process: settings → database → verifier → app.

In production it runs as ``gunicorn remote_api.wsgi:application``. The application is built when the server first reads
it, so that an import of this module makes no connection and the development server reports errors itself. No other
module of the package imports ``db``.
"""

from __future__ import annotations

import atexit
import os
from functools import partial
from typing import Any, Final

import structlog
from gunicorn.errors import AppImportError  # type: ignore[import-untyped] # ships no types
from gunicorn.http import wsgi as gunicorn_responses  # type: ignore[import-untyped] # ships no types

from app.core import logs, settings_loading
from app.core.errors import ConfigurationError, GatehouseError, ServiceUnavailable
from app.core.guard_scanner import publish_guards
from app.core.keyring import Keyring
from app.core.rights import Rights
from app.core.secret_keys import SecretKeys
from app.core.settings import ENV_FILE, ProcessKind, Settings
from app.core.state import unused_state
from app.core.tokens.verifier import build_verifier
from app.core.unknown_settings import unknown_settings
from db import SchemaState, current_state, migrate, open_database, require_secret, seed, verify_chain
from remote_api import create_app, guard_inventory
from remote_api.application import Application
from remote_api.background_writer import BackgroundWriter
from remote_api.services import ApiServices
from remote_api.views.docs import DESCRIPTION

SERVER_NAME: Final = "Gatehouse"
"""The ``Server`` header, which names neither the software that serves the API nor a version."""


def load_settings() -> Settings:
    """Load the settings of this process, and configure logging by them.

    Raises:
        ConfigurationError: with every mistake.
        SecretMismatch: if the secret is not that of the database; a missing one is not created then.
    """
    unused = unused_state(os.environ, ENV_FILE)  # before the folder that is used is made
    require_secret(settings_loading.read(ProcessKind.API))
    settings = settings_loading.load(ProcessKind.API)
    logs.configure(process="api", json_lines=settings.production)
    for sentence in [*unused, *unknown_settings()]:
        structlog.get_logger(__name__).warning(sentence)
    return settings


def build(settings: Settings) -> Application:
    """Open the database, which must be of this version, and make the app.

    The provider is not called before the first token.

    Raises:
        StorageUnavailable: if the database does not respond.
        SchemaMismatch: if the database is of another version.
        SecretMismatch: if it was written with another secret.
    """
    keyring = Keyring(settings.secrets)
    database = open_database(settings, keyring)
    secret_keys = SecretKeys(database, keyring, "remote API")
    try:
        database.check()
        secret_keys.start()
    except ServiceUnavailable:
        database.close()
        raise
    services = ApiServices(
        storage=database,
        verifier=build_verifier(settings),
        rights=Rights(database.read),
        verify_chain=partial(verify_chain, database),
    )
    app = create_app(settings, services)
    publish_guards(database, guard_inventory.PROCESS, guard_inventory.guards(app))
    background_writer = app.extensions[BackgroundWriter.EXTENSION]
    atexit.register(database.close)
    atexit.register(secret_keys.close)
    atexit.register(background_writer.close)  # runs first
    return app


def prepare_new_database(settings: Settings) -> None:
    """In development, make and seed a SQLite file that is not there yet; touches no database that exists."""
    if settings.production or current_state(settings.database_url) is not SchemaState.MISSING:
        return
    migrate(settings.database_url)
    database = open_database(settings, Keyring(settings.secrets))
    try:
        seed(database)
    finally:
        database.close()


def described() -> bytes:
    """The API's description as ``docs/openapi.json`` keeps it; needs no settings, database or provider."""
    settings = Settings(_env_file=None, database_url="sqlite://")
    database = open_database(settings, Keyring(["only for the description"]))
    try:
        services = ApiServices(storage=database, verifier=build_verifier(settings), rights=Rights(database.read))
        description: bytes = create_app(settings, services).extensions[DESCRIPTION].as_bytes()
    finally:
        database.close()
    return description


def _application() -> Application:
    gunicorn_responses.SERVER = SERVER_NAME  # gunicorn has no option for it
    try:
        return build(load_settings())
    except (ConfigurationError, ServiceUnavailable) as error:
        # The only error that gunicorn prints as its text, and after which it stops instead of restarting workers.
        raise AppImportError(as_lines(error)) from None


def as_lines(error: GatehouseError) -> str:
    """Why the start failed, for the terminal: every mistake of the settings, or one sentence."""
    return f"{error.title}:\n{error}" if isinstance(error, ConfigurationError) else str(error)


def __getattr__(name: str) -> Any:
    """``application``, made on first use (PEP 562)."""
    if name != "application":
        raise AttributeError(name)
    application = _application()
    globals()[name] = application
    return application
