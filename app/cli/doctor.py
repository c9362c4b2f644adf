"""``gatehouse doctor``: a report about everything that a start needs."""

from __future__ import annotations

import os
from typing import Final

import click
import requests

from app import guard_inventory
from app.cli.command import InstallationCommand
from app.cli.context import database_of, load_settings
from app.cli.options import script_argument
from app.cli.progress import progress
from app.core.clock import utc_now
from app.core.errors import ApiUnavailable, GatehouseError, ProviderUnavailable
from app.core.failure_reasons import ProviderReason
from app.core.http_client import cause_of, http_session
from app.core.secret_keys import rotation_blocker, running_processes
from app.core.settings import ProcessKind, Settings
from app.core.tokens.discovery import Discovery
from app.core.tokens.verifier import build_verifier
from app.core.unknown_settings import unknown_settings
from app.server import raise_open_file_limit

_AUTHORITIES: Final = dict.fromkeys(("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"), "GATEHOUSE_CA_BUNDLE")
_PROXIES: Final = dict.fromkeys(("HTTPS_PROXY", "https_proxy", "ALL_PROXY"), "GATEHOUSE_PROVIDER_PROXY")
_UNREAD: Final = {
    ProviderReason.UNKNOWN_AUTHORITY: _AUTHORITIES,
    ProviderReason.DNS: _PROXIES,
    ProviderReason.REFUSED: _PROXIES,
    ProviderReason.TIMEOUT: _PROXIES,
    ProviderReason.UNREACHABLE: _PROXIES,
}
"""Cause → variables that other programs read to prevent it, and the setting that does so here."""


@click.command("doctor", cls=InstallationCommand, reports_settings=True)
@script_argument
def doctor() -> int:
    """Check settings, database, secret, provider and remote API.

    SCRIPT is the one that `gatehouse serve` is going to serve. The exit status is 0 when all is well, else 1.
    """
    settings = load_settings(ProcessKind.APP)
    print(f"ok    settings: {settings.gatehouse_env}, issuer {settings.issuer}")
    for sentence in unknown_settings():
        print(f"CHECK {sentence}")
    print(_open_files(settings))
    healthy = True
    for name, check in (
        ("database", _check_database),
        ("secret", _check_secret),
        ("provider", _check_provider),
        ("remote API", _check_remote_api),
    ):
        try:
            with progress(f"waiting for the {name}"):
                finding = check(settings)
            print(f"ok    {name}: {finding}")
        except GatehouseError as error:
            healthy = False
            print(f"WRONG {name}: {_explained(error)}")
    with progress("reading the app's source for identity in shared caches"):
        leaks = list(guard_inventory.identity_leaks(settings.gatehouse_app))
    for leak in leaks:
        healthy = False
        print(f"WRONG {leak.at}: {leak.name}: {leak.problem}")
    return 0 if healthy else 1


def _check_database(settings: Settings) -> str:
    with database_of(settings) as database:
        database.check()
    return "answers and is of this version"


def _check_secret(settings: Settings) -> str:
    """Check the secret; during a rotation also print its next step."""
    with database_of(settings) as database:
        database.check()
        with database.unit_of_work() as unit:  # only reads
            pending = rotation_blocker(unit.write_key(), running_processes(unit.announced(), utc_now()))
    if pending:
        print(f"CHECK secret: {pending} `gatehouse secret status` shows more, docs/how-to/deploy.md the next step.")
    return "every process has the secret that this installation writes with"


def _check_provider(settings: Settings) -> str:
    discovery = Discovery.of(settings)
    metadata = discovery.metadata()
    build_verifier(settings, discovery).check_keys()
    missing = [] if metadata.end_session_endpoint else ["no end_session_endpoint: sign-out may end here only"]
    return "; ".join(["discovery answers for exactly this issuer, with keys that can be used", *missing])


def _check_remote_api(settings: Settings) -> str:
    """Check that the remote API is ready.

    Raises:
        ApiUnavailable: if it cannot be reached.
        GatehouseError: if it is not ready.
    """
    address = f"{settings.remote_api_base_url}/readyz"
    try:
        response = http_session(ca_bundle=settings.ca_bundle).get(address, timeout=5, allow_redirects=False)
    except (requests.RequestException, OSError) as error:
        raise ApiUnavailable(f"{cause_of(error).sentence} The address is {address}") from None
    if response.status_code != requests.codes.ok:
        raise GatehouseError(f"{address} answers {response.status_code}")
    return "ready"


def _explained(error: GatehouseError) -> str:
    """The problem, its evidence, and variables of other programs that are set and not read here."""
    if not isinstance(error, ProviderUnavailable) or error.reason is None:
        return error.detail or error.title
    unread = _UNREAD.get(error.reason, {})
    hints = [f"{name} is set, and not read: use {setting}." for name, setting in unread.items() if name in os.environ]
    return " ".join([error.reason.sentence, error.evidence, *hints]).strip()


def _open_files(settings: Settings) -> str:
    """The line about how many tabs the limit of open files allows; ``gatehouse serve`` raises that limit itself."""
    allowed = raise_open_file_limit()
    fit = f"{min(settings.sockets, allowed.sockets)} tabs fit into a process ({allowed.soft} open files)"
    if allowed.sockets < settings.sockets:
        return f"CHECK open files: {fit}; GATEHOUSE_SOCKETS allows {settings.sockets}: raise the limit (LimitNOFILE)"
    return f"ok    open files: {fit}"
