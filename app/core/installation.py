"""What an installation keeps in its state folder: the development secret, and the local tenant's client."""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pydantic import SecretStr

from app.core.errors import ConfigurationError
from app.core.processes import Process
from app.core.state import SECRET, folder_mistake, make_private_folder

if TYPE_CHECKING:
    from app.core.settings import Settings

SECRET_MIN_CHARACTERS: Final = 32
_WEAK: Final = ("changeme", "change-me", "secret", "password", "gatehouse", "example", "default")
_MIN_DISTINCT_CHARACTERS: Final = 10


def weakness(secret: str) -> str | None:
    """Return why ``secret`` is too weak to derive keys from; None if it is not."""
    if len(secret) < SECRET_MIN_CHARACTERS:
        return f"is shorter than {SECRET_MIN_CHARACTERS} characters"
    if len(set(secret)) < _MIN_DISTINCT_CHARACTERS or any(secret.lower().startswith(word) for word in _WEAK):
        return "looks like a default or a simple word"
    return None


def state_mistakes(settings: Settings) -> list[str]:
    """What is wrong with the state folder and the secret in it, before either is used."""
    if mistake := folder_mistake(settings.state_folder, settings.gatehouse_app):
        return [mistake]
    secret = settings.state_folder / SECRET
    if settings.gatehouse_secret or settings.production or not secret.is_file():
        return []
    return [] if weakness(secret.read_text(encoding="utf-8").strip()) is None else [_damaged(secret)]


def _damaged(secret: Path) -> str:
    return f"GATEHOUSE_SECRET: the file {secret} is damaged; delete it to begin anew."


def installation_secret(path: Path) -> str:
    """The secret of this development installation; made on first use, readable by its owner only."""
    make_private_folder(path.parent)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        secret = path.read_text(encoding="utf-8").strip()
        if weakness(secret) is not None:
            raise ConfigurationError([_damaged(path)]) from None
        return secret
    secret = secrets.token_urlsafe(48)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(secret)
    return secret


def local_client(path: Path, process: Process) -> dict[str, Any]:
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
            ["No tenant is configured and the local one was never started; start it: python -m component.dev_tenant"]
        ) from None
    except (ValueError, KeyError, TypeError):
        raise ConfigurationError(
            [f"The local tenant's file {path} is damaged; delete it and start the tenant again."]
        ) from None
