"""The configuration of a tenant, and when it must refuse to start."""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from component.dev_tenant.people import TenantUser

DEFAULT_AUDIENCE = "https://gatehouse.example/api"
DIALECTS = ("access_token_authz", "rfc9068_profile_authz")


class TenantError(Exception):
    """The tenant cannot start; the text is one plain sentence for the person who started it."""


def is_loopback(host: str) -> bool:
    """Whether ``host`` (a name or an address without brackets) can only ever mean this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class TenantConfig:
    """Everything that can be chosen about a tenant; lifetimes are in seconds.

    ``issuer`` ends in a slash, as Auth0's does. ``app_url`` has no slash at its end. ``clock`` gives seconds since the
    epoch. ``extra_redirect_uris`` are registered beside ``{app_url}/auth/callback``, ``extra_return_uris`` beside
    ``app_url`` for signing out. ``refresh_overlap_seconds``: how long the previous refresh token is still admitted.
    Raises ``TenantError`` for anything that is not loopback or not well formed.
    """

    issuer: str
    state_dir: Path
    app_url: str = "http://localhost:8501"
    audience: str = DEFAULT_AUDIENCE
    clock: Callable[[], float] = time.time
    dialect: str = "access_token_authz"
    code_seconds: int = 60
    access_token_seconds: int = 600
    id_token_seconds: int = 3600
    refresh_token_seconds: int = 30 * 86400
    refresh_overlap_seconds: int = 0
    session_seconds: int = 7 * 86400
    sign_in_seconds: int = 600
    token_failures_per_minute: int = 30
    sign_ins_per_minute: int = 120
    backchannel_logout_uri: str | None = None
    extra_redirect_uris: tuple[str, ...] = ()
    extra_return_uris: tuple[str, ...] = ()
    extra_people: tuple[TenantUser, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what is not loopback or not well formed."""
        _check_address(self.issuer, "The issuer", path="/")
        _check_address(self.app_url, "The app's address", path="")
        if not self.audience or not self.audience.isascii() or any(c.isspace() for c in self.audience):
            raise TenantError("The audience must be an identifier without spaces, such as " + DEFAULT_AUDIENCE + ".")
        if self.dialect not in DIALECTS:
            raise TenantError(f"The token dialect must be one of {', '.join(DIALECTS)}.")

    @property
    def netloc(self) -> str:
        """The one ``Host`` this tenant answers for, in lower case."""
        return urlsplit(self.issuer).netloc.lower()

    @property
    def origin(self) -> str:
        """The issuer without its slash: what a browser sends as ``Origin``."""
        return self.issuer.removesuffix("/")

    @property
    def redirect_uris(self) -> tuple[str, ...]:
        """The registered redirect addresses; compared exactly."""
        return (f"{self.app_url}/auth/callback", *self.extra_redirect_uris)

    @property
    def return_uris(self) -> tuple[str, ...]:
        """Where a browser may be sent after signing out; compared exactly."""
        return (self.app_url, f"{self.app_url}/", *self.extra_return_uris)

    @property
    def logout_uri(self) -> str:
        """Where back-channel logout tokens are posted."""
        return self.backchannel_logout_uri or f"{self.app_url}/auth/backchannel-logout"

    @property
    def cookie_suffix(self) -> str:
        """Keeps tenants on different ports of one host apart: all ports share one cookie jar."""
        return str(urlsplit(self.issuer).port or 80)


def _check_address(value: str, label: str, *, path: str) -> None:
    """Raise ``TenantError`` unless ``value`` is a plain loopback origin followed by exactly ``path``."""
    try:
        parts = urlsplit(value)
        host, _ = parts.hostname or "", parts.port
    except ValueError as error:
        raise TenantError(f"{label} is not a well-formed address: {value!r}.") from error
    if parts.scheme not in {"http", "https"} or not is_loopback(host):
        raise TenantError(f"{label} must be on this machine (localhost, 127.0.0.1 or [::1]), not {value!r}.")
    if value != f"{parts.scheme}://{parts.netloc}{path}" or "@" in parts.netloc:
        rule = "end with one slash and have no path" if path else "have no path and no slash at its end"
        raise TenantError(f"{label} must {rule}: {value!r} does not fit.")


def reason_not_to_start(environ: Mapping[str, str]) -> str | None:
    """Why no tenant may run in this environment, as one plain sentence; None when it may. Empty means not set."""
    if environ.get("GATEHOUSE_ENV", "").strip().lower() == "production":
        return "The development tenant never runs in production (GATEHOUSE_ENV=production): configure a real tenant."
    for name in ("GATEHOUSE_AUTH0_DOMAIN", "AUTH0_DOMAIN", "GATEHOUSE_OIDC_ISSUER"):
        if environ.get(name, "").strip():
            return f"The development tenant does not run beside a real tenant: {name} is set, so unset it first."
    return None
