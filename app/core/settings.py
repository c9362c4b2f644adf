"""The settings: one typed class, read from the environment and an optional ``.env``; the one table of variables.

Every mistake is reported at once, in plain words, with the variable's name. Each process asks only for what it
needs. An empty variable counts as not set.
"""

from __future__ import annotations

import ipaddress
import json
import os
import re
import secrets
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, PrivateAttr, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from app.core.declarations import declare_beside
from app.core.errors import ConfigurationError
from app.core.permissions import ADMINISTRATOR

SECRET_MIN_CHARACTERS: Final = 32
LOCAL_ISSUER: Final = "http://localhost:9000/"
LOCAL_AUDIENCE: Final = "https://gatehouse.example/api"
_WEAK: Final = ("changeme", "change-me", "secret", "password", "gatehouse", "example", "default")
_MIN_DISTINCT_CHARACTERS: Final = 10
_RATE: Final = re.compile(r"[1-9][0-9]{0,8} per (?:second|minute|hour|day)")


class Process(StrEnum):
    """Which process is asking; each is asked only for what it needs."""

    APP = "app"
    API = "api"
    CLI = "cli"


class Settings(BaseSettings):
    """Everything that can be set. Field name = variable name in lower case; the description is the documentation."""

    model_config = SettingsConfigDict(
        env_file=".env", env_file_encoding="utf-8", env_ignore_empty=True, extra="ignore", frozen=True
    )

    gatehouse_env: Literal["development", "production"] = Field(
        "development", description="`development` (defaults, local tenant, loopback only) or `production`."
    )
    gatehouse_secret: Annotated[tuple[SecretStr, ...], NoDecode] = Field(
        (),
        description="Secret the installation's keys are derived from: `new,old,…` while rotating, at least 32 random "
        "characters each. Made per installation in development; required in production.",
    )
    gatehouse_app: Path | None = Field(
        None,
        description="Script of a Streamlit app of your own that `gatehouse serve` protects; every process reads the "
        "`gatehouse.toml` beside it, if there is one.",
    )
    auth0_domain: str | None = Field(None, description="Domain of the Auth0 tenant, such as `acme.eu.auth0.com`.")
    auth0_client_id: str | None = Field(None, description="Client id of the app's Regular Web Application in Auth0.")
    auth0_client_secret: SecretStr | None = Field(None, description="Client secret of that application.")
    auth0_audience: str | None = Field(
        None, description="Identifier of the API registered in Auth0 for the remote API."
    )
    auth0_roles_claim: str = Field(
        "https://gatehouse.example/roles", description="Namespaced claim of the tokens that lists the person's roles."
    )
    oidc_issuer: str | None = Field(
        None,
        description="Exact issuer of another OpenID provider; replaces the one derived from `AUTH0_DOMAIN`. Plain "
        "http only on loopback and outside production.",
    )
    app_base_url: str = Field("http://localhost:8501", description="Address at which people reach the app.")
    remote_api_base_url: str = Field("http://localhost:8888", description="Address at which the app reaches the API.")
    database_url: str = Field(
        "sqlite:///var/gatehouse.sqlite3", description="SQLAlchemy address of the database: SQLite or PostgreSQL."
    )
    token_algorithms: Annotated[tuple[str, ...], NoDecode] = Field(
        ("RS256",), description="Signature algorithms accepted in tokens, separated by commas: RS256, PS256, ES256."
    )
    token_leeway_seconds: int = Field(30, ge=0, le=60, description="Clock skew allowed in tokens' times.")
    jwks_cooldown_seconds: int = Field(5, ge=1, le=300, description="Least time between two fetches of the key set.")
    token_rights_max_age_seconds: int = Field(
        300, ge=60, le=86400, description="How old the provider's word on a person's rights may become."
    )
    session_idle_seconds: int = Field(
        3600, ge=60, le=2592000, description="A session ends after this long without use."
    )
    session_absolute_seconds: int = Field(
        28800, ge=60, le=31536000, description="A session ends this long after sign-in, used or not."
    )
    sign_in_mode: Literal["redirect", "popup"] = Field(
        "redirect",
        description="How a press of “Sign in” leads to the provider: `redirect` in this tab, or `popup` in a window.",
    )
    default_role: str | None = Field(None, description="Role given to everybody who signs in; none by default.")
    trusted_proxies: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Addresses or networks of reverse proxies whose forwarded headers count; none by default."
    )
    picture_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Hosts from which people's pictures may be shown; initials are shown otherwise."
    )
    api_rate_limit: str = Field(
        "600 per minute",
        description="How many calls of the remote API a subject may make (and a stranger's address), such as "
        "`10 per second`; the unit is second, minute, hour or day.",
    )
    api_change_rate_limit: str = Field(
        "120 per minute", description="How many of these may change something; written the same way."
    )
    rate_limit_storage: str = Field(
        "memory://",
        description="Where calls are counted: in each process by itself, or together in any store of the library "
        "`limits`, such as `redis://host:6379` (needs that store's driver).",
    )

    @field_validator("gatehouse_secret", "token_algorithms", "trusted_proxies", "picture_hosts", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        """``a, b`` → two entries."""
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("api_rate_limit", "api_change_rate_limit")
    @classmethod
    def _rate(cls, value: str) -> str:
        """Such as ``600 per minute``."""
        if not _RATE.fullmatch(value):
            raise ValueError("write a number and a unit, such as 600 per minute (or second, hour, day)")
        return value

    @field_validator("app_base_url", "remote_api_base_url")
    @classmethod
    def _no_slash(cls, value: str) -> str:
        """Base addresses are kept without the slash at the end."""
        return value.rstrip("/")

    @property
    def production(self) -> bool:
        """Whether this is production."""
        return self.gatehouse_env == "production"

    _local_tenant: bool | None = PrivateAttr(default=None)

    @property
    def local_tenant(self) -> bool:
        """Whether the embedded local tenant is the provider."""
        if self._local_tenant is not None:
            return self._local_tenant
        return self.auth0_domain is None and self.oidc_issuer is None

    @property
    def issuer(self) -> str:
        """The exact issuer string, with its slash where the provider has one."""
        if self.oidc_issuer is not None:
            return self.oidc_issuer
        return f"https://{self.auth0_domain}/" if self.auth0_domain is not None else LOCAL_ISSUER

    @property
    def audience(self) -> str:
        """The identifier of our API, which access tokens must name."""
        return self.auth0_audience or LOCAL_AUDIENCE

    @property
    def secrets(self) -> tuple[str, ...]:
        """The installation's secrets, newest first; at least one after ``load``."""
        return tuple(secret.get_secret_value() for secret in self.gatehouse_secret)

    @property
    def client_secret(self) -> str:
        """The client secret in clear; empty where this process has none."""
        return self.auth0_client_secret.get_secret_value() if self.auth0_client_secret is not None else ""

    @property
    def redirect_uri(self) -> str:
        """Where the provider sends people back to: built from the configured address, never from a request."""
        return f"{self.app_base_url}/auth/callback"

    @property
    def secure_cookies(self) -> bool:
        """Whether the app is reached by https, so that cookies are ``Secure`` and ``__Host-``."""
        return self.app_base_url.startswith("https://")

    @classmethod
    def load(cls, process: Process, *, var_dir: Path = Path("var"), env_file: Path | None = Path(".env")) -> Self:
        """Read and check everything ``process`` needs; raise ``ConfigurationError`` listing every mistake.

        What the served app declares (``gatehouse_app``) is this process's catalogue from then on.

        In development a missing secret is made and kept in ``var_dir/secret`` (mode 600), and a local tenant's
        client is read from ``var_dir/tenant/client.json``.
        """
        mistakes: list[str] = []
        try:
            settings = cls(_env_file=env_file)
        except ValidationError as error:
            mistakes += _in_plain_words(error)
            # What could not be read counts as its default, so that all the other mistakes are found too.
            wrong = {str(mistake["loc"][0]) for mistake in error.errors() if mistake["loc"]}
            settings = cls(_env_file=env_file, **{name: cls.model_fields[name].default for name in wrong})
        mistakes += [*_general_mistakes(settings), *_process_mistakes(settings, process), *_declared(settings)]
        if mistakes:
            raise ConfigurationError(mistakes)
        updates: dict[str, Any] = {}
        if not settings.gatehouse_secret:
            updates["gatehouse_secret"] = (SecretStr(_installation_secret(var_dir / "secret")),)
        client = var_dir / "tenant" / "client.json"
        if settings.local_tenant and (process is not Process.CLI or client.exists()):
            updates.update(_local_client(client, process))
        loaded = settings.model_copy(update=updates)
        # The local tenant's own issuer is filled in above: from here on that no longer tells the two apart.
        loaded._local_tenant = settings.local_tenant  # noqa: SLF001 - its own class
        return loaded


def _in_plain_words(error: ValidationError) -> list[str]:
    """The library's mistakes as sentences; the value is never repeated, it may be a secret."""
    return [
        f"{str(mistake['loc'][0]).upper() if mistake['loc'] else 'The settings'}: {mistake['msg']}."
        for mistake in error.errors(include_url=False, include_input=False)
    ]


def is_loopback(url: str) -> bool:
    """Whether an address names this machine only."""
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _url_mistake(name: str, url: str, settings: Settings) -> str | None:
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - reading it is what checks it
    except ValueError:
        return f"{name} is not an address."
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment or parts.username:
        return f"{name} must be an http or https address without query or password, such as https://app.example.com."
    if parts.scheme == "http" and settings.production:
        return f"{name} must begin with https:// in production."
    if parts.scheme == "http" and not is_loopback(url):
        return f"{name} is plain http and not on this machine: use https."
    return None


def _weakness(secret: str) -> str | None:
    if len(secret) < SECRET_MIN_CHARACTERS:
        return f"is shorter than {SECRET_MIN_CHARACTERS} characters"
    if len(set(secret)) < _MIN_DISTINCT_CHARACTERS or any(secret.lower().startswith(word) for word in _WEAK):
        return "looks like a default or a simple word"
    return None


def _default_role_mistake(role: str | None) -> str | None:
    if role == ADMINISTRATOR:
        return "DEFAULT_ROLE must not be administrator: everybody who signs in would be one."
    return None


def _general_mistakes(settings: Settings) -> list[str]:
    mistakes: list[str | None] = [
        _url_mistake("APP_BASE_URL", settings.app_base_url, settings),
        _url_mistake("REMOTE_API_BASE_URL", settings.remote_api_base_url, settings),
        _default_role_mistake(settings.default_role),
        _url_mistake("OIDC_ISSUER", settings.oidc_issuer, settings) if settings.oidc_issuer is not None else None,
    ]
    if not settings.production and not is_loopback(settings.app_base_url):
        mistakes.append("APP_BASE_URL is not on this machine: set GATEHOUSE_ENV=production to serve others.")
    if urlsplit(settings.app_base_url).path not in {"", "/"}:
        mistakes.append("APP_BASE_URL must not have a path.")
    if settings.auth0_domain is not None and ("/" in settings.auth0_domain or ":" in settings.auth0_domain):
        mistakes.append("AUTH0_DOMAIN is the bare domain, such as acme.eu.auth0.com, without https:// and slashes.")
    if unknown := sorted(set(settings.token_algorithms) - {"RS256", "PS256", "ES256"}):
        mistakes.append(f"TOKEN_ALGORITHMS knows RS256, PS256 and ES256, not {', '.join(unknown)}.")
    if not settings.token_algorithms:
        mistakes.append("TOKEN_ALGORITHMS must name at least one algorithm.")
    if settings.session_idle_seconds > settings.session_absolute_seconds:
        mistakes.append("SESSION_IDLE_SECONDS must not be longer than SESSION_ABSOLUTE_SECONDS.")
    for entry in settings.trusted_proxies:
        try:
            ipaddress.ip_network(entry, strict=False)
        except ValueError:
            mistakes.append("TRUSTED_PROXIES must be addresses or networks, such as 10.0.0.5 or 10.0.0.0/24.")
    mistakes.extend(
        f"GATEHOUSE_SECRET (number {number}) {weakness}."
        for number, secret in enumerate(settings.secrets, start=1)
        if (weakness := _weakness(secret)) is not None
    )
    if not urlsplit(settings.auth0_roles_claim).scheme:
        mistakes.append("AUTH0_ROLES_CLAIM must be a namespaced claim, such as https://acme.example/roles.")
    mistakes += [
        f"{name.upper()} is still a placeholder."
        for name in ("auth0_domain", "auth0_client_id", "auth0_audience", "oidc_issuer")
        if "…" in (getattr(settings, name) or "") or "..." in (getattr(settings, name) or "")
    ]
    return [mistake for mistake in mistakes if mistake is not None]


def _process_mistakes(settings: Settings, process: Process) -> list[str]:
    mistakes: list[str] = []
    if settings.production:
        if settings.local_tenant and process is not Process.CLI:
            mistakes.append(
                "AUTH0_DOMAIN (or OIDC_ISSUER) is required in production: the local tenant never serves there."
            )
        if not settings.gatehouse_secret:
            mistakes.append(
                "GATEHOUSE_SECRET is required in production; this makes one: "
                'python -c "import secrets; print(secrets.token_urlsafe(48))"'
            )
    if settings.local_tenant or process is Process.CLI:
        return mistakes
    needed = [("AUTH0_AUDIENCE", settings.auth0_audience)]
    if process is Process.APP:
        needed += [
            ("AUTH0_CLIENT_ID", settings.auth0_client_id),
            ("AUTH0_CLIENT_SECRET", settings.client_secret or None),
        ]
    mistakes += [f"{name} is required with a real tenant." for name, value in needed if value is None]
    return mistakes


def _declared(settings: Settings) -> tuple[str, ...]:
    """Declare what the served app declares; → what is wrong with that."""
    script = settings.gatehouse_app
    if script is not None and not script.is_file():
        return (f"GATEHOUSE_APP names {script}, and there is no such file.",)
    try:
        declare_beside(script.resolve() if script is not None else None)
    except ConfigurationError as error:
        return error.mistakes
    return ()


def _installation_secret(path: Path) -> str:
    """The secret of this development installation; made on first use, readable by its owner only."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        secret = path.read_text(encoding="utf-8").strip()
        if _weakness(secret) is not None:
            raise ConfigurationError(
                [f"GATEHOUSE_SECRET: the file {path} is damaged; delete it to begin anew."]
            ) from None
        return secret
    secret = secrets.token_urlsafe(48)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(secret)
    return secret


def _local_client(path: Path, process: Process) -> dict[str, Any]:
    """The issuer, audience and (for the app) the client that the local tenant registered for this installation."""
    try:
        client = json.loads(path.read_text(encoding="utf-8"))
        provider = {"oidc_issuer": str(client["issuer"]), "auth0_audience": str(client["audience"])}
        if process is not Process.APP:
            return provider
        return provider | {
            "auth0_client_id": str(client["client_id"]),
            "auth0_client_secret": SecretStr(str(client["client_secret"])),
        }
    except FileNotFoundError:
        raise ConfigurationError(
            ["AUTH0_DOMAIN is not set and the local tenant was never started; start it: python -m component.dev_tenant"]
        ) from None
    except (ValueError, KeyError, TypeError):
        raise ConfigurationError(
            [f"The local tenant's file {path} is damaged; delete it and start the tenant again."]
        ) from None
