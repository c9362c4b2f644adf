# Over 300 lines: the table of settings is one file, as every table that developers extend.
"""The table of settings: one typed class, read from the environment and an optional ``.env``.

``app.core.settings_loading`` reads, checks and completes them for a process. An empty variable counts as not set.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, PrivateAttr, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from app.core.client_addresses import is_loopback
from app.core.processes import ProcessKind
from app.core.state import DATABASE, default_folder
from app.core.variables import PREFIX, GatehouseFile, hosted_script, with_alias

__all__ = ["ENV_FILE", "LOCAL_AUDIENCE", "LOCAL_ISSUER", "ProcessKind", "Settings"]

LOCAL_ISSUER: Final = "http://localhost:9000/"
LOCAL_AUDIENCE: Final = "https://gatehouse.example/api"
ENV_FILE: Final = Path(".env")
"""Read beside the environment, which wins; relative to the folder that a process is started in."""
_RATE: Final = re.compile(r"[1-9][0-9]{0,8} per (?:second|minute|hour|day)")


class Settings(BaseSettings):
    """Everything that can be set. ``variable(field)`` is the variable's name; the description is the documentation."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file=ENV_FILE,
        env_file_encoding="utf-8",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        populate_by_name=True,
    )

    gatehouse_env: Literal["development", "production"] = Field(
        "development",
        validation_alias="GATEHOUSE_ENV",
        description="`development` (defaults, local tenant, loopback only) or `production`.",
    )
    gatehouse_secret: Annotated[tuple[SecretStr, ...], NoDecode] = Field(
        (),
        validation_alias="GATEHOUSE_SECRET",
        description="Secret the installation's keys are derived from, at least 32 random characters; several, "
        "separated by commas, while it is rotated: `old,new` in every process, then `new,old`, then `new`. Made per "
        "installation in development; required in production.",
    )
    gatehouse_app: Path | None = Field(
        None,
        validation_alias="GATEHOUSE_APP",
        description="Script of a Streamlit app of your own that `gatehouse serve` protects; every process reads the "
        "`gatehouse.toml` beside it, if there is one.",
    )
    gatehouse_state: Path | None = Field(
        None,
        validation_alias="GATEHOUSE_STATE",
        description="Folder of the SQLite database, the development secret and the local tenant's keys: by default "
        "`var`, and for an app of your own a folder of its own in `~/.local/share/gatehouse`.",
    )
    auth0_domain: str | None = Field(
        None,
        validation_alias=with_alias("AUTH0_DOMAIN"),
        description="Domain of the Auth0 tenant, such as `acme.eu.auth0.com`. Also read as `AUTH0_DOMAIN`.",
    )
    auth0_client_id: str | None = Field(
        None,
        validation_alias=with_alias("AUTH0_CLIENT_ID"),
        description="Client id of the app's Regular Web Application in Auth0. Also read as `AUTH0_CLIENT_ID`.",
    )
    auth0_client_secret: SecretStr | None = Field(
        None,
        validation_alias=with_alias("AUTH0_CLIENT_SECRET"),
        description="Client secret of that application. Also read as `AUTH0_CLIENT_SECRET`.",
    )
    auth0_audience: str | None = Field(
        None,
        validation_alias=with_alias("AUTH0_AUDIENCE"),
        description="Identifier of the API registered in Auth0 for the remote API. Also read as `AUTH0_AUDIENCE`.",
    )
    auth0_roles_claim: str = Field(
        "https://gatehouse.example/roles", description="Namespaced claim of the tokens that lists the person's roles."
    )
    oidc_issuer: str | None = Field(
        None,
        description="Exact issuer of another OpenID provider; replaces the one derived from the Auth0 domain. Plain "
        "http only on loopback and outside production.",
    )
    ca_bundle: Path | None = Field(
        None,
        description="File with the certificates (PEM) of authorities of your own, which calls to the provider and to "
        "the remote API trust beside the public ones.",
    )
    provider_proxy: str | None = Field(
        None,
        description="Proxy through which the provider is reached, such as `http://proxy.example.com:3128`; never used "
        "for a provider on this machine.",
    )
    app_base_url: str = Field("http://localhost:8501", description="Address at which people reach the app.")
    remote_api_base_url: str = Field("http://localhost:8888", description="Address at which the app reaches the API.")
    database_url: str = Field(
        f"sqlite:///var/{DATABASE}",
        description="SQLAlchemy address of the database, SQLite or PostgreSQL; by default a file in `GATEHOUSE_STATE`. "
        "Required in production beside an app of your own.",
    )
    token_algorithms: Annotated[tuple[str, ...], NoDecode] = Field(
        ("RS256",), description="Signature algorithms accepted in tokens, separated by commas: RS256, PS256, ES256."
    )
    token_leeway_seconds: int = Field(30, ge=0, le=60, description="Clock skew allowed in tokens' times.")
    jwks_cooldown_seconds: int = Field(5, ge=1, le=300, description="Least time between two fetches of the key set.")
    token_rights_max_age_seconds: int = Field(
        300,
        ge=60,
        le=86400,
        description="How old a person's rights from the provider may become before they are refreshed.",
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
    default_role: str | None = Field(
        None, description="Role that every user gets at sign-in, unless it is withheld from them; none by default."
    )
    trusted_proxies: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Addresses or networks of reverse proxies whose forwarded headers count; none by default."
    )
    picture_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Hosts from which people's pictures may be shown; initials are shown otherwise."
    )
    api_rate_limit: str = Field(
        "600 per minute",
        description="How many calls of the remote API a subject may make (and the address of unauthenticated "
        "clients), such as `10 per second`; the unit is second, minute, hour or day.",
    )
    api_change_rate_limit: str = Field(
        "120 per minute", description="How many of these may change something; written the same way."
    )
    rate_limit_storage: str = Field(
        "memory://",
        description="Where calls are counted: in each process by itself, or together in any store of the library "
        "`limits`, such as `redis://host:6379` (needs that store's driver).",
    )
    sockets: int = Field(
        2000,
        ge=10,
        le=100_000,
        description="How many tabs one app process serves; fewer where it may not open enough files.",
    )
    sockets_per_address: int = Field(
        500,
        ge=1,
        le=100_000,
        description="How many tabs may be open from one client address (of IPv6: one /64). Behind a reverse proxy "
        "`GATEHOUSE_TRUSTED_PROXIES` must name it, or all clients share one address.",
    )
    anonymous_sockets_per_address: int = Field(
        100, ge=1, le=100_000, description="How many of these may be of people who are not signed in."
    )
    sockets_per_person: int = Field(
        50, ge=1, le=100_000, description="How many tabs one signed-in person may have open."
    )
    message_max_bytes: int = Field(
        4 * 1024 * 1024,
        ge=65_536,
        le=64 * 1024 * 1024,
        description="How long one message of a signed-in person's tab may be: all widget values of a page together. "
        "Uploaded files are not part of it.",
    )
    anonymous_message_max_bytes: int = Field(
        256 * 1024, ge=16_384, le=64 * 1024 * 1024, description="The same for people who are not signed in."
    )
    message_max_values: int = Field(
        400_000,
        ge=10_000,
        le=20_000_000,
        description="How much JSON one message may hold, in values of components and in texts that look like JSON "
        "(edited tables): a value counts 1, a fraction 3 more, an array or object 12, text inside it next to nothing. "
        "Reading 400,000 takes about 20 ms, in which nothing else runs. Costlier values of components are not read; a "
        "message with costlier texts is not accepted, and its user is asked to load the page again.",
    )
    messages_per_second: float = Field(
        10.0,
        ge=1,
        le=1000,
        description="How many messages the tabs of one person (or anonymous address) may send a second on average. "
        "Further ones wait, and of a person no two come at once. People who send "
        "more than a fifth of it for long have four times as much together. A process draws about 80 small pages each "
        "second.",
    )
    anonymous_messages_per_second: float = Field(
        20.0,
        ge=1,
        le=10_000,
        description="How many messages all who are not signed in may send a second, together and on average, and a "
        "tenth of it more in messages over 16 KB. Further ones wait, those of each address in its turn.",
    )
    message_bytes_per_second: int = Field(
        1024 * 1024,
        ge=65_536,
        le=1024 * 1024 * 1024,
        description="How many bytes the tabs of one person may send a second; a quarter of it for an "
        "anonymous address.",
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
    def proxy_to_provider(self) -> str:
        """The proxy between here and the provider; empty for none, which is so between this machine and itself."""
        return "" if is_loopback(self.issuer) else self.provider_proxy or ""

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

    @property
    def state_folder(self) -> Path:
        """The folder of what this installation keeps in files."""
        return self.gatehouse_state or default_folder(self.gatehouse_app)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - pydantic passes it by name
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read arguments, environment and ``.env``, of the latter only what is Gatehouse's."""
        file = getattr(dotenv_settings, "env_file", None)
        env_file = Path(file) if isinstance(file, str | Path) else None
        named = init_settings().get("GATEHOUSE_APP") or init_settings().get("gatehouse_app")
        script = Path(named) if named else hosted_script(os.environ, env_file)
        return init_settings, env_settings, GatehouseFile(settings_cls, env_file=env_file, script=script)

    def completed(self, values: Mapping[str, Any]) -> Self:
        """Return a copy with what a development installation makes for itself; ``local_tenant`` stays as configured.

        Args:
            values: Field → value. The local tenant's own issuer may be among them.
        """
        completed = self.model_copy(update=dict(values))
        completed._local_tenant = self.local_tenant  # noqa: SLF001 - its own class
        return completed
