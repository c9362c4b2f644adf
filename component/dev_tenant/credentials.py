"""The installation's own files: private folder, private files, and ``client.json``, the contract with the app.

``client.json`` is how the app process learns issuer, audience, client id and secret. Ids and secrets are made once
per installation and kept; issuer and audience follow the tenant's address.
"""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from component.dev_tenant.config import TenantConfig, TenantError


@dataclass(frozen=True, slots=True)
class Credentials:
    """What ``client.json`` holds."""

    issuer: str
    audience: str
    client_id: str
    client_secret: str
    machine_client_id: str
    machine_client_secret: str

    def __repr__(self) -> str:
        """No secret ever reaches a log or a traceback."""
        return f"Credentials(issuer={self.issuer!r}, client_id={self.client_id!r})"


def make_private_dir(path: Path) -> None:
    """Make the state folder, readable by its owner only and ignored by Git.

    Raises:
        TenantError: The folder cannot be made.
    """
    try:
        for folder in (path.parent, path):
            if not folder.exists():
                folder.mkdir(mode=0o700, parents=True)
                (folder / ".gitignore").touch(mode=0o600)
                (folder / ".gitignore").write_text("*\n", encoding="utf-8")
        path.chmod(0o700)
    except OSError as error:
        raise TenantError(f"The folder {path} cannot be made or used: {error.strerror}.") from error


def write_private(path: Path, data: dict[str, Any]) -> None:
    """Replace ``path`` in one step with ``data`` as JSON; mode 600 from its first byte on."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        json.dump(data, file, indent=2)
        file.write("\n")
    draft.replace(path)


def read_private(path: Path) -> dict[str, Any] | None:
    """The JSON object in ``path``, its mode set back to 600; None when there is no file.

    Raises:
        TenantError: The file is damaged or cannot be read.
    """
    try:
        path.chmod(0o600)
        stored = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError) as error:
        raise damaged(path) from error
    if not isinstance(stored, dict):
        raise damaged(path)
    return stored


def damaged(path: Path) -> TenantError:
    """The one sentence about a file that cannot be used."""
    return TenantError(f"The file {path} is damaged: delete it and start the tenant again to get a new one.")


def load_credentials(config: TenantConfig) -> Credentials:
    """Read ``client.json`` or make it; rewritten when issuer or audience changed.

    Raises:
        TenantError: The file is damaged or cannot be written.
    """
    path = config.state_dir / "client.json"
    kept = read_private(path)
    values: dict[str, Any]
    names = ("client_id", "client_secret", "machine_client_id", "machine_client_secret")
    if kept is None:
        values = {name: secrets.token_urlsafe(48 if "secret" in name else 24) for name in names}
    else:
        values = {name: kept.get(name, "") for name in names}
        if not all(isinstance(value, str) and value and value.isascii() for value in values.values()):
            raise damaged(path)
    credentials = Credentials(issuer=config.issuer, audience=config.audience, **values)
    if kept != asdict(credentials):
        write_private(path, asdict(credentials))
    return credentials
