"""What the command line does, one function a command. Each returns an exit status and prints for people."""

from __future__ import annotations

import getpass
import os
import sys
from functools import partial
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import requests
import structlog

from app import cleanup, guard_inventory
from app import services as composition
from app.cli import preflight
from app.core import logs
from app.core.administration import bootstrap_administrator, person_by_email
from app.core.clock import utc_now
from app.core.declarations import declare_beside
from app.core.errors import ApiUnavailable, ConfigurationError, Conflict, GatehouseError, ProviderUnavailable
from app.core.failure_reasons import ProviderReason
from app.core.http_client import cause_of, http_session
from app.core.installation import present_secrets
from app.core.keyring import Keyring
from app.core.principal import Subject
from app.core.secret_keys import running, undecided
from app.core.settings import Process, Settings
from app.core.settings_checks import shown
from app.core.tokens.discovery import Discovery
from app.core.tokens.verifier import build_verifier
from app.core.unknown_settings import misspelt
from app.server import install_protocols, raise_descriptors, warn_of_few
from db import (
    ADMINISTRATION_TIMEOUTS,
    Database,
    SyntheticData,
    fill,
    open_database,
    require_migratable,
    require_ready,
    require_secret,
    seed,
)
from db import migrate as migrate_schema

_AUTHORITIES: Final = dict.fromkeys(("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"), "GATEHOUSE_CA_BUNDLE")
_PROXIES: Final = dict.fromkeys(("HTTPS_PROXY", "https_proxy", "ALL_PROXY"), "GATEHOUSE_PROVIDER_PROXY")
_UNREAD: Final = {
    ProviderReason.UNKNOWN_AUTHORITY: _AUTHORITIES,
    ProviderReason.DNS: _PROXIES,
    ProviderReason.REFUSED: _PROXIES,
    ProviderReason.TIMEOUT: _PROXIES,
    ProviderReason.UNREACHABLE: _PROXIES,
}
"""Cause → variables of other programs that would have prevented it, and the setting that does so here."""


def serve(address: str, port: int | None, script: Path | None = None, state: Path | None = None) -> int:
    """Start the app, or the hosted app ``script``, behind the same gate; blocks until it is stopped."""
    served = script.resolve() if script is not None else None
    settings = _servable(address, port, served, state)
    from app import hosted  # noqa: PLC0415 - Streamlit loads slowly; only this needs it
    from app.asgi import SCRIPT, create_app, streamlit_options  # noqa: PLC0415 - the same

    logs.configure(process="app", json_lines=settings.production)
    for sentence in misspelt():
        structlog.get_logger(__name__).warning(sentence)
    declared = declare_beside(served) if served is not None else None
    warn_of_few(settings, raise_descriptors())
    built = composition.build(settings)
    built.storage.check()
    built.secret_keys.start()
    composition.install(built)
    chosen = _port_of(settings, port)
    # Forwarded headers count by GATEHOUSE_TRUSTED_PROXIES only: uvicorn would believe anybody on this machine.
    os.environ["FORWARDED_ALLOW_IPS"] = ""
    # Streamlit looks for its configuration, secrets and modules beside the program it believes it was started as.
    sys.argv = [str(served or Path(__file__).parents[1] / "__main__.py")]
    app = create_app(built, script=served or SCRIPT, hosted=declared)
    options = streamlit_options(built, address=address, port=chosen, hosted=declared is not None)
    if served is not None and declared is not None:
        hosted.install(hosted.Hosted(served, declared))
        hosted.make_room(served.parent)
    install_protocols(built.admission)
    app.run(config=options)
    return 0


def _servable(address: str, port: int | None, script: Path | None, state: Path | None) -> Settings:
    """The settings to serve ``script`` with. Whatever refuses does so here, before anything is written.

    Raises:
        ConfigurationError: with every mistake.
        StorageUnavailable: if the database is not there or not of this version.
    """
    preflight.require_script(script)
    settings = preflight.read_settings([Process.APP], script, state)
    listener = preflight.Listener("app", address, _port_of(settings, port))
    if mistakes := preflight.start_mistakes(settings, script, [listener]):
        raise ConfigurationError(mistakes)
    require_ready(settings.database_url)
    require_secret(settings)
    return Settings.load(Process.APP, app=script, state=state)


