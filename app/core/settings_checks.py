"""Checks of the settings: each mistake is a sentence with the variable to change, and repeats no value."""

from __future__ import annotations

import ipaddress
import os
import re
from typing import Final
from urllib.parse import urlsplit

from app.core.client_addresses import is_loopback
from app.core.errors import ConfigurationError
from app.core.hosted_app_config import load_hosted_app_config
from app.core.http_client import ca_bundle_mistake
from app.core.installation_secret import state_mistakes, weakness
from app.core.permissions import ADMINISTRATOR
from app.core.processes import ProcessKind
from app.core.rate_limit_storage import open_rate_limit_storage
from app.core.settings import Settings
from app.core.variables import AUTH0_ALIASES, variable

_PROXY: Final = re.compile(r"https?://[^\s/?#]+(?::[0-9]{1,5})?/?")
_HOST_ONLY: Final = frozenset({"GATEHOUSE_APP_BASE_URL", "GATEHOUSE_REMOTE_API_BASE_URL"})
"""Addresses that cannot have a path, because Gatehouse serves its paths from the root."""


def all_mistakes(settings: Settings, process: ProcessKind) -> list[str]:
    """Return the mistakes of ``settings`` for ``process``, and declare what the hosted app declares."""
    return [
        *_general_mistakes(settings),
        *_process_mistakes(settings, process),
        *_declared(settings),
        *state_mistakes(settings),
    ]


def unset_database_mistakes(settings: Settings) -> list[str]:
    """Return the mistakes when no variable names the database.

    Beside a hosted app the retired ``DATABASE_URL`` may be the app's own and is not refused. Without this check a
    production installation that still uses it would start with the default instead: a new, empty SQLite database.
    """
    if not settings.production or settings.gatehouse_app is None:
        return []
    mistake = (
        "GATEHOUSE_DATABASE_URL is required in production beside a hosted app: without it Gatehouse would start with a "
        "new, empty SQLite database."
    )
    return [mistake]


def variable_of(field: str, settings: Settings) -> str:
    """Return the variable that a message names for ``field``: the one that this installation reads."""
    alias = field.upper()
    return variable(field) if alias not in AUTH0_ALIASES or settings.gatehouse_app is not None else alias


def _url_mistake(name: str, url: str, settings: Settings) -> str | None:
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - reading it is what checks it
    except ValueError:
        return f"{name} is not an address."
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment or parts.username:
        return f"{name} must be an http or https address without query or password, such as https://app.example.com."
    if parts.path not in {"", "/"} and name in _HOST_ONLY:
        return f"{name} must not have a path: use a host name of its own."
    if parts.scheme == "http" and settings.production:
        return f"{name} must begin with https:// in production."
    if parts.scheme == "http" and not is_loopback(url):
        return f"{name} is plain http and not on this machine: use https."
    return None


def _is_namespaced(claim: str) -> bool:
    try:
        return bool(urlsplit(claim).scheme)
    except ValueError:
        return False


def _default_role_mistake(role: str | None) -> str | None:
    if role == ADMINISTRATOR:
        return "GATEHOUSE_DEFAULT_ROLE must not be administrator: every user who signs in would be one."
    return None


