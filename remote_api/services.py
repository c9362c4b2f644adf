"""What the API's views and its access check stand on, handed in by the composition root (or by a test)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, cast

from flask import current_app

from app.core.clock import Clock, utc_now
from app.core.ports import Storage
from app.core.rights import Rights
from app.core.tokens import TokenVerifier

EXTENSION: Final = "gatehouse.services"


@dataclass(frozen=True, slots=True)
class Services:
    """Everything with a connection, a cache or a clock. One per process."""

    storage: Storage
    verifier: TokenVerifier
    rights: Rights
    clock: Clock = utc_now

    def check_keys(self) -> None:
        """Raise ``ProviderUnavailable`` unless the provider's keys are known or can be fetched now."""
        self.verifier.check_keys()


def services() -> Services:
    """The services of the app that is answering now; only inside a request."""
    return cast("Services", current_app.extensions[EXTENSION])