def _port_of(settings: Settings, port: int | None) -> int:
    return port if port is not None else urlsplit(settings.app_base_url).port or 8501


def migrate(*, app: Path | None = None, state: Path | None = None, beside_others: bool = False) -> int:
    """Bring the database to this version and seed it; harmless when it is.

    Args:
        app: Script of the hosted app, instead of the configured one.
        state: The state folder, instead of the configured one.
        beside_others: Whether the database may hold tables of other programs.
    """
    settings = Settings.read(Process.CLI, app=app, state=state)
    require_migratable(settings.database_url, beside_others=beside_others)
    migrate_schema(settings.database_url, beside_others=beside_others)
    require_secret(settings)  # after the schema, without which a lost secret cannot be replaced
    settings = Settings.load(Process.CLI, app=app, state=state)
    with database_of(settings) as database:
        seed(database)
    print("The database is up to date.")
    return 0


def load_settings(process: Process = Process.CLI) -> Settings:
    """Load the settings of a command, and make no new secret for a database that was written with another one.

    Raises:
        ConfigurationError: with every mistake.
        SecretMismatch: if the secret is missing although the database was written with it.
    """
    settings = Settings.read(process)
    if not present_secrets(settings):
        require_secret(settings)
    return Settings.load(process)


def seed_scale(scale: SyntheticData) -> int:
    """Fill the database with made-up people, roles, sessions and audit events, to see how lists behave at scale."""
    settings = load_settings()
    if settings.production:
        raise ConfigurationError(["GATEHOUSE_ENV is production: made-up people are for development only."])
    with database_of(settings) as database:
        database.check()
        fill(database, scale, issuer=settings.issuer, client_id=settings.auth0_client_id or "", now=utc_now())
    print(
        f"Made up {scale.people:,} people, {scale.roles:,} roles, {scale.permissions:,} permissions, "
        f"{min(scale.sessions, scale.people):,} sessions and {scale.events:,} audit events."
    )
    return 0


def bootstrap_admin(subject: str | None, email: str | None, *, recover: bool, reason: str, yes: bool) -> int:
    """Make the first administrator, or one more with ``recover``."""
    settings = load_settings()
    if settings.local_tenant and settings.oidc_issuer is None and subject is not None:
        raise ConfigurationError(
            [f"{shown('auth0_domain', settings)} (or GATEHOUSE_OIDC_ISSUER) is needed to know whose subject this is."]
        )
    with database_of(settings) as database:
        database.check()
        if email is not None:
            with database.unit_of_work() as unit:  # left without a commit, and before anything is asked of the operator
                person = person_by_email(unit, email)
            who = person.subject
            print(f"Found: {person.name or 'no name'} <{person.email}>, {who.subject} at {who.issuer}")
        else:
            who = Subject(settings.issuer, subject or "")
            with database.unit_of_work() as unit:
                known = unit.person_of(who)
            name = f"{known.person.name}, " if known is not None and known.person.name else ""
            print(f"Subject: {name}{who.subject} at {who.issuer}")
        if not yes and not _confirmed():
            print("Nothing was changed.")
            return 1
        with database.unit_of_work() as unit:
            if email is not None and person_by_email(unit, email).subject != who:
                raise Conflict("Somebody else has this e-mail address by now.")
            bootstrap_administrator(
                unit, who, actor=operator(), reason=reason or "command line", recover=recover, now=utc_now()
            )
            unit.commit()
    print("Done. This person is an administrator from now on, without signing in again.")
    return 0