def _general_mistakes(settings: Settings) -> list[str]:
    mistakes: list[str | None] = [
        _url_mistake("GATEHOUSE_APP_BASE_URL", settings.app_base_url, settings),
        _url_mistake("GATEHOUSE_REMOTE_API_BASE_URL", settings.remote_api_base_url, settings),
        _default_role_mistake(settings.default_role),
        _url_mistake("GATEHOUSE_OIDC_ISSUER", settings.oidc_issuer, settings)
        if settings.oidc_issuer is not None
        else None,
    ]
    if not settings.production and not is_loopback(settings.app_base_url):
        mistakes.append("GATEHOUSE_APP_BASE_URL is not on this machine: set GATEHOUSE_ENV=production to serve others.")
    mistakes += _outgoing_mistakes(settings)
    if settings.auth0_domain is not None and ("/" in settings.auth0_domain or ":" in settings.auth0_domain):
        name = variable_of("auth0_domain", settings)
        mistakes.append(f"{name} is the bare domain, such as acme.eu.auth0.com, without https:// and slashes.")
    if unknown := sorted(set(settings.token_algorithms) - {"RS256", "PS256", "ES256"}):
        mistakes.append(f"GATEHOUSE_TOKEN_ALGORITHMS knows RS256, PS256 and ES256, not {', '.join(unknown)}.")
    if not settings.token_algorithms:
        mistakes.append("GATEHOUSE_TOKEN_ALGORITHMS must name at least one algorithm.")
    if settings.session_idle_seconds > settings.session_absolute_seconds:
        mistakes.append("GATEHOUSE_SESSION_IDLE_SECONDS must not be longer than GATEHOUSE_SESSION_ABSOLUTE_SECONDS.")
    for entry in settings.trusted_proxies:
        try:
            ipaddress.ip_network(entry, strict=False)
        except ValueError:
            mistakes.append("GATEHOUSE_TRUSTED_PROXIES must be addresses or networks, such as 10.0.0.5 or 10.0.0.0/24.")
    mistakes.extend(
        f"GATEHOUSE_SECRET (number {number}) {reason}."
        for number, secret in enumerate(settings.secrets, start=1)
        if (reason := weakness(secret)) is not None
    )
    if not _is_namespaced(settings.auth0_roles_claim):
        mistakes.append("GATEHOUSE_AUTH0_ROLES_CLAIM must be a namespaced claim, such as https://acme.example/roles.")
    mistakes += [
        f"{variable_of(name, settings)} is still a placeholder."
        for name in ("auth0_domain", "auth0_client_id", "auth0_audience", "oidc_issuer")
        if "…" in (getattr(settings, name) or "") or "..." in (getattr(settings, name) or "")
    ]
    return [mistake for mistake in mistakes if mistake is not None]


def _outgoing_mistakes(settings: Settings) -> list[str]:
    """The mistakes of the settings for outgoing calls."""
    mistakes = []
    if settings.ca_bundle is not None and (mistake := ca_bundle_mistake(settings.ca_bundle)):
        mistakes.append(f"GATEHOUSE_CA_BUNDLE {mistake}.")
    if settings.provider_proxy is not None and not _PROXY.fullmatch(settings.provider_proxy):
        mistakes.append("GATEHOUSE_PROVIDER_PROXY must be an address such as http://proxy.example.com:3128.")
    return mistakes


def _process_mistakes(settings: Settings, process: ProcessKind) -> list[str]:
    mistakes: list[str] = []
    if process is ProcessKind.API:
        try:
            open_rate_limit_storage(settings.rate_limit_storage)
        except ConfigurationError as error:
            mistakes += error.mistakes
    if settings.production:
        if settings.local_tenant and process is not ProcessKind.CLI:
            mistakes.append(
                f"{variable_of('auth0_domain', settings)} (or GATEHOUSE_OIDC_ISSUER) is required in production: the "
                "local tenant never serves there."
            )
        if not settings.gatehouse_secret:
            mistakes.append(
                "GATEHOUSE_SECRET is required in production; this makes one: "
                'python -c "import secrets; print(secrets.token_urlsafe(48))"'
            )
    if settings.local_tenant or process is ProcessKind.CLI:
        return mistakes
    needed = [("auth0_audience", settings.auth0_audience)]
    if process is ProcessKind.APP:
        needed += [
            ("auth0_client_id", settings.auth0_client_id),
            ("auth0_client_secret", settings.client_secret or None),
        ]
    missing = [
        f"{variable_of(name, settings)} is required with a real tenant." for name, value in needed if value is None
    ]
    domain = settings.auth0_domain
    if missing and settings.gatehouse_app is not None and domain and os.environ.get("AUTH0_DOMAIN") == domain:
        missing.append("AUTH0_DOMAIN in the environment counts for Gatehouse: unset it if it is the hosted app's own.")
    return mistakes + missing


def _declared(settings: Settings) -> tuple[str, ...]:
    """Declare what the hosted app declares, and return the mistakes of its file."""
    script = settings.gatehouse_app
    if script is not None and not script.is_file():
        return (f"GATEHOUSE_APP names {script}, and there is no such file.",)
    try:
        load_hosted_app_config(script.resolve() if script is not None else None)
    except ConfigurationError as error:
        return error.mistakes
    return ()
