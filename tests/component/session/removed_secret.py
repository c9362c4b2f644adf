"""Tokens of a session that were sealed with an installation secret that is no longer in use."""

from __future__ import annotations

from sqlalchemy import text

from app.core.keyring import Keyring
from component.session.provider_tokens import ProviderTokens
from tests.signin import SignInWorld


def seal_with_removed_secret(installation: SignInWorld, ref: str) -> None:
    """Replace the stored tokens of a session by tokens that this installation cannot open."""
    sealed = ProviderTokens("access", "refresh", "sid").seal(Keyring(("removed" * 8,)), ref)
    with installation.storage.engine.begin() as connection:
        connection.execute(
            text("UPDATE sessions SET sealed_tokens = :sealed WHERE ref = :ref"), {"sealed": sealed, "ref": ref}
        )