def doctor() -> int:
    """Check everything a start needs, and say what is wrong with each. 0 when all is well, else 1."""
    settings = load_settings(Process.APP)
    print(f"ok    settings: {settings.gatehouse_env}, issuer {settings.issuer}")
    for sentence in misspelt():
        print(f"CHECK {sentence}")
    print(open_files(settings))

    def storage() -> str:
        with database_of(settings) as database:
            database.check()
        return "answers and is of this version"

    def provider() -> str:
        discovery = Discovery.of(settings)
        found = discovery.metadata()
        build_verifier(settings, discovery).check_keys()
        missing = [] if found.end_session_endpoint else ["no end_session_endpoint: sign-out may end here only"]
        return "; ".join(["discovery answers for exactly this issuer, with keys that can be used", *missing])

    def api() -> str:
        address = f"{settings.remote_api_base_url}/readyz"
        try:
            answer = http_session(ca_bundle=settings.ca_bundle).get(address, timeout=5, allow_redirects=False)
        except (requests.RequestException, OSError) as error:
            raise ApiUnavailable(f"{cause_of(error).sentence} Asked was {address}") from None
        if answer.status_code != requests.codes.ok:
            raise GatehouseError(f"{address} answers {answer.status_code}")
        return "ready"

    healthy = True
    for name, check in (
        ("database", storage),
        ("secret", partial(_secret_in_use, settings)),
        ("provider", provider),
        ("remote API", api),
    ):
        try:
            print(f"ok    {name}: {check()}")
        except GatehouseError as error:
            healthy = False
            print(f"WRONG {name}: {_explained(error)}")
    for place in guard_inventory.shared_places(settings.gatehouse_app):
        healthy = False
        print(f"WRONG {place.at}: {place.name}: {place.problem}")
    return 0 if healthy else 1


def _secret_in_use(settings: Settings) -> str:
    """What ``doctor`` says of the secret; says beside it what the next step of a rotation is."""
    with database_of(settings) as database:
        database.check()
        with database.unit_of_work() as unit:  # left without a commit: it only reads
            held = undecided(unit.write_key(), running(unit.announced(), utc_now()))
    if held:
        print(f"CHECK secret: {held} `gatehouse secret status` shows more, docs/how-to/deploy.md the next step.")
    return "this installation writes with one that every process has"


def _explained(error: GatehouseError) -> str:
    """What is wrong, what was found, and what in the environment is not read though somebody may expect it."""
    if not isinstance(error, ProviderUnavailable) or error.reason is None:
        return error.detail or error.title
    unread = _UNREAD.get(error.reason, {})
    hints = [f"{name} is set, and not read: use {setting}." for name, setting in unread.items() if name in os.environ]
    return " ".join([error.reason.sentence, error.evidence, *hints]).strip()


def open_files(settings: Settings) -> str:
    """The line of ``doctor`` about how many tabs fit into the limit of open files, which ``serve`` raises itself."""
    allowed = raise_descriptors()
    fit = f"{min(settings.sockets, allowed.sockets)} tabs fit into a process ({allowed.soft} open files)"
    if allowed.sockets < settings.sockets:
        return f"CHECK open files: {fit}; GATEHOUSE_SOCKETS allows {settings.sockets}: raise the limit (LimitNOFILE)"
    return f"ok    open files: {fit}"


def purge() -> int:
    """Forget what has expired long ago, as the app does every hour."""
    with database_of(load_settings()) as database:
        database.check()
        gone = cleanup.purge(database)
    print(f"Forgot {gone} row{'' if gone == 1 else 's'} that had expired.")
    return 0


def operator() -> str:
    """The name under which the command line acts in the audit."""
    return f"operator:{getpass.getuser()}"


def _confirmed() -> bool:
    if not sys.stdin.isatty():
        print("This asks before it acts: run it in a terminal, or add --yes.", file=sys.stderr)
        return False
    return input("Make this person an administrator? Type yes: ").strip().lower() == "yes"


class database_of:  # noqa: N801 - reads as the function it is used as
    """The database of ``settings``, closed at the end of the block."""

    def __init__(self, settings: Settings) -> None:
        self._database = open_database(settings, Keyring(settings.secrets), timeouts=ADMINISTRATION_TIMEOUTS)

    def __enter__(self) -> Database:
        return self._database

    def __exit__(self, *_: object) -> None:
        self._database.close()
