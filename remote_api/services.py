"""What the API's views and its access check stand on, handed in by the composition root (or by a test)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, cast

from flask import current_app

from app.core.administration_ports import AdministrationStorage
from app.core.chain_problems import ChainState
from app.core.clock import Clock, utc_now
from app.core.errors import ServiceUnavailable
from app.core.rights import Rights
from app.core.tokens.verifier import TokenVerifier

EXTENSION: Final = "gatehouse.services"


def _cannot_verify() -> ChainState:
    raise ServiceUnavailable("This process cannot verify the audit; run: gatehouse audit verify")


@dataclass(frozen=True, slots=True)
class ApiServices:
    """Everything with a connection, a cache or a clock. One per process."""

    storage: AdministrationStorage
    verifier: TokenVerifier
    rights: Rights
    clock: Clock = utc_now
    verify_chain: Callable[[], ChainState] = _cannot_verify
    """Follows the whole audit chain, which takes a while."""

    def check_keys(self) -> None:
        """Raise ``ProviderUnavailable`` unless the provider's keys are known or can be fetched now."""
        self.verifier.check_keys()


def services() -> ApiServices:
    """The services of the app that is answering now; only inside a request."""
    return cast("ApiServices", current_app.extensions[EXTENSION])
