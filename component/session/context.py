"""What every service of sessions works with, put together once for a process."""

from __future__ import annotations

from dataclasses import dataclass

from app.core.clock import Clock, utc_now
from app.core.keyring import Keyring
from app.core.ports import Storage
from app.core.tokens.verifier import TokenVerifier
from component.oidc.provider import Provider
from component.session.lifetimes import SessionLifetimes


@dataclass(frozen=True, slots=True)
class SessionContext:
    """The services and settings that sessions depend on. Safe from any thread."""

    storage: Storage
    keyring: Keyring
    provider: Provider
    verifier: TokenVerifier
    lifetimes: SessionLifetimes
    implicit_role_mapping: bool
    """Whether a role of the token counts as the role of the same name here (development only)."""
    clock: Clock = utc_now
